//! An OCI image layout, read without the program's own code: from `index.json` on, following the digests.

use std::collections::BTreeMap;
use std::io::Read as _;

use camino::Utf8PathBuf;
use flate2::read::GzDecoder;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The directory of a layout.
pub(crate) struct Layout(pub(crate) Utf8PathBuf);

/// The parts of an image.
pub(crate) struct Image {
    pub(crate) digest: String,
    pub(crate) manifest: Value,
    /// The bytes of the config and of the layers, in order.
    pub(crate) config: Vec<u8>,
    pub(crate) layers: Vec<Vec<u8>>,
}

impl Layout {
    /// Reads the only image of the layout.
    ///
    /// # Errors
    /// If there isn't exactly one image, or a part of it is missing or doesn't match its descriptor.
    pub(crate) fn read(&self) -> Result<Image, String> {
        let index: Value = json(&self.file("index.json")?)?;
        let [descriptor] = &index["manifests"].as_array().ok_or("the index lists no manifests")?[..] else {
            return Err(format!("there is not one image: {index:#}"));
        };
        let manifest: Value = json(&self.described(descriptor)?)?;
        let layers = manifest["layers"].as_array().ok_or("the manifest has no layers")?;
        Ok(Image {
            digest: digest_of(descriptor)?.to_owned(),
            config: self.described(&manifest["config"])?,
            layers: layers.iter().map(|layer| self.described(layer)).collect::<Result<_, _>>()?,
            manifest,
        })
    }

    fn file(&self, path: &str) -> Result<Vec<u8>, String> {
        fs_err::read(self.0.join(path)).map_err(|error| error.to_string())
    }

    /// The bytes that a descriptor describes, checked against its digest and size.
    fn described(&self, descriptor: &Value) -> Result<Vec<u8>, String> {
        let digest = digest_of(descriptor)?;
        let bytes = self.file(&format!("blobs/{}", digest.replace(':', "/")))?;
        if sha256(&bytes) != digest || descriptor["size"] != bytes.len() {
            return Err(format!(
                "a blob of {} bytes with {} is not {descriptor}",
                bytes.len(),
                sha256(&bytes)
            ));
        }
        Ok(bytes)
    }

    pub(crate) fn index(&self) -> Value {
        json(&self.file("index.json").unwrap()).unwrap()
    }

    /// The digest of the only manifest.
    pub(crate) fn digest(&self) -> String {
        self.read().unwrap().digest
    }

    pub(crate) fn manifest(&self) -> Value {
        self.read().unwrap().manifest
    }

    /// The bytes with that digest, which is checked.
    pub(crate) fn blob(&self, digest: &str) -> Vec<u8> {
        let bytes = self.file(&format!("blobs/{}", digest.replace(':', "/"))).unwrap();
        assert_eq!(sha256(&bytes), digest);
        bytes
    }

    /// The bytes of the layers, in order.
    pub(crate) fn layers(&self) -> Vec<Vec<u8>> {
        self.read().unwrap().layers
    }

    /// The module in an image of either variant.
    pub(crate) fn module(&self) -> Vec<u8> {
        self.read().unwrap().files().unwrap().remove("plugin.wasm").expect("the image has no plugin.wasm")
    }
}

impl Image {
    /// The files in the layers of either variant.
    ///
    /// # Errors
    /// If a layer has another media type.
    pub(crate) fn files(&self) -> Result<BTreeMap<String, Vec<u8>>, String> {
        let mut files = BTreeMap::new();
        for (descriptor, bytes) in self.manifest["layers"].as_array().unwrap().iter().zip(&self.layers) {
            match descriptor["mediaType"].as_str() {
                Some("application/vnd.module.wasm.content.layer.v1+wasm") => {
                    files.insert("plugin.wasm".to_owned(), bytes.clone());
                }
                Some("application/vnd.module.wasm.config.v1+json") => {
                    files.insert("runtime-config.json".to_owned(), bytes.clone());
                }
                Some("application/vnd.oci.image.layer.v1.tar+gzip") => files.extend(untar(bytes)),
                other => return Err(format!("a layer of type {other:?}")),
            }
        }
        Ok(files)
    }
}

fn json(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

fn digest_of(descriptor: &Value) -> Result<&str, String> {
    descriptor["digest"].as_str().ok_or_else(|| format!("there is no digest in {descriptor}"))
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

/// The digest, with `sha256:`.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digits: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}
