//! The hash matches the image or the module that the url names.

use crate::check::rule::{Docs, Judge, Rule, TogetherSubject};
use crate::diagnostics::{Diagnostic, Severity};
use crate::resource::{OciUrl, Url};

pub(in crate::check) const RULE: Rule = Rule {
    code: "other-hash",
    severity: Severity::Error,
    judge: Judge::Together(judge),
    docs: Docs {
        what: "`spec.sha256` in `wasmplugin.yaml` matches `spec.url`: it is the hash of the image's manifest, or of \
               the module if the url doesn't name an image. A digest in an `oci://` url is that of the manifest.",
        why: "The mesh refuses the image or the module that it fetches.",
        cure: "Remove `sha256` and the digest: they are filled in.",
        log: "module downloaded from ... has checksum ..., which does not match",
        severities: "",
    },
};

fn judge(subject: &TogetherSubject<'_>) -> Vec<Diagnostic> {
    digest(subject).into_iter().chain(hash(subject)).collect()
}

/// The finding for the digest in the url.
fn digest(subject: &TogetherSubject<'_>) -> Option<Diagnostic> {
    let (field, image) = subject.draft.root().at(&["spec", "url"]).zip(subject.image)?;
    let Ok(Url::Oci(OciUrl { digest: Some(stated), .. })) = Url::parse(field.as_str()?) else { return None };
    let actual = image.manifest.to_string();
    let finding = subject
        .finding(
            &RULE,
            &field,
            &format!("names the digest `{stated}`"),
            format!("the image has the digest `{actual}`"),
        )
        .help("remove `url`: it is filled in");
    (stated != actual).then_some(finding)
}

/// The finding for the field `sha256`.
fn hash(subject: &TogetherSubject<'_>) -> Option<Diagnostic> {
    let field = subject.draft.root().at(&["spec", "sha256"])?;
    let pin = subject.draft.pin_of(subject.image, subject.module)?;
    let text = field.as_str().unwrap_or_default();
    if text.is_empty() || text == pin.sha256 {
        return None;
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
    Some(finding)
}
