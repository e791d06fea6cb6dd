//! The module isn't larger than a mesh accepts.

use crate::check::rule::{Docs, ImageSubject, Judge, Rule};
use crate::diagnostics::{Diagnostic, Place, Severity};

pub(in crate::check) const RULE: Rule = Rule {
    code: "image-size",
    severity: Severity::Error,
    judge: Judge::Image(judge),
    docs: Docs {
        what: "The module is at most 256 MiB.",
        why: "Istio's agent reads at most 256 MiB of a layer, and reports a truncated module as damaged.",
        cure: "Make the module smaller: load large data at run time instead of compiling it in.",
        log: "",
        severities: "",
    },
};

/// The maximum that Istio's agent reads from a layer.
const MOST: usize = 256 << 20;

fn judge(subject: &ImageSubject<'_>) -> Vec<Diagnostic> {
    if subject.module_size <= MOST {
        return Vec::new();
    }
    let finding = RULE
        .finding(
            format!("the module is {} bytes long; a mesh reads at most {MOST}", subject.module_size),
            [Place::Layer { index: subject.layer, media_type: subject.media_type.to_owned() }],
        )
        .reason(RULE.docs.why)
        .help(RULE.docs.cure);
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_exact() {
        let subject = |module_size| ImageSubject { module_size, media_type: "application/x", layer: 1 };
        assert_eq!(judge(&subject(MOST)), []);
        assert_eq!(judge(&subject(MOST + 1))[0].places[0].to_string(), "layer 2 (`application/x`)");
    }
}
