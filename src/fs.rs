//! Folders that change as a whole, and locks.

use std::fs::TryLockError;
use std::io::{self, Write as _};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use fs_err::File;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use tempfile::{NamedTempFile, TempDir};

use crate::context::Context;
use crate::error::{Explain, Result};

/// How often a lock that somebody else has is asked for.
const POLL: Duration = Duration::from_millis(20);

/// A lock that other runs of this program wait for. It is let go with this value, or with the process.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock that is the file `path`, and says so where it has to wait.
    ///
    /// # Errors
    ///
    /// Where the file cannot be made or locked.
    pub fn take(ctx: &Context, path: &Utf8Path, what: &str) -> Result<Self> {
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent)?;
        }
        let file = File::options().create(true).append(true).open(path)?;
        let mut told = false;
        loop {
            ctx.interrupt.check()?;
            match file.file().try_lock() {
                Ok(()) => return Ok(Lock { _file: file }),
                // The signal handler is a thread of its own: a wait inside the system would not end for it.
                Err(TryLockError::WouldBlock) => {
                    if !told {
                        ctx.shell.status("Blocking", format_args!("waiting for file lock on {what}"));
                        told = true;
                    }
                    std::thread::sleep(POLL);
                }
                // Some network file systems have no locks. Cargo goes on without them, and so do we.
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

/// Writes a file so that nobody sees half of it.
///
/// # Errors
///
/// Where it cannot be written. What was there before is there still.
pub fn write_whole(place: &Utf8Path, bytes: &[u8]) -> io::Result<()> {
    let mut staged = StagedFile::beside(place)?;
    staged.write_all(bytes)?;
    staged.swap()
}

/// The same where there is no such file yet; one that is there stays as it is.
///
/// # Errors
///
/// Where it cannot be written.
pub fn write_new(place: &Utf8Path, bytes: &[u8]) -> io::Result<()> {
    let mut staged = StagedFile::beside(place)?;
    staged.write_all(bytes)?;
    match staged.file.persist_noclobber(place) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(not_written(place, &error.error)),
    }
}

/// A file that is written beside its place, and takes it in one step. If it is dropped before, nothing of it
/// stays.
#[derive(Debug)]
pub struct StagedFile<'p> {
    file: NamedTempFile,
    place: &'p Utf8Path,
}

impl<'p> StagedFile<'p> {
    /// An empty file beside `place`.
    ///
    /// # Errors
    ///
    /// If it cannot be created.
    pub fn beside(place: &'p Utf8Path) -> io::Result<Self> {
        let (parent, name) = split(place)?;
        // What is kept of the package `hello` in `.hello.json` is staged as its folder is, and cleared away with it.
        let name = place.file_stem().unwrap_or(name).trim_start_matches('.');
        let mut builder = tempfile::Builder::new();
        for_others(&mut builder, 0o666);
        let file = builder.prefix(&staged_prefix(name)).tempfile_in(parent);
        Ok(StagedFile { file: file.map_err(|error| not_written(place, &error))?, place })
    }

    /// Puts the file into its place; what was there is replaced.
    ///
    /// # Errors
    ///
    /// If it cannot be moved. What was there before is there still.
    pub fn swap(self) -> io::Result<()> {
        let place = self.place;
        self.file.persist(place).map(drop).map_err(|error| not_written(place, &error.error))
    }
}

impl io::Write for StagedFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(|error| not_written(self.place, &error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush().map_err(|error| not_written(self.place, &error))
    }
}

/// The file is the one that was asked for: nobody knows of the one beside it.
fn not_written(place: &Utf8Path, error: &io::Error) -> io::Error {
    // The error of a temporary file names that file, and wraps the system's.
    let cause = error.get_ref().and_then(|wrapped| wrapped.source()).map(ToString::to_string);
    let cause = cause.unwrap_or_else(|| error.to_string());
    io::Error::new(error.kind(), format!("failed to write `{place}`: {cause}"))
}

/// A folder that is filled beside its place, and takes it in one step.
///
/// Whoever reads the place sees the old folder whole or the new one whole, also after this process was
/// killed or the disk was full. The caller holds the lock of the place.
#[derive(Debug)]
pub struct StagedFolder {
    staged: TempDir,
    place: Utf8PathBuf,
}

