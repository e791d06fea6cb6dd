//! The resources that name a plugin to a mesh.
//!
//! A [`Template`] is what the user wrote; pinned to an image it becomes a [`Resource`] of the [`Kind`] that is
//! asked for. All are documents, never structs: a field that this version does not know survives, or its loss
//! is told. A kind is a file, such as `wasm_plugin.rs`, and a row of [`KINDS`].

mod kind;
mod kinds;
mod losses;
mod name;
mod overrides;
mod problems;
pub mod references;
mod schema;
mod url;

use camino::{Utf8Path, Utf8PathBuf};

use crate::digest::Digest;
use crate::error::{InvalidFile, Problem, Result};
use crate::findings::{Finding, Passed};
use crate::reference::{Repository, Tag};

use crate::yaml::{self, Key, Node, Value};
pub use kind::{KINDS, Kind, Source};
use kinds::wasm_plugin;
pub use kinds::wasm_plugin::{PHASES, PULL_POLICIES};
pub use losses::LOST_FIELD;
pub use name::{LONGEST_LABEL, from_package, kubernetes_label_problem, kubernetes_name_problem};
pub use overrides::Overrides;
use schema::{Place, Review};
use url::{OciUrl, Url};

/// How many problems of a file are told: past these, one cause is behind them all.
const MAX_PROBLEMS: usize = 50;

/// A WasmPlugin that was read and found valid, and that names no image yet.
#[derive(Debug, Clone)]
pub struct Template {
    path: Utf8PathBuf,
    text: String,
    document: Node,
    /// Whether its url stands on the command line, and not in the text.
    has_url_of_flag: bool,
}

/// What was built, for a resource to name.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The image, where it is known under which name the mesh pulls it.
    pub image: Option<PulledImage>,
    /// The digest of the module's bytes.
    pub module: Digest,
    /// The absolute path of the file that the module is written to.
    pub file: Utf8PathBuf,
}

/// The image that a resource names.
#[derive(Debug, Clone)]
pub struct PulledImage {
    /// The repository under the name by which the mesh pulls it: `quay.io/acme/header-append`.
    pub repository: Repository,
    /// The tag, where it has one.
    pub tag: Option<Tag>,
    /// The digest of the image's manifest.
    pub manifest: Digest,
}

/// A complete document: it says what is to be loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    document: Node,
}

impl Template {
    /// Reads a WasmPlugin from the text of a file, with what is doubtful in it. Where it has no name, it gets
    /// that of the cargo package.
    ///
    /// # Errors
    ///
    /// Where the text is not YAML, or is a resource that Kubernetes or Istio would refuse.
    pub fn read(
        path: &Utf8Path,
        text: String,
        package: &str,
    ) -> Result<(Template, Vec<Problem>), InvalidFile> {
        let (mut document, faults) = match yaml::read_document(&text) {
            Ok(read) => read,
            Err(error) => return Err(invalid(path, text, vec![problems::of_syntax(error)])),
        };
        if !faults.is_empty() {
            let problems = faults.into_iter().take(MAX_PROBLEMS).map(problems::of_fault).collect();
            return Err(invalid(path, text, problems));
        }
        let Review { errors, warnings } = wasm_plugin::review(&document);
        if !errors.is_empty() {
            return Err(invalid(path, text, errors));
        }
        complete(&mut document, package);
        Ok((Template { path: path.to_owned(), text, document, has_url_of_flag: false }, warnings))
    }

    /// The WasmPlugin of a cargo package that has no file for it.
    pub fn minimal(package: &str) -> Template {
        let entry = |key: &str, value: &str| (Key::from(key), Value::String(value.to_owned()).into());
        let identity = vec![entry("apiVersion", wasm_plugin::API_VERSION), entry("kind", wasm_plugin::KIND)];
        let mut document = Value::Map(identity).into();
        complete(&mut document, package);
        Template { path: Utf8PathBuf::new(), text: String::new(), document, has_url_of_flag: false }
    }

    /// The file that the template was read from; empty for a minimal one.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// The text that the template was read from, for the lines that a warning shows.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The document itself, without the comments of the text.
    pub fn to_yaml(&self) -> String {
        yaml::write(&self.document)
    }

    /// What of it a document of this kind has nothing for.
    pub fn losses(&self, kind: Kind) -> Vec<Finding> {
        kind.losses(&self.document)
    }

    /// Fills in what was built, and makes a document of `kind` of it; the losses must have passed.
    ///
    /// Nothing where the mesh is to pull an image and none is known.
    ///
    /// # Errors
    ///
    /// Where the template names another image or another hash.
    pub fn pin(&self, kind: Kind, artifact: &Artifact, _passed: &Passed) -> Result<Option<Resource>> {
        let plugin = match self.pinned(artifact.image.as_ref(), artifact.module)? {
            Some(plugin) => plugin,
            // It pulls no image.
            None if kind == Kind::Envoy => self.document.clone(),
            None => return Ok(None),
        };
        Ok(Some(Resource { document: kind.convert(&plugin, &artifact.file) }))
    }

