//! Files that are read within limits, files and directories that are replaced atomically, and file locks.

use std::fs::TryLockError;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use fs_err::File;
use fs_err::os::unix::fs::OpenOptionsExt as _;
use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};
use rustix::io::Errno;
use tempfile::{NamedTempFile, TempDir};

use crate::context::Context;
use crate::error::{Explain, Result};
use crate::interrupt::POLL;

/// The maximum size of a file with text: YAML, TOML, JSON or certificates.
pub const TEXT_LIMIT: u64 = 64 << 20;

/// The maximum size of a file with a module. Before names and debug information are removed, it can be much larger than
/// what a mesh loads.
pub const MODULE_LIMIT: u64 = 1 << 30;

/// Opens a file to read it. Only regular files have an end: reading a FIFO can wait forever, and reading a device can
/// return more than fits into memory.
///
/// # Errors
///
/// If it isn't a regular file, is larger than `limit`, or can't be opened.
pub fn open(path: impl AsRef<Path>, limit: u64) -> io::Result<File> {
    let path = path.as_ref();
    // Otherwise opening a FIFO waits for a writer.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(unreadable(path, io::ErrorKind::IsADirectory, "it is a directory"));
    }
    if !metadata.is_file() {
        return Err(unreadable(path, io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    if metadata.len() > limit {
        return Err(too_large(path, limit));
    }
    Ok(file)
}

/// Reads a file.
///
/// # Errors
///
/// See [`open`].
pub fn read(path: impl AsRef<Path>, limit: u64) -> io::Result<Vec<u8>> {
    read_all(open(&path, limit)?, path, limit)
}

/// Reads a file with text.
///
/// # Errors
///
/// If it isn't UTF-8. See also [`open`].
pub fn read_text(path: impl AsRef<Path>) -> io::Result<String> {
    let text = String::from_utf8(read(&path, TEXT_LIMIT)?);
    text.map_err(|_| unreadable(path.as_ref(), io::ErrorKind::InvalidData, "it is not UTF-8"))
}

/// Reads all of `source`, whose name is `path`.
///
/// # Errors
///
/// If it has more than `limit` bytes or can't be read.
pub fn read_all(source: impl io::Read, path: impl AsRef<Path>, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let size = source.take(limit + 1).read_to_end(&mut bytes)?;
    if size as u64 > limit { Err(too_large(path.as_ref(), limit)) } else { Ok(bytes) }
}

fn too_large(path: &Path, limit: u64) -> io::Error {
    unreadable(path, io::ErrorKind::FileTooLarge, &format!("it is larger than {} MiB", limit >> 20))
}

fn unreadable(path: &Path, kind: io::ErrorKind, reason: &str) -> io::Error {
    io::Error::new(kind, format!("failed to read `{}`: {reason}", path.display()))
}

/// A file lock between runs of this program. It is released when this value is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Locks the file `path`. If another process holds the lock, it prints a message with `what` and waits.
    ///
    /// # Errors
    ///
    /// If the file can't be created or locked.
    pub fn take(ctx: &Context, path: &Utf8Path, what: &str) -> Result<Self> {
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent)?;
        }
        // Otherwise opening a FIFO waits for a reader.
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let file = File::options().create(true).append(true).custom_flags(flags).open(path)?;
        let mut reported = false;
        loop {
            ctx.interrupt.check()?;
            match file.file().try_lock() {
                Ok(()) => return Ok(Lock { _file: file }),
                // A blocking lock wouldn't be interrupted by a signal, because another thread handles signals.
                Err(TryLockError::WouldBlock) => {
                    if !reported {
                        ctx.shell.status("Blocking", format_args!("waiting for file lock on {what}"));
                        reported = true;
                    }
                    std::thread::sleep(POLL);
                }
                // Some network file systems don't support locks. Like cargo, continue without one.
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                    return Ok(Lock { _file: file });
                }
                Err(TryLockError::Error(source)) => {
                    return Err(LockError { path: path.to_owned(), source }.into());
                }
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("could not lock `{path}`")]
struct LockError {
    path: Utf8PathBuf,
    source: io::Error,
}

impl Explain for LockError {}

/// Writes a file atomically.
///
/// # Errors
///
/// If it can't be written. An existing file stays unchanged.
pub fn write_atomically(path: &Utf8Path, bytes: &[u8]) -> io::Result<()> {
    let mut staged = StagedFile::beside(path)?;
    staged.write_all(bytes)?;
    staged.swap()
}

/// Like [`write_atomically`], but an existing file stays unchanged.
///
/// # Errors
///
/// If it can't be written.
pub fn write_new(path: &Utf8Path, bytes: &[u8]) -> io::Result<()> {
    let mut staged = StagedFile::beside(path)?;
    staged.write_all(bytes)?;
    match staged.file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(not_written(path, &error.error)),
    }
}

