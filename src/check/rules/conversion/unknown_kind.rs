//! The API server of the mesh knows the kind of the resource.

use crate::check::rule::{ConversionSubject, Docs, Judge, Rule};
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::mesh::names;

pub(in crate::check) const RULE: Rule = Rule {
    code: "unknown-kind",
    severity: Severity::Error,
    judge: Judge::Conversion(judge),
    docs: Docs {
        what: "Every mesh in the setting `mesh` knows the kind that `--kind` selects.",
        why: "TrafficExtension was added in Istio 1.30. An older API server refuses it.",
        cure: "Remove the older meshes from the setting `mesh`, or use a WasmPlugin, which all meshes know.",
        log: "no matches for kind \"TrafficExtension\"",
        severities: "",
    },
};

fn judge(subject: &ConversionSubject<'_>) -> Vec<Diagnostic> {
    let kind = subject.kind;
    let refusing: Vec<_> = subject.meshes.iter().copied().filter(|mesh| !kind.is_known_to(mesh)).collect();
    let Some(since) = kind.since().filter(|_| !refusing.is_empty()) else { return Vec::new() };
    let finding = RULE
        .finding(
            format!("the kind {kind} is not known to {}", names(&refusing)),
            [Place::Field { path: "kind".to_owned(), location: None }],
        )
        .reason(format!(
            "{kind} was added in Istio 1.{since}. An older API server refuses it with `no matches for kind \"{kind}\"`."
        ))
        .help(RULE.docs.cure)
        .meshes(refusing);
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check;
    use crate::mesh;
    use crate::resource::{Draft, Kind};

    #[test]
    fn a_mesh_without_the_kind_is_named() {
        let draft = Draft::minimal("hello");
        let all: Vec<_> = mesh::MESHES.iter().collect();
        let found = check::conversion(&draft, Kind::TrafficExtension, &all);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].rule, found[0].severity), (RULE.code, Severity::Error));
        assert_eq!(
            found[0].message,
            "the kind TrafficExtension is not known to istio-1.12 to istio-1.29 and ossm-2.2 to ossm-3.2"
        );
        assert_eq!(found[0].meshes.len(), 26);
        assert_eq!(check::conversion(&draft, Kind::WasmPlugin, &all), []);
        assert_eq!(check::conversion(&draft, Kind::Envoy, &all), []);
    }
}
