//! Writing images.

use crate::context::Context;
use crate::digest::Digest;
use crate::error::Result;
use crate::image::{Blob, Descriptor};
use crate::reference::Tag;
use crate::transport::source::Source;

/// A place that images are written to.
pub trait Sink: Source {
    /// The digest of what `tag` names now, if that stays there.
    ///
    /// # Errors
    ///
    /// If this cannot be found out.
    fn tagged(&self, ctx: &Context, tag: &Tag) -> Result<Option<Digest>>;

    /// Whether the tag of a version must go on naming the same image.
    fn protects_versions(&self) -> bool;

    /// Those of the blobs that have to be written.
    ///
    /// # Errors
    ///
    /// If this cannot be found out.
    fn missing(&self, ctx: &Context, blobs: Vec<Descriptor>) -> Result<Vec<Descriptor>>;

    /// Says what will be written: an image by its names, and so many of its blobs.
    fn announce(&self, ctx: &Context, names: &str, missing: usize, blobs: usize);

    /// Writes the blobs first, and last the manifest under each tag. Whoever reads a tag meanwhile gets the old
    /// image or the new one, whole.
    ///
    /// # Errors
    ///
    /// If something cannot be read or written. The tags that were not reached name what they named before.
    fn write(&self, ctx: &Context, transfer: &Transfer<'_>) -> Result<()>;
}

/// An image on its way into a sink.
#[derive(Clone, Copy)]
pub struct Transfer<'t> {
    /// Where the image comes from.
    pub source: &'t dyn Source,
    /// Its manifest.
    pub manifest: &'t Blob,
    /// The blobs to write, as [`Sink::missing`] gave them.
    pub blobs: &'t [Descriptor],
    /// The tags that shall name it.
    pub tags: &'t [Tag],
}
