//! The resources that name a plugin to a mesh.
//!
//! A [`Draft`] is what the author wrote; pinned to an image it becomes a [`Resource`] of the [`Kind`] that was asked
//! for. All are documents, never structs: a field that this version doesn't know survives, or its loss is reported.

mod conversion;
mod draft;
mod exported;
mod field;
mod kinds;
mod name;
mod overrides;
mod path;
mod pinned;
pub mod references;
mod schema;
mod url;

pub use conversion::Loss;
pub use draft::Draft;
pub use field::Field;
pub use kinds::{Addition, KINDS, Kind, TARGET_KINDS, TargetKind, TargetRef, is_known_to, renamed};
pub use name::{
    LONGEST_LABEL, from_package, kubernetes_label_problem, kubernetes_name_problem, label_key_problem,
    label_value_problem,
};
pub use overrides::{FlagSyntax, FlagValue, Overrides, RESOURCE_FLAGS, ResourceFlag};
pub use pinned::{Artifact, PulledImage, Resource, url_differences};
pub use schema::{Mismatch, MismatchKind};
pub use url::{OciUrl, Url, is_sha256};

#[cfg(test)]
mod tests;
