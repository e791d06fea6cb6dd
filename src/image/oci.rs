//! The `oci` variant: an artifact with exactly two layers, the runtime configuration and the raw module. A proxy
//! refuses an artifact with a third layer.

use std::collections::{BTreeMap, HashMap};

use oci_spec::image::{ImageManifestBuilder, MediaType, SCHEMA_VERSION};

use crate::image::descriptor::Blob;
use crate::image::names::{CONFIG_LAYER, MODULE_FILE, MODULE_LAYER, RUNTIME_CONFIG_FILE};
use crate::image::packed::Image;
use crate::image::runtime_config::RuntimeConfig;
use crate::module::ShippedModule;

const TITLE: &str = "org.opencontainers.image.title";

pub(super) fn pack(
    module: &ShippedModule,
    runtime_config: &RuntimeConfig,
    annotations: BTreeMap<String, String>,
) -> Image {
    let config = Blob::new(MediaType::EmptyJSON, &b"{}"[..]);
    let config_layer = Blob::new(MediaType::from(CONFIG_LAYER), runtime_config.to_bytes());
    let module_layer = Blob::new(MediaType::from(MODULE_LAYER), module.bytes().clone());
    let manifest = ImageManifestBuilder::default()
        .schema_version(SCHEMA_VERSION)
        .media_type(MediaType::ImageManifest)
        .artifact_type(MediaType::from(CONFIG_LAYER))
        .config(config.descriptor.annotated(&[]))
        .layers([
            config_layer.descriptor.annotated(&[(TITLE, RUNTIME_CONFIG_FILE)]),
            module_layer.descriptor.annotated(&[(TITLE, MODULE_FILE)]),
        ])
        .annotations(annotations.into_iter().collect::<HashMap<_, _>>())
        .build()
        .expect("a manifest needs only schema version, config and layers");
    Image::of(&manifest, config, vec![config_layer, module_layer])
}
