//! A manifest that was read, whoever wrote it.

use oci_spec::image::{Descriptor, ImageManifest, MediaType};

use crate::digest::{Digest, DigestError};
use crate::image::{compat, oci};

/// What a manifest names.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// What it calls its config.
    pub config: Part,
    /// The layers, in order.
    pub layers: Vec<Part>,
}

/// A blob that a manifest names.
#[derive(Debug, Clone)]
pub struct Part {
    /// What it is.
    pub media_type: MediaType,
    /// Its digest.
    pub digest: Digest,
    /// How many bytes it has.
    pub size: u64,
}

/// Where a mesh finds the module of an image.
#[derive(Debug, Clone)]
pub enum ModuleLayer {
    /// The layer is the module.
    Raw(Part),
    /// The layer is an archive with the module in it.
    Archive(Part),
}

/// Bytes are no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// They are not the JSON of one.
    #[error("it is no image manifest")]
    Json(#[from] serde_json::Error),
    /// A digest in it is none.
    #[error("it is no image manifest: a digest in it is none")]
    Digest(#[from] DigestError),
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// Where the bytes are none: those of an index, for one.
    pub fn read(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: ImageManifest = serde_json::from_slice(bytes)?;
        let layers = manifest.layers().iter().map(Part::of);
        Ok(Manifest { config: Part::of(manifest.config())?, layers: layers.collect::<Result<_, _>>()? })
    }

    /// Where a mesh would look for the module; nowhere, where it would refuse the image.
    pub fn module(&self) -> Option<ModuleLayer> {
        let last = self.layers.last()?;
        if last.media_type == MediaType::ImageLayerGzip {
            return Some(ModuleLayer::Archive(last.clone()));
        }
        let mut raw = self.layers.iter().filter(|layer| layer.media_type == oci::module_layer());
        raw.next().filter(|_| self.layers.len() == 2).cloned().map(ModuleLayer::Raw)
    }
}

impl Part {
    fn of(descriptor: &Descriptor) -> Result<Self, DigestError> {
        Ok(Part {
            media_type: descriptor.media_type().clone(),
            digest: descriptor.digest().to_string().parse()?,
            size: descriptor.size(),
        })
    }
}

impl ModuleLayer {
    /// The digest of the module; nothing where there is none in the archive, whose bytes `fetch` gives.
    ///
    /// # Errors
    ///
    /// Where `fetch` fails.
    pub fn digest<E>(
        self,
        fetch: impl FnOnce(&Part) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Option<Digest>, E> {
        match self {
            ModuleLayer::Raw(part) => Ok(Some(part.digest)),
            ModuleLayer::Archive(part) => {
                let module = fetch(&part)?.and_then(|layer| compat::module(&layer));
                Ok(module.map(|module| Digest::of(&module)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Manifest, ModuleLayer};

    const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

    fn manifest(layers: &[&str]) -> Manifest {
        let part = |kind: &str| serde_json::json!({ "mediaType": kind, "digest": DIGEST, "size": 2 });
        let layers: Vec<_> = layers.iter().map(|kind| part(kind)).collect();
        let text = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": part("application/vnd.oci.empty.v1+json"),
            "layers": layers,
        });
        Manifest::read(text.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn the_module_is_where_a_mesh_looks() {
        let (raw, config, archive) = (
            "application/vnd.module.wasm.content.layer.v1+wasm",
            "application/vnd.module.wasm.config.v1+json",
            "application/vnd.oci.image.layer.v1.tar+gzip",
        );
        for layers in [[raw, config], [config, raw]] {
            assert!(matches!(manifest(&layers).module(), Some(ModuleLayer::Raw(_))));
        }
        assert!(matches!(manifest(&[config, archive]).module(), Some(ModuleLayer::Archive(_))));
        for layers in [&[][..], &[raw], &[raw, config, config], &[archive, config]] {
            assert!(manifest(layers).module().is_none(), "{layers:?}");
        }
    }

    #[test]
    fn an_index_is_no_manifest() {
        let index =
            br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
        assert!(Manifest::read(index).is_err());
    }
}
