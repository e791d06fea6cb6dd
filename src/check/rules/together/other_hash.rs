//! The hash matches the image or the module that the url names.

use crate::check::rule::{Docs, Judge, Rule, TogetherSubject};
use crate::diagnostics::{Diagnostic, Severity};

pub(in crate::check) const RULE: Rule = Rule {
    code: "other-hash",
    severity: Severity::Error,
    judge: Judge::Together(judge),
    docs: Docs {
        what: "`spec.sha256` in `wasmplugin.yaml` matches `spec.url`: it is the hash of the image's manifest, or of \
               the module if the url doesn't name an image.",
        why: "The mesh refuses the image or the module that it fetches.",
        cure: "Remove `sha256`: it is filled in.",
        log: "module downloaded from ... has checksum ..., which does not match",
        severities: "",
    },
};

fn judge(subject: &TogetherSubject<'_>) -> Vec<Diagnostic> {
    let stated = subject.draft.root().at(&["spec", "sha256"]);
    let Some((field, pin)) = stated.zip(subject.draft.pin_of(subject.image, subject.module)) else {
        return Vec::new();
    };
    let text = field.as_str().unwrap_or_default();
    if text.is_empty() || text == pin.sha256 {
        return Vec::new();
    }
    let complaint = if text == subject.module.hex() {
        "is the hash of the module, but the url names an image"
    } else if subject.image.is_some_and(|image| text == image.manifest.hex()) {
        "is the hash of the image's manifest, but the url names a module"
    } else {
        "doesn't match what the url names"
    };
    let finding = subject
        .finding(&RULE, &field, complaint, format!("expected `{}`", pin.sha256))
        .help("remove `sha256`: it is filled in");
    vec![finding]
}
