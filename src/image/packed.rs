//! An image that was packed and is still in memory.

use oci_spec::image::{ImageManifest, MediaType};

use crate::digest::Digest;
use crate::image::descriptor::Blob;
use crate::image::json::canonical_json;

/// An image in memory. It has a single manifest, not an index: a proxy resolves an index to its child for linux/amd64
/// and compares the digest of that child.
#[derive(Debug, Clone)]
pub struct Image {
    /// The manifest, serialized only once: these bytes are hashed, stored and pushed.
    pub manifest: Blob,
    pub config: Blob,
    pub layers: Vec<Blob>,
}

impl Image {
    pub(super) fn of(manifest: &ImageManifest, config: Blob, layers: Vec<Blob>) -> Self {
        let manifest = Blob::new(MediaType::ImageManifest, canonical_json(manifest));
        Image { manifest, config, layers }
    }

    /// The digest of the manifest, which is the digest of the image.
    pub fn digest(&self) -> Digest {
        self.manifest.descriptor.digest
    }

    /// Every blob of the image except the manifest.
    pub fn blobs(&self) -> impl Iterator<Item = &Blob> {
        std::iter::once(&self.config).chain(&self.layers)
    }
}
