//! References in manifests, the resources that contain them, and references that can't be resolved.

use std::ops::Range;

use crate::resource::references::holder::Holder;
use crate::resource::references::insertion::Insertion;

/// The start of a reference.
pub const SCHEME: &str = "wasmplugin://";

/// A reference to the image of a package.
#[derive(Debug)]
pub(super) struct PackageReference {
    pub(super) package: String,
    /// The path of the field, in backticks.
    pub(super) field: String,
    pub(super) span: Range<usize>,
    pub(super) url: Insertion,
    pub(super) sha256: Insertion,
}

/// A resource of a kind that can have references.
#[derive(Debug)]
pub struct NamedResource {
    pub id: ResourceId,
    pub span: Range<usize>,
    /// Whether it contains a reference.
    pub has_references: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourceId {
    pub holder: Holder,
    /// The namespace; empty if it has none.
    pub namespace: String,
    pub name: String,
}

/// A reference that can't be resolved in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceFault {
    /// The path of the field.
    pub field: String,
    pub span: Range<usize>,
    pub message: String,
    /// What to show next to these bytes; may be empty.
    pub label: String,
    pub help: String,
}
