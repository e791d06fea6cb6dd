//! Folders, compared file by file.

use std::collections::BTreeMap;
use std::path::Path;

use camino::Utf8Path;
use snapbox::Data;

/// Every file below a folder but those of git, and folders that are empty, with a `/` behind.
pub(crate) fn tree(root: &Utf8Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let mut is_empty = true;
        for entry in folder.read_dir_utf8().unwrap() {
            is_empty = false;
            let path = entry.unwrap().into_path();
            if path.file_name() == Some(".git") {
                continue;
            }
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_string();
                found.insert(name, fs_err::read(&path).unwrap_or_default());
            }
        }
        if is_empty {
            found.insert(format!("{}/", folder.strip_prefix(root).unwrap()), Vec::new());
        }
    }
    found
}

/// Whether a folder has nothing in it.
pub(crate) fn is_empty(folder: &Utf8Path) -> bool {
    folder.read_dir_utf8().unwrap().next().is_none()
}

/// Compares a folder with one that is kept under `tests/it`. With SNAPSHOTS=overwrite the latter is replaced.
pub(crate) fn assert_tree(actual: &Utf8Path, kept: &str) {
    let folder = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(kept);
    let files = tree(actual);
    if std::env::var("SNAPSHOTS").is_ok_and(|action| action == "overwrite") {
        if folder.exists() {
            fs_err::remove_dir_all(&folder).unwrap();
        }
        for (name, bytes) in &files {
            let path = folder.join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, bytes).unwrap();
        }
    }
    let expected = if folder.exists() { tree(&folder) } else { BTreeMap::new() };
    let names = |tree: &BTreeMap<String, Vec<u8>>| tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&files), names(&expected), "{kept}: set SNAPSHOTS=overwrite to take the new one");
    for (name, bytes) in &files {
        let expected = Data::read_from(Path::new(&folder.join(name)), None).raw();
        snapbox::assert_data_eq!(String::from_utf8(bytes.clone()).unwrap(), expected);
    }
}
