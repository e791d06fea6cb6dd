//! Every version of Istio accepts the url.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::resource::Url;

pub(in crate::check) const RULE: Rule = Rule {
    code: "bad-url",
    severity: Severity::Error,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "`spec.url` is `oci://REPOSITORY`, `https://...`, `http://...` or `file:///PATH`, or is omitted \
               and filled in.",
        why: "Istio's webhook refuses other schemes. It treats the host in `host:5000/x` as a scheme, and istiod \
              silently drops `10.0.0.1:5000/x`.",
        cure: "Write the scheme, and for an image also the registry and the repository.",
        log: "unknown scheme",
        severities: "",
    },
};

fn judge(subject: &ResourceSubject<'_>) -> Vec<Diagnostic> {
    let Some(field) = subject.draft.root().at(&["spec", "url"]) else { return Vec::new() };
    // The rule `value-length` reports an empty url.
    let Some(text) = field.as_str().filter(|text| !text.is_empty()) else { return Vec::new() };
    match Url::parse(text) {
        Ok(_) => Vec::new(),
        Err(error) => {
            vec![subject.finding(&RULE, &field, &error.reason, "").help(error.help)]
        }
    }
}
