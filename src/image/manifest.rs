//! Manifests and indexes from any tool, in OCI or Docker format.

use std::collections::BTreeMap;

use oci_spec::image::MediaType;
use serde::{Deserialize, Serialize};

use crate::image::archive;
use crate::image::descriptor::Descriptor;
use crate::image::names::{DOCKER_MANIFEST, MODULE_LAYER};
use crate::image::variant::Variant;

/// The manifest of an image.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    media_type: Option<MediaType>,
    /// The descriptor of the configuration.
    pub config: Descriptor,
    /// The descriptors of the layers, in order.
    #[serde(default)]
    pub layers: Vec<Descriptor>,
    pub annotations: Option<BTreeMap<String, String>>,
}

/// The images of an index, or of Docker's manifest list.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Index {
    #[serde(default)]
    manifests: Vec<IndexEntry>,
}

#[derive(Debug, Clone, Deserialize)]
struct IndexEntry {
    #[serde(flatten)]
    descriptor: Descriptor,
    platform: Option<Platform>,
}

#[derive(Debug, Clone, Deserialize)]
struct Platform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
}

/// The bytes are not an image manifest.
#[derive(Debug, thiserror::Error)]
#[error("this is not an image manifest")]
pub struct ManifestError(#[from] serde_json::Error);

impl crate::error::Explain for ManifestError {}

impl ManifestError {
    pub(super) fn reason(&self) -> &serde_json::Error {
        &self.0
    }
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// If the bytes are not a manifest: for example, if they are an index.
    pub fn read(bytes: &[u8]) -> Result<Self, ManifestError> {
        Ok(serde_json::from_slice(bytes)?)
    }

    /// The blobs of the image: the configuration, then the layers.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        std::iter::once(&self.config).chain(&self.layers)
    }

    /// The variant of the image, according to its layers.
    pub fn variant(&self) -> Variant {
        let is_artifact = self.layers.iter().any(|layer| layer.media_type.as_ref() == MODULE_LAYER);
        if is_artifact { Variant::Oci } else { Variant::Compat }
    }

    /// The index of the layer with the module in an image that this program packed, and the position of the module in
    /// the unpacked layer. `None` if there are no layers.
    pub fn module_position(&self) -> Option<(usize, u64)> {
        let is_module = |layer: &Descriptor| layer.media_type.as_ref() == MODULE_LAYER;
        match self.layers.iter().position(is_module) {
            Some(index) => Some((index, 0)),
            // The module is the first file of an archive, which is the only layer.
            None => Some((self.layers.len().checked_sub(1)?, archive::HEADER)),
        }
    }

    /// Whether the manifest itself says that it is in Docker format. The registry may disagree.
    pub(super) fn is_docker(&self) -> bool {
        self.media_type.as_ref().is_some_and(|media_type| media_type.as_ref() == DOCKER_MANIFEST)
    }
}

impl Index {
    /// The first image for linux/amd64. An image without a platform matches too.
    pub(super) fn linux_amd64(&self) -> Option<&Descriptor> {
        let matches = |entry: &&IndexEntry| {
            let platform = entry.platform.as_ref();
            platform.is_none_or(|platform| platform.os == "linux" && platform.architecture == "amd64")
        };
        self.manifests.iter().find(matches).map(|entry| &entry.descriptor)
    }
}
