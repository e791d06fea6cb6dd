//! Images as other tools create them, pushed to a registry piece by piece.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::support::http::send;
use crate::support::layout::sha256;
use crate::support::registry::Registry;

pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub(crate) const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
pub(crate) const MODULE_LAYER: &str = "application/vnd.module.wasm.content.layer.v1+wasm";
pub(crate) const CONFIG_LAYER: &str = "application/vnd.module.wasm.config.v1+json";

/// The repository that the images are pushed to.
pub(crate) struct Foreign<'r> {
    pub(crate) registry: &'r Registry,
    pub(crate) repository: &'r str,
}

impl Foreign<'_> {
    /// Pushes an image with these layers under a tag, and returns its descriptor. A layer is a media type and its bytes.
    pub(crate) fn image(&self, tag: &str, media_type: &str, layers: &[(&str, &[u8])]) -> Value {
        let config = self.blob("application/vnd.oci.image.config.v1+json", b"{}");
        let layers: Vec<Value> = layers.iter().map(|(kind, bytes)| self.blob(kind, bytes)).collect();
        let manifest =
            json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers });
        self.manifest(tag, media_type, &manifest)
    }

    /// Pushes an index of these images under a tag. An image is a descriptor and its platform.
    pub(crate) fn index(&self, tag: &str, media_type: &str, images: &[(&Value, Value)]) -> Value {
        let entries = images.iter().map(|(image, platform)| {
            let mut entry = (*image).clone();
            if !platform.is_null() {
                entry["platform"] = platform.clone();
            }
            entry
        });
        let index = json!({
            "schemaVersion": 2,
            "mediaType": media_type,
            "manifests": entries.collect::<Vec<_>>(),
        });
        self.manifest(tag, media_type, &index)
    }

    fn manifest(&self, tag: &str, media_type: &str, manifest: &Value) -> Value {
        let bytes = manifest.to_string();
        let path = format!("/v2/{}/manifests/{tag}", self.repository);
        let kind = [("Content-Type", media_type)];
        let put = send(self.registry.address(), "PUT", &path, &kind, bytes.as_bytes()).unwrap();
        assert_eq!(put.status, 201, "{}", String::from_utf8_lossy(&put.body));
        json!({ "mediaType": media_type, "digest": sha256(bytes.as_bytes()), "size": bytes.len() })
    }

    fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let address = self.registry.address();
        let begun = send(address, "POST", &format!("/v2/{}/blobs/uploads/", self.repository), &[], b"");
        let begun = begun.unwrap();
        let location = begun.values("location")[0];
        let path = location.strip_prefix(&format!("http://{address}")).unwrap_or(location);
        let digest = sha256(bytes);
        let put = send(address, "PUT", &format!("{path}&digest={digest}"), &[], bytes).unwrap();
        assert_eq!(put.status, 201, "{}", String::from_utf8_lossy(&put.body));
        json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
    }
}

/// A tar archive of these files.
pub(crate) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, name, *bytes).unwrap();
    }
    archive.into_inner().unwrap()
}

/// One gzip member.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
