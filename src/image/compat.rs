//! The `compat` variant: a container image of one layer, which every registry takes.

use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;

use flate2::read::GzDecoder;
use oci_spec::image::{
    Arch, ConfigBuilder, ImageConfigurationBuilder, ImageManifestBuilder, MediaType, Os, RootFsBuilder,
    SCHEMA_VERSION,
};

use crate::digest::Digest;
use crate::image::archive::{gzip, tar};
use crate::image::{Blob, Image, MODULE_FILE, RUNTIME_CONFIG_FILE, RuntimeConfig, canonical_json};
use crate::module::ShippedModule;

const VARIANT: (&str, &str) = ("module.wasm.image/variant", "compat");

pub(super) fn assemble(
    module: &ShippedModule,
    runtime_config: &RuntimeConfig,
    mut annotations: BTreeMap<String, String>,
) -> Image {
    annotations.insert(VARIANT.0.to_owned(), VARIANT.1.to_owned());
    let runtime_config = runtime_config.to_bytes();
    let tar = tar(&[(MODULE_FILE, module.bytes()), (RUNTIME_CONFIG_FILE, &runtime_config)]);
    let layer = Blob::new(MediaType::ImageLayerGzip, gzip(&tar));
    // No proxy looks at the platform of a single image; other readers take linux/amd64 without asking.
    let configuration = ImageConfigurationBuilder::default()
        .architecture(Arch::Amd64)
        .os(Os::Linux)
        .config(ConfigBuilder::default().build().expect("a config needs nothing"))
        .rootfs(
            RootFsBuilder::default()
                .typ("layers")
                .diff_ids([Digest::of(&tar).to_string()])
                .build()
                .expect("a root file system needs its type and its layers"),
        )
        .history([])
        .build()
        .expect("architecture, os and rootfs are all that a configuration needs");
    let config = Blob::new(MediaType::ImageConfig, canonical_json(&configuration));
    let manifest = ImageManifestBuilder::default()
        .schema_version(SCHEMA_VERSION)
        .media_type(MediaType::ImageManifest)
        .config(config.descriptor(&[]))
        .layers([layer.descriptor(&[])])
        .annotations(annotations.into_iter().collect::<HashMap<_, _>>())
        .build()
        .expect("schema version, config and layers are all that a manifest needs");
    Image::of(&manifest, config, vec![layer])
}

/// The module in a layer, found as a mesh finds it: the first file of that name, in any folder.
pub(super) fn module(layer: &[u8]) -> Option<Vec<u8>> {
    // A mesh reads no more than this either.
    const LIMIT: u64 = 256 << 20;
    let mut archive = tar::Archive::new(GzDecoder::new(layer).take(LIMIT));
    for entry in archive.entries().ok()? {
        let mut entry = entry.ok()?;
        if entry.path().ok()?.file_name().is_some_and(|name| name == MODULE_FILE) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).ok()?;
            // Of an archive that was cut short, the crate gives what is left.
            return Some(bytes).filter(|bytes| bytes.len() as u64 == entry.size());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::module;
    use crate::image::archive::{gzip, tar};

    #[test]
    fn the_module_is_found_in_any_folder() {
        let layer = |files: &[(&str, &[u8])]| gzip(&tar(files));
        let found = module(&layer(&[("README", b"1"), ("opt/plugin.wasm", b"2"), ("plugin.wasm", b"3")]));
        assert_eq!(found.as_deref(), Some(&b"2"[..]));
        assert_eq!(module(&layer(&[("README", b"1")])), None);
        assert_eq!(module(b"no archive"), None);
    }
}
