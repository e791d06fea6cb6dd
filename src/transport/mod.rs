//! Places that an image is written to, and read from.

pub mod archive;
pub mod layout;
pub mod registry;