impl StagedFolder {
    /// An empty folder beside `place`. What runs that were killed left behind is cleared away first.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be made.
    pub fn beside(place: &Utf8Path) -> io::Result<Self> {
        let (parent, name) = split(place)?;
        fs_err::create_dir_all(parent)?;
        repair(place)?;
        let mut builder = tempfile::Builder::new();
        for_others(&mut builder, 0o777);
        let staged = builder.prefix(&staged_prefix(name)).tempdir_in(parent)?;
        Ok(StagedFolder { staged, place: place.to_owned() })
    }

    /// Where to write to.
    pub fn path(&self) -> &Utf8Path {
        // It lies in the UTF-8 folder of a UTF-8 place, under a name of letters and digits.
        Utf8Path::from_path(self.staged.path()).unwrap_or(&self.place)
    }

    /// Puts the folder into its place; what was there is removed.
    ///
    /// # Errors
    ///
    /// Where it cannot be moved. The old folder is then as it was.
    pub fn swap(self) -> io::Result<()> {
        if !self.place.exists() {
            fs_err::rename(self.staged.keep(), &self.place)?;
            return Ok(());
        }
        if exchange(self.path(), &self.place)? {
            // What was the old folder is the temporary one now, and goes with it.
            return Ok(());
        }
        let aside = set_aside(&self.place)?;
        fs_err::rename(&self.place, &aside)?;
        if let Err(error) = fs_err::rename(self.staged.path(), &self.place) {
            fs_err::rename(&aside, &self.place)?;
            return Err(error);
        }
        let _ = self.staged.keep();
        fs_err::remove_dir_all(aside)
    }
}

/// Clears away what a run that was killed left beside `place`, and brings back what it had moved aside.
///
/// # Errors
///
/// Where that cannot be moved or removed.
pub fn repair(place: &Utf8Path) -> io::Result<()> {
    let (parent, name) = split(place)?;
    let aside = set_aside(place)?;
    if aside.exists() {
        if place.exists() {
            fs_err::remove_dir_all(&aside)?;
        } else {
            fs_err::rename(&aside, place)?;
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

/// What is made is for others to read, as far as the umask allows; a temporary file or folder is not.
fn for_others(builder: &mut tempfile::Builder<'_, '_>, mode: u32) {
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

// Cargo allows no `.` in a package's name, so none of these can be a package's folder.
fn staged_prefix(name: &str) -> String {
    format!(".{name}.new-")
}

fn set_aside(place: &Utf8Path) -> io::Result<Utf8PathBuf> {
    let (parent, name) = split(place)?;
    Ok(parent.join(format!(".{name}.old")))
}

fn split(place: &Utf8Path) -> io::Result<(&Utf8Path, &str)> {
    let named = place.parent().zip(place.file_name());
    named.ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("`{place}` is no place for a folder"))
    })
}

#[cfg(test)]
mod tests {
    use super::{StagedFolder, repair};
    use camino::Utf8PathBuf;

    fn place() -> (tempfile::TempDir, Utf8PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let place = Utf8PathBuf::try_from(dir.path().join("out/hello")).unwrap();
        (dir, place)
    }

    fn put(place: &Utf8PathBuf, text: &str) {
        let staged = StagedFolder::beside(place).unwrap();
        fs_err::write(staged.path().join("file"), text).unwrap();
        staged.swap().unwrap();
    }

    #[test]
    fn a_folder_takes_its_place_and_leaves_nothing_beside() {
        let (_dir, place) = place();
        put(&place, "one");
        put(&place, "two");
        assert_eq!(fs_err::read_to_string(place.join("file")).unwrap(), "two");
        assert_eq!(fs_err::read_dir(place.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_run_left_is_repaired() {
        let (_dir, place) = place();
        put(&place, "one");
        let parent = place.parent().unwrap();
        fs_err::rename(&place, parent.join(".hello.old")).unwrap();
        fs_err::create_dir(parent.join(".hello.new-abc")).unwrap();
        fs_err::write(parent.join(".hello.new-def"), "{").unwrap();
        repair(&place).unwrap();
        assert_eq!(fs_err::read_to_string(place.join("file")).unwrap(), "one");
        assert_eq!(fs_err::read_dir(parent).unwrap().count(), 1);
    }
}
