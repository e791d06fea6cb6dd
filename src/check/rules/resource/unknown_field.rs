//! A mapping has only known fields.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use crate::diagnostics::source::Location;
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::resource::{Field, MismatchKind, renamed};
use crate::yaml::Key;

pub(in crate::check) const RULE: Rule = Rule {
    code: "unknown-field",
    severity: Severity::Error,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "Every field of the resource is known.",
        why: "`kubectl apply` refuses an unknown field; with other clients it is silently dropped.",
        cure: "Correct the name. A field that is newer than this program is kept as it is: set the level of this \
               rule to `allow`, with the reason.",
        log: "unknown field \"spec.x\"",
        severities: "Error if the name is similar to a known one, if another kind has this field under another name, \
                and in `metadata` and `spec.selector`; otherwise a warning, because a newer mesh may know the field.",
    },
};

fn judge(subject: &ResourceSubject<'_>) -> Vec<Diagnostic> {
    let found = subject.mismatches.iter().filter_map(|mismatch| match &mismatch.kind {
        MismatchKind::UnknownField { key, similar } => Some((&mismatch.field, *key, *similar)),
        _ => None,
    });
    let finding = |(field, key, similar): (&Field<'_>, &Key, Option<&str>)| {
        let path = field.path_below(&key.name);
        let (severity, help) = match similar {
            _ if let Some(path) = renamed(&path) => {
                (RULE.severity, format!("a WasmPlugin has this field as `{path}`"))
            }
            Some(similar) => (RULE.severity, format!("a field with a similar name exists: `{similar}`")),
            // Without them, the selector is empty, so it would select every pod.
            None if field.path() == "spec.selector" => {
                (RULE.severity, "write the labels of the pods below `matchLabels`".to_owned())
            }
            // Kubernetes defines these fields, not the mesh.
            None if field.path() == "metadata" => {
                (RULE.severity, "write other data as a label or an annotation".to_owned())
            }
            None => (
                Severity::Warning,
                "the field is kept; a cluster that doesn't know it drops or refuses it".to_owned(),
            ),
        };
        let label = format!("not a known field of {field}");
        let location =
            subject.draft.source().map(|file| Location { file: file.clone(), span: key.span.clone(), label });
        RULE.finding(format!("unknown field `{}`", key.name), [Place::Field { path, location }])
            .severity(severity)
            .help(help)
    };
    found.map(finding).collect()
}
