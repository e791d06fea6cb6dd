//! Every field has an effect.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::resource::Field;

pub(in crate::check) const RULE: Rule = Rule {
    code: "no-effect",
    severity: Severity::Warning,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "No field is set that has no effect: `verificationKey`, and variables with the prefix \
               `ISTIO_META_`.",
        why: "No version of Istio reads `spec.verificationKey`. In `pluginConfig`, where old documentation lists \
              it, it is only passed to the plugin. Istio doesn't pass variables with the prefix `ISTIO_META_` to \
              the plugin.",
        cure: "Remove the field, or rename the variable.",
        log: "",
        severities: "",
    },
};

fn judge(subject: &ResourceSubject<'_>) -> Vec<Diagnostic> {
    let root = subject.draft.root();
    let finding = |field: &Field<'_>, complaint: &str, help: &str| {
        subject.finding(&RULE, field, complaint, "").help(help)
    };
    let mut found = Vec::new();
    if let Some(field) = root.at(&["spec", "verificationKey"]) {
        found.push(finding(&field, "has no effect: no version of Istio reads it", "remove it"));
    }
    if let Some(field) = root.at(&["spec", "pluginConfig", "verificationKey"]) {
        let complaint =
            "is only passed to the plugin: old documentation lists it here, but it is a field of `spec`";
        found.push(finding(&field, complaint, "remove it: no version of Istio reads it there either"));
    }
    let variables = root.at(&["spec", "vmConfig", "env"]);
    for name in variables.iter().flat_map(Field::items).filter_map(|variable| variable.get("name")) {
        if name.as_str().is_some_and(|name| name.starts_with("ISTIO_META_")) {
            let complaint = "isn't passed to the plugin: Istio reserves the prefix `ISTIO_META_`";
            found.push(finding(&name, complaint, "rename the variable"));
        }
    }
    found
}
