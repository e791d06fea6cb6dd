//! The part of a mesh that loads a module from a registry, with the rules of Istio's agent. It refuses what the agent
//! refuses, with the agent's messages if they are known.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use serde_json::Value;

use crate::support::http;
use crate::support::layout::sha256;

const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const CONTENT_LAYER: &str = "application/vnd.module.wasm.content.layer.v1+wasm";

/// The agent reads at most this much of a module.
const LIMIT: u64 = 256 << 20;

/// Loads the module that `spec.url` and `spec.sha256` name.
pub(crate) fn load(url: &str, sha256: Option<&str>) -> Result<Vec<u8>, String> {
    let image = Url::parse(url)?;
    let expected = sha256.or(image.digest()?);
    pull(image.address, image.repository, image.reference, expected)
}

/// The parts of an `oci` URL.
#[derive(Debug, PartialEq)]
pub(crate) struct Url<'a> {
    pub(crate) address: &'a str,
    pub(crate) repository: &'a str,
    /// The digest if there is one, otherwise the tag. A tag next to a digest is ignored.
    pub(crate) reference: &'a str,
}

impl<'a> Url<'a> {
    pub(crate) fn parse(url: &'a str) -> Result<Self, String> {
        let rest = url.strip_prefix("oci://").ok_or_else(|| format!("{url} is not the URL of an image"))?;
        // A query is ignored.
        let rest = rest.split('?').next().unwrap_or(rest);
        let (address, path) = rest.split_once('/').ok_or_else(|| format!("{url} has no repository"))?;
        let (path, digest) = match path.split_once('@') {
            Some((path, digest)) => (path, Some(digest)),
            None => (path, None),
        };
        let (repository, tag) = path.split_once(':').unwrap_or((path, "latest"));
        Ok(Url { address, repository, reference: digest.unwrap_or(tag) })
    }

    /// The hex digits of the digest, which are expected if `spec.sha256` is not set.
    fn digest(&self) -> Result<Option<&'a str>, String> {
        if !self.reference.contains(':') {
            return Ok(None);
        }
        let digits = self.reference.strip_prefix("sha256:");
        digits
            .filter(|digits| digits.len() == 64)
            .map(Some)
            .ok_or(format!("{} is not a digest", self.reference))
    }
}

/// The module in the image that a tag or a digest names, in a registry without TLS. `expected` is the SHA-256 of the
/// manifest in hex.
pub(crate) fn pull(
    address: &str,
    repository: &str,
    reference: &str,
    expected: Option<&str>,
) -> Result<Vec<u8>, String> {
    let repository = Repository { address, name: repository };
    let manifest = repository.manifest(reference)?;
    if let Some(expected) = expected.filter(|expected| *expected != manifest.checksum) {
        let of = format!("module downloaded from {address}/{}", repository.name);
        return Err(format!("{of} has checksum {}, which does not match: {expected}", manifest.checksum));
    }
    let module = repository.module(&manifest.document)?;
    if module.len() < 8 || !module.starts_with(b"\0asm") {
        return Err("fetched Wasm binary is invalid".to_owned());
    }
    Ok(module)
}

struct Repository<'a> {
    address: &'a str,
    name: &'a str,
}

struct Manifest {
    document: Value,
    /// The SHA-256 in hex.
    checksum: String,
}

