//! The directory of a new package. If anything fails, everything that was created in it is removed.

use std::collections::BTreeSet;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{Exit, Explain, Result};
use crate::scaffold::File;

/// The files and directories that `cargo init` creates for git, Mercurial, Pijul and Fossil.
const VERSION_CONTROL: [&str; 10] = [
    ".git",
    ".gitignore",
    ".hg",
    ".hgignore",
    ".pijul",
    ".ignore",
    ".fossil",
    ".fossil-settings",
    ".fslckout",
    "_FOSSIL_",
];

/// A directory that this process fills. Dropping it removes everything that was created, and nothing else, unless
/// [`Claim::keep`] was called.
pub(super) struct Claim<'p> {
    path: &'p Utf8Path,
    /// The directories that didn't exist, from the outermost to the package directory.
    directories: Vec<&'p Utf8Path>,
    /// The names that this program and cargo create in the package directory.
    content: BTreeSet<String>,
    /// The names that were in the package directory before.
    existing: BTreeSet<String>,
    /// Files that cargo may change: manifests in parent directories, and an existing `.gitignore`.
    changeable: Vec<(Utf8PathBuf, Vec<u8>)>,
    is_kept: bool,
}

impl<'p> Claim<'p> {
    /// Claims a directory that doesn't exist, or contains only version control, hidden files and documents such as README,
    /// for these files. Errors show it as `shown`.
    ///
    /// # Errors
    ///
    /// If the path is occupied, another process has claimed it, or a directory can't be created.
    pub(super) fn of(path: &'p Utf8Path, shown: &Utf8Path, files: &[File]) -> Result<Self> {
        let mut claim = Claim {
            path,
            directories: Vec::new(),
            content: BTreeSet::new(),
            existing: BTreeSet::new(),
            changeable: Vec::new(),
            is_kept: false,
        };
        let mut absent: Vec<_> = path.ancestors().skip(1).take_while(|parent| !parent.exists()).collect();
        absent.insert(0, path);
        for directory in absent.into_iter().rev() {
            if make_directory(directory)? {
                claim.directories.push(directory);
            }
        }
        if claim.directories.last() != Some(&path) {
            claim.existing = existing(path, shown)?;
        }
        // Two processes may find the same empty directory. Only one of them can create `src`.
        if !make_directory(&path.join("src"))? {
            return Err(Occupied { path: shown.to_owned(), by: Occupant::File("src".to_owned()) }.into());
        }
        let files = files.iter().filter_map(|file| file.path.iter().next());
        let content = files.chain(["src"]).chain(VERSION_CONTROL).map(str::to_owned);
        claim.content = content.filter(|name| !claim.existing.contains(name)).collect();
        let manifests = path.ancestors().skip(1).map(|parent| parent.join("Cargo.toml"));
        for file in manifests.chain([path.join(".gitignore")]) {
            if file.is_file() {
                let text = fs_err::read(&file)?;
                claim.changeable.push((file, text));
            }
        }
        Ok(claim)
    }

    /// Whether the user has a file of this name, which stays as it is.
    pub(super) fn has(&self, file: &File) -> bool {
        file.path.iter().next().is_some_and(|name| self.existing.contains(name))
    }

    /// Keeps everything that was created.
    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }
}

// Errors are ignored: they would hide the error that caused the drop, and the other steps should still run.
impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        for path in self.content.iter().map(|name| self.path.join(name)) {
            if path.is_dir() {
                let _ = fs_err::remove_dir_all(path);
            } else {
                let _ = fs_err::remove_file(path);
            }
        }
        for directory in self.directories.iter().rev() {
            let _ = fs_err::remove_dir(directory);
        }
        for (file, text) in &self.changeable {
            if fs_err::read(file).is_ok_and(|now| now != *text) {
                let _ = fs_err::write(file, text);
            }
        }
    }
}

