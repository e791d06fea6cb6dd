//! An image that was packed and is still in memory is a source too.

use crate::context::Context;
use crate::error::{Explain, Result};
use crate::image::{Blob, Descriptor, Image};
use crate::reference::Reference;
use crate::transport::content::BlobContent;
use crate::transport::source::Source;

impl Source for Image {
    fn resolve(&self, _ctx: &Context, reference: &Reference) -> Result<Option<Blob>> {
        let is_named = *reference == Reference::Digest(self.digest());
        Ok(is_named.then(|| self.manifest.clone()))
    }

    fn open(&self, _ctx: &Context, blob: &Descriptor) -> Result<BlobContent> {
        let found = self.blobs().find(|known| known.descriptor.digest == blob.digest);
        Ok(BlobContent::memory(found.ok_or_else(|| NotOfTheImage(blob.clone()))?))
    }
}

/// A blob of another image was asked for.
#[derive(Debug, thiserror::Error)]
#[error("the image has no blob {}", .0.digest)]
struct NotOfTheImage(Descriptor);

impl Explain for NotOfTheImage {}
