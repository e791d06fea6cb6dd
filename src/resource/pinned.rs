//! A complete document, which names the image or the module that was built.

use camino::Utf8PathBuf;

use crate::digest::Digest;
use crate::reference::{Repository, Tag};
use crate::resource::draft::Draft;
use crate::resource::kinds::Kind;
use crate::resource::url::{OciUrl, Url};
use crate::yaml::{self, Node, Value};

/// What was built for a resource.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The image, if the repository that the mesh pulls it from is known.
    pub image: Option<PulledImage>,
    /// The digest of the module.
    pub module: Digest,
    /// The absolute path of the module.
    pub file: Utf8PathBuf,
}

/// An image, with the name that the mesh uses to pull it.
#[derive(Debug, Clone)]
pub struct PulledImage {
    /// The repository: `quay.io/acme/header-append`.
    pub repository: Repository,
    /// The tag, if it has one.
    pub tag: Option<Tag>,
    /// The digest of the manifest.
    pub manifest: Digest,
}

/// A complete document, which names the image or the module to load.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    document: Node,
}

/// The `url` and the `sha256` of the image or the module that was built.
pub struct Pin {
    pub url: String,
    /// The hash that the mesh verifies, in hex.
    pub sha256: String,
}

impl Draft {
    /// A document of `kind` that names what was built. `None` if the mesh has to pull an image, but its repository isn't
    /// known.
    pub fn pin(&self, kind: Kind, artifact: &Artifact) -> Option<Resource> {
        let plugin = match self.pin_of(artifact.image.as_ref(), artifact.module) {
            Some(pin) => self.with_pin(pin),
            None if kind.image_path().is_none() => self.document.clone(),
            None => return None,
        };
        Some(Resource { document: kind.convert(&plugin, &artifact.file) })
    }

    /// The url and the hash for this draft. The url of an image has tag and digest, and the hash is that of the manifest.
    /// A `file` or `http(s)` url in the draft is kept, and the hash is that of the module (Istio verifies it for
    /// `http(s)` and ignores it for `file`).
    pub fn pin_of(&self, image: Option<&PulledImage>, module: Digest) -> Option<Pin> {
        let url = self.root().at(&["spec", "url"]).and_then(|url| url.as_str());
        match url.map(|url| (url, Url::parse(url))) {
            Some((url, Ok(Url::File | Url::Http(_)))) => {
                Some(Pin { url: url.to_owned(), sha256: module.hex() })
            }
            _ => image.map(|image| Pin { url: image.url(), sha256: image.manifest.hex() }),
        }
    }

    fn with_pin(&self, pin: Pin) -> Node {
        let mut document = self.document.clone();
        let spec = document.entry("spec", usize::MAX);
        *spec.entry("url", 0) = Value::String(pin.url).into();
        let after_url = spec.position("url").map_or(0, |position| position + 1);
        *spec.entry("sha256", after_url) = Value::String(pin.sha256).into();
        document
    }
}

/// A part of a url that differs from the reference of the image that is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlDifference {
    /// The part: `tag`.
    pub part: &'static str,
    /// The value in the url.
    pub stated: String,
    /// The value of the image, if it has one.
    pub actual: Option<String>,
}

/// The parts of an `oci://` url that differ from a reference.
pub fn url_differences(url: &str, repository: &Repository, tag: Option<&Tag>) -> Vec<UrlDifference> {
    let Ok(Url::Oci(OciUrl { repository: named, tag: named_tag, .. })) = Url::parse(url) else {
        return Vec::new();
    };
    // `acme/hello` and `docker.io/acme/hello` are the same repository.
    let named = named.parse().map_or(named, |named: Repository| named.to_string());
    let parts = [
        ("repository", Some(named), Some(repository.to_string())),
        ("tag", named_tag, tag.map(Tag::to_string)),
    ];
    let differences = parts.into_iter().filter_map(|(part, stated, actual)| {
        let stated = stated.filter(|stated| actual.as_ref() != Some(stated))?;
        Some(UrlDifference { part, stated, actual })
    });
    differences.collect()
}

impl PulledImage {
    /// The url with both tag and digest. The tag is for humans; the digest selects the image.
    pub fn url(&self) -> String {
        let tag = self.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
        format!("oci://{}{tag}@{}", self.repository, self.manifest)
    }
}

impl Resource {
    /// The resource as YAML. It ends with one newline and doesn't begin with `---`.
    pub fn to_yaml(&self) -> String {
        yaml::write(&self.document)
    }

    /// The resource as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        self.document.to_json()
    }
}
