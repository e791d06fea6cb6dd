//! An OCI image layout, read without the code that wrote it: from `index.json` by the digests.

use std::io::Read as _;

use camino::Utf8PathBuf;
use flate2::read::GzDecoder;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The folder of an image.
pub(crate) struct Layout(pub(crate) Utf8PathBuf);

impl Layout {
    pub(crate) fn index(&self) -> Value {
        serde_json::from_slice(&fs_err::read(self.0.join("index.json")).unwrap()).unwrap()
    }

    /// The digest of the one manifest.
    pub(crate) fn digest(&self) -> String {
        let index = self.index();
        let manifests = index["manifests"].as_array().unwrap();
        assert_eq!(manifests.len(), 1, "{index:#}");
        manifests[0]["digest"].as_str().unwrap().to_owned()
    }

    pub(crate) fn manifest(&self) -> Value {
        serde_json::from_slice(&self.blob(&self.digest())).unwrap()
    }

    /// The bytes that a digest names, which must be its own.
    pub(crate) fn blob(&self, digest: &str) -> Vec<u8> {
        let hex = digest.strip_prefix("sha256:").unwrap();
        let bytes = fs_err::read(self.0.join("blobs/sha256").join(hex)).unwrap();
        assert_eq!(sha256(&bytes), digest);
        bytes
    }

    /// The bytes of the layers, in order.
    pub(crate) fn layers(&self) -> Vec<Vec<u8>> {
        let manifest = self.manifest();
        let layers = manifest["layers"].as_array().unwrap().iter();
        layers.map(|layer| self.blob(layer["digest"].as_str().unwrap())).collect()
    }

    /// The module as a mesh takes it out of an image of either variant.
    pub(crate) fn module(&self) -> Vec<u8> {
        let layers = self.layers();
        match &layers[..] {
            [_, module] => module.clone(),
            [archive] => {
                let mut files = untar(archive).into_iter();
                files.find(|(name, _)| name == "plugin.wasm").expect("the layer has no plugin.wasm").1
            }
            layers => panic!("a mesh takes one layer or two, and there are {}", layers.len()),
        }
    }
}

/// The files of a gzipped tar archive.
pub(crate) fn untar(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(GzDecoder::new(archive));
    let files = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (entry.path().unwrap().to_str().unwrap().to_owned(), bytes)
    });
    files.collect()
}

/// `sha256:` and the digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digits: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}
