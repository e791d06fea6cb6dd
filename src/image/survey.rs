//! How a mesh finds the module in an image: the rules of the agent in Istio's proxies (`pkg/wasm/imagefetcher.go`),
//! which Envoy Gateway shares.
//!
//! From an index, a mesh takes the image for linux/amd64, on every platform. In an image in Docker format, it looks for
//! the module in the last layer, which must be an archive. In an image in OCI format, it does the same. If that fails, it
//! expects an artifact with two layers, and takes the one with the media type of a module.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use oci_spec::image::MediaType;

use crate::image::descriptor::{Blob, Descriptor};
use crate::image::manifest::{Index, Manifest, ManifestError};
use crate::image::names::{DOCKER_LAYER, DOCKER_MANIFEST_LIST, DOCKER_SCHEMA_1, MODULE_FILE, MODULE_LAYER};

/// The agent reads at most this much of an unpacked layer.
pub const LAYER_LIMIT: u64 = 256 << 20;

/// How deep indexes may be nested. The agent has no limit, so a loop would never end.
const DEEPEST: usize = 8;

/// What a mesh does with an image.
#[derive(Debug)]
pub enum Verdict {
    /// It loads this module. If the layer is the module itself, a mesh truncates it to 256 MiB without an error.
    Loads(Vec<u8>),
    /// It refuses the image.
    Refuses(Unloadable),
}

/// Why a mesh refuses an image.
#[derive(Debug, thiserror::Error)]
pub enum Unloadable {
    /// The manifest or index is not valid.
    #[error("its manifest can't be read: {}", .0.reason())]
    Manifest(ManifestError),
    /// The manifest is in Docker's first format.
    #[error("its manifest is in Docker's schema version 1 format")]
    Schema1,
    /// No image in the index is for linux/amd64.
    #[error("it is an index without an image for linux/amd64")]
    NoPlatform,
    /// The indexes are nested too deep, possibly in a loop.
    #[error("its index leads to more than {DEEPEST} other indexes")]
    TooDeep,
    /// The image is in Docker format, and a mesh finds no module in its last layer.
    #[error("{0}")]
    Docker(LayerProblem),
    /// The image is in OCI format, and is neither a suitable container image nor a suitable artifact.
    #[error("it has no module as a container image ({compat}), and none as an artifact ({artifact})")]
    Oci {
        /// Why it is not a suitable container image.
        compat: LayerProblem,
        /// Why it is not a suitable artifact.
        artifact: LayerProblem,
    },
    /// The file or layer that should be the module is something else.
    #[error("its `{MODULE_FILE}` is not a WebAssembly module")]
    NotWasm,
}

/// Why a mesh finds no module in the layers of an image.
#[derive(Debug, thiserror::Error)]
pub enum LayerProblem {
    /// The image has no layers.
    #[error("it has no layers")]
    NoLayers,
    /// The last layer has another media type.
    #[error("the media type of its last layer is `{found}` instead of `{expected}`")]
    MediaType {
        /// The media type of the layer.
        found: MediaType,
        /// The media type that a mesh expects.
        expected: &'static str,
    },
    /// The last layer is not what its media type says.
    #[error("its last layer is not a gzipped tar archive: {0}")]
    Archive(io::Error),
    /// The archive contains no module.
    #[error("its last layer contains no `{MODULE_FILE}`")]
    NoModuleFile,
    /// The archive ends within the module, or the module ends after more than 256 MiB.
    #[error("its last layer ends within `{MODULE_FILE}`, or is larger than 256 MiB")]
    CutOff,
    /// An artifact must have two layers.
    #[error("the number of its layers is {0} instead of 2")]
    LayerCount(usize),
    /// Neither of the two layers is a module.
    #[error("none of its layers has the media type `{MODULE_LAYER}`")]
    NoModuleLayer,
}

/// Finds the module in an image, as a mesh does. `manifest` is the manifest of the image, or an index that leads to it.
/// `child` gets the manifest for a descriptor in an index, and `layer` opens a layer.
///
/// # Errors
///
/// If `child` or `layer` fails, or the layer can't be read.
pub fn survey<R: Read, E: From<io::Error>>(
    mut manifest: Blob,
    mut child: impl FnMut(&Descriptor) -> Result<Blob, E>,
    layer: impl FnMut(&Descriptor) -> Result<R, E>,
) -> Result<Verdict, E> {
    for _ in 0..=DEEPEST {
        // The media type from the registry counts, not the one in the manifest itself.
        let media_type = &manifest.descriptor.media_type;
        if DOCKER_SCHEMA_1.contains(&media_type.as_ref()) {
            return Ok(Verdict::Refuses(Unloadable::Schema1));
        }
        if *media_type != MediaType::ImageIndex && media_type.as_ref() != DOCKER_MANIFEST_LIST {
            return survey_image(&manifest, layer);
        }
        let index = match serde_json::from_slice::<Index>(&manifest.bytes) {
            Ok(index) => index,
            Err(error) => return Ok(Verdict::Refuses(Unloadable::Manifest(error.into()))),
        };
        match index.linux_amd64() {
            Some(descriptor) => manifest = child(descriptor)?,
            None => return Ok(Verdict::Refuses(Unloadable::NoPlatform)),
        }
    }
    Ok(Verdict::Refuses(Unloadable::TooDeep))
}

