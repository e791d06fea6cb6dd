//! `wasmplugin.yaml` is a WasmPlugin, and not another kind of resource.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::resource::{Draft, Field, KINDS, Kind};
use crate::text::nearest;

pub(in crate::check) const RULE: Rule = Rule {
    code: "wrong-kind",
    severity: Severity::Error,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "`wasmplugin.yaml` is a WasmPlugin.",
        why: "The resource of a crate is always written as a WasmPlugin, and all other kinds are converted from \
              it. The fields of another kind aren't judged.",
        cure: "Write the resource as a WasmPlugin, and select another kind with `--kind`. Keep resources that \
               `--kind` doesn't know in other files.",
        log: "",
        severities: "",
    },
};

/// The field `kind`, if the resource is of another kind. A misspelt `WasmPlugin` isn't another kind.
pub(in crate::check) fn other_kind(draft: &Draft) -> Option<(Field<'_>, &str)> {
    let field = draft.root().get("kind")?;
    let kind = field.as_str()?;
    nearest(kind, [Kind::WasmPlugin.name()]).is_none().then_some((field, kind))
}

fn judge(subject: &ResourceSubject<'_>) -> Vec<Diagnostic> {
    let Some((field, kind)) = other_kind(subject.draft) else { return Vec::new() };
    let is_made = KINDS.iter().any(|(name, _)| *name == kind);
    let help = match is_made {
        true => format!("write a WasmPlugin, and convert it with `--kind {kind}`"),
        false => "write a WasmPlugin, and keep other resources in other files".to_owned(),
    };
    let finding = subject.finding(&RULE, &field, &format!("is `{kind}`"), "expected `WasmPlugin`").help(help);
    vec![finding]
}
