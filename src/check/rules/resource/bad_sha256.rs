//! The hash has the form that Istio accepts.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::resource::is_sha256;

pub(in crate::check) const RULE: Rule = Rule {
    code: "bad-sha256",
    severity: Severity::Error,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "`spec.sha256` is 64 lower-case hexadecimal digits, or is omitted and filled in.",
        why: "Istio refuses upper-case digits and the prefix `sha256:`.",
        cure: "Remove the field: it is filled in.",
        log: "should match",
        severities: "",
    },
};

fn judge(subject: &ResourceSubject<'_>) -> Vec<Diagnostic> {
    let Some(field) = subject.draft.root().at(&["spec", "sha256"]) else { return Vec::new() };
    let text = field.as_str().unwrap_or_default();
    if text.is_empty() || is_sha256(text) {
        return Vec::new();
    }
    let bare = text.strip_prefix("sha256:").unwrap_or(text).to_lowercase();
    let help = if is_sha256(&bare) {
        format!("write `{bare}`, or remove `sha256`: it is filled in")
    } else {
        "remove `sha256`: it is filled in".to_owned()
    };
    let finding = subject
        .finding(&RULE, &field, "isn't a hash that Istio accepts", "expected 64 of `0-9a-f`")
        .help(help);
    vec![finding]
}
