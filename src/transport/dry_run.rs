//! A sink that writes nothing.

use crate::context::Context;
use crate::digest::Digest;
use crate::error::Result;
use crate::image::{Blob, Descriptor};
use crate::reference::{Reference, Tag};
use crate::transport::content::BlobContent;
use crate::transport::sink::{Sink, Step, Transfer};
use crate::transport::source::Source;

/// Reads from the inner sink, but writes nothing to it.
pub struct DryRun(pub Box<dyn Sink>);

impl Source for DryRun {
    fn resolve(&self, ctx: &Context, reference: &Reference) -> Result<Option<Blob>> {
        self.0.resolve(ctx, reference)
    }

    fn open(&self, ctx: &Context, blob: &Descriptor) -> Result<BlobContent> {
        self.0.open(ctx, blob)
    }
}

impl Sink for DryRun {
    fn tagged(&self, ctx: &Context, tag: &Tag) -> Result<Option<Digest>> {
        self.0.tagged(ctx, tag)
    }

    fn protects_versions(&self) -> bool {
        self.0.protects_versions()
    }

    fn missing(&self, ctx: &Context, blobs: Vec<Descriptor>) -> Result<Vec<Descriptor>> {
        self.0.missing(ctx, blobs)
    }

    fn announcement(&self, ctx: &Context, names: &str, missing: usize, blobs: usize) -> (Step, String) {
        self.0.announcement(ctx, names, missing, blobs)
    }

    fn write(&self, _ctx: &Context, _transfer: &Transfer<'_>) -> Result<()> {
        Ok(())
    }
}
