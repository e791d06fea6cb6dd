//! The `oci` variant: an artifact of exactly two layers, the configuration and the raw module. A third one
//! makes a proxy refuse it.

use std::collections::BTreeMap;

use oci_spec::image::{ImageManifestBuilder, MediaType, SCHEMA_VERSION};

use crate::image::{Blob, Image, MODULE_FILE, RUNTIME_CONFIG_FILE, RuntimeConfig};
use crate::module::ShippedModule;

const CONFIG_LAYER: &str = "application/vnd.module.wasm.config.v1+json";
const MODULE_LAYER: &str = "application/vnd.module.wasm.content.layer.v1+wasm";
const TITLE: &str = "org.opencontainers.image.title";

/// The media type of the layer that is the module.
pub(super) fn module_layer() -> MediaType {
    MediaType::from(MODULE_LAYER)
}

pub(super) fn assemble(
    module: &ShippedModule,
    runtime_config: &RuntimeConfig,
    annotations: BTreeMap<String, String>,
) -> Image {
    let config = Blob::new(MediaType::EmptyJSON, b"{}".to_vec());
    let config_layer = Blob::new(MediaType::from(CONFIG_LAYER), runtime_config.to_bytes());
    let module_layer = Blob::new(module_layer(), module.bytes().to_vec());
    let manifest = ImageManifestBuilder::default()
        .schema_version(SCHEMA_VERSION)
        .media_type(MediaType::ImageManifest)
        .artifact_type(MediaType::from(CONFIG_LAYER))
        .config(config.descriptor(&[]))
        .layers([
            config_layer.descriptor(&[(TITLE, RUNTIME_CONFIG_FILE)]),
            module_layer.descriptor(&[(TITLE, MODULE_FILE)]),
        ])
        .annotations(annotations.into_iter().collect::<std::collections::HashMap<_, _>>())
        .build()
        .expect("schema version, config and layers are all that a manifest needs");
    Image::of(&manifest, config, vec![config_layer, module_layer])
}
