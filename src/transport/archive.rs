//! The OCI archive: a layout as one tar file, which skopeo and podman call `oci-archive`.

use std::io;

use camino::Utf8Path;

use crate::fs::write_whole;
use crate::image::{Image, tar};
use crate::reference::Tag;
use crate::transport::layout;

/// Writes `image` under each of `tags` to `file`; a file that is there is replaced as a whole.
///
/// # Errors
///
/// Where it cannot be written.
pub fn write(file: &Utf8Path, image: &Image, tags: &[Tag]) -> io::Result<()> {
    let files = layout::files(image, tags);
    let files: Vec<_> = files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    write_whole(file, &tar(&files))
}
