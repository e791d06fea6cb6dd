//! Rules about manifests with references to packages.

pub(in crate::check) mod bad_reference;
pub(in crate::check) mod duplicate_resource;