fn survey_image<R: Read, E: From<io::Error>>(
    manifest: &Blob,
    mut open: impl FnMut(&Descriptor) -> Result<R, E>,
) -> Result<Verdict, E> {
    let manifest = match Manifest::read(&manifest.bytes) {
        Ok(manifest) => manifest,
        Err(error) => return Ok(Verdict::Refuses(Unloadable::Manifest(error))),
    };
    let expected = if manifest.is_docker() { DOCKER_LAYER } else { MediaType::ImageLayerGzip.as_ref() };
    let unpacked = match last_layer(&manifest, expected) {
        Ok(layer) => unpack(open(layer)?, LAYER_LIMIT),
        Err(problem) => Err(problem),
    };
    let compat = match unpacked {
        Ok(module) => return Ok(judge(module)),
        Err(problem) => problem,
    };
    if manifest.is_docker() {
        return Ok(Verdict::Refuses(Unloadable::Docker(compat)));
    }
    match module_layer(&manifest) {
        Ok(layer) => {
            let mut module = Vec::new();
            open(layer)?.take(LAYER_LIMIT).read_to_end(&mut module)?;
            Ok(judge(module))
        }
        Err(artifact) => Ok(Verdict::Refuses(Unloadable::Oci { compat, artifact })),
    }
}

/// The agent checks only the first bytes. Envoy checks the rest.
fn judge(module: Vec<u8>) -> Verdict {
    let is_wasm = module.len() >= 8 && module.starts_with(b"\0asm");
    if is_wasm { Verdict::Loads(module) } else { Verdict::Refuses(Unloadable::NotWasm) }
}

fn last_layer<'m>(manifest: &'m Manifest, expected: &'static str) -> Result<&'m Descriptor, LayerProblem> {
    let last = manifest.layers.last().ok_or(LayerProblem::NoLayers)?;
    if last.media_type.as_ref() != expected {
        return Err(LayerProblem::MediaType { found: last.media_type.clone(), expected });
    }
    Ok(last)
}

/// The layer that is the module. There must be two layers, and the other one can be anything.
fn module_layer(manifest: &Manifest) -> Result<&Descriptor, LayerProblem> {
    if manifest.layers.len() != 2 {
        return Err(LayerProblem::LayerCount(manifest.layers.len()));
    }
    let module = manifest.layers.iter().find(|layer| layer.media_type.as_ref() == MODULE_LAYER);
    module.ok_or(LayerProblem::NoModuleLayer)
}

/// The first `plugin.wasm` in a gzipped archive, in any directory. The gzip file may have several members.
fn unpack(layer: impl Read, limit: u64) -> Result<Vec<u8>, LayerProblem> {
    let mut archive = tar::Archive::new(MultiGzDecoder::new(layer).take(limit));
    for entry in archive.entries().map_err(LayerProblem::Archive)? {
        let mut entry = entry.map_err(LayerProblem::Archive)?;
        // Directories and links with this name match too, and are empty.
        if is_module(&entry.path_bytes()) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(LayerProblem::Archive)?;
            // If the archive is truncated, the crate returns the bytes that exist.
            let is_whole = bytes.len() as u64 == entry.size();
            return if is_whole { Ok(bytes) } else { Err(LayerProblem::CutOff) };
        }
    }
    Err(LayerProblem::NoModuleFile)
}

