//! `wasmplugin.yaml` is a WasmPlugin, and not another kind of resource.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};

pub(in crate::check) const RULE: Rule = Rule {
    code: "wrong-kind",
    severity: Severity::Error,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "`wasmplugin.yaml` is a WasmPlugin.",
        why: "The resource of a crate is always written as a WasmPlugin, and all other kinds are converted from \
              it. Every field of another kind would be reported as unknown.",
        cure: "Write the resource as a WasmPlugin, and select another kind with `--kind`.",
        log: "",
        severities: "",
    },
};

fn judge(subject: &ResourceSubject<'_>) -> Vec<Diagnostic> {
    let Some((field, kind)) = subject.draft.other_kind() else { return Vec::new() };
    let finding = subject
        .finding(&RULE, &field, &format!("is `{kind}`"), "expected `WasmPlugin`")
        .help("write a WasmPlugin: `--kind` converts it to other kinds");
    vec![finding]
}
