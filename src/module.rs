//! The module on its way from the compiler into an image. Each state is a type of its own.

use std::borrow::Cow;

use bytes::Bytes;
use camino::Utf8PathBuf;

use crate::diagnostics::findings::Passed;
use crate::wasm::{self, ModuleInfo, ReadError};

/// The file that a compiler left, of whatever language.
#[derive(Debug)]
pub struct CompiledFile {
    /// Where it was read from.
    pub path: Utf8PathBuf,
    /// Its bytes.
    pub bytes: Bytes,
}

/// A module as the compiler left it.
#[derive(Debug)]
pub struct CompiledModule {
    /// Where it was read from.
    pub path: Utf8PathBuf,
    /// Its bytes.
    pub bytes: Bytes,
    /// What stands in it.
    pub info: ModuleInfo,
}

/// A module as it leaves the optimizer: still with the names of its functions.
#[derive(Debug)]
pub struct OptimizedModule {
    /// Its bytes.
    pub bytes: Bytes,
    /// What stands in it.
    pub info: ModuleInfo,
}

/// A module as it is shipped: checked, and without names.
#[derive(Debug)]
pub struct ShippedModule {
    bytes: Bytes,
}

impl CompiledModule {
    /// Reads a file as a module.
    ///
    /// # Errors
    ///
    /// Where it holds no valid module.
    pub fn read(CompiledFile { path, bytes }: CompiledFile) -> Result<Self, UnreadableModule> {
        match ModuleInfo::read(&bytes) {
            Ok(info) => Ok(CompiledModule { path, bytes, info }),
            Err(source) => Err(UnreadableModule { path, source }),
        }
    }

    /// The same without the names of its functions, for what cannot be read only confuses.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn without_names(self) -> Result<Self, UnreadableModule> {
        CompiledModule::read(CompiledFile { bytes: without_names(&self.bytes), path: self.path })
    }
}

impl OptimizedModule {
    /// The module as it was compiled.
    pub fn untouched(module: CompiledModule) -> Self {
        OptimizedModule { bytes: module.bytes, info: module.info }
    }
}

impl Passed<OptimizedModule> {
    /// Takes the names out. The checks needed them, so they come first.
    pub fn strip(&self) -> ShippedModule {
        ShippedModule { bytes: without_names(&self.subject().bytes) }
    }
}

impl ShippedModule {
    /// Its bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// The same bytes, shared, if there are no names in them.
fn without_names(bytes: &Bytes) -> Bytes {
    match wasm::strip(bytes) {
        Cow::Borrowed(_) => bytes.clone(),
        Cow::Owned(stripped) => stripped.into(),
    }
}

/// A file that holds no module that could be packaged.
#[derive(Debug, thiserror::Error)]
#[error("`{path}` is no module that a proxy could load")]
pub struct UnreadableModule {
    path: Utf8PathBuf,
    source: ReadError,
}

impl crate::error::Explain for UnreadableModule {
    fn help(&self) -> Vec<String> {
        self.source.help()
    }
}
