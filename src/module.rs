//! The states of a module between the compiler and the image. Each state is a type.

use std::borrow::Cow;

use bytes::Bytes;
use camino::Utf8PathBuf;

use crate::diagnostics::findings::Passed;
use crate::wasm::{self, ModuleInfo, ReadError};

/// The file that a compiler wrote. It may not be a module.
#[derive(Debug)]
pub struct CompiledFile {
    /// Where it was read from.
    pub path: Utf8PathBuf,
    pub bytes: Bytes,
}

/// A module as the compiler wrote it.
#[derive(Debug)]
pub struct CompiledModule {
    /// Where it was read from.
    pub path: Utf8PathBuf,
    pub bytes: Bytes,
    pub info: ModuleInfo,
}

/// A module as the optimizer wrote it, still with the names of its functions.
#[derive(Debug)]
pub struct OptimizedModule {
    pub bytes: Bytes,
    pub info: ModuleInfo,
}

/// A module as it is shipped: checked, and without names unless they are wanted.
#[derive(Debug)]
pub struct ShippedModule {
    bytes: Bytes,
}

impl CompiledModule {
    /// Reads a file as a module.
    ///
    /// # Errors
    ///
    /// If it isn't a valid module.
    pub fn read(CompiledFile { path, bytes }: CompiledFile) -> Result<Self, UnreadableModule> {
        match ModuleInfo::read(&bytes) {
            Ok(info) => Ok(CompiledModule { path, bytes, info }),
            Err(source) => Err(UnreadableModule { path, source }),
        }
    }

    /// The module without the names of its functions, for a module with damaged names.
    ///
    /// # Errors
    ///
    /// See [`read`](Self::read).
    pub fn without_names(self) -> Result<Self, UnreadableModule> {
        CompiledModule::read(CompiledFile { bytes: stripped(&self.bytes, false), path: self.path })
    }

    /// The size that it would have if it were shipped without optimizing.
    pub fn stripped_size(&self, names: bool) -> u64 {
        stripped(&self.bytes, names).len() as u64
    }
}

impl OptimizedModule {
    /// The module as it was compiled, if no optimizer runs.
    pub fn untouched(module: CompiledModule) -> Self {
        OptimizedModule { bytes: module.bytes, info: module.info }
    }
}

impl Passed<OptimizedModule> {
    /// Removes what a proxy doesn't need, and the names of functions unless `names` is set. The checks run before.
    pub fn strip(&self, names: bool) -> ShippedModule {
        ShippedModule { bytes: stripped(&self.subject().bytes, names) }
    }
}

impl ShippedModule {
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// Removes custom sections, except for the names of functions if `names` is set. If there are none, the bytes are shared.
fn stripped(bytes: &Bytes, names: bool) -> Bytes {
    match if names { wasm::strip_except_names(bytes) } else { wasm::strip(bytes) } {
        Cow::Borrowed(_) => bytes.clone(),
        Cow::Owned(stripped) => stripped.into(),
    }
}

/// A file that isn't a module that can be packaged.
#[derive(Debug, thiserror::Error)]
#[error("`{path}` is not a module that a proxy can load")]
pub struct UnreadableModule {
    path: Utf8PathBuf,
    source: ReadError,
}

impl crate::error::Explain for UnreadableModule {
    fn help(&self) -> Vec<String> {
        self.source.help()
    }
}
