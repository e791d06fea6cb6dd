//! Writing images.

use crate::context::Context;
use crate::digest::Digest;
use crate::error::Result;
use crate::image::{Blob, Descriptor};
use crate::reference::Tag;
use crate::transport::source::Source;

/// Something that images are written to.
pub trait Sink: Source {
    /// The digest that `tag` names now. It is always `None` if the sink is replaced as a whole.
    ///
    /// # Errors
    ///
    /// If the sink can't be read.
    fn tagged(&self, ctx: &Context, tag: &Tag) -> Result<Option<Digest>>;

    /// Whether the tag of a version must keep naming the same image.
    fn protects_versions(&self) -> bool;

    /// The blobs that the sink doesn't have yet.
    ///
    /// # Errors
    ///
    /// If the sink can't be read.
    fn missing(&self, ctx: &Context, blobs: Vec<Descriptor>) -> Result<Vec<Descriptor>>;

    /// Shows what is about to be written: the names of an image, and how many of its blobs.
    fn announce(&self, ctx: &Context, names: &str, missing: usize, blobs: usize);

    /// Writes the blobs, then the manifest under each tag. Another process that reads a tag at the same time gets either
    /// the complete old image or the complete new one.
    ///
    /// # Errors
    ///
    /// If something can't be read or written. The remaining tags are unchanged.
    fn write(&self, ctx: &Context, transfer: &Transfer<'_>) -> Result<()>;
}

/// An image on its way into a sink.
#[derive(Clone, Copy)]
pub struct Transfer<'t> {
    /// Where the blobs are read from.
    pub source: &'t dyn Source,
    /// Its manifest.
    pub manifest: &'t Blob,
    /// The blobs to write, as returned by [`Sink::missing`].
    pub blobs: &'t [Descriptor],
    /// The tags that will name it.
    pub tags: &'t [Tag],
}
