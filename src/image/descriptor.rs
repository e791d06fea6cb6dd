//! Descriptors, as defined by the OCI image specification, and the bytes that they describe.

use bytes::Bytes;
use oci_spec::image::{DescriptorBuilder, MediaType};
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// The media type, digest and size of a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    pub media_type: MediaType,
    pub digest: Digest,
    pub size: u64,
}

impl Descriptor {
    /// The descriptor with these annotations, for a manifest or an index.
    pub fn annotated(&self, annotations: &[(&str, &str)]) -> oci_spec::image::Descriptor {
        let digest: oci_spec::image::Digest =
            self.digest.to_string().parse().expect("every `Digest` is a valid OCI digest");
        let mut descriptor = DescriptorBuilder::default()
            .media_type(self.media_type.clone())
            .digest(digest)
            .size(self.size)
            .build()
            .expect("a descriptor needs only media type, digest and size");
        if !annotations.is_empty() {
            let owned = annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            descriptor.set_annotations(Some(owned.collect()));
        }
        descriptor
    }
}

/// A blob in memory. Clones share the bytes.
#[derive(Debug, Clone)]
pub struct Blob {
    pub descriptor: Descriptor,
    pub bytes: Bytes,
}

impl Blob {
    pub fn new(media_type: MediaType, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let descriptor = Descriptor { media_type, digest: Digest::of(&bytes), size: bytes.len() as u64 };
        Blob { descriptor, bytes }
    }
}
