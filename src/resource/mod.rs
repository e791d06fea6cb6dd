//! The resources that name a plugin to a mesh.

pub mod yaml;
