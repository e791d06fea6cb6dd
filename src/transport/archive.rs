//! The OCI archive: a layout as one tar file, which skopeo and podman call `oci-archive`.

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{Explain, Result};
use crate::fs::write_whole;
use crate::image::{Image, tar};
use crate::reference::Tag;
use crate::transport::layout;

/// Writes `image` under each of `tags` to `file`; a file that is there is replaced as a whole.
///
/// # Errors
///
/// Where it cannot be written, or something else than a file is there.
pub fn write(file: &Utf8Path, image: &Image, tags: &[Tag]) -> Result<()> {
    // A link stays a link: what it leads to is replaced.
    let file = file.canonicalize_utf8().unwrap_or_else(|_| file.to_owned());
    if file.exists() && !file.is_file() {
        return Err(NoFile(file).into());
    }
    let files = layout::files(image, tags);
    let files: Vec<_> = files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    Ok(write_whole(&file, &tar(&files))?)
}

/// An archive would replace something that is no file.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is there, and is no file")]
struct NoFile(Utf8PathBuf);

impl Explain for NoFile {
    fn help(&self) -> Vec<String> {
        vec!["name a file; one that is there is replaced, and its folder has to be there".to_owned()]
    }
}
