//! An image whose blobs are open.

use crate::context::Context;
use crate::digest::Digest;
use crate::error::Result;
use crate::image::{Blob, Descriptor, Manifest};
use crate::reference::Reference;
use crate::transport::content::BlobContent;
use crate::transport::source::{BlobNotFound, Source};

/// An image that stays complete if another process replaces its directory, because its files are open.
#[derive(Debug)]
pub struct OpenedImage {
    manifest: Blob,
    blobs: Vec<(Descriptor, BlobContent)>,
}

impl OpenedImage {
    /// Opens the image with the digest `digest` in `source`. `None` if it doesn't exist.
    ///
    /// # Errors
    ///
    /// If a part of it can't be read.
    pub fn open(ctx: &Context, source: &dyn Source, digest: Digest) -> Result<Option<Self>> {
        let Some(manifest) = source.resolve(ctx, &Reference::Digest(digest))? else { return Ok(None) };
        let blobs = Manifest::read(&manifest.bytes)?;
        let blobs = blobs.blobs().map(|blob| Ok((blob.clone(), source.open(ctx, blob)?)));
        Ok(Some(OpenedImage { blobs: blobs.collect::<Result<_>>()?, manifest }))
    }

    pub fn manifest(&self) -> &Blob {
        &self.manifest
    }

    /// The descriptors of the configuration and the layers.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.blobs.iter().map(|(descriptor, _)| descriptor)
    }
}

impl Source for OpenedImage {
    fn resolve(&self, _ctx: &Context, reference: &Reference) -> Result<Option<Blob>> {
        let is_wanted = *reference == Reference::Digest(self.manifest.descriptor.digest);
        Ok(is_wanted.then(|| self.manifest.clone()))
    }

    fn open(&self, _ctx: &Context, blob: &Descriptor) -> Result<BlobContent> {
        let found = self.blobs.iter().find(|(descriptor, _)| descriptor.digest == blob.digest);
        Ok(found.map(|(_, content)| content.clone()).ok_or(BlobNotFound(blob.digest))?)
    }
}
