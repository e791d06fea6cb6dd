//! The output of a package can't be written.

use std::io;

use camino::Utf8PathBuf;

use crate::error::{Error, Explain};
use crate::ops::pipeline::plan::PackagePlan;

/// An error about a file is one about the output of the package.
pub(super) fn not_written(package: &PackagePlan, error: Error) -> Error {
    match error.downcast::<io::Error>() {
        Ok(source) => OutputError { directory: package.output.clone(), source }.into(),
        Err(error) => error,
    }
}

/// The output of a package can't be written.
#[derive(Debug, thiserror::Error)]
#[error("could not write to `{directory}`")]
pub struct OutputError {
    directory: Utf8PathBuf,
    source: io::Error,
}

impl OutputError {
    /// Whether another target directory may help.
    pub fn may_work_elsewhere(&self) -> bool {
        use io::ErrorKind::{NotADirectory, PermissionDenied, ReadOnlyFilesystem};
        matches!(self.source.kind(), NotADirectory | PermissionDenied | ReadOnlyFilesystem)
    }
}

impl Explain for OutputError {
    fn help(&self) -> Vec<String> {
        self.source.help()
    }
}
