//! Reads and compares directories file by file.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use snapbox::Data;
use snapbox::assert::Action;

use super::snapshot;

/// Everything in a directory, by its relative path: files have content, directories have none. A symbolic link to a
/// directory or to nothing counts as a file that contains the target path.
pub(crate) fn walk(root: &Utf8Path) -> io::Result<BTreeMap<Utf8PathBuf, Option<Vec<u8>>>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in directory.read_dir_utf8()? {
            let path = entry?.into_path();
            let content = if path.is_file() {
                Some(fs_err::read(&path)?)
            } else if path.is_symlink() {
                Some(path.read_link_utf8()?.into_string().into_bytes())
            } else {
                None
            };
            if content.is_none() {
                directories.push(path.clone());
            }
            found.insert(path.strip_prefix(root).unwrap().to_owned(), content);
        }
    }
    Ok(found)
}

/// All files in a directory, by their relative paths.
pub(crate) fn files(root: &Utf8Path) -> io::Result<BTreeMap<Utf8PathBuf, Vec<u8>>> {
    let files = walk(root)?.into_iter().filter_map(|(path, content)| Some((path, content?)));
    Ok(files.collect())
}

/// All files in a directory except those of git, and the empty directories, whose names end with `/`.
pub(crate) fn tree(root: &Utf8Path) -> BTreeMap<String, Vec<u8>> {
    let found = walk(root).unwrap();
    let is_empty = |path: &Utf8Path| !found.keys().any(|other| other.parent() == Some(path));
    let is_of_git = |path: &Utf8Path| path.components().any(|part| part.as_str() == ".git");
    let entries = found.iter().filter(|(path, _)| !is_of_git(path));
    let entries = entries.filter_map(|(path, content)| match content {
        Some(content) => Some((path.to_string(), content.clone())),
        None => is_empty(path).then(|| (format!("{path}/"), Vec::new())),
    });
    entries.collect()
}

/// Whether a directory is empty.
pub(crate) fn is_empty(directory: &Utf8Path) -> bool {
    directory.read_dir_utf8().unwrap().next().is_none()
}

/// Compares a directory with a snapshot in `tests/it`.
pub(crate) fn assert_tree(actual: &Utf8Path, kept: &str) {
    let directory = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(kept);
    let files = tree(actual);
    if snapshot::assert().selected_action() == Action::Overwrite {
        if directory.exists() {
            fs_err::remove_dir_all(&directory).unwrap();
        }
        for (name, bytes) in &files {
            let path = directory.join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, bytes).unwrap();
        }
    }
    let expected = if directory.exists() { tree(&directory) } else { BTreeMap::new() };
    let names = |tree: &BTreeMap<String, Vec<u8>>| tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&files), names(&expected), "{kept}: set SNAPSHOTS=overwrite to take the new one");
    for (name, bytes) in &files {
        let expected = Data::read_from(Path::new(&directory.join(name)), None).raw();
        snapbox::assert_data_eq!(String::from_utf8(bytes.clone()).unwrap(), expected);
    }
}
