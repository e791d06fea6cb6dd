//! The kinds of documents that make a proxy load a plugin.

use std::fmt;

use camino::Utf8Path;

use super::kinds::{envoy, envoy_extension_policy, traffic_extension, wasm_plugin};
use super::losses::Losses;
use crate::findings::Finding;
use crate::mesh::{self, Mesh};
use crate::yaml::Node;

/// A kind of document. Each one is a file beside this one, with a row of what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Istio's, and the one that a crate has: every other kind is made from it.
    WasmPlugin,
    /// What supersedes it from Istio 1.30 on.
    TrafficExtension,
    /// Envoy Gateway's.
    EnvoyExtensionPolicy,
    /// The bootstrap of an Envoy that stands alone: no resource of Kubernetes.
    Envoy,
}

/// The part of a document that says what is to be loaded: a mapping that has `url`, and has or may get `sha256`.
#[derive(Debug, Clone, PartialEq)]
pub struct Source<'d> {
    /// Where it stands: `spec.wasm[0].code.image`.
    pub path: String,
    /// The mapping.
    pub node: &'d Node,
}

/// What is known of a kind.
pub(super) struct Row {
    /// Its `apiVersion`, where it is a resource of Kubernetes.
    pub(super) api_version: Option<&'static str>,
    /// The file that `build` writes one to.
    pub(super) file: &'static str,
    /// The paths of the mappings that have `url` and `sha256`, that of an image first. A field with `[]` behind it
    /// is a list.
    pub(super) sources: &'static [&'static [&'static str]],
    /// Makes one from a WasmPlugin and the file of its module, and notes what it has nothing for.
    pub(super) convert: fn(&Node, &Utf8Path, &mut Losses) -> Node,
}

/// Every kind by its name, which is its `kind` where it is a resource of Kubernetes.
pub const KINDS: &[(&str, Kind)] = &[
    ("WasmPlugin", Kind::WasmPlugin),
    ("TrafficExtension", Kind::TrafficExtension),
    ("EnvoyExtensionPolicy", Kind::EnvoyExtensionPolicy),
    ("envoy", Kind::Envoy),
];

impl Kind {
    /// The kind of a document, by its `apiVersion` and its `kind`.
    pub fn of(document: &Node) -> Option<Kind> {
        let field = |name| document.get(name).and_then(Node::as_str);
        Kind::named(field("apiVersion")?, field("kind")?)
    }

    /// The kind of the documents with this `apiVersion` and this `kind`.
    pub fn named(api_version: &str, name: &str) -> Option<Kind> {
        let (_, kind) = KINDS.iter().find(|(known, _)| *known == name)?;
        (kind.api_version() == Some(api_version)).then_some(*kind)
    }

    /// Its `apiVersion`, where it is a resource of Kubernetes.
    pub fn api_version(self) -> Option<&'static str> {
        self.row().api_version
    }

    /// Whether the API server of `mesh` knows it. An Envoy without a mesh has none that would refuse it, and Envoy
    /// Gateway is not among the known meshes.
    pub fn is_known_to(self, mesh: &Mesh) -> bool {
        // Istio 1.30 brought the kind, and carries Envoy 1.38.
        self != Kind::TrafficExtension || mesh.envoy >= 38 || mesh.is_bare_envoy()
    }

    /// The meshes that a package is judged for if nothing says otherwise: the newest that know the kind.
    pub fn default_meshes(self) -> Vec<&'static Mesh> {
        mesh::newest().filter(|mesh| self.is_known_to(mesh)).collect()
    }

    /// What it is called: its `kind`, where it is a resource of Kubernetes.
    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    /// The name of the file that a document of this kind is written to.
    pub fn file_name(self) -> &'static str {
        self.row().file
    }

    /// The same plugin as a document of this kind. What is lost was told by [`Kind::losses`].
    pub(super) fn convert(self, plugin: &Node, module: &Utf8Path) -> Node {
        (self.row().convert)(plugin, module, &mut Losses::of(self))
    }

    /// What of a WasmPlugin this kind has nothing for.
    pub(super) fn losses(self, plugin: &Node) -> Vec<Finding> {
        let mut losses = Losses::of(self);
        // Where the module lies changes nothing of what can be said.
        (self.row().convert)(plugin, Utf8Path::new(""), &mut losses);
        losses.found
    }

    /// The parts of a document of this kind that name an image or a module.
    pub fn sources(self, document: &Node) -> Vec<Source<'_>> {
        let root = Source { path: String::new(), node: document };
        self.row().sources.iter().flat_map(|path| select(root.clone(), path)).collect()
    }

    /// The path of the mapping whose `url` names an image, where the kind has one. A field with `[]` behind it is a
    /// list.
    pub fn image_path(self) -> Option<&'static [&'static str]> {
        self.row().sources.first().copied()
    }

    fn row(self) -> &'static Row {
        match self {
            Kind::WasmPlugin => &wasm_plugin::ROW,
            Kind::TrafficExtension => &traffic_extension::ROW,
            Kind::EnvoyExtensionPolicy => &envoy_extension_policy::ROW,
            Kind::Envoy => &envoy::ROW,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The mappings at `path` below a part of a document that have a `url`.
fn select<'d>(from: Source<'d>, path: &[&str]) -> Vec<Source<'d>> {
    let Some((step, rest)) = path.split_first() else {
        return if from.node.get("url").is_some() { vec![from] } else { Vec::new() };
    };
    let name = step.trim_end_matches("[]");
    let Some(node) = from.node.get(name) else { return Vec::new() };
    let dot = if from.path.is_empty() { "" } else { "." };
    let path = format!("{}{dot}{name}", from.path);
    if name == *step {
        return select(Source { path, node }, rest);
    }
    let item = |(index, node)| select(Source { path: format!("{path}[{index}]"), node }, rest);
    node.items().iter().enumerate().flat_map(item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::read_document;

    #[test]
    fn what_is_to_be_loaded_is_found_in_every_kind() {
        for (text, kind, paths) in [
            (
                "{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, spec: {url: u}}",
                Kind::WasmPlugin,
                &["spec"][..],
            ),
            (
                "{apiVersion: extensions.istio.io/v1alpha1, kind: TrafficExtension, spec: {wasm: {url: u}}}",
                Kind::TrafficExtension,
                &["spec.wasm"],
            ),
            (
                "{apiVersion: extensions.istio.io/v1alpha1, kind: TrafficExtension, spec: {lua: {inlineCode: x}}}",
                Kind::TrafficExtension,
                &[],
            ),
            (
                "{apiVersion: gateway.envoyproxy.io/v1alpha1, kind: EnvoyExtensionPolicy, spec: {wasm: [{code: {http: {url: u}}}, {}, {code: {image: {url: u}}}]}}",
                Kind::EnvoyExtensionPolicy,
                &["spec.wasm[2].code.image", "spec.wasm[0].code.http"],
            ),
        ] {
            let (document, _) = read_document(text).unwrap();
            assert_eq!(Kind::of(&document), Some(kind), "{text}");
            let sources = kind.sources(&document);
            assert_eq!(
                sources.iter().map(|source| source.path.as_str()).collect::<Vec<_>>(),
                paths,
                "{text}"
            );
            assert!(sources.iter().all(|source| source.node.get("url").is_some()));
        }
        // Another mesh has a kind of the same name.
        let higress = "{apiVersion: extensions.higress.io/v1alpha1, kind: WasmPlugin, spec: {url: u}}";
        assert_eq!(Kind::of(&read_document(higress).unwrap().0), None);
    }
}
