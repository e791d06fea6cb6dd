//! The index of a layout, which is in a directory or in an archive.

use camino::{Utf8Path, Utf8PathBuf};
use fs_err::File;
use oci_spec::image::{ImageIndexBuilder, MediaType, OciLayoutBuilder, SCHEMA_VERSION};
use serde_json::Value;

use crate::digest::Digest;
use crate::error::{Explain, Result};
use crate::image::{Blob, Descriptor, canonical_json};
use crate::reference::Tag;
use crate::transport::content::Content;
use crate::transport::source::LARGEST_MANIFEST;

/// The file that makes a directory a layout.
pub(super) const MARKER: &str = "oci-layout";
/// The file that lists the images.
pub(super) const INDEX: &str = "index.json";
/// The directory of blobs.
pub(super) const BLOBS: &str = "blobs/sha256";

const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The index of a layout. What others have written into it stays as it is.
#[derive(Debug)]
pub(super) struct Index(Value);

/// Bytes are not the index of a layout.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// They are not JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// They are JSON, but there is no list of manifests in it.
    #[error("it has no list of `manifests`")]
    NoManifests,
}

/// A manifest is larger than a registry has to accept.
#[derive(Debug, thiserror::Error)]
#[error("the manifest {0} is larger than {LARGEST_MANIFEST} bytes")]
struct TooLarge(Digest);

impl Explain for TooLarge {}

impl Default for Index {
    /// The index of a layout without images.
    fn default() -> Self {
        let index = ImageIndexBuilder::default()
            .schema_version(SCHEMA_VERSION)
            .media_type(MediaType::ImageIndex)
            .manifests([])
            .build()
            .expect("schema version and manifests are all that an index needs");
        Index(serde_json::to_value(index).expect("an index is JSON"))
    }
}

impl Index {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, IndexError> {
        let index: Value = serde_json::from_slice(bytes)?;
        let is_index = index.get("manifests").is_some_and(Value::is_array);
        if is_index { Ok(Index(index)) } else { Err(IndexError::NoManifests) }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        canonical_json(&self.0)
    }

    /// The digest of what `tag` names.
    pub(super) fn tagged(&self, tag: &Tag) -> Option<Digest> {
        let entry = self.manifests().find(|entry| ref_name(entry) == Some(tag.as_str()))?;
        entry.get("digest")?.as_str()?.parse().ok()
    }

    /// Has `tags` name the manifest. If there is no tag, it is listed without one.
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

    /// Reads the manifest of that digest, which is `size` bytes of `file` from `start` on.
    pub(super) fn manifest(&self, digest: Digest, file: File, start: u64, size: u64) -> Result<Blob> {
        if size > LARGEST_MANIFEST {
            return Err(TooLarge(digest).into());
        }
        let mut descriptor = Descriptor { media_type: MediaType::ImageManifest, digest, size };
        let bytes = Content::file(&descriptor, file, start).read()?;
        // The index lists what a tag names. What another index leads to has to speak for itself.
        let listed = self.manifests().find(|entry| entry["digest"] == digest.to_string().as_str());
        let of_itself = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let media_type = listed.unwrap_or(&of_itself).get("mediaType").and_then(Value::as_str);
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

/// The content of the file that makes a directory a layout.
pub(super) fn marker() -> Vec<u8> {
    let layout = OciLayoutBuilder::default().image_layout_version("1.0.0").build();
    canonical_json(&layout.expect("a layout is its version"))
}

/// The file of a blob.
pub(super) fn path_of(digest: Digest) -> Utf8PathBuf {
    Utf8Path::new(BLOBS).join(digest.hex())
}
