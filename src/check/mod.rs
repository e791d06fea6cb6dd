//! Static checks: would a mesh accept this module, image or resource? No proxy is needed.
//!
//! Each rule is one file in `rules` and one row of [`RULES`]. The file says what the proxy does and how we know;
//! quoted messages are Envoy's own.

pub mod hostcalls;
pub mod levels;
pub mod rule;
mod rules;

use std::sync::Arc;

use crate::diagnostics::{Diagnostic, Severity};
use crate::mesh::Mesh;
use crate::resource::references::ManifestFile;
use crate::resource::{Draft, Kind, Mismatch, MismatchKind};
use crate::wasm::ModuleInfo;
use crate::yaml::{Fault, FaultKind};
use hostcalls::Abi;
use rule::{
    DocumentSubject, ImageSubject, Judge, ManifestsSubject, ModuleSubject, ResourceSubject, Rule,
    SettingsSubject, TogetherSubject,
};
use rules::resource::wrong_kind;

pub use rule::MOST;
pub use rules::RULES;

/// The ABI version that a module selects with its first marker.
pub fn abi(module: &ModuleInfo) -> Option<Abi> {
    rules::module::abi_marker::abi(module)
}

/// The finding for a module whose damaged name section was removed.
pub fn repaired_names() -> Diagnostic {
    rules::module::name_section::repaired()
}

/// Judges a module for all `meshes`.
pub fn module(module: &ModuleInfo, meshes: &[&'static Mesh]) -> Vec<Diagnostic> {
    let subject = ModuleSubject { module, meshes, abi: abi(module).unwrap_or(Abi::NEWEST) };
    let found = judge(|rule| match rule.judge {
        Judge::Module(judge) => judge(&subject),
        _ => Vec::new(),
    });
    among(found, meshes)
}

/// Judges an image.
pub fn image(subject: &ImageSubject<'_>) -> Vec<Diagnostic> {
    judge(|rule| match rule.judge {
        Judge::Image(judge) => judge(subject),
        _ => Vec::new(),
    })
}

/// Judges the resource of kind `kind` that would be made from `draft`, for all `meshes`. Findings are sorted by their
/// position in the draft's file.
pub fn resource(draft: &Draft, kind: Kind, meshes: &[&'static Mesh], is_published: bool) -> Vec<Diagnostic> {
    let (mut mismatches, losses) = (draft.mismatches(), draft.losses(kind));
    mismatches.retain(|mismatch| !is_ambiguous(draft, mismatch));
    let is_other_kind = wrong_kind::other_kind(draft).is_some();
    let subject =
        ResourceSubject { draft, mismatches: &mismatches, kind, losses: &losses, meshes, is_published };
    let mut found = judge(|rule| match rule.judge {
        Judge::Document(judge) => draft
            .source()
            .map(|source| judge(&DocumentSubject { source, faults: draft.faults() }))
            .unwrap_or_default(),
        // The other rules about resources only know the fields of a WasmPlugin.
        Judge::Resource(_) if is_other_kind && rule.code != wrong_kind::RULE.code => Vec::new(),
        Judge::Resource(judge) => judge(&subject),
        _ => Vec::new(),
    });
    found.sort_by_key(start);
    among(found, meshes)
}

/// Whether the value has another type than its string field only if YAML readers agree on it. They don't, so
/// `ambiguous-scalar` reports it.
fn is_ambiguous(draft: &Draft, mismatch: &Mismatch<'_>) -> bool {
    let span = mismatch.field.span();
    let is_here =
        |fault: &Fault| matches!(fault.kind, FaultKind::AmbiguousScalar { .. }) && fault.span == span;
    matches!(mismatch.kind, MismatchKind::Type { needs_quotes: true, .. })
        && draft.faults().iter().any(is_here)
}

/// Judges the manifests that contain references to packages. Findings are sorted by file and position.
pub fn manifests(files: &[ManifestFile]) -> Vec<Diagnostic> {
    let subject = ManifestsSubject { files };
    let mut found = judge(|rule| match rule.judge {
        Judge::Document(judge) => {
            let document = |file: &ManifestFile| {
                judge(&DocumentSubject { source: &file.source, faults: &file.duplicates })
            };
            files.iter().flat_map(document).collect()
        }
        Judge::Manifests(judge) => judge(&subject),
        _ => Vec::new(),
    });
    let file = |finding: &Diagnostic| {
        let source = finding.places.first()?.location().map(|location| &location.file)?;
        files.iter().position(|file| Arc::ptr_eq(&file.source, source))
    };
    found.sort_by_key(|finding| (file(finding), start(finding)));
    found
}

/// The position of a finding in its file. Findings without a file come last.
fn start(finding: &Diagnostic) -> usize {
    finding.places.first().and_then(|place| Some(place.location()?.span.start)).unwrap_or(usize::MAX)
}

/// Judges a draft together with the image and the module that were built for it.
pub fn together(subject: &TogetherSubject<'_>) -> Vec<Diagnostic> {
    judge(|rule| match rule.judge {
        Judge::Together(judge) => judge(subject),
        _ => Vec::new(),
    })
}

/// Judges the levels of a package. This needs the findings of all other rules.
pub fn settings(subject: &SettingsSubject<'_>) -> Vec<Diagnostic> {
    judge(|rule| match rule.judge {
        Judge::Settings(judge) => judge(subject),
        _ => Vec::new(),
    })
}

fn judge(mut by: impl FnMut(&Rule) -> Vec<Diagnostic>) -> Vec<Diagnostic> {
    RULES.iter().flat_map(|rule| bounded(by(rule))).collect()
}

/// No list of meshes means all of `meshes`, so a finding that lists all of them gets no list.
fn among(mut findings: Vec<Diagnostic>, meshes: &[&'static Mesh]) -> Vec<Diagnostic> {
    for finding in findings.iter_mut().filter(|finding| finding.meshes.len() == meshes.len()) {
        finding.meshes.clear();
    }
    findings
}

/// Limits the findings of one rule to a readable number. Errors are kept before warnings.
fn bounded(mut findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if findings.len() > MOST {
        findings.sort_by_key(|finding| finding.severity != Severity::Error);
        findings.truncate(MOST);
        if let Some(last) = findings.last_mut() {
            last.message.push_str(" (and more of this kind)");
        }
    }
    findings
}

#[cfg(test)]
mod tests;
