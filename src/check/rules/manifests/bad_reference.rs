//! References to packages are only in fields where they can be resolved.

use crate::check::rule::{Docs, Judge, ManifestsSubject, Rule};
use crate::diagnostics::source::Location;
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::resource::references::{ManifestFile, ReferenceFault};

pub(in crate::check) const RULE: Rule = Rule {
    code: "bad-reference",
    severity: Severity::Error,
    judge: Judge::Manifests(judge),
    docs: Docs {
        what: "In the manifests that `resolve` reads, `wasmplugin://PACKAGE` is used only as the image url of a \
               WasmPlugin, a TrafficExtension or an EnvoyExtensionPolicy, written as a plain or quoted scalar.",
        why: "A reference in any other field isn't resolved, and no mesh knows the scheme.",
        cure: "Move the reference to the field that the finding shows.",
        log: "",
        severities: "",
    },
};

fn judge(subject: &ManifestsSubject<'_>) -> Vec<Diagnostic> {
    let faults =
        |file: &ManifestFile| file.faults.iter().map(|fault| finding(file, fault)).collect::<Vec<_>>();
    subject.files.iter().flat_map(faults).collect()
}

fn finding(file: &ManifestFile, fault: &ReferenceFault) -> Diagnostic {
    let location =
        Location { file: file.source.clone(), span: fault.span.clone(), label: fault.label.clone() };
    RULE.finding(
        fault.message.clone(),
        [Place::Field { path: fault.field.clone(), location: Some(location) }],
    )
    .help(fault.help.clone())
}
