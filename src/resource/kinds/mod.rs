//! The kinds of documents that make a proxy load a plugin. Each kind is one file and one row of [`KINDS`].

mod additions;
mod envoy;
mod envoy_extension_policy;
mod struct_json;
mod target;
mod traffic_extension;
mod wasm_plugin;

use std::fmt;

use camino::Utf8Path;

use crate::mesh::{self, Mesh};
use crate::resource::conversion::{Conversion, Loss, Losses};
use crate::yaml::Node;

pub use additions::{Addition, is_known_to};

pub use target::{TARGET_KINDS, TargetKind, TargetRef};
pub use wasm_plugin::renamed;

pub(super) use additions::used;
pub(super) use target::targets;
pub(super) use wasm_plugin::{API_VERSION, KIND, PHASES, PULL_POLICIES, schema};

/// A kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Istio's WasmPlugin. Every crate has one, and all other kinds are converted from it.
    WasmPlugin,
    /// Istio's TrafficExtension, which supersedes WasmPlugin since Istio 1.30.
    TrafficExtension,
    /// Envoy Gateway's EnvoyExtensionPolicy.
    EnvoyExtensionPolicy,
    /// The bootstrap of an Envoy without a mesh, which isn't a Kubernetes resource.
    Envoy,
}

/// All kinds by name; the name is the `kind` if it is a Kubernetes resource.
pub const KINDS: &[(&str, Kind)] = &[
    (wasm_plugin::CONVERSION.name, Kind::WasmPlugin),
    (traffic_extension::CONVERSION.name, Kind::TrafficExtension),
    (envoy_extension_policy::CONVERSION.name, Kind::EnvoyExtensionPolicy),
    (envoy::CONVERSION.name, Kind::Envoy),
];

impl Kind {
    /// The kind of a document, from its `apiVersion` and `kind`.
    pub fn of(document: &Node) -> Option<Kind> {
        let field = |name| document.get(name).and_then(Node::as_str);
        Kind::named(field("apiVersion")?, field("kind")?)
    }

    /// The kind with this `apiVersion` and `kind`.
    pub fn named(api_version: &str, name: &str) -> Option<Kind> {
        let (_, kind) = KINDS.iter().find(|(known, _)| *known == name)?;
        (kind.api_version() == Some(api_version)).then_some(*kind)
    }

    /// The `apiVersion`, if it is a Kubernetes resource.
    pub fn api_version(self) -> Option<&'static str> {
        self.conversion().api_version
    }

    /// Whether the API server of `mesh` knows this kind. An Envoy without a mesh has no API server that would refuse it,
    /// and Envoy Gateway isn't one of the known meshes.
    pub fn is_known_to(self, mesh: &Mesh) -> bool {
        self.since().zip(mesh.istio()).is_none_or(|(since, istio)| istio >= since)
    }

    /// The first minor version of Istio that knows this kind, if not all of them do.
    pub fn since(self) -> Option<u8> {
        self.conversion().since
    }

    /// The default of the setting `mesh`: the newest meshes that know the kind.
    pub fn default_meshes(self) -> Vec<&'static Mesh> {
        mesh::newest().filter(|mesh| self.is_known_to(mesh)).collect()
    }

    /// The name; the `kind` if it is a Kubernetes resource.
    pub fn name(self) -> &'static str {
        self.conversion().name
    }

    /// The name of the file for a document of this kind.
    pub fn file_name(self) -> &'static str {
        self.conversion().file
    }

    /// The path of the mapping with the `url` of the image, if there is one. A field with the suffix `[]` is a list.
    pub fn image_path(self) -> Option<&'static [&'static str]> {
        self.conversion().image_path
    }

    /// Converts a WasmPlugin to this kind. [`Kind::losses`] lists what is lost.
    pub(super) fn convert(self, plugin: &Node, module: &Utf8Path) -> Node {
        (self.conversion().convert)(plugin, module, &mut Losses::of(self.name()))
    }

    /// What in a WasmPlugin this kind can't express.
    pub(super) fn losses(self, plugin: &Node) -> Vec<Loss> {
        let mut losses = Losses::of(self.name());
        // The losses don't depend on the path of the module.
        (self.conversion().convert)(plugin, Utf8Path::new(""), &mut losses);
        losses.found
    }

    fn conversion(self) -> &'static Conversion {
        match self {
            Kind::WasmPlugin => &wasm_plugin::CONVERSION,
            Kind::TrafficExtension => &traffic_extension::CONVERSION,
            Kind::EnvoyExtensionPolicy => &envoy_extension_policy::CONVERSION,
            Kind::Envoy => &envoy::CONVERSION,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::read_document;

    #[test]
    fn a_kind_is_identified_by_kind_and_api_version() {
        let kind = |api_version: &str, kind: &str| {
            let (document, _) =
                read_document(&format!("{{apiVersion: {api_version}, kind: {kind}}}")).unwrap();
            Kind::of(&document)
        };
        assert_eq!(kind("extensions.istio.io/v1alpha1", "WasmPlugin"), Some(Kind::WasmPlugin));
        assert_eq!(kind("extensions.istio.io/v1alpha1", "TrafficExtension"), Some(Kind::TrafficExtension));
        assert_eq!(
            kind("gateway.envoyproxy.io/v1alpha1", "EnvoyExtensionPolicy"),
            Some(Kind::EnvoyExtensionPolicy)
        );
        // Higress has a kind with the same name.
        assert_eq!(kind("extensions.higress.io/v1alpha1", "WasmPlugin"), None);
        assert_eq!(kind("v1", "envoy"), None);
    }
}
