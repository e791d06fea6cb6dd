//! Static checks: would a mesh accept this module, image or resource? No proxy is needed.
//!
//! Each rule is one file in `rules` and one row of [`RULES`]. The file says what the proxy does and how we know;
//! quoted messages are Envoy's own.

pub mod hostcalls;
mod import_cure;
pub mod levels;
pub mod rule;
mod rules;
mod sdk;

use std::sync::Arc;

use crate::diagnostics::findings::Findings;
use crate::diagnostics::{Diagnostic, Severity};
use crate::mesh::Mesh;
use crate::resource::references::ManifestFile;
use crate::resource::{Draft, Kind, Mismatch, MismatchKind};
use crate::text::{nearest, quoted};
use crate::wasm::ModuleInfo;
use crate::yaml::{Fault, FaultKind};
use hostcalls::Abi;
use levels::Levels;
use rule::{
    ConversionSubject, DocumentSubject, ImageSubject, Judge, ManifestsSubject, ModuleSubject,
    PublicationSubject, ReferenceSubject, ResourceSubject, Rule, SettingsSubject, TogetherSubject,
};
use rules::resource::wrong_kind;

pub use rule::MOST;
pub use rules::RULES;

/// The rule with this code.
///
/// # Errors
///
/// If there is no such rule: a help text with a similar code, or with all codes.
pub fn find(code: &str) -> Result<&'static Rule, String> {
    let codes = || RULES.iter().map(|rule| rule.code);
    RULES.iter().find(|rule| rule.code == code).ok_or_else(|| match nearest(code, codes()) {
        Some(near) => format!("a rule with a similar code exists: `{near}`"),
        None => format!("the rules are {}", quoted(codes())),
    })
}

/// The ABI version that a module selects with its first marker.
pub fn abi(module: &ModuleInfo) -> Option<Abi> {
    rules::module::abi_marker::abi(module)
}

/// The finding for a module whose damaged name section was removed.
pub fn repaired_names() -> Diagnostic {
    rules::module::name_section::repaired()
}

/// The finding before the compilation of a module that `meshes` will most likely refuse, because Rust 1.82 or later
/// compiles it and it isn't optimized.
pub fn not_optimized(meshes: &[&'static Mesh]) -> Option<Diagnostic> {
    rules::module::wasm_feature::expected(meshes)
}

/// The meshes that refuse modules from Rust 1.82 and later unless they are optimized.
pub fn needs_optimizer(meshes: &[&'static Mesh]) -> Vec<&'static Mesh> {
    rules::module::wasm_feature::needs_optimizer(meshes)
}

/// Judges the exports of a module that was compiled, for all `meshes`.
pub fn exports(module: &ModuleInfo, meshes: &[&'static Mesh]) -> Vec<Diagnostic> {
    let subject = module_subject(module, meshes);
    judge(|rule| match rule.judge {
        Judge::Exports(judge) => judge(&subject),
        _ => Vec::new(),
    })
}

/// Judges everything else in a module that was optimized, for all `meshes`.
pub fn module(module: &ModuleInfo, meshes: &[&'static Mesh]) -> Vec<Diagnostic> {
    let subject = module_subject(module, meshes);
    judge(|rule| match rule.judge {
        Judge::Module(judge) => judge(&subject),
        _ => Vec::new(),
    })
}

fn module_subject<'a>(module: &'a ModuleInfo, meshes: &'a [&'static Mesh]) -> ModuleSubject<'a> {
    ModuleSubject { module, meshes, abi: abi(module).unwrap_or(Abi::NEWEST) }
}

/// Judges an image.
pub fn image(subject: &ImageSubject<'_>) -> Vec<Diagnostic> {
    judge(|rule| match rule.judge {
        Judge::Image(judge) => judge(subject),
        _ => Vec::new(),
    })
}

/// Judges the draft of a resource. Findings are sorted by their position in the draft's file.
pub fn resource(draft: &Draft) -> Vec<Diagnostic> {
    let mut mismatches = draft.mismatches();
    mismatches.retain(|mismatch| !is_ambiguous(draft, mismatch));
    let is_other_kind = wrong_kind::other_kind(draft).is_some();
    let subject = ResourceSubject { draft, mismatches: &mismatches };
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
    found
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

/// Judges the conversion of a draft to `kind`, for all `meshes`.
pub fn conversion(draft: &Draft, kind: Kind, meshes: &[&'static Mesh]) -> Vec<Diagnostic> {
    let losses = draft.losses(kind);
    let subject = ConversionSubject { draft, kind, losses: &losses, meshes };
    judge(|rule| match rule.judge {
        Judge::Conversion(judge) => judge(&subject),
        _ => Vec::new(),
    })
}

/// Judges a draft together with the reference of the image that will be built for it.
pub fn reference(subject: &ReferenceSubject<'_>) -> Vec<Diagnostic> {
    judge(|rule| match rule.judge {
        Judge::Reference(judge) => judge(subject),
        _ => Vec::new(),
    })
}

/// Judges a package whose image will be pushed.
pub fn publication(subject: &PublicationSubject<'_>) -> Vec<Diagnostic> {
    judge(|rule| match rule.judge {
        Judge::Publication(judge) => judge(subject),
        _ => Vec::new(),
    })
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

/// Judges levels. This needs the findings of all other rules.
pub fn settings(levels: &Levels, findings: &[&Findings]) -> Vec<Diagnostic> {
    let subject = SettingsSubject { rules: RULES, levels, findings };
    judge(|rule| match rule.judge {
        Judge::Settings(judge) => judge(&subject),
        _ => Vec::new(),
    })
}

fn judge(mut by: impl FnMut(&Rule) -> Vec<Diagnostic>) -> Vec<Diagnostic> {
    RULES.iter().flat_map(|rule| bounded(by(rule))).collect()
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
