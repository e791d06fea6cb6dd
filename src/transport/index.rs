//! The index of a layout, in a directory or in an archive.

use camino::{Utf8Path, Utf8PathBuf};
use fs_err::File;
use oci_spec::image::{ImageIndexBuilder, MediaType, OciLayoutBuilder, SCHEMA_VERSION};
use serde_json::Value;

use crate::digest::Digest;
use crate::error::{Explain, Result};
use crate::image::{Blob, Descriptor, canonical_json};
use crate::reference::Tag;
use crate::transport::content::BlobContent;
use crate::transport::source::LARGEST_MANIFEST;

/// The file that marks a directory as a layout.
pub(super) const MARKER: &str = "oci-layout";
/// The file that lists the images.
pub(super) const INDEX: &str = "index.json";
/// The directory that contains the blobs.
pub(super) const BLOBS: &str = "blobs/sha256";

const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The index of a layout. Entries and fields that other tools wrote are preserved.
#[derive(Debug)]
pub(super) struct LayoutIndex(Value);

/// The bytes are not the index of a layout.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The bytes are not JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The JSON has no list of manifests.
    #[error("it has no `manifests` list")]
    NoManifests,
}

/// A manifest is larger than registries have to accept.
#[derive(Debug, thiserror::Error)]
#[error("the manifest {0} is larger than {LARGEST_MANIFEST} bytes")]
struct TooLarge(Digest);

impl Explain for TooLarge {}

impl Default for LayoutIndex {
    /// The index of a layout without images.
    fn default() -> Self {
        let index = ImageIndexBuilder::default()
            .schema_version(SCHEMA_VERSION)
            .media_type(MediaType::ImageIndex)
            .manifests([])
            .build()
            .expect("an index needs only schema version and manifests");
        LayoutIndex(serde_json::to_value(index).expect("an index is JSON"))
    }
}

impl LayoutIndex {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, IndexError> {
        let index: Value = serde_json::from_slice(bytes)?;
        let is_index = index.get("manifests").is_some_and(Value::is_array);
        if is_index { Ok(LayoutIndex(index)) } else { Err(IndexError::NoManifests) }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        canonical_json(&self.0)
    }

    /// The digest of the manifest that `tag` names.
    pub(super) fn tagged(&self, tag: &Tag) -> Option<Digest> {
        let entry = self.manifests().find(|entry| ref_name(entry) == Some(tag.as_str()))?;
        entry.get("digest")?.as_str()?.parse().ok()
    }

    /// Adds the manifest under `tags`, or without a tag if there are none.
    pub(super) fn add(&mut self, manifest: &Descriptor, tags: &[Tag]) {
        let Some(manifests) = self.0.get_mut("manifests").and_then(Value::as_array_mut) else { return };
        manifests.retain(|entry| !tags.iter().any(|tag| ref_name(entry) == Some(tag.as_str())));
        let entry = |annotations: &[(&str, &str)]| {
            serde_json::to_value(manifest.annotated(annotations)).expect("a descriptor is JSON")
        };
        if tags.is_empty() {
            manifests.push(entry(&[]));
        }
        manifests.extend(tags.iter().map(|tag| entry(&[(REF_NAME, tag.as_str())])));
    }

    /// Reads the manifest with that digest: `size` bytes of `file` from `start` on.
    pub(super) fn manifest(&self, digest: Digest, file: File, start: u64, size: u64) -> Result<Blob> {
        if size > LARGEST_MANIFEST {
            return Err(TooLarge(digest).into());
        }
        let mut descriptor = Descriptor { media_type: MediaType::ImageManifest, digest, size };
        let bytes = BlobContent::file(&descriptor, file, start).read()?;
        // A manifest that a tag names is in this index. One that is only in a nested index must state its own media type.
        let listed = self.manifests().find(|entry| entry["digest"] == digest.to_string().as_str());
        let manifest = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let media_type = listed.unwrap_or(&manifest).get("mediaType").and_then(Value::as_str);
        if let Some(media_type) = media_type {
            descriptor.media_type = media_type.into();
        }
        Ok(Blob { descriptor, bytes })
    }

    fn manifests(&self) -> impl Iterator<Item = &Value> {
        self.0.get("manifests").and_then(Value::as_array).into_iter().flatten()
    }
}

fn ref_name(entry: &Value) -> Option<&str> {
    entry.get("annotations")?.get(REF_NAME)?.as_str()
}

/// The content of the marker file.
pub(super) fn marker() -> Vec<u8> {
    let layout = OciLayoutBuilder::default().image_layout_version("1.0.0").build();
    canonical_json(&layout.expect("a layout needs only its version"))
}

/// The file of a blob.
pub(super) fn path_of(digest: Digest) -> Utf8PathBuf {
    Utf8Path::new(BLOBS).join(digest.hex())
}
