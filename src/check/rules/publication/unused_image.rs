//! The resource loads the image that is pushed.

use crate::check::rule::{Docs, Judge, PublicationSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};

pub(in crate::check) const RULE: Rule = Rule {
    code: "unused-image",
    severity: Severity::Warning,
    judge: Judge::Publication(judge),
    docs: Docs {
        what: "If `publish` pushes an image, `spec.url` is omitted or begins with `oci://`.",
        why: "The mesh loads the file or the download that the url names instead of the pushed image.",
        cure: "Remove `url`, or don't push the image.",
        log: "",
        severities: "",
    },
};

fn judge(subject: &PublicationSubject<'_>) -> Vec<Diagnostic> {
    if subject.draft.needs_image(subject.kind) {
        return Vec::new();
    }
    let complaint = "doesn't begin with `oci://`, so the mesh doesn't load the pushed image";
    let finding = match subject.draft.root().at(&["spec", "url"]) {
        Some(field) => subject.finding(&RULE, &field, complaint, ""),
        None => {
            let complaint = format!("is converted to {}, which can't load an image", subject.kind);
            subject.finding(&RULE, &subject.draft.root(), &complaint, "")
        }
    };
    vec![finding.help(match subject.kind.image_path() {
        Some(_) => "remove `url`: it is filled in",
        None => "choose another kind, or build without publishing",
    })]
}
