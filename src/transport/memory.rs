//! An image in memory as a source.

use crate::context::Context;
use crate::error::Result;
use crate::image::{Blob, Descriptor, Image};
use crate::reference::Reference;
use crate::transport::content::BlobContent;
use crate::transport::source::{BlobNotFound, Source};

impl Source for Image {
    fn resolve(&self, _ctx: &Context, reference: &Reference) -> Result<Option<Blob>> {
        let is_named = *reference == Reference::Digest(self.digest());
        Ok(is_named.then(|| self.manifest.clone()))
    }

    fn open(&self, _ctx: &Context, blob: &Descriptor) -> Result<BlobContent> {
        let found = self.blobs().find(|known| known.descriptor.digest == blob.digest);
        Ok(BlobContent::memory(found.ok_or(BlobNotFound(blob.digest))?))
    }
}
