//! The configuration has no nulls.

use crate::check::rule::{Docs, ENOUGH, Judge, ResourceSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::resource::Field;
use crate::yaml::Value;

pub(in crate::check) const RULE: Rule = Rule {
    code: "null-value",
    severity: Severity::Warning,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "No field of `spec.pluginConfig` is null.",
        why: "`kubectl apply` without `--server-side` treats a null as a request to remove the field, so the plugin \
              doesn't get it. Other clients keep it.",
        cure: "Remove the field, or write a value that the plugin treats in the same way, such as an empty string.",
        log: "",
        severities: "",
    },
};

fn judge(subject: &ResourceSubject<'_>) -> Vec<Diagnostic> {
    let mut nulls = Vec::new();
    if let Some(config) = subject.draft.root().at(&["spec", "pluginConfig"]) {
        collect(&config, &mut nulls);
    }
    let finding = |field: &Field<'_>| {
        subject
            .finding(&RULE, field, "is null, which `kubectl apply` may drop", "")
            .help("remove the field, or write another value")
    };
    nulls.iter().map(finding).collect()
}

/// Collects the fields that are null. A null in a list isn't dropped.
fn collect<'d>(field: &Field<'d>, nulls: &mut Vec<Field<'d>>) {
    if nulls.len() >= ENOUGH {
        return;
    }
    for (_, value) in field.entries() {
        match value.node.value {
            Value::Null => nulls.push(value),
            _ => collect(&value, nulls),
        }
    }
    field.items().for_each(|item| collect(&item, nulls));
}
