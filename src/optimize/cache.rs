//! The results of the optimizer for a package, and the directory that it works in.

use std::io;
use std::os::unix::fs::PermissionsExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::TempDir;

use crate::context::Context;
use crate::digest::Digest;
use crate::error::Result;
use crate::fs::{self, Lock, MODULE_LIMIT};

/// How many results are kept, so that switching between branches or settings is fast.
const KEPT: usize = 8;

/// The prefix of the directories that the optimizer works in.
const WORK: &str = ".work-";

/// The cache of a package. Only one run uses it at a time.
pub(super) struct Cache<'p> {
    directory: &'p Utf8Path,
    _lock: Lock,
}

impl<'p> Cache<'p> {
    /// Opens the cache in a directory, which is created if it doesn't exist.
    ///
    /// # Errors
    ///
    /// If the directory can't be created or locked.
    pub(super) fn open(ctx: &Context, directory: &'p Utf8Path) -> Result<Self> {
        let lock = Lock::take(ctx, &directory.join(".lock"), "the optimizer")?;
        Ok(Cache { directory, _lock: lock })
    }

    /// The result with this key. A file that isn't what [`put`](Self::put) wrote is ignored.
    pub(super) fn get(&self, key: Digest) -> Option<Vec<u8>> {
        let content = fs::read(self.path(key), MODULE_LIMIT).ok()?;
        let (digest, module) = content.split_at_checked(64)?;
        (Digest::of(module).hex().as_bytes() == digest).then(|| module.to_vec())
    }

    /// Adds a result, and removes the oldest ones. The digest before it shows that the file is a result.
    ///
    /// # Errors
    ///
    /// If it can't be written.
    pub(super) fn put(&self, key: Digest, module: &[u8]) -> io::Result<()> {
        let content = [Digest::of(module).hex().as_bytes(), module].concat();
        fs::remove_abandoned(self.directory, ".");
        fs::write_atomically(&self.path(key), &content)?;
        let results = fs_err::read_dir(self.directory)?.flatten();
        let results = results.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
        let mut kept: Vec<_> = results
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        kept.sort();
        for (_, old) in kept.iter().rev().skip(KEPT) {
            let _ = fs_err::remove_file(old);
        }
        Ok(())
    }

    /// A new directory that only this user can access. It first removes those of killed runs.
    ///
    /// # Errors
    ///
    /// If it can't be created, or another one can't be removed.
    pub(super) fn work_directory(&self) -> io::Result<TempDir> {
        for entry in fs_err::read_dir(self.directory)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(WORK) {
                fs_err::remove_dir_all(entry.path())?;
            }
        }
        let only_this_user = std::fs::Permissions::from_mode(0o700);
        tempfile::Builder::new().prefix(WORK).permissions(only_this_user).tempdir_in(self.directory)
    }

    fn path(&self, key: Digest) -> Utf8PathBuf {
        self.directory.join(key.hex())
    }
}
