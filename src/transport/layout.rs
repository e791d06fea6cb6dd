//! The OCI image layout: an image as a folder, which skopeo, crane, umoci and oras read.

use std::io;

use camino::Utf8Path;
use oci_spec::image::{ImageIndexBuilder, MediaType, OciLayoutBuilder, SCHEMA_VERSION};

use crate::image::{Blob, Image, canonical_json};
use crate::reference::Tag;

const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// Writes `image` into the empty folder `folder`, under `tag` where there is one.
///
/// # Errors
///
/// Where a file cannot be written.
pub fn write(folder: &Utf8Path, image: &Image, tag: Option<&Tag>) -> io::Result<()> {
    let blobs = folder.join("blobs/sha256");
    fs_err::create_dir_all(&blobs)?;
    for blob in image.blobs().chain([&image.manifest]) {
        write_blob(&blobs, blob)?;
    }
    let layout = OciLayoutBuilder::default().image_layout_version("1.0.0").build();
    let layout = layout.expect("a layout is its version");
    fs_err::write(folder.join("oci-layout"), canonical_json(&layout))?;

    let reference: Vec<(&str, &str)> = tag.iter().map(|tag| (REF_NAME, tag.as_str())).collect();
    let index = ImageIndexBuilder::default()
        .schema_version(SCHEMA_VERSION)
        .media_type(MediaType::ImageIndex)
        .manifests([image.manifest.descriptor(&reference)])
        .build()
        .expect("schema version and manifests are all that an index needs");
    fs_err::write(folder.join("index.json"), canonical_json(&index))
}

fn write_blob(blobs: &Utf8Path, blob: &Blob) -> io::Result<()> {
    fs_err::write(blobs.join(blob.digest.hex()), &blob.bytes)
}
