//! Writing images.

use crate::context::Context;
use crate::digest::Digest;
use crate::error::Result;
use crate::image::{Blob, Descriptor};
use crate::reference::Tag;
use crate::transport::source::Source;

/// Something that images are written to.
pub trait Sink: Source {
    /// The digest that `tag` names now, unless the sink will be replaced as a whole.
    ///
    /// # Errors
    ///
    /// If the sink can't be read.
    fn tagged(&self, ctx: &Context, tag: &Tag) -> Result<Option<Digest>>;

    /// Whether the tag of a version must keep its image.
    fn protects_versions(&self) -> bool;

    /// Those of the blobs that have to be written.
    ///
    /// # Errors
    ///
    /// If the sink can't be read.
    fn missing(&self, ctx: &Context, blobs: Vec<Descriptor>) -> Result<Vec<Descriptor>>;

    /// Shows what will be written: the names of an image, and how many of its blobs.
    fn announce(&self, ctx: &Context, names: &str, missing: usize, blobs: usize);

    /// Writes the blobs, and then the manifest under each tag. Another process that reads a tag meanwhile gets the
    /// whole old image or the whole new one.
    ///
    /// # Errors
    ///
    /// If something cannot be read or written. The tags that were not reached name what they named before.
    fn write(&self, ctx: &Context, transfer: &Transfer<'_>) -> Result<()>;
}

/// An image on its way into a sink.
#[derive(Clone, Copy)]
pub struct Transfer<'t> {
    /// The source of the image.
    pub source: &'t dyn Source,
    /// Its manifest.
    pub manifest: &'t Blob,
    /// The blobs to write, as [`Sink::missing`] gave them.
    pub blobs: &'t [Descriptor],
    /// The tags that will name it.
    pub tags: &'t [Tag],
}
