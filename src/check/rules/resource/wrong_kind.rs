//! The file is a WasmPlugin, and not another kind of resource.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};

pub(in crate::check) const RULE: Rule = Rule {
    code: "wrong-kind",
    severity: Severity::Error,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "`wasmplugin.yaml` is a WasmPlugin.",
        why: "The resource of a crate is always written as a WasmPlugin; every other kind is made of it. The \
              fields of another kind would each look wrong.",
        cure: "Write the resource as a WasmPlugin, and ask for another kind with `--kind`.",
        log: "",
        levels: "",
    },
};

fn judge(subject: &ResourceSubject<'_>) -> Vec<Diagnostic> {
    let Some((field, kind)) = subject.draft.other_kind() else { return Vec::new() };
    vec![Diagnostic {
        help: vec!["write a WasmPlugin; `--kind` makes other kinds of it".to_owned()],
        ..subject.finding(&RULE, &field, &format!("is `{kind}`"), "`WasmPlugin` is expected")
    }]
}