fn is_module(path: &[u8]) -> bool {
    path.rsplit(|byte| *byte == b'/').find(|name| !name.is_empty()) == Some(MODULE_FILE.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::io;

    use oci_spec::image::MediaType;
    use serde_json::{Value, json};

    use super::{DEEPEST, LayerProblem, Verdict, survey, unpack};
    use crate::image::archive;
    use crate::image::descriptor::{Blob, Descriptor};
    use crate::image::names::DOCKER_MANIFEST_LIST;

    #[derive(Debug)]
    struct Never;

    impl From<io::Error> for Never {
        fn from(error: io::Error) -> Self {
            panic!("{error}")
        }
    }

    const MODULE: &[u8] = b"\0asm\x01\0\0\0";

    fn blob(media_type: &str, content: &Value) -> Blob {
        Blob::new(MediaType::from(media_type), content.to_string())
    }

    fn index(media_type: &str, entries: &[(&Blob, Value)]) -> Blob {
        let entries = entries.iter().map(|(child, platform)| {
            let Descriptor { media_type, digest, size } = &child.descriptor;
            json!({ "mediaType": media_type, "digest": digest, "size": size, "platform": platform })
        });
        blob(media_type, &json!({ "schemaVersion": 2, "manifests": entries.collect::<Vec<_>>() }))
    }

    /// An artifact whose module layer is the raw module.
    fn artifact() -> Blob {
        let layer = |media_type: &str| {
            let Descriptor { digest, size, .. } = Blob::new(MediaType::EmptyJSON, MODULE).descriptor;
            json!({ "mediaType": media_type, "digest": digest, "size": size })
        };
        let layers = ["application/vnd.module.wasm.content.layer.v1+wasm", "text/plain"].map(layer);
        let manifest = json!({ "schemaVersion": 2, "config": layer("a/b"), "layers": layers });
        blob("application/vnd.oci.image.manifest.v1+json", &manifest)
    }

    /// The module that a mesh loads, if the registry contains `manifest` and `others`.
    fn verdict(manifest: &Blob, others: &[&Blob]) -> Result<Vec<u8>, String> {
        let child = |wanted: &Descriptor| {
            let found = others.iter().find(|other| other.descriptor.digest == wanted.digest);
            Ok::<_, Never>(Blob::clone(found.expect("the child is in `others`")))
        };
        match survey(manifest.clone(), child, |_| Ok(MODULE)).unwrap() {
            Verdict::Loads(module) => Ok(module),
            Verdict::Refuses(reason) => Err(reason.to_string()),
        }
    }

    #[test]
    fn an_index_leads_to_its_first_image_for_linux_amd64() {
        let image = artifact();
        let arm64 = blob("application/vnd.oci.image.manifest.v1+json", &json!({}));
        let (linux, arm) = (
            json!({ "os": "linux", "architecture": "amd64", "variant": "v2" }),
            json!({ "os": "linux", "architecture": "arm64" }),
        );
        for kind in ["application/vnd.oci.image.index.v1+json", DOCKER_MANIFEST_LIST] {
            let loads = index(kind, &[(&arm64, arm.clone()), (&image, linux.clone())]);
            assert_eq!(verdict(&loads, &[&image]), Ok(MODULE.to_vec()));
            let loads = index(kind, &[(&image, Value::Null), (&arm64, linux.clone())]);
            assert_eq!(verdict(&loads, &[&image]), Ok(MODULE.to_vec()));
            let refused = index(kind, &[(&image, arm.clone())]);
            assert_eq!(
                verdict(&refused, &[&image]).unwrap_err(),
                "it is an index without an image for linux/amd64"
            );
            let nested = index(kind, &[(&loads, Value::Null)]);
            assert_eq!(verdict(&nested, &[&loads, &image]), Ok(MODULE.to_vec()));
        }
        let mut chain = vec![image];
        for _ in 0..=DEEPEST {
            let last = chain.last().unwrap();
            chain.push(index("application/vnd.oci.image.index.v1+json", &[(last, Value::Null)]));
        }
        let (top, others) = chain.split_last().unwrap();
        assert!(verdict(top, &others.iter().collect::<Vec<_>>()).unwrap_err().contains("more than 8"));
    }

    #[test]
    fn nothing_behind_the_limit_is_read() {
        let (layer, _) = archive::layer(&[("README", &[0; 600]), ("plugin.wasm", MODULE)]);
        // A header, two blocks, and another header come before the module.
        let before = 4 * 512;
        assert_eq!(unpack(&layer[..], before + MODULE.len() as u64).unwrap(), MODULE);
        assert!(matches!(unpack(&layer[..], before + 4), Err(LayerProblem::CutOff)));
        assert!(matches!(unpack(&layer[..], 512 + 600), Err(LayerProblem::Archive(_))));
        let (layer, _) = archive::layer(&[("plugin.wasm", MODULE), ("README", &[0; 600])]);
        let end = archive::HEADER + MODULE.len() as u64;
        assert_eq!(unpack(&layer[..], end).unwrap(), MODULE);
        assert!(matches!(unpack(&layer[..], end - 1), Err(LayerProblem::CutOff)));
    }

    #[test]
    fn what_is_not_an_image_is_refused_with_the_reason() {
        let kind = "application/vnd.oci.image.manifest.v1+json";
        for (manifest, reason) in [
            (blob(kind, &json!({ "schemaVersion": 2 })), "its manifest can't be read"),
            (blob("application/vnd.oci.image.index.v1+json", &json!(7)), "its manifest can't be read"),
            (blob("application/vnd.docker.distribution.manifest.v1+json", &json!({})), "schema version 1"),
        ] {
            let refused = verdict(&manifest, &[]).unwrap_err();
            assert!(refused.contains(reason), "{refused}");
        }
    }
}
