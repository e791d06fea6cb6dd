//! A manifest that was read is written so that it is read as the same, and a mesh finds the module in an image if and
//! only if it is where the rules say.
#![no_main]

use cargo_wasmplugin::internals::{manifest, survey};
use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const ARCHIVE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const MODULE: &str = "application/vnd.module.wasm.content.layer.v1+wasm";

#[derive(Arbitrary, Debug)]
struct Input {
    /// Any bytes as a manifest and as a layer.
    bytes: Vec<u8>,
    /// The media types of the layers.
    layers: Vec<Kind>,
    content: Content,
    layer_damage: Option<Damage>,
    manifest_damage: Option<Damage>,
}

/// A byte that is replaced.
#[derive(Arbitrary, Debug)]
struct Damage {
    at: usize,
    byte: u8,
}

#[derive(Arbitrary, Debug, Clone, Copy, PartialEq)]
enum Kind {
    Archive,
    Module,
    Other,
}

#[derive(Arbitrary, Debug)]
enum Content {
    Raw(Vec<u8>),
    Archive(Vec<(Name, Vec<u8>)>),
}

#[derive(Arbitrary, Debug, Clone, Copy, PartialEq)]
enum Name {
    Module,
    InDirectory,
    Other,
}

fuzz_target!(|input: Input| {
    let Input { bytes, layers, content, layer_damage, manifest_damage } = input;
    for kind in [MANIFEST, INDEX, "application/vnd.docker.distribution.manifest.v2+json", ""] {
        check(survey(kind, &bytes, &bytes, &bytes));
    }
    let layer = content.write();
    let image = image(&layers, &layer).to_string().into_bytes();
    assert!(manifest(&image).is_some());
    let found = survey(MANIFEST, &image, b"", &layer);
    assert_eq!(found.clone().ok(), expected(&layers, &content, &layer), "{layers:?} {content:?}");
    let index = json!({ "manifests": [descriptor(MANIFEST, &image)] }).to_string();
    assert_eq!(survey(INDEX, index.as_bytes(), &image, &layer), found);

    let [layer, image] = [(layer, layer_damage), (image, manifest_damage)].map(damaged);
    check(survey(MANIFEST, &image, b"", &layer));
    for bytes in [bytes, image] {
        if let Some(written) = manifest(&bytes) {
            assert_eq!(manifest(&written), Some(written));
        }
    }
});

fn damaged((mut bytes, damage): (Vec<u8>, Option<Damage>)) -> Vec<u8> {
    if let Some(Damage { at, byte }) = damage.filter(|_| !bytes.is_empty()) {
        let length = bytes.len();
        bytes[at % length] = byte;
    }
    bytes
}

fn check(found: Result<Vec<u8>, String>) {
    match found {
        Ok(module) => assert!(is_module(&module)),
        Err(reason) => assert!(!reason.is_empty()),
    }
}

fn expected(layers: &[Kind], content: &Content, layer: &[u8]) -> Option<Vec<u8>> {
    let file = match content {
        Content::Archive(files) if layers.last() == Some(&Kind::Archive) => {
            files.iter().find(|(name, _)| *name != Name::Other)
        }
        _ => None,
    };
    let artifact = || (layers.len() == 2 && layers.contains(&Kind::Module)).then(|| layer.to_vec());
    file.map(|(_, module)| module.clone()).or_else(artifact).filter(|module| is_module(module))
}

fn is_module(bytes: &[u8]) -> bool {
    bytes.len() >= 8 && bytes.starts_with(b"\0asm")
}

impl Content {
    fn write(&self) -> Vec<u8> {
        let files = match self {
            Content::Raw(bytes) => return bytes.clone(),
            Content::Archive(files) => files,
        };
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, bytes) in files {
            let name = match name {
                Name::Module => "plugin.wasm",
                Name::InDirectory => "a/plugin.wasm",
                Name::Other => "plugin.wasm.txt",
            };
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            archive.append_data(&mut header, name, &bytes[..]).expect("memory can be written");
        }
        archive.into_inner().and_then(GzEncoder::finish).expect("memory can be written")
    }
}

fn image(layers: &[Kind], layer: &[u8]) -> Value {
    let layers = layers.iter().map(|kind| {
        let kind = match kind {
            Kind::Archive => ARCHIVE,
            Kind::Module => MODULE,
            Kind::Other => "text/plain",
        };
        descriptor(kind, layer)
    });
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"),
        "layers": layers.collect::<Vec<_>>(),
    })
}

fn descriptor(kind: &str, bytes: &[u8]) -> Value {
    let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    json!({ "mediaType": kind, "digest": format!("sha256:{digest}"), "size": bytes.len() })
}