/// Creates a directory. Returns false if the path exists already.
fn make_directory(path: &Utf8Path) -> Result<bool> {
    match fs_err::create_dir(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The names in a directory that a package can be created in.
fn existing(path: &Utf8Path, shown: &Utf8Path) -> Result<BTreeSet<String>> {
    let occupied = |by| Err(Occupied { path: shown.to_owned(), by }.into());
    // A dangling link isn't a directory, but it occupies the path.
    if !path.is_dir() {
        return occupied(Occupant::NotADirectory);
    }
    if path.join("Cargo.toml").exists() {
        return occupied(Occupant::Package);
    }
    let mut names = BTreeSet::new();
    for entry in fs_err::read_dir(path.as_std_path())? {
        names.insert(entry?.file_name().to_string_lossy().into_owned());
    }
    match names.iter().find(|name| !may_stay(name)) {
        Some(name) => occupied(Occupant::File(name.clone())),
        None => Ok(names),
    }
}

/// Whether a file is hidden, or a document such as `README.md` or `LICENSE-MIT`, whose name is in upper case.
fn may_stay(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    VERSION_CONTROL.contains(&name) || !stem.contains(|c: char| c.is_lowercase())
}

/// The path of the new package is already in use.
#[derive(Debug, thiserror::Error)]
#[error("`{path}` {what}", what = by.predicate())]
struct Occupied {
    path: Utf8PathBuf,
    by: Occupant,
}

#[derive(Debug)]
enum Occupant {
    NotADirectory,
    File(String),
    Package,
}

impl Occupant {
    fn predicate(&self) -> String {
        match self {
            Occupant::NotADirectory => "exists and is not a directory".to_owned(),
            Occupant::File(name) => format!("is not empty: it contains `{name}`"),
            Occupant::Package => "is already a cargo package".to_owned(),
        }
    }
}

impl Explain for Occupied {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn help(&self) -> Vec<String> {
        let mut help = vec!["choose a path that doesn't exist, or an empty directory".to_owned()];
        if let Occupant::Package = self.by {
            help.push("to package the existing filter, run `cargo wasmplugin build` in it".to_owned());
        }
        help
    }
}

#[cfg(test)]
mod tests {
    use camino::{Utf8Path, Utf8PathBuf};

    use super::Claim;
    use crate::error::Exit;

    /// A temporary directory, which is removed when this value is dropped.
    struct Directory(tempfile::TempDir);

    impl Directory {
        fn new() -> Self {
            Directory(tempfile::tempdir().unwrap())
        }

        fn path(&self, path: &str) -> Utf8PathBuf {
            Utf8Path::from_path(self.0.path()).unwrap().join(path)
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.path(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }

        /// All paths in the directory, sorted, with the text of each file.
        fn content(&self) -> Vec<(Utf8PathBuf, Option<String>)> {
            fn walk(directory: &Utf8Path, found: &mut Vec<(Utf8PathBuf, Option<String>)>) {
                for entry in directory.read_dir_utf8().unwrap() {
                    let path = entry.unwrap().into_path();
                    if path.is_dir() {
                        walk(&path, found);
                    }
                    let text = fs_err::read_to_string(&path).ok();
                    found.push((path, text));
                }
            }
            let mut found = Vec::new();
            walk(&self.path(""), &mut found);
            found.sort();
            found
        }
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let directory = Directory::new();
        directory.write("Cargo.toml", "[workspace]\nmembers = []\n");
        directory.write("plugins/README.md", "");
        fs_err::create_dir(directory.path("empty")).unwrap();
        let before = directory.content();
        for path in ["plugins/new/hello", "empty"] {
            let absolute = directory.path(path);
            let claim = Claim::of(&absolute, &absolute, &[]).unwrap();
            directory.write("Cargo.toml", "[workspace]\nmembers = [\"hello\"]\n");
            for made in ["src/lib.rs", ".git/config", ".gitignore"] {
                directory.write(&format!("{path}/{made}"), "");
            }
            drop(claim);
            assert_eq!(directory.content(), before);
        }
    }

    #[test]
    fn a_directory_is_claimed_once_and_files_of_others_stay() {
        let directory = Directory::new();
        fs_err::create_dir(directory.path("empty")).unwrap();
        for path in ["a/b", "empty"] {
            let absolute = directory.path(path);
            let claim = Claim::of(&absolute, &absolute, &[]).unwrap();
            let claimed = directory.content();
            let refused = Claim::of(&absolute, &absolute, &[]).err().unwrap();
            assert_eq!(refused.exit(), Exit::Usage, "{refused}");
            assert_eq!(directory.content(), claimed);

            directory.write(&format!("{path}/theirs"), "");
            drop(claim);
            assert!(absolute.join("theirs").exists() && !absolute.join("src").exists());
        }
    }
}
