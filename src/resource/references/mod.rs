//! References to cargo packages in manifests: `wasmplugin://PACKAGE` in place of the URL of an image.
//!
//! The manifests belong to the user, so they are edited and not rewritten: values are changed and lines are added, but
//! every other byte stays the same. Documents without a reference aren't judged at all. A reference that can't be
//! resolved is always an error, because only this program understands it.

mod file;
mod finder;
mod holder;
mod insertion;
mod reference;

pub use file::ManifestFile;
pub use holder::{Holder, holders};
pub use reference::{NamedResource, ReferenceFault, SCHEME};

#[cfg(test)]
mod tests;
