//! Why a module can't be optimized.

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{Error, Explain};
use crate::process::ProcessError;
use crate::wasm;

/// The module could not be optimized.
#[derive(Debug, thiserror::Error)]
pub enum OptimizeError {
    /// The path of this program isn't known.
    #[error("failed to get the path of cargo-wasmplugin")]
    NoSelf(#[source] std::io::Error),
    /// The external optimizer can't be started.
    #[error("failed to run the optimizer `{program}`")]
    NoProgram { program: Utf8PathBuf, source: ProcessError },
    /// The embedded optimizer is too old for the module, which is valid.
    #[error("the built-in optimizer, Binaryen 116, can't read `{module}`")]
    TooOld { module: Utf8PathBuf, source: ProcessError },
    /// The optimizer reported an error or crashed.
    #[error("the optimizer failed on `{module}`")]
    Failed { module: Utf8PathBuf, source: ProcessError },
    /// The external optimizer failed to print its version.
    #[error("the optimizer `{program}` failed")]
    NoVersion { program: Utf8PathBuf, source: ProcessError },
    /// There is no output.
    #[error("the optimizer wrote no module for `{module}`")]
    NoModule { module: Utf8PathBuf },
    /// The output isn't a valid module.
    #[error("the optimizer wrote an invalid module for `{module}`")]
    Broken { module: Utf8PathBuf, source: Box<wasm::ReadError> },
    /// The output uses features that the input doesn't use.
    #[error("the optimizer added WebAssembly features to `{module}` that a proxy may not support")]
    NeedsMore { module: Utf8PathBuf },
}

impl OptimizeError {
    pub(super) fn of_version(program: &Utf8Path, error: ProcessError) -> Error {
        let program = program.to_owned();
        match error {
            error if error.is_not_about_child() => error.into(),
            source @ ProcessError::Start { .. } => OptimizeError::NoProgram { program, source }.into(),
            source => OptimizeError::NoVersion { program, source }.into(),
        }
    }

    pub(super) fn of_run(module: &Utf8Path, error: ProcessError, is_embedded: bool) -> Error {
        let module = module.to_owned();
        match error {
            error if error.is_not_about_child() => error.into(),
            source if is_embedded && cannot_read(&source) => OptimizeError::TooOld { module, source }.into(),
            source => OptimizeError::Failed { module, source }.into(),
        }
    }
}

/// Whether the optimizer reports that the module isn't valid.
fn cannot_read(error: &ProcessError) -> bool {
    let messages = ["Failed to read module", "error validating input"];
    matches!(error, ProcessError::Failed { stderr, .. } if messages.iter().any(|text| stderr.contains(text)))
}

impl Explain for OptimizeError {
    fn help(&self) -> Vec<String> {
        match self {
            OptimizeError::NoSelf(_) => Vec::new(),
            OptimizeError::NoProgram { .. } => vec![
                "install Binaryen, which contains wasm-opt, or pass its path with `--wasm-opt PATH`"
                    .to_owned(),
                "or skip the optimization with `--optimize none`".to_owned(),
            ],
            OptimizeError::TooOld { .. } => vec![
                "it doesn't know newer instructions, such as `table.fill`, `table.copy`, `table.init` and `try_table`, and \
                 blocks with parameters: install the latest Binaryen, for example with `npm install binaryen`, and pass the \
                 path of its wasm-opt with `--wasm-opt PATH`"
                    .to_owned(),
                "or skip the optimization with `--optimize none`".to_owned(),
            ],
            _ => vec![
                "try a newer version of wasm-opt with `--wasm-opt PATH`".to_owned(),
                "or skip the optimization with `--optimize none`".to_owned(),
            ],
        }
    }
}
