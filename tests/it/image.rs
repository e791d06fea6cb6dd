//! What other programs read from an image that was built.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::built::{Built, built, built_as_json};
use crate::support::layout::{Layout, sha256, untar};
use crate::support::{Sandbox, program};

const VARIANTS: [&str; 2] = ["oci", "compat"];

fn of_variant(variant: &str) -> Built {
    built(&["--variant", variant])
}

fn skopeo(args: &[&str]) -> Vec<u8> {
    program("skopeo").args(args).assert().success().get_output().stdout.clone()
}

fn reference(layout: &Layout) -> String {
    format!("oci:{}:0.1.0", layout.0)
}

#[test]
fn a_layout_has_its_files_and_no_others() {
    for variant in VARIANTS {
        let image = of_variant(variant).image();
        let entries = |directory: &str| -> BTreeSet<String> {
            let entries = fs_err::read_dir(image.0.join(directory)).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        };
        assert_eq!(entries(""), ["blobs", "index.json", "oci-layout"].map(str::to_owned).into());
        assert_eq!(entries("blobs"), ["sha256".to_owned()].into());
        let marker = fs_err::read_to_string(image.0.join("oci-layout")).unwrap();
        assert_eq!(marker, r#"{"imageLayoutVersion":"1.0.0"}"#);

        let manifest = image.manifest();
        let mut named: BTreeSet<String> = [image.digest()].into();
        for descriptor in manifest["layers"].as_array().unwrap().iter().chain([&manifest["config"]]) {
            let digest = descriptor["digest"].as_str().unwrap();
            assert_eq!(descriptor["size"], image.blob(digest).len(), "{variant}: {descriptor}");
            named.insert(digest.to_owned());
        }
        let stored = entries("blobs/sha256");
        for name in &stored {
            image.blob(&format!("sha256:{name}"));
        }
        assert_eq!(stored.into_iter().map(|name| format!("sha256:{name}")).collect::<BTreeSet<_>>(), named);
    }
}

#[test]
fn the_digest_is_the_same_everywhere() {
    for variant in VARIANTS {
        let (document, build) = built_as_json(&["--variant", variant]);
        let image = build.image();
        let digest = image.digest();
        let hex = digest.strip_prefix("sha256:").unwrap();
        assert_eq!(build.text("digest"), format!("{digest}\n"));
        let package = &document["packages"][0];
        assert_eq!(package["image"]["digest"], digest);
        assert_eq!(package["resource"]["spec"]["sha256"], hex);
        let resource = build.text("wasmplugin.yaml");
        assert!(resource.contains(&format!("\n  sha256: {hex}\n")), "{resource}");
        let url = format!("oci://registry.example:5000/acme/hello:0.1.0@{digest}");
        assert!(resource.contains(&format!("\n  url: {url}\n")), "{resource}");
        let raw = skopeo(&["inspect", "--raw", &reference(&image)]);
        assert_eq!(sha256(&raw), digest, "{variant}");
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [{
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": digest,
                "size": raw.len(),
                "annotations": { "org.opencontainers.image.ref.name": "0.1.0" },
            }],
        });
        assert_eq!(image.index(), index);
    }
}

#[test]
fn the_oci_variant_is_the_configuration_and_the_module() {
    let build = of_variant("oci");
    let layers = build.image().layers();
    assert_eq!(layers, [build.bytes("runtime-config.json"), build.bytes("plugin.wasm")]);
}

#[test]
fn the_compat_variant_is_one_archive_of_both() {
    let build = of_variant("compat");
    let layers = build.image().layers();
    assert_eq!(layers.len(), 1);
    let files = ["plugin.wasm", "runtime-config.json"].map(|name| (name.to_owned(), build.bytes(name)));
    assert_eq!(untar(&layers[0]), files);
}

#[test]
fn both_variants_carry_the_same_files() {
    let [oci, compat] = VARIANTS.map(of_variant);
    for file in ["plugin.wasm", "plugin.debug.wasm", "runtime-config.json"] {
        assert_eq!(oci.bytes(file), compat.bytes(file), "{file}");
    }
    assert_ne!(oci.text("digest"), compat.text("digest"));
}

#[test]
fn umoci_unpacks_the_compat_variant() {
    let build = of_variant("compat");
    let sandbox = Sandbox::new();
    let image = format!("{}:0.1.0", build.image().0);
    program("umoci")
        .args(["unpack", "--rootless", "--image", &image])
        .arg(sandbox.path("bundle"))
        .assert()
        .success();
    let root = sandbox.path("bundle/rootfs");
    let mut names: Vec<_> =
        fs_err::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["plugin.wasm", "runtime-config.json"]);
    for name in ["plugin.wasm", "runtime-config.json"] {
        assert_eq!(fs_err::read(root.join(name)).unwrap(), build.bytes(name), "{name}");
    }
}

#[test]
fn skopeo_reads_the_compat_variant_as_a_container_image() {
    let image = of_variant("compat").image();
    let seen: Value = serde_json::from_slice(&skopeo(&["inspect", &reference(&image)])).unwrap();
    assert_eq!(seen["Digest"], image.digest());
    assert_eq!((&seen["Os"], &seen["Architecture"]), (&json!("linux"), &json!("amd64")));
    let config: Value =
        serde_json::from_slice(&skopeo(&["inspect", "--config", &reference(&image)])).unwrap();
    assert_eq!(config["rootfs"]["type"], "layers");
}

#[test]
fn a_copy_by_skopeo_keeps_the_digest() {
    let image = of_variant("compat").image();
    let sandbox = Sandbox::new();
    let copy = Layout(sandbox.path("copy"));
    skopeo(&["copy", "--insecure-policy", "--quiet", &reference(&image), &reference(&copy)]);
    assert_eq!(copy.digest(), image.digest());
    assert_eq!(copy.module(), image.module());
}
