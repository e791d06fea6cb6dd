//! Reading images.

use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Error, Explain, Result};
use crate::image::{self, Blob, Descriptor, Verdict};
use crate::reference::Reference;
use crate::transport::content::BlobContent;

/// Registries have to accept manifests up to this size. Few accept larger ones.
pub(super) const LARGEST_MANIFEST: u64 = 4 << 20;

/// Something that images are read from.
pub trait Source {
    /// The manifest or index that `reference` names, if it exists, with its digest verified.
    ///
    /// # Errors
    ///
    /// If it can't be read.
    fn resolve(&self, ctx: &Context, reference: &Reference) -> Result<Option<Blob>>;

    /// The content of a blob that a manifest lists.
    ///
    /// # Errors
    ///
    /// If the blob doesn't exist or can't be read.
    fn open(&self, ctx: &Context, blob: &Descriptor) -> Result<BlobContent>;
}

/// What a mesh does with an image. `manifest` is its manifest in `source`, or an index that leads to it.
///
/// # Errors
///
/// If a part of the image can't be read.
pub fn survey(ctx: &Context, source: &dyn Source, manifest: Blob) -> Result<Verdict> {
    let child = |descriptor: &Descriptor| {
        let child = source.resolve(ctx, &Reference::Digest(descriptor.digest))?;
        child.ok_or_else(|| MissingChild(descriptor.digest).into())
    };
    let layer = |descriptor: &Descriptor| {
        let content = source.open(ctx, descriptor)?;
        // The reader may stop before the end, so the digest is checked first.
        content.verify()?;
        Ok::<_, Error>(content.reader())
    };
    image::survey(manifest, child, layer)
}

/// An index lists a manifest that doesn't exist.
#[derive(Debug, thiserror::Error)]
#[error("the index lists the manifest {0}, which is missing")]
struct MissingChild(Digest);

impl Explain for MissingChild {}

/// The requested blob belongs to another image.
#[derive(Debug, thiserror::Error)]
#[error("the image doesn't contain the blob {0}")]
pub(super) struct BlobNotFound(pub(super) Digest);

impl Explain for BlobNotFound {}
