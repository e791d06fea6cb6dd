//! Mutually exclusive fields aren't set together.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::resource::Field;

pub(in crate::check) const RULE: Rule = Rule {
    code: "field-conflict",
    severity: Severity::Error,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "At most one of `selector`, `targetRef` and `targetRefs` is set, and a variable with `valueFrom: \
               HOST` has no `value`.",
        why: "The API server refuses a resource with both.",
        cure: "Remove all but one of the fields.",
        log: "only one of targetRefs or selector can be set",
        severities: "",
    },
};

fn judge(subject: &ResourceSubject<'_>) -> Vec<Diagnostic> {
    let root = subject.draft.root();
    let spec = root.get("spec");
    let field = |name: &'static str| Some((name, spec.as_ref()?.get(name)?));
    let mut targets: Vec<_> = ["selector", "targetRef", "targetRefs"].into_iter().filter_map(field).collect();
    targets.sort_by_key(|(_, field)| field.span().start);
    let mut found = Vec::new();
    if let Some(((first, _), others)) = targets.split_first() {
        let label = "only one of `selector`, `targetRef` and `targetRefs` can be set";
        let finding = |(_, field): &(&str, Field<'_>)| {
            subject.finding(&RULE, field, &format!("conflicts with `{first}`"), label)
        };
        found.extend(others.iter().map(finding));
    }
    let variables = root.at(&["spec", "vmConfig", "env"]);
    for variable in variables.iter().flat_map(Field::items) {
        let is_host = variable.get("valueFrom").is_some_and(|from| from.as_str() == Some("HOST"));
        if let Some(value) = variable.get("value").filter(|_| is_host) {
            let label = "with `valueFrom: HOST` the value comes from the environment of the proxy";
            found.push(subject.finding(&RULE, &value, "conflicts with `valueFrom`", label));
        }
    }
    found
}