impl Repository<'_> {
    /// Gets a manifest. Resolves an index to its image for linux/amd64, regardless of the platform of the mesh.
    fn manifest(&self, reference: &str) -> Result<Manifest, String> {
        let accept = [DOCKER_MANIFEST, DOCKER_INDEX, OCI_MANIFEST, OCI_INDEX].join(",");
        let (bytes, kind) = self.get(&format!("manifests/{reference}"), &accept)?;
        let digest = sha256(&bytes);
        if reference.contains(':') && reference != digest {
            return Err(format!(
                "manifest digest: {digest:?} does not match requested digest: {reference:?}"
            ));
        }
        let document: Value = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        if kind != OCI_INDEX && kind != DOCKER_INDEX {
            return Ok(Manifest { document, checksum: digest["sha256:".len()..].to_owned() });
        }
        let fits = |child: &&Value| {
            let platform = &child["platform"];
            platform.is_null() || (platform["os"] == "linux" && platform["architecture"] == "amd64")
        };
        let children = list(&document, "manifests");
        let child = children.iter().find(fits).and_then(|child| child["digest"].as_str());
        let child =
            child.ok_or_else(|| format!("no child with platform linux/amd64 in index {reference}"))?;
        self.manifest(child)
    }

    /// The module in an image of one of the three supported formats.
    fn module(&self, manifest: &Value) -> Result<Vec<u8>, String> {
        let layers = list(manifest, "layers");
        if manifest["mediaType"] == DOCKER_MANIFEST {
            let module = self.out_of_archive(layers, DOCKER_LAYER);
            return module.map_err(|error| format!("could not fetch Docker image: {error}"));
        }
        self.out_of_archive(layers, OCI_LAYER).or_else(|compat| {
            self.out_of_artifact(layers).map_err(|oci| {
                format!(
                    "the given image is in invalid format as an OCI image: could not parse as compat \
                     variant: {compat}; could not parse as oci variant: {oci}"
                )
            })
        })
    }

    /// The first `plugin.wasm` in the last layer, which must be an archive.
    fn out_of_archive(&self, layers: &[Value], kind: &str) -> Result<Vec<u8>, String> {
        let last = layers.last().ok_or("number of layers must be greater than zero")?;
        if last["mediaType"] != kind {
            return Err(format!("invalid media type {} (expect {kind})", last["mediaType"]));
        }
        let layer = self.blob(last)?;
        let mut archive = tar::Archive::new(MultiGzDecoder::new(&layer[..]).take(LIMIT));
        for entry in archive.entries().map_err(|error| error.to_string())? {
            let mut entry = entry.map_err(|error| format!("not a gzipped archive: {error}"))?;
            // Directories and links with this name match too, and are empty.
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            if path.trim_end_matches('/').rsplit('/').next() == Some("plugin.wasm") {
                let mut module = Vec::new();
                entry.read_to_end(&mut module).map_err(|error| error.to_string())?;
                let whole = module.len() as u64 == entry.size();
                return if whole { Ok(module) } else { Err("unexpected EOF".to_owned()) };
            }
        }
        Err("plugin.wasm not found in the archive".to_owned())
    }

    /// The module layer. There must be two layers, and the other one is ignored.
    fn out_of_artifact(&self, layers: &[Value]) -> Result<Vec<u8>, String> {
        if layers.len() != 2 {
            return Err(format!("number of layers must be 2 but got {}", layers.len()));
        }
        let layer = layers.iter().find(|layer| layer["mediaType"] == CONTENT_LAYER);
        let mut module = self.blob(layer.ok_or(format!("there is no layer of type {CONTENT_LAYER}"))?)?;
        module.truncate(LIMIT as usize);
        Ok(module)
    }

    /// The bytes that a descriptor describes.
    fn blob(&self, descriptor: &Value) -> Result<Vec<u8>, String> {
        let digest = descriptor["digest"].as_str().ok_or("a layer has no digest")?;
        let (bytes, _) = self.get(&format!("blobs/{digest}"), "*/*")?;
        if sha256(&bytes) != digest || descriptor["size"] != bytes.len() {
            return Err(format!("{} bytes are not those of {descriptor}", bytes.len()));
        }
        Ok(bytes)
    }

    /// The content at a path, and its type.
    fn get(&self, below: &str, accept: &str) -> Result<(Vec<u8>, String), String> {
        let path = format!("/v2/{}/{below}", self.name);
        let response = http::send(self.address, "GET", &path, &[("Accept", accept)], b"");
        let response = response.map_err(|error| format!("GET {path}: {error}"))?;
        if response.status != 200 {
            let body = String::from_utf8_lossy(&response.body);
            return Err(format!("GET {path}: unexpected status code {}: {body}", response.status));
        }
        let kind = response.values("content-type").first().copied().unwrap_or_default().to_owned();
        Ok((response.body, kind))
    }
}

fn list<'a>(document: &'a Value, name: &str) -> &'a [Value] {
    document[name].as_array().map(Vec::as_slice).unwrap_or_default()
}
