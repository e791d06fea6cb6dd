//! What is found in manifests: references, the resources around them, and references that can't be resolved.

use std::ops::Range;

use crate::resource::references::insertion::Insertion;

/// What a reference begins with.
pub const SCHEME: &str = "wasmplugin://";

/// A value that stands for the image of a package.
#[derive(Debug)]
pub(super) struct PackageReference {
    pub(super) package: String,
    /// The path of the field, in backticks.
    pub(super) field: String,
    pub(super) span: Range<usize>,
    pub(super) url: Insertion,
    pub(super) sha256: Insertion,
}

/// A resource of a kind that may have references.
#[derive(Debug)]
pub struct NamedResource {
    /// What tells it from others.
    pub id: ResourceId,
    /// The bytes of its name.
    pub span: Range<usize>,
    /// Whether it has a reference.
    pub has_references: bool,
}

/// What tells a resource from others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourceId {
    /// The kind.
    pub kind: &'static str,
    /// The namespace; empty if none is given.
    pub namespace: String,
    /// The name.
    pub name: String,
}

/// A reference that can't be resolved where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceFault {
    /// The path of the field.
    pub field: String,
    /// The bytes to point at.
    pub span: Range<usize>,
    /// What is wrong, in one line.
    pub message: String,
    /// What is said beside these bytes; may be empty.
    pub label: String,
    /// What to do about it.
    pub help: String,
}
