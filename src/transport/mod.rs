//! Places that an image is written to.

pub mod layout;