/// A temporary file that atomically replaces the file at its final path. If it is dropped before, it is removed. If this
/// process is killed before, the next one that writes the same file removes it: the lock shows whether it is in use.
#[derive(Debug)]
pub struct StagedFile<'p> {
    file: NamedTempFile,
    path: &'p Utf8Path,
}

impl<'p> StagedFile<'p> {
    /// Creates a temporary file in the directory of `path`.
    ///
    /// # Errors
    ///
    /// If it can't be created.
    pub fn beside(path: &'p Utf8Path) -> io::Result<Self> {
        let (parent, name) = split(path)?;
        // `.hello.json` of the package `hello` gets the same prefix as its directory, so that `repair` removes both.
        let name = path.file_stem().unwrap_or(name).trim_start_matches('.');
        let prefix = staged_prefix(name);
        remove_abandoned(parent, &prefix);
        let mut builder = tempfile::Builder::new();
        readable_for_others(&mut builder, 0o666);
        loop {
            let file = builder.prefix(&prefix).tempfile_in(parent);
            let file = file.map_err(|error| not_written(path, &error))?;
            // Before it was locked, another process may have found and removed it.
            let is_removed = match file.as_file().try_lock() {
                Ok(()) => file.as_file().metadata()?.nlink() == 0,
                Err(TryLockError::WouldBlock) => true,
                Err(TryLockError::Error(_)) => false,
            };
            if !is_removed {
                return Ok(StagedFile { file, path });
            }
        }
    }

    /// Moves the file to its final path, and replaces an existing file.
    ///
    /// # Errors
    ///
    /// If it can't be moved. An existing file stays unchanged.
    pub fn swap(self) -> io::Result<()> {
        let path = self.path;
        self.file.persist(path).map(drop).map_err(|error| not_written(path, &error.error))
    }
}

impl io::Write for StagedFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(|error| not_written(self.path, &error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush().map_err(|error| not_written(self.path, &error))
    }
}

/// Removes the temporary files of killed processes whose names start with `prefix`. Errors are ignored, because such files
/// do no harm to what is written next.
pub fn remove_abandoned(directory: &Utf8Path, prefix: &str) {
    for entry in fs_err::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_staged = name.to_str().is_some_and(|name| name.starts_with(prefix) && name.contains(STAGED));
        if is_staged
            && entry.file_type().is_ok_and(|kind| kind.is_file())
            && let Ok(file) = File::open(entry.path())
            && file.file().try_lock().is_ok()
        {
            let _ = fs_err::remove_file(entry.path());
        }
    }
}

/// An error for the final path, because the user doesn't know the temporary file.
fn not_written(place: &Utf8Path, error: &io::Error) -> io::Error {
    // The error of a temporary file ends in the path of that file.
    let error_text = error.to_string();
    let cause = error_text.split(" at path ").next().unwrap_or_default();
    io::Error::new(error.kind(), format!("failed to write `{place}`: {cause}"))
}

/// A temporary directory that atomically replaces the directory at its final path.
///
/// Readers see either the complete old directory or the complete new one, even if this process is killed or the disk is
/// full. The caller has to hold the lock of the final path.
#[derive(Debug)]
pub struct StagedDirectory {
    staged: TempDir,
    path: Utf8PathBuf,
}

impl StagedDirectory {
    /// Creates a temporary directory in the parent of `path`. It first removes what killed runs left there.
    ///
    /// # Errors
    ///
    /// If the directory can't be created.
    pub fn beside(path: &Utf8Path) -> io::Result<Self> {
        let (parent, name) = split(path)?;
        fs_err::create_dir_all(parent)?;
        repair(path)?;
        let mut builder = tempfile::Builder::new();
        readable_for_others(&mut builder, 0o777);
        let staged = builder.prefix(&staged_prefix(name)).tempdir_in(parent)?;
        Ok(StagedDirectory { staged, path: path.to_owned() })
    }

