//! Why crates could not be compiled.

use std::io;

use camino::Utf8PathBuf;

use crate::error::Explain;

/// The crates could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// Cargo failed, and has printed the reason.
    #[error("cargo could not compile the crates")]
    Failed,
    /// Cargo succeeded, but built no module.
    #[error("cargo built no `.wasm` file for `{0}`")]
    NoModule(String),
    /// The target directory can't be written to.
    #[error("could not write to `{directory}`")]
    TargetDir { directory: Utf8PathBuf, source: io::Error },
}

impl CompileError {
    /// Whether another target directory may help.
    pub fn may_work_elsewhere(&self) -> bool {
        use io::ErrorKind::{NotADirectory, PermissionDenied, ReadOnlyFilesystem};
        match self {
            CompileError::TargetDir { source, .. } => {
                matches!(source.kind(), NotADirectory | PermissionDenied | ReadOnlyFilesystem)
            }
            CompileError::Failed | CompileError::NoModule(_) => false,
        }
    }
}

impl Explain for CompileError {
    fn is_reported(&self) -> bool {
        matches!(self, CompileError::Failed)
    }

    fn help(&self) -> Vec<String> {
        match self {
            CompileError::Failed => Vec::new(),
            CompileError::NoModule(_) => {
                vec!["make its library a cdylib: set `crate-type = [\"cdylib\"]` in `[lib]`".to_owned()]
            }
            CompileError::TargetDir { source, .. } => source.help(),
        }
    }
}
