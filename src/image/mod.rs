//! An image in memory: its blobs, and the manifest that names them. Nothing here reads or writes files.

mod archive;
mod compat;
mod manifest;
mod oci;
mod runtime_config;

use std::collections::BTreeMap;

use oci_spec::image::{Descriptor, DescriptorBuilder, ImageManifest, MediaType};
use serde::Serialize;

use crate::digest::Digest;
use crate::module::ShippedModule;

pub use archive::tar;
pub use manifest::{Manifest, ManifestError, ModuleLayer, Part};
pub use runtime_config::RuntimeConfig;

/// The file of the module, as the mesh wants it named.
pub const MODULE_FILE: &str = "plugin.wasm";

/// The file of the configuration.
pub const RUNTIME_CONFIG_FILE: &str = "runtime-config.json";

/// How the module is laid out in its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// An artifact of two layers: the configuration and the raw module.
    Oci,
    /// A container image of one layer, for registries that refuse other media types.
    Compat,
}

/// Some bytes with the media type under which they are stored.
#[derive(Debug, Clone)]
pub struct Blob {
    /// What the bytes are.
    pub media_type: MediaType,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Their digest.
    pub digest: Digest,
}

impl Blob {
    /// Bytes and what they are.
    pub fn new(media_type: MediaType, bytes: Vec<u8>) -> Self {
        Blob { media_type, digest: Digest::of(&bytes), bytes }
    }

    /// The descriptor that names these bytes, with annotations where there are any.
    pub fn descriptor(&self, annotations: &[(&str, &str)]) -> Descriptor {
        let digest: oci_spec::image::Digest =
            self.digest.to_string().parse().expect("a digest of ours is one of theirs");
        let mut descriptor = DescriptorBuilder::default()
            .media_type(self.media_type.clone())
            .digest(digest)
            .size(self.bytes.len() as u64)
            .build()
            .expect("media type, digest and size are all that a descriptor needs");
        if !annotations.is_empty() {
            let owned = annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            descriptor.set_annotations(Some(owned.collect()));
        }
        descriptor
    }
}

/// A whole image. It is one manifest, never an index: a proxy resolves an index to its child for linux/amd64
/// and compares that child's digest.
#[derive(Debug, Clone)]
pub struct Image {
    /// The manifest, serialized once: these are the bytes that are hashed, stored and pushed.
    pub manifest: Blob,
    /// What the manifest calls its config.
    pub config: Blob,
    /// The layers, in order.
    pub layers: Vec<Blob>,
}

impl Image {
    /// Puts a module that has passed the checks into an image.
    pub fn assemble(
        module: &ShippedModule,
        runtime_config: &RuntimeConfig,
        variant: Variant,
        annotations: BTreeMap<String, String>,
    ) -> Self {
        match variant {
            Variant::Oci => oci::assemble(module, runtime_config, annotations),
            Variant::Compat => compat::assemble(module, runtime_config, annotations),
        }
    }

    fn of(manifest: &ImageManifest, config: Blob, layers: Vec<Blob>) -> Self {
        let manifest = Blob::new(MediaType::ImageManifest, canonical_json(manifest));
        Image { manifest, config, layers }
    }

    /// Puts an image together again, out of its manifest and of a place that has its blobs.
    ///
    /// # Errors
    ///
    /// Where the manifest is none, or `blob` has not what it names.
    pub fn read<E: From<ManifestError>>(
        manifest: Vec<u8>,
        mut blob: impl FnMut(Digest) -> Result<Vec<u8>, E>,
    ) -> Result<Self, E> {
        let Manifest { config, layers } = Manifest::read(&manifest)?;
        let mut blob = |part: Part| Ok::<_, E>(Blob::new(part.media_type, blob(part.digest)?));
        let config = blob(config)?;
        let layers = layers.into_iter().map(blob).collect::<Result<_, E>>()?;
        Ok(Image { manifest: Blob::new(MediaType::ImageManifest, manifest), config, layers })
    }

    /// The digest by which the image is known: that of its manifest.
    pub fn digest(&self) -> Digest {
        self.manifest.digest
    }

    /// Every blob of the image but the manifest.
    pub fn blobs(&self) -> impl Iterator<Item = &Blob> {
        std::iter::once(&self.config).chain(&self.layers)
    }
}

/// JSON with sorted keys and without white space. The types of oci-spec hold annotations in hash maps, whose
/// order changes from run to run.
pub fn canonical_json(value: &impl Serialize) -> Vec<u8> {
    let mut value = serde_json::to_value(value).expect("the keys of an image's documents are strings");
    value.sort_all_objects();
    serde_json::to_vec(&value).expect("a JSON value can be written")
}
