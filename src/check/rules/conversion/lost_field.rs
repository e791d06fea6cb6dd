//! The requested kind can express everything in the WasmPlugin.

use crate::check::rule::{ConversionSubject, Docs, Judge, Rule};
use crate::diagnostics::source::Location;
use crate::diagnostics::{Diagnostic, Place, Severity};

pub(in crate::check) const RULE: Rule = Rule {
    code: "lost-field",
    severity: Severity::Error,
    judge: Judge::Conversion(judge),
    docs: Docs {
        what: "The kind that `--kind` selects (TrafficExtension, EnvoyExtensionPolicy or an Envoy bootstrap) can \
               express every field of the WasmPlugin. \
               [docs/resource.md](resource.md#findings) lists the fields that are lost.",
        why: "Without the field, the mesh treats traffic differently, or runs the filter elsewhere or in another \
              order.",
        cure: "The cure depends on the field, and the finding shows it.",
        log: "",
        severities: "Error if traffic would be treated differently; warning if only the order of filters or a policy \
                changes.",
    },
};

fn judge(subject: &ConversionSubject<'_>) -> Vec<Diagnostic> {
    let place = |path: &str| {
        let field = subject.draft.find(path);
        let location = field.zip(subject.draft.source()).map(|(field, file)| Location {
            file: file.clone(),
            span: field.span(),
            label: String::new(),
        });
        Place::Field { path: path.to_owned(), location: location.filter(|place| !place.span.is_empty()) }
    };
    let losses = subject.losses.iter();
    losses
        .map(|loss| {
            RULE.finding(loss.message.clone(), [place(&loss.field)])
                .severity(loss.severity)
                .reason(loss.reason.clone())
                .help(loss.help.clone())
        })
        .collect()
}
