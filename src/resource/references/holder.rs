//! The kinds of resources that can have references.

use crate::resource::kinds::KINDS;
use crate::yaml::Node;

/// A kind of resource that can have references.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Holder {
    /// The `kind`.
    pub kind: &'static str,
    /// The `apiVersion`.
    pub api_version: &'static str,
    /// The path of the mapping with the `url` of the image. A field with the suffix `[]` is a list.
    pub image_path: &'static [&'static str],
}

/// Higress has Istio's `url` and `sha256`, and passes them on.
const HIGRESS: Holder =
    Holder { kind: "WasmPlugin", api_version: "extensions.higress.io/v1alpha1", image_path: &["spec"] };

/// All kinds: those that this program writes, and those that others convert.
pub fn holders() -> impl Iterator<Item = Holder> {
    let written = KINDS.iter().filter_map(|(name, kind)| {
        Some(Holder { kind: name, api_version: kind.api_version()?, image_path: kind.image_path()? })
    });
    written.chain([HIGRESS])
}

impl Holder {
    /// The kind of a resource, from its `apiVersion` and `kind`.
    pub(super) fn of(resource: &Node) -> Option<Holder> {
        let field = |name| resource.get(name).and_then(Node::as_str);
        let (api_version, kind) = (field("apiVersion")?, field("kind")?);
        holders().find(|holder| (holder.api_version, holder.kind) == (api_version, kind))
    }

    /// The field for a reference, and the kind.
    pub(super) fn place(self) -> String {
        format!("`{}.url` of {} (`{}`)", self.image_path.join("."), self.kind, self.api_version)
    }
}
