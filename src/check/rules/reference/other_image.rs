//! The url names the image that was built.

use crate::check::rule::{Docs, Judge, ReferenceSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::resource::url_differences;

pub(in crate::check) const RULE: Rule = Rule {
    code: "other-image",
    severity: Severity::Error,
    judge: Judge::Reference(judge),
    docs: Docs {
        what: "The repository and the tag in an `oci://` url in `wasmplugin.yaml` are those of the image that is \
               built. The rule `other-hash` judges the digest.",
        why: "The mesh would load a different image.",
        cure: "Remove `url`: it is filled in. Or correct the setting `image` or `pull-image`, or the tag.",
        log: "",
        severities: "",
    },
};

fn judge(subject: &ReferenceSubject<'_>) -> Vec<Diagnostic> {
    let Some((field, repository)) = subject.draft.root().at(&["spec", "url"]).zip(subject.repository) else {
        return Vec::new();
    };
    url_differences(field.as_str().unwrap_or_default(), repository, subject.tag)
        .into_iter()
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
