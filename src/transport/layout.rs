//! The OCI image layout: a directory of images that skopeo, crane, umoci and oras can read.

use std::io::{self, Write as _};

use camino::Utf8PathBuf;

use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Explain, Result};
use crate::fs::{
    self, Lock, MODULE_LIMIT, StagedFile, TEXT_LIMIT, remove_abandoned, write_atomically, write_new,
};
use crate::image::{Blob, Descriptor};
use crate::reference::{Reference, Tag};
use crate::transport::content::BlobContent;
use crate::transport::index::{self, BLOBS, INDEX, IndexError, LayoutIndex, MARKER};
use crate::transport::sink::{Sink, Step, Transfer};
use crate::transport::source::Source;

/// A layout. Its directory need not exist yet.
#[derive(Debug, Clone)]
pub struct Layout {
    directory: Utf8PathBuf,
}

/// A directory is not a layout.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// It contains something else.
    #[error("`{0}` is neither empty nor an OCI image layout")]
    Foreign(Utf8PathBuf),
    #[error("`{path}` is not an image index")]
    LayoutIndex { path: Utf8PathBuf, source: IndexError },
}

impl Explain for LayoutError {
    fn help(&self) -> Vec<String> {
        vec!["choose another directory: a new one is created, and an existing layout is added to".to_owned()]
    }
}

impl Layout {
    pub fn at(directory: Utf8PathBuf) -> Self {
        Layout { directory }
    }

    /// Opens the layout to write to it. It first removes what killed runs left among the blobs, because tools such as umoci
    /// can't read a layout with files that aren't blobs.
    pub fn for_writing(directory: Utf8PathBuf) -> Self {
        remove_abandoned(&directory.join(BLOBS), ".");
        Layout { directory }
    }

    /// The index. Returns `None` if the directory is missing, empty, or from a run that was killed before it wrote the
    /// index.
    fn index(&self) -> Result<Option<LayoutIndex>> {
        let entries = match fs_err::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            entries => entries?,
        };
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let names: Vec<String> = names.collect::<io::Result<_>>()?;
        let has = |name: &str| names.iter().any(|other| other == name);
        let is_begun = |name: &String| [MARKER, "blobs"].contains(&name.as_str()) || name.starts_with('.');
        match (has(INDEX), has(MARKER)) {
            (false, _) if names.iter().all(is_begun) => Ok(None),
            (true, true) => {
                let path = self.directory.join(INDEX);
                let index = LayoutIndex::read(&fs::read(&path, TEXT_LIMIT)?);
                Ok(Some(index.map_err(|source| LayoutError::LayoutIndex { path, source })?))
            }
            _ => Err(LayoutError::Foreign(self.directory.clone()).into()),
        }
    }

    fn path_of(&self, digest: Digest) -> Utf8PathBuf {
        self.directory.join(index::path_of(digest))
    }

    /// Whether the layout contains an undamaged copy of a blob.
    fn has(&self, ctx: &Context, blob: &Descriptor) -> Result<bool> {
        ctx.interrupt.check()?;
        let path = self.path_of(blob.digest);
        Ok(path.is_file() && self.open(ctx, blob).and_then(|content| content.verify()).is_ok())
    }
}

impl Source for Layout {
    fn resolve(&self, _ctx: &Context, reference: &Reference) -> Result<Option<Blob>> {
        let index = self.index()?.unwrap_or_default();
        let digest = match reference {
            Reference::Tag(tag) => index.tagged(tag),
            Reference::Digest(digest) => Some(*digest),
        };
        let Some(digest) = digest else { return Ok(None) };
        let file = match fs::open(self.path_of(digest), MODULE_LIMIT) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let size = file.metadata()?.len();
        Ok(Some(index.manifest(digest, file, 0, size)?))
    }

    fn open(&self, _ctx: &Context, blob: &Descriptor) -> Result<BlobContent> {
        Ok(BlobContent::file(blob, fs::open(self.path_of(blob.digest), MODULE_LIMIT)?, 0))
    }
}

impl Sink for Layout {
    fn tagged(&self, _ctx: &Context, tag: &Tag) -> Result<Option<Digest>> {
        Ok(self.index()?.and_then(|index| index.tagged(tag)))
    }

    fn protects_versions(&self) -> bool {
        false
    }

    fn missing(&self, ctx: &Context, blobs: Vec<Descriptor>) -> Result<Vec<Descriptor>> {
        let mut missing = Vec::new();
        for blob in blobs {
            if !self.has(ctx, &blob)? {
                missing.push(blob);
            }
        }
        Ok(missing)
    }

    fn announcement(&self, ctx: &Context, names: &str, _missing: usize, _blobs: usize) -> (Step, String) {
        (Step::Write, format!("{names} to {}", ctx.display_path(&self.directory)))
    }

    /// Preserves everything else in the layout.
    fn write(&self, ctx: &Context, transfer: &Transfer<'_>) -> Result<()> {
        self.index()?;
        fs_err::create_dir_all(self.directory.join(BLOBS))?;
        let marker = self.directory.join(MARKER);
        write_new(&marker, &index::marker())?;
        // Another process may add to the same layout. The marker never changes, so it can be the lock file.
        let _lock = Lock::take(ctx, &marker, &format!("the layout {}", ctx.display_path(&self.directory)))?;
        for blob in transfer.blobs {
            let path = self.path_of(blob.digest);
            let mut file = StagedFile::beside(&path)?;
            for chunk in transfer.source.open(ctx, blob)?.chunks() {
                ctx.interrupt.check()?;
                file.write_all(&chunk?)?;
            }
            file.swap()?;
        }
        write_atomically(&self.path_of(transfer.manifest.descriptor.digest), &transfer.manifest.bytes)?;
        let mut index = self.index()?.unwrap_or_default();
        index.add(&transfer.manifest.descriptor, transfer.tags);
        Ok(write_atomically(&self.directory.join(INDEX), &index.to_bytes())?)
    }
}
