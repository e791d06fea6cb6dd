//! References to cargo packages in manifests: `wasmplugin://PACKAGE` in the place of the url of an image.
//!
//! Manifests are the work of others, so nothing is written anew: a value is changed, or a line is added, and every
//! other byte stays. Documents without a reference aren't judged at all. The others keep no value that only this
//! program would understand: a reference that can't be resolved is an error, wherever it is.

mod file;
mod finder;
mod insertion;
mod reference;

pub use file::ManifestFile;
pub use reference::{NamedResource, ReferenceFault, SCHEME};

#[cfg(test)]
mod tests;
