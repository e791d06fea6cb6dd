//! Would a mesh know the resource, and would it say there what its author wrote?

use super::readable;
use crate::findings::{Finding, Findings, Severity};
use crate::mesh::{self, Mesh};
use crate::resource::{Kind, Template};

/// The code of what is found where a mesh does not know the kind of a resource.
pub const UNKNOWN_KIND: &str = "unknown-kind";

/// Judges the resource that `kind` would make of `template`, for every mesh in `meshes`.
pub fn resource(template: &Template, kind: Kind, meshes: &[&'static Mesh]) -> Findings {
    let losses = readable(template.losses(kind));
    unknown_kind(kind, meshes).into_iter().chain(losses).collect()
}

fn unknown_kind(kind: Kind, meshes: &[&'static Mesh]) -> Option<Finding> {
    let refusing: Vec<_> = meshes.iter().copied().filter(|mesh| !kind.is_known_to(mesh)).collect();
    (!refusing.is_empty()).then(|| Finding {
        code: UNKNOWN_KIND,
        severity: Severity::Error,
        message: format!("the kind {kind} is not known to {}", mesh::names(&refusing)),
        place: "`kind`".to_owned(),
        reason: format!(
            "{kind} comes with Istio 1.30; with an older one the API server refuses it with \
             `no matches for kind \"{kind}\"`."
        ),
        cure:
            "Leave the older meshes out of the setting `mesh`, or emit a WasmPlugin, which all of them know."
                .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mesh_without_the_kind_is_named() {
        let template = Template::minimal("hello");
        let all: Vec<_> = mesh::MESHES.iter().collect();
        let found: Vec<Finding> = resource(&template, Kind::TrafficExtension, &all).into_iter().collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].code, found[0].severity), (UNKNOWN_KIND, Severity::Error));
        assert_eq!(
            found[0].message,
            "the kind TrafficExtension is not known to istio-1.12 to istio-1.29 and ossm-2.2 to ossm-3.2"
        );
        assert_eq!(resource(&template, Kind::WasmPlugin, &all), Findings::default());
        assert_eq!(resource(&template, Kind::Envoy, &all), Findings::default());
    }
}
