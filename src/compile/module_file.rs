//! The file that a compiler wrote, before it is read.

use std::io::{self, Seek as _};

use camino::{Utf8Path, Utf8PathBuf};
use fs_err::File;

use crate::digest::Digest;
use crate::fs::{self, MODULE_LIMIT};
use crate::module::CompiledFile;

/// An open file, so that its content stays the same if a compiler replaces it. It can be large, and is read only if its
/// digest isn't known already.
#[derive(Debug)]
pub struct ModuleFile {
    path: Utf8PathBuf,
    file: File,
}

impl ModuleFile {
    /// Opens the file `path`. Messages show it as `shown`.
    ///
    /// # Errors
    ///
    /// If it can't be opened.
    pub fn open(path: &Utf8Path, shown: &Utf8Path) -> io::Result<Self> {
        Ok(ModuleFile { path: shown.to_owned(), file: fs::open(path, MODULE_LIMIT)? })
    }

    /// The digest of the content.
    ///
    /// # Errors
    ///
    /// If it can't be read.
    pub fn digest(&mut self) -> io::Result<Digest> {
        self.file.rewind()?;
        Digest::of_reader(&mut self.file)
    }

    /// Reads the content.
    ///
    /// # Errors
    ///
    /// If it can't be read.
    pub fn read(mut self) -> io::Result<CompiledFile> {
        self.file.rewind()?;
        let bytes = fs::read_all(self.file, &self.path, MODULE_LIMIT)?;
        Ok(CompiledFile { path: self.path, bytes: bytes.into() })
    }
}
