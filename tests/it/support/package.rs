//! The directory that `build` writes for a package, checked independently of the program's own code.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use super::layout::{Layout, sha256};
use super::tree;

/// Checks that the directory of a package is complete and that all its files belong together. Returns the digest of the
/// image.
///
/// # Errors
/// If a file is missing, is left over, or belongs to another build.
pub(crate) fn check(directory: &Utf8Path) -> Result<String, String> {
    let files = tree::files(directory).map_err(|error| error.to_string())?;
    let file = |path: &str| files.get(Utf8Path::new(path)).ok_or_else(|| format!("`{path}` is missing"));
    let text = |path: &str| file(path).map(|bytes| String::from_utf8_lossy(bytes).into_owned());

    let image = Layout(directory.join("image")).read()?;
    let digest = image.digest.clone();
    if text("digest")? != format!("{digest}\n") {
        return Err(format!("the file `digest` has `{}`, and the image is {digest}", text("digest")?));
    }
    let mut packed = image.files()?;
    for name in ["plugin.wasm", "runtime-config.json"] {
        if packed.remove(name).as_ref() != Some(file(name)?) {
            return Err(format!("`{name}` in the image is not the one next to it"));
        }
    }
    for name in ["plugin.wasm", "plugin.debug.wasm"] {
        wasmparser::validate(file(name)?).map_err(|error| format!("{name}: {error}"))?;
    }
    let resource = text("wasmplugin.yaml")?;
    let hex = digest.trim_start_matches("sha256:");
    for wanted in [format!("@{digest}\n"), format!("  sha256: {hex}\n")] {
        if !resource.contains(&wanted) {
            return Err(format!("the resource has no `{}`:\n{resource}", wanted.trim()));
        }
    }

    let blobs = image.layers.iter().chain([&image.config]).map(|bytes| sha256(bytes)).chain([digest.clone()]);
    let names = ["digest", "plugin.wasm", "plugin.debug.wasm", "runtime-config.json", "wasmplugin.yaml"];
    let expected: BTreeSet<Utf8PathBuf> = blobs
        .map(|digest| format!("image/blobs/{}", digest.replace(':', "/")))
        .chain(names.into_iter().chain(["image/index.json", "image/oci-layout"]).map(str::to_owned))
        .map(Utf8PathBuf::from)
        .collect();
    let found: BTreeSet<Utf8PathBuf> = files.into_keys().collect();
    if found != expected {
        return Err(format!("the directory holds {found:?} instead of {expected:?}"));
    }
    Ok(digest)
}

/// What a killed build left next to the packages: all hidden files except locks, records and caches.
pub(crate) fn leftovers(target_dir: &Utf8Path) -> Vec<String> {
    let known = [".optimized", ".build"];
    let packages = target_dir.join("wasmplugin.d");
    if !packages.is_dir() {
        return Vec::new();
    }
    let names = packages.read_dir_utf8().unwrap().map(|entry| entry.unwrap().file_name().to_owned());
    let mut left: Vec<String> = names
        .filter(|name| {
            name.starts_with('.')
                && !known.contains(&name.as_str())
                && !name.ends_with(".lock")
                && !name.ends_with(".json")
        })
        .collect();
    left.sort();
    left
}
