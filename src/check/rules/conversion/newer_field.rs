//! The mesh knows every field of the WasmPlugin, and every value.

use crate::check::rule::{ConversionSubject, Docs, Judge, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::mesh::names;
use crate::resource::{Addition, Field, Kind};

pub(in crate::check) const RULE: Rule = Rule {
    code: "newer-field",
    severity: Severity::Error,
    judge: Judge::Conversion(judge),
    docs: Docs {
        what: "Every mesh in the setting `mesh` knows the fields of the WasmPlugin, their values, and the kinds of \
               targets. [docs/resource.md](resource.md#versions) lists since when Istio knows each of them.",
        why: "`kubectl apply` refuses a field that the mesh doesn't know. With other clients, the field is silently \
              dropped, and the filter then runs on other traffic or in other pods.",
        cure: "Remove the field, or write what the finding suggests. If the older mesh isn't used any more, remove it \
               from the setting `mesh`.",
        log: "unknown field \"spec.failStrategy\"",
        severities: "",
    },
};

fn judge(subject: &ConversionSubject<'_>) -> Vec<Diagnostic> {
    // The other kinds are newer than all additions, or aren't Istio's.
    if subject.kind != Kind::WasmPlugin {
        return Vec::new();
    }
    let additions = subject.draft.additions();
    additions.iter().filter_map(|(field, addition)| finding(subject, field, addition)).collect()
}

fn finding(subject: &ConversionSubject<'_>, field: &Field<'_>, addition: &Addition) -> Option<Diagnostic> {
    let meshes: Vec<_> =
        subject.meshes.iter().copied().filter(|mesh| addition.is_first_unknown_to(mesh)).collect();
    if meshes.is_empty() {
        return None;
    }
    let complaint = match addition.value {
        None => format!("is not known to {}", names(&meshes)),
        Some(value) => format!("is `{value}`, which is not known to {}", names(&meshes)),
    };
    let reason = match addition.value {
        None => format!(
            "The API server refuses it with `unknown field`, or drops it if the client doesn't ask for strict \
             validation. Without it, {}.",
            addition.without
        ),
        Some(_) => "The API server refuses a value that it doesn't know.".to_owned(),
    };
    let finding = subject
        .finding(&RULE, field, &complaint, format!("added in Istio 1.{}", addition.since))
        .reason(reason)
        .help(addition.cure)
        .help(format!("or remove {} from the setting `mesh`", names(&meshes)))
        .meshes(meshes);
    Some(finding)
}
