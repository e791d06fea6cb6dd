//! The `compat` variant: a container image with one layer, which every registry accepts.

use std::collections::{BTreeMap, HashMap};

use oci_spec::image::{
    Arch, ConfigBuilder, ImageConfigurationBuilder, ImageManifestBuilder, MediaType, Os, RootFsBuilder,
    SCHEMA_VERSION,
};

use crate::image::archive;
use crate::image::descriptor::Blob;
use crate::image::json::canonical_json;
use crate::image::names::{MODULE_FILE, RUNTIME_CONFIG_FILE};
use crate::image::packed::Image;
use crate::image::runtime_config::RuntimeConfig;
use crate::module::ShippedModule;

const VARIANT: (&str, &str) = ("module.wasm.image/variant", "compat");

pub(super) fn pack(
    module: &ShippedModule,
    runtime_config: &RuntimeConfig,
    mut annotations: BTreeMap<String, String>,
) -> Image {
    annotations.insert(VARIANT.0.to_owned(), VARIANT.1.to_owned());
    let runtime_config = runtime_config.to_bytes();
    let files = [(MODULE_FILE, &module.bytes()[..]), (RUNTIME_CONFIG_FILE, &runtime_config)];
    let (layer, diff_id) = archive::layer(&files);
    let layer = Blob::new(MediaType::ImageLayerGzip, layer);
    // Proxies ignore the platform of a single image. Other tools accept linux/amd64 by default.
    let configuration = ImageConfigurationBuilder::default()
        .architecture(Arch::Amd64)
        .os(Os::Linux)
        .config(ConfigBuilder::default().build().expect("a config has no required fields"))
        .rootfs(
            RootFsBuilder::default()
                .typ("layers")
                .diff_ids([diff_id.to_string()])
                .build()
                .expect("a root file system needs only its type and its diff IDs"),
        )
        .history([])
        .build()
        .expect("a configuration needs only architecture, os and rootfs");
    let config = Blob::new(MediaType::ImageConfig, canonical_json(&configuration));
    let manifest = ImageManifestBuilder::default()
        .schema_version(SCHEMA_VERSION)
        .media_type(MediaType::ImageManifest)
        .config(config.descriptor.annotated(&[]))
        .layers([layer.descriptor.annotated(&[])])
        .annotations(annotations.into_iter().collect::<HashMap<_, _>>())
        .build()
        .expect("a manifest needs only schema version, config and layers");
    Image::of(&manifest, config, vec![layer])
}
