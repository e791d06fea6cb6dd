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

    /// The status of a write: its step, and a text with the names of an image and how many of its blobs are missing.
    fn announcement(&self, ctx: &Context, names: &str, missing: usize, blobs: usize) -> (Step, String);

    /// Writes the blobs, then the manifest under each tag. Another process that reads a tag at the same time gets either
    /// the complete old image or the complete new one.
    ///
    /// # Errors
    ///
    /// If something can't be read or written. The remaining tags are unchanged.
    fn write(&self, ctx: &Context, transfer: &Transfer<'_>) -> Result<()>;
}

/// A step of publishing an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Blobs and the manifest are sent to a registry.
    Push,
    /// Blobs and the manifest are written to files.
    Write,
    /// A tag has been moved from another image.
    Move,
}

impl Step {
    /// The verb of the status.
    pub fn verb(self, is_dry_run: bool) -> &'static str {
        match (self, is_dry_run) {
            (Step::Push, false) => "Pushing",
            (Step::Push, true) => "Would push",
            (Step::Write, false) => "Writing",
            (Step::Write, true) => "Would write",
            (Step::Move, false) => "Moved",
            (Step::Move, true) => "Would move",
        }
    }
}

/// An image on its way into a sink.
#[derive(Clone, Copy)]
pub struct Transfer<'t> {
    pub source: &'t dyn Source,
    pub manifest: &'t Blob,
    /// The blobs to write, as returned by [`Sink::missing`].
    pub blobs: &'t [Descriptor],
    /// The tags that will name it.
    pub tags: &'t [Tag],
}