    /// The WasmPlugin with `url` and `sha256`. An image is named by tag and digest, and its `sha256` is that of
    /// the manifest; a `file` or `http(s)` url of the template stays, and its `sha256` is that of the module
    /// (Istio compares it for `http(s)` and ignores it for `file`).
    fn pinned(&self, image: Option<&PulledImage>, module: Digest) -> Result<Option<Node>> {
        let root = Place::document(&self.document);
        let spec = self.document.find("spec").map(|(key, spec)| (root.field(key, spec), spec));
        let stated = |field: &str| {
            let (place, spec) = spec.as_ref()?;
            let (key, node) = spec.find(field)?;
            let text = node.as_str().filter(|text| !text.is_empty())?;
            Some((place.field(key, node), text))
        };
        let mut problems = Vec::new();
        let stated_url = stated("url").map(|(place, text)| (place, text, Url::parse(text)));
        let (url, sha256) = match (stated_url, image) {
            (Some((_, text, Ok(Url::File | Url::Http(_)))), _) => (text.to_owned(), module.hex()),
            (_, None) => return Ok(None),
            (Some((place, _, Ok(Url::Oci(url)))), Some(image)) => {
                let help = || Some("leave `url` out: it is filled in".to_owned());
                let differences = image.differences(&url).into_iter();
                problems.extend(differences.map(|(told, actual)| place.problem(&told, actual, help())));
                (image.url(), image.manifest.hex())
            }
            // A template with any other url is not made.
            (_, Some(image)) => (image.url(), image.manifest.hex()),
        };
        if self.has_url_of_flag && !problems.is_empty() {
            let problem = problems.swap_remove(0);
            return Err(overrides::refused("--url", problem).into());
        }
        if let Some((place, text)) = stated("sha256").filter(|(_, text)| *text != sha256) {
            let complaint = if text == module.hex() {
                "is the hash of the module, but the url names an image"
            } else if image.is_some_and(|image| text == image.manifest.hex()) {
                "is the hash of the image's manifest, but the url names a module"
            } else {
                "is not the hash of what the url names"
            };
            let help = "leave `sha256` out: it is filled in".to_owned();
            problems.push(place.problem(complaint, format!("`{sha256}` is expected"), Some(help)));
        }
        if !problems.is_empty() {
            return Err(invalid(&self.path, self.text.clone(), problems).into());
        }
        let mut document = self.document.clone();
        let spec = document.entry("spec", usize::MAX);
        *spec.entry("url", 0) = Value::String(url).into();
        let after_url = spec.position("url").map_or(0, |position| position + 1);
        *spec.entry("sha256", after_url) = Value::String(sha256).into();
        Ok(Some(document))
    }

    /// Whether a document of this kind has an image pulled, and not a file or a download loaded.
    pub fn needs_image(&self, kind: Kind) -> bool {
        let url = self.document.get("spec").and_then(|spec| spec.get("url")).and_then(Node::as_str);
        kind != Kind::Envoy && !matches!(url.map(Url::parse), Some(Ok(Url::File | Url::Http(_))))
    }
}

impl PulledImage {
    /// What a mesh pulls, with both tag and digest: the one to read, the other to rely on.
    pub fn url(&self) -> String {
        let tag = self.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
        format!("oci://{}{tag}@{}", self.repository, self.manifest)
    }

    /// Where a url names another image: a complaint about the url, and what is expected.
    fn differences(&self, url: &OciUrl) -> Vec<(String, String)> {
        let mut differences = Vec::new();
        let mut differ = |part: &str, stated: &str, actual: Option<&str>| {
            if Some(stated) != actual {
                let actual = actual.map_or(format!("no {part}"), |actual| format!("the {part} `{actual}`"));
                differences.push((format!("names the {part} `{stated}`"), format!("the image has {actual}")));
            }
        };
        // `acme/hello` and `docker.io/acme/hello` are one repository.
        let stated =
            url.repository.parse().map_or(url.repository.clone(), |named: Repository| named.to_string());
        differ("repository", &stated, Some(self.repository.as_str()));
        if let Some(tag) = &url.tag {
            differ("tag", tag, self.tag.as_ref().map(Tag::as_str));
        }
        if let Some(digest) = &url.digest {
            differ("digest", digest, Some(&self.manifest.to_string()));
        }
        differences
    }
}

impl Resource {
    /// The resource as YAML that ends in one newline and does not begin with `---`.
    pub fn to_yaml(&self) -> String {
        yaml::write(&self.document)
    }

    /// The resource as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        self.document.to_json()
    }
}

fn invalid(path: &Utf8Path, text: String, mut problems: Vec<Problem>) -> InvalidFile {
    problems.truncate(MAX_PROBLEMS);
    InvalidFile { path: path.to_owned(), text, problems }
}

/// Adds the name that a valid document may lack.
fn complete(document: &mut Node, package: &str) {
    let before_spec = document.position("spec").unwrap_or(usize::MAX);
    let metadata = document.entry("metadata", before_spec);
    if metadata.get("name").is_none() {
        *metadata.entry("name", 0) = Value::String(from_package(package)).into();
    }
}

#[cfg(test)]
mod tests;
