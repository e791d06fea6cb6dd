//! The two ways in which a module is packed.

use std::collections::BTreeMap;

use crate::image::packed::Image;
use crate::image::runtime_config::RuntimeConfig;
use crate::image::{compat, oci};
use crate::module::ShippedModule;

/// How the module is laid out in its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// An artifact of two layers: the runtime configuration and the raw module.
    Oci,
    /// A container image of one layer, for registries that refuse other media types.
    Compat,
}

impl Variant {
    /// Packs a module that has passed the checks.
    pub fn pack(
        self,
        module: &ShippedModule,
        runtime_config: &RuntimeConfig,
        annotations: BTreeMap<String, String>,
    ) -> Image {
        match self {
            Variant::Oci => oci::pack(module, runtime_config, annotations),
            Variant::Compat => compat::pack(module, runtime_config, annotations),
        }
    }
}