    /// The path of the temporary directory.
    pub fn path(&self) -> &Utf8Path {
        // The parent is UTF-8, and the name consists of letters and digits.
        Utf8Path::from_path(self.staged.path()).unwrap_or(&self.path)
    }

    /// Moves the directory to its final path, and removes an existing directory.
    ///
    /// # Errors
    ///
    /// If it can't be moved. An existing directory stays unchanged.
    pub fn swap(self) -> io::Result<()> {
        if !self.path.exists() {
            fs_err::rename(self.staged.keep(), &self.path)?;
            return Ok(());
        }
        if exchange(self.path(), &self.path)? {
            // The old directory is the temporary one now, and is removed with it.
            return Ok(());
        }
        let backup = backup_path(&self.path)?;
        fs_err::rename(&self.path, &backup)?;
        if let Err(error) = fs_err::rename(self.staged.path(), &self.path) {
            fs_err::rename(&backup, &self.path)?;
            return Err(error);
        }
        let _ = self.staged.keep();
        fs_err::remove_dir_all(backup)
    }
}

/// Removes what a killed run left in the parent of `path`, and restores a directory that it had moved.
///
/// # Errors
///
/// If something can't be moved or removed.
pub fn repair(path: &Utf8Path) -> io::Result<()> {
    let (parent, name) = split(path)?;
    let backup = backup_path(path)?;
    if backup.exists() {
        if path.exists() {
            fs_err::remove_dir_all(&backup)?;
        } else {
            fs_err::rename(&backup, path)?;
        }
    }
    let entries = match fs_err::read_dir(parent) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&staged_prefix(name)) {
            if entry.file_type()?.is_dir() {
                fs_err::remove_dir_all(entry.path())?;
            } else {
                fs_err::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

/// Makes a file or directory readable for others, as far as the umask allows. By default, temporary ones aren't.
fn readable_for_others(builder: &mut tempfile::Builder<'_, '_>, mode: u32) {
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
}

/// Exchanges two directories in one step; `false` if the system or the file system can't.
fn exchange(one: &Utf8Path, other: &Utf8Path) -> io::Result<bool> {
    match renameat_with(CWD, one.as_str(), CWD, other.as_str(), RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(false),
        Err(error) => {
            let message = format!("failed to exchange `{one}` and `{other}`: {error}");
            Err(io::Error::new(io::Error::from(error).kind(), message))
        }
    }
}

// The name of a cargo package has no `.`, so these names can't conflict with the directory of a package.
fn staged_prefix(name: &str) -> String {
    format!(".{name}{STAGED}")
}

/// The part before the random end of a temporary name.
const STAGED: &str = ".new-";

fn backup_path(path: &Utf8Path) -> io::Result<Utf8PathBuf> {
    let (parent, name) = split(path)?;
    Ok(parent.join(format!(".{name}.old")))
}

fn split(path: &Utf8Path) -> io::Result<(&Utf8Path, &str)> {
    let named = path.parent().zip(path.file_name());
    named.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("`{path}` is not a valid path for a file or directory"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{StagedDirectory, repair};
    use camino::Utf8PathBuf;

    fn path() -> (tempfile::TempDir, Utf8PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::try_from(dir.path().join("out/hello")).unwrap();
        (dir, path)
    }

    fn put(path: &Utf8PathBuf, text: &str) {
        let staged = StagedDirectory::beside(path).unwrap();
        fs_err::write(staged.path().join("file"), text).unwrap();
        staged.swap().unwrap();
    }

    #[test]
    fn a_directory_is_replaced_and_nothing_else_is_left() {
        let (_dir, path) = path();
        put(&path, "one");
        put(&path, "two");
        assert_eq!(fs_err::read_to_string(path.join("file")).unwrap(), "two");
        assert_eq!(fs_err::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_run_left_is_repaired() {
        let (_dir, path) = path();
        put(&path, "one");
        let parent = path.parent().unwrap();
        fs_err::rename(&path, parent.join(".hello.old")).unwrap();
        fs_err::create_dir(parent.join(".hello.new-abc")).unwrap();
        fs_err::write(parent.join(".hello.new-def"), "{").unwrap();
        repair(&path).unwrap();
        assert_eq!(fs_err::read_to_string(path.join("file")).unwrap(), "one");
        assert_eq!(fs_err::read_dir(parent).unwrap().count(), 1);
    }
}
