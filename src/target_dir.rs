//! Cargo's target directory, and the part of it that this program writes to.

use camino::{Utf8Path, Utf8PathBuf};

use crate::fs::write_new;

/// The directory for the output. Cargo writes each profile to a directory of its name, and no profile can have a dot in
/// its name.
pub fn output(target_dir: &Utf8Path) -> Utf8PathBuf {
    target_dir.join("wasmplugin.d")
}

/// Creates the target directory of an output directory as cargo does: with a file by which backups recognize that they
/// can leave it out. Cargo itself doesn't add the file to a directory that exists.
pub fn create(output: &Utf8Path) {
    let Some(target_dir) = output.parent().filter(|target_dir| !target_dir.exists()) else { return };
    // If that fails, so does the next write to the directory, whose error says more.
    let created = fs_err::create_dir_all(target_dir);
    let _ = created.and_then(|()| write_new(&target_dir.join("CACHEDIR.TAG"), TAG.as_bytes()));
}

const TAG: &str = "\
Signature: 8a477f597d28d172789f06886806bc55
# This is a cache directory tag. See https://bford.info/cachedir/
";
