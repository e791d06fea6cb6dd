//! Images: packing a module into an image, and finding the module that a mesh loads from any image. Nothing here reads
//! or writes files.

mod archive;
mod compat;
mod descriptor;
mod json;
mod manifest;
mod names;
mod oci;
mod packed;
mod runtime_config;
mod survey;
mod variant;

pub use archive::entry_header;
pub use descriptor::{Blob, Descriptor};
pub use json::canonical_json;
pub use manifest::Manifest;
pub use names::{DOCKER_MANIFEST, DOCKER_MANIFEST_LIST, MODULE_FILE, RUNTIME_CONFIG_FILE};
pub use packed::Image;
pub use runtime_config::RuntimeConfig;
pub use survey::{LAYER_LIMIT, Unloadable, Verdict, survey};
pub use variant::Variant;
