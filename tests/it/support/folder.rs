//! The folder that `build` writes, read back as a stranger would who believes nothing.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use super::layout::{sha256, untar};
use super::tree::files;

/// Checks that the output folder of a package is whole and that everything in it belongs together; returns
/// its digest.
pub(crate) fn check(folder: &Utf8Path) -> Result<String, String> {
    let files = files(folder).map_err(|error| error.to_string())?;
    let file = |path: &str| files.get(Utf8Path::new(path)).ok_or_else(|| format!("`{path}` is missing"));
    let text = |path: &str| file(path).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).map_err(|error| error.to_string());
    let equal = |what: &str, left: &str, right: &str| {
        if left == right { Ok(()) } else { Err(format!("{what}: `{left}` is not `{right}`")) }
    };
    let mut expected: BTreeSet<Utf8PathBuf> =
        ["digest", "plugin.wasm", "plugin.debug.wasm", "runtime-config.json", "wasmplugin.yaml"]
            .into_iter()
            .chain(["image/index.json", "image/oci-layout"])
            .map(Utf8PathBuf::from)
            .collect();
    let mut blob = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().ok_or("a descriptor has no digest")?.to_owned();
        let path = format!("image/blobs/{}", digest.replace(':', "/"));
        let bytes = file(&path)?;
        equal("digest of a blob", &sha256(bytes), &digest)?;
        equal("size of a blob", &bytes.len().to_string(), &descriptor["size"].to_string())?;
        expected.insert(path.into());
        Ok::<_, String>((digest, bytes))
    };

    let index = json(file("image/index.json")?)?;
    let (digest, manifest) = blob(&index["manifests"][0])?;
    equal("file `digest`", &text("digest")?, &format!("{digest}\n"))?;
    let manifest = json(manifest)?;
    blob(&manifest["config"])?;
    let layers = manifest["layers"].as_array().ok_or("the manifest has no layers")?;
    let mut module = None;
    for layer in layers {
        let (_, bytes) = blob(layer)?;
        match layer["mediaType"].as_str() {
            Some("application/vnd.module.wasm.content.layer.v1+wasm") => module = Some(bytes.clone()),
            Some("application/vnd.oci.image.layer.v1.tar+gzip") => {
                let mut packed = untar(bytes).into_iter().collect::<BTreeMap<_, _>>();
                module = packed.remove("plugin.wasm");
                equal_bytes(
                    "runtime-config.json",
                    packed.remove("runtime-config.json"),
                    file("runtime-config.json")?,
                )?;
            }
            Some("application/vnd.module.wasm.config.v1+json") => {
                equal_bytes("runtime-config.json", Some(bytes.clone()), file("runtime-config.json")?)?;
            }
            other => return Err(format!("a layer of type {other:?}")),
        }
    }
    equal_bytes("plugin.wasm", module, file("plugin.wasm")?)?;
    wasmparser::validate(file("plugin.wasm")?).map_err(|error| error.to_string())?;
    wasmparser::validate(file("plugin.debug.wasm")?).map_err(|error| error.to_string())?;
    let hex = digest.trim_start_matches("sha256:");
    let resource = text("wasmplugin.yaml")?;
    for wanted in [format!("@{digest}\n"), format!("  sha256: {hex}\n")] {
        if !resource.contains(&wanted) {
            return Err(format!("the resource has no `{}`:\n{resource}", wanted.trim()));
        }
    }
    let found: BTreeSet<Utf8PathBuf> = files.keys().cloned().collect();
    if found != expected {
        return Err(format!("the folder holds {found:?} instead of {expected:?}"));
    }
    Ok(digest)
}

fn equal_bytes(name: &str, packed: Option<Vec<u8>>, beside: &[u8]) -> Result<(), String> {
    if packed.as_deref() == Some(beside) {
        Ok(())
    } else {
        Err(format!("`{name}` in the image is not the one beside it"))
    }
}

/// What a killed build left beside the outputs: all hidden names but those of locks, records and caches.
pub(crate) fn leftovers(target_dir: &Utf8Path) -> Vec<String> {
    let known = [".optimized", ".fingerprint", ".cargo-lock", ".compile.lock"];
    let outputs = target_dir.join("wasmplugin");
    if !outputs.is_dir() {
        return Vec::new();
    }
    let names = outputs.read_dir_utf8().unwrap().map(|entry| entry.unwrap().file_name().to_owned());
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
