//! The OCI image layout: an image as a folder, which skopeo, crane, umoci and oras read.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use oci_spec::image::{Descriptor, ImageIndexBuilder, MediaType, OciLayoutBuilder, SCHEMA_VERSION};
use serde_json::Value;

use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Explain, Result};
use crate::fs::{Lock, write_new, write_whole};
use crate::image::{Image, ManifestError, canonical_json};
use crate::reference::Tag;

const REF_NAME: &str = "org.opencontainers.image.ref.name";
const MARKER: &str = "oci-layout";
const INDEX: &str = "index.json";

/// A folder holds no image, or not the one that it should.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// There is something else in it.
    #[error("`{0}` is no OCI image layout, and not empty")]
    NoLayout(Utf8PathBuf),
    /// Its list of images cannot be read.
    #[error("`{path}` is no index of images")]
    NoIndex {
        /// The file.
        path: Utf8PathBuf,
        /// Why, where it is not even JSON.
        source: Option<serde_json::Error>,
    },
    /// A blob is not what its name says.
    #[error("`{0}` is damaged: its digest is another one")]
    Damaged(Utf8PathBuf),
    /// A manifest is none.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A file cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Explain for LayoutError {
    fn help(&self) -> Vec<String> {
        match self {
            LayoutError::NoLayout(_) | LayoutError::NoIndex { .. } => {
                vec!["name another folder: a new one is made, and an image is added to a layout".to_owned()]
            }
            LayoutError::Damaged(_) | LayoutError::Manifest(_) => {
                vec!["remove that folder and run the command again".to_owned()]
            }
            LayoutError::Io(error) => error.help(),
        }
    }
}

/// Writes `image` into the empty folder `folder`, under each of `tags`.
///
/// # Errors
///
/// Where a file cannot be written.
pub fn write(folder: &Utf8Path, image: &Image, tags: &[Tag]) -> io::Result<()> {
    fs_err::create_dir_all(folder.join(BLOBS))?;
    files(image, tags).into_iter().try_for_each(|(path, bytes)| fs_err::write(folder.join(path), bytes))
}

const BLOBS: &str = "blobs/sha256";

/// The files of a layout with that image alone; the index comes last, for it makes the others count.
pub(super) fn files(image: &Image, tags: &[Tag]) -> Vec<(Utf8PathBuf, Vec<u8>)> {
    let index = ImageIndexBuilder::default()
        .schema_version(SCHEMA_VERSION)
        .media_type(MediaType::ImageIndex)
        .manifests(entries(image, tags))
        .build()
        .expect("schema version and manifests are all that an index needs");
    let layout = OciLayoutBuilder::default().image_layout_version("1.0.0").build();
    let layout = layout.expect("a layout is its version");
    let blobs = image.blobs().chain([&image.manifest]);
    let mut files: Vec<_> = blobs.map(|blob| (place(blob.digest), blob.bytes.clone())).collect();
    files.push((MARKER.into(), canonical_json(&layout)));
    files.push((INDEX.into(), canonical_json(&index)));
    files
}

/// What the index says of an image: one entry a tag, and one without where there is no tag.
fn entries(image: &Image, tags: &[Tag]) -> Vec<Descriptor> {
    if tags.is_empty() {
        return vec![image.manifest.descriptor(&[])];
    }
    tags.iter().map(|tag| image.manifest.descriptor(&[(REF_NAME, tag.as_str())])).collect()
}

fn place(digest: Digest) -> Utf8PathBuf {
    Utf8Path::new(BLOBS).join(digest.hex())
}

/// The images that the folder `folder` has under `tags`, where it has one.
///
/// # Errors
///
/// Where the folder is there, is not empty, and is no layout.
pub fn tagged(folder: &Utf8Path, tags: &[Tag]) -> Result<Vec<Option<Digest>>, LayoutError> {
    let index = index(folder)?;
    let digest = |tag: &Tag| {
        let manifests = index.as_ref()?.get("manifests")?.as_array()?;
        let entry = manifests.iter().find(|entry| ref_name(entry) == Some(tag.as_str()))?;
        entry.get("digest")?.as_str()?.parse().ok()
    };
    Ok(tags.iter().map(digest).collect())
}

/// Adds `image` under `tags` to the layout `folder`, which is made where there is none. What else is in it
/// stays; whoever reads it meanwhile sees the old index or the new one.
///
/// # Errors
///
/// Where the folder is something else, or a file cannot be written.
pub fn add(ctx: &Context, folder: &Utf8Path, image: &Image, tags: &[Tag]) -> Result<()> {
    index(folder)?;
    fs_err::create_dir_all(folder.join(BLOBS))?;
    let mut files = files(image, tags);
    let (_, new_index) = files.pop().expect("the index is the last of the files");
    let (marker, version) = files.pop().expect("the marker is the one before");
    write_new(&folder.join(&marker), &version)?;
    // Others may add to the same layout. The marker never changes, so it is there to be locked.
    let _lock = Lock::take(ctx, &folder.join(&marker), &format!("the layout {}", ctx.shown(folder)))?;
    for (path, bytes) in files {
        write_whole(&folder.join(path), &bytes)?;
    }
    let index = match index(folder)? {
        None => new_index,
        Some(mut index) => {
            let path = folder.join(INDEX);
            let no_index = || LayoutError::NoIndex { path, source: None };
            let manifests = index.get_mut("manifests").and_then(Value::as_array_mut).ok_or_else(no_index)?;
            manifests.retain(|entry| !tags.iter().any(|tag| ref_name(entry) == Some(tag.as_str())));
            let ours = entries(image, tags);
            let ours = ours.iter().map(|entry| serde_json::to_value(entry).expect("a descriptor is JSON"));
            manifests.extend(ours);
            canonical_json(&index)
        }
    };
    Ok(write_whole(&folder.join(INDEX), &index)?)
}

fn ref_name(entry: &Value) -> Option<&str> {
    entry.get("annotations")?.get(REF_NAME)?.as_str()
}

/// The index of a layout; nothing where the folder is not there, or nobody has got so far as to write one.
fn index(folder: &Utf8Path) -> Result<Option<Value>, LayoutError> {
    let entries = match fs_err::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        entries => entries?,
    };
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let names: Vec<String> = names.collect::<io::Result<_>>()?;
    let has = |name: &str| names.iter().any(|other| other == name);
    if !has(INDEX) {
        let is_begun = |name: &String| [MARKER, "blobs"].contains(&name.as_str()) || name.starts_with('.');
        return if names.iter().all(is_begun) {
            Ok(None)
        } else {
            Err(LayoutError::NoLayout(folder.to_owned()))
        };
    }
    if !has(MARKER) {
        return Err(LayoutError::NoLayout(folder.to_owned()));
    }
    let path = folder.join(INDEX);
    let index = serde_json::from_slice(&fs_err::read(&path)?);
    Ok(Some(index.map_err(|source| LayoutError::NoIndex { path, source: Some(source) })?))
}

/// Reads the image of that digest out of the layout `folder`.
///
/// # Errors
///
/// Where a file is missing or damaged.
pub fn read(folder: &Utf8Path, digest: Digest) -> Result<Image, LayoutError> {
    let blob = |digest: Digest| {
        let path = folder.join(place(digest));
        let bytes = fs_err::read(&path)?;
        if Digest::of(&bytes) == digest { Ok(bytes) } else { Err(LayoutError::Damaged(path)) }
    };
    Image::read(blob(digest)?, blob)
}
