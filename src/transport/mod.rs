//! Where images come from and where they go: registries, layouts and archives.
//!
//! Each of them is a [`Source`](source::Source) and a [`Sink`]. Blobs are streamed from one to the other and hashed on the
//! way, so that a damaged blob is never stored under its digest.

mod archive;
mod content;
mod destination;
mod dry_run;
mod index;
mod layout;
mod memory;
mod opened;
pub mod registry;
mod sink;
mod source;

#[cfg(test)]
mod tests;

pub use destination::Destination;
pub use dry_run::DryRun;
pub use layout::Layout;
pub use opened::OpenedImage;
pub use sink::{Sink, Step, Transfer};
pub use source::survey;
