//! Reading images.

use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Error, Explain, Result};
use crate::image::{self, Blob, Descriptor, Verdict};
use crate::reference::Reference;
use crate::transport::content::Content;

/// Registries have to accept manifests of this size, and few accept larger ones.
pub(super) const LARGEST_MANIFEST: u64 = 4 << 20;

/// A place that has images.
pub trait Source {
    /// The manifest or index that `reference` names, if there is one. Its bytes have the digest that it says.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn resolve(&self, ctx: &Context, reference: &Reference) -> Result<Option<Blob>>;

    /// The content of a blob that a manifest names.
    ///
    /// # Errors
    ///
    /// If the blob is not there, or cannot be read.
    fn open(&self, ctx: &Context, blob: &Descriptor) -> Result<Content>;
}

/// What a mesh does with the image that `manifest`, which is one of `source`, is or leads to.
///
/// # Errors
///
/// If a part of the image cannot be read.
pub fn survey(ctx: &Context, source: &dyn Source, manifest: Blob) -> Result<Verdict> {
    let child = |descriptor: &Descriptor| {
        let child = source.resolve(ctx, &Reference::Digest(descriptor.digest))?;
        child.ok_or_else(|| MissingChild(descriptor.digest).into())
    };
    let layer = |descriptor: &Descriptor| {
        let content = source.open(ctx, descriptor)?;
        // Not all of a layer may be read, so this comes first.
        content.verify()?;
        Ok::<_, Error>(content.reader())
    };
    image::survey(manifest, child, layer)
}

/// An index names a manifest that is not there.
#[derive(Debug, thiserror::Error)]
#[error("the index names the manifest {0}, which is missing")]
struct MissingChild(Digest);

impl Explain for MissingChild {}
