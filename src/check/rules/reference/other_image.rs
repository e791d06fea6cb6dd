//! The url names the image that was built.

use crate::check::rule::{Docs, Judge, Rule, TogetherSubject};
use crate::diagnostics::{Diagnostic, Severity};

pub(in crate::check) const RULE: Rule = Rule {
    code: "other-image",
    severity: Severity::Error,
    judge: Judge::Together(judge),
    docs: Docs {
        what: "The repository, tag and digest in an `oci://` url in `wasmplugin.yaml` are those of the image that \
               is built.",
        why: "The mesh would load a different image.",
        cure: "Remove `url`: it is filled in. Or correct the setting `image` or `pull-image`, or the tag.",
        log: "",
        severities: "",
    },
};

fn judge(subject: &TogetherSubject<'_>) -> Vec<Diagnostic> {
    let Some((field, image)) = subject.draft.root().at(&["spec", "url"]).zip(subject.image) else {
        return Vec::new();
    };
    let differences = image.differences(field.as_str().unwrap_or_default()).into_iter();
    differences
        .map(|difference| {
            let part = difference.part;
            let label = match &difference.actual {
                Some(actual) => format!("the image has the {part} `{actual}`"),
                None => format!("the image has no {part}"),
            };
            subject
                .finding(&RULE, &field, &format!("names the {part} `{}`", difference.stated), label)
                .help("remove `url`: it is filled in")
        })
        .collect()
}
