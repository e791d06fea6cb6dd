//! Numbers in the configuration reach the plugin unchanged.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::resource::Field;
use crate::yaml::Value;

pub(in crate::check) const RULE: Rule = Rule {
    code: "inexact-number",
    severity: Severity::Warning,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "No integer in `spec.pluginConfig` is larger than 2^53 or smaller than -2^53.",
        why: "The configuration is passed as a protobuf Struct, which stores all numbers as 64-bit floats: the \
              last digits of a larger integer are lost.",
        cure: "Quote the number, and let the plugin read the digits.",
        log: "",
        severities: "",
    },
};

fn judge(subject: &ResourceSubject<'_>) -> Vec<Diagnostic> {
    let config = subject.draft.root().at(&["spec", "pluginConfig"]);
    let (mut found, mut next) = (Vec::new(), Vec::from_iter(config));
    while let Some(field) = next.pop() {
        match field.node.value {
            Value::Int(number) if number.unsigned_abs() > 1 << 53 => {
                found.push(finding(subject, &field, number))
            }
            _ => next.extend(field.items().chain(field.entries().map(|(_, value)| value))),
        }
    }
    found
}

fn finding(subject: &ResourceSubject<'_>, field: &Field<'_>, number: i64) -> Diagnostic {
    subject
        .finding(
            &RULE,
            field,
            "loses digits before it reaches the plugin: the mesh stores numbers as 64-bit floats",
            "",
        )
        .help(format!("quote it, and let the plugin read the digits: `\"{number}\"`"))
}
