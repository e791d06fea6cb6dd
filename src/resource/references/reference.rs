//! References and the resources around them, as they were found in a stream of documents.

use std::ops::Range;

use super::slot::Slot;

/// What a reference begins with.
pub const SCHEME: &str = "wasmplugin://";

/// A value that stands for the image of a package.
#[derive(Debug)]
pub(super) struct Reference {
    pub(super) package: String,
    /// The name of the place: `` `spec.url` ``.
    pub(super) field: String,
    pub(super) span: Range<usize>,
    pub(super) url: Slot,
    pub(super) sha256: Slot,
}

/// A resource of a kind that may have references.
#[derive(Debug)]
pub(super) struct NamedResource {
    pub(super) id: ResourceId,
    /// The place of its name.
    pub(super) span: Range<usize>,
    pub(super) has_references: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ResourceId {
    pub(super) kind: &'static str,
    pub(super) namespace: String,
    pub(super) name: String,
}
