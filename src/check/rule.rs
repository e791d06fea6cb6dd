//! The definition of a rule, and the subject of each kind of rule.

use std::ops::Range;
use std::sync::Arc;

use crate::check::hostcalls::Abi;
use crate::check::levels::Levels;
use crate::diagnostics::findings::Findings;
use crate::diagnostics::source::{Location, SourceFile};
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::digest::Digest;
use crate::image::Manifest;
use crate::mesh::Mesh;
use crate::reference::{Repository, Tag};
use crate::resource::references::ManifestFile;
use crate::resource::{Draft, Field, Kind, Loss, Mismatch, PulledImage};
use crate::wasm::{ModuleInfo, printable};
use crate::yaml::{Fault, FaultKind};

/// A check. Each rule is one file and one row of [`RULES`](crate::check::RULES).
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The code, in kebab case: `unknown-import`.
    pub code: &'static str,
    /// The severity of its findings, unless `docs.severities` says otherwise.
    pub severity: Severity,
    /// The function that judges, by the kind of subject.
    pub judge: Judge,
    pub docs: Docs,
}

/// The kind of subject that a rule judges, and the function that does so.
#[derive(Debug, Clone, Copy)]
pub enum Judge {
    /// A module as it was compiled. The rule is only about exports, which no optimizer changes.
    Exports(fn(&ModuleSubject<'_>) -> Vec<Diagnostic>),
    /// A module as it was optimized.
    Module(fn(&ModuleSubject<'_>) -> Vec<Diagnostic>),
    Image(fn(&ImageSubject<'_>) -> Vec<Diagnostic>),
    /// The YAML of a document.
    Document(fn(&DocumentSubject<'_>) -> Vec<Diagnostic>),
    Resource(fn(&ResourceSubject<'_>) -> Vec<Diagnostic>),
    /// The conversion of a resource to the requested kind.
    Conversion(fn(&ConversionSubject<'_>) -> Vec<Diagnostic>),
    /// A resource together with the reference of the image that will be built for it.
    Reference(fn(&ReferenceSubject<'_>) -> Vec<Diagnostic>),
    /// A package whose image will be pushed.
    Publication(fn(&PublicationSubject<'_>) -> Vec<Diagnostic>),
    /// A resource together with the image and the module that it loads.
    Together(fn(&TogetherSubject<'_>) -> Vec<Diagnostic>),
    /// Manifests that contain references to packages.
    Manifests(fn(&ManifestsSubject<'_>) -> Vec<Diagnostic>),
    /// Levels together with all findings.
    Settings(fn(&SettingsSubject<'_>) -> Vec<Diagnostic>),
}

/// The documentation of a rule, in Markdown.
#[derive(Debug, Clone, Copy)]
pub struct Docs {
    /// What the rule requires.
    pub what: &'static str,
    /// What a proxy or a mesh does if the requirement isn't met.
    pub why: &'static str,
    /// How to fix it.
    pub cure: &'static str,
    /// What the proxy or the API server logs, so that a search for the log line finds the rule; empty if there is
    /// no typical line.
    pub log: &'static str,
    /// When a finding has another severity than the rule; empty if it never has.
    pub severities: &'static str,
}

impl Rule {
    /// A finding of this rule. The methods of [`Diagnostic`] add the other parts.
    pub(in crate::check) fn finding(
        &self,
        message: impl Into<String>,
        places: impl IntoIterator<Item = Place>,
    ) -> Diagnostic {
        Diagnostic {
            rule: self.code,
            severity: self.severity,
            message: message.into(),
            places: places.into_iter().collect(),
            reason: String::new(),
            help: Vec::new(),
            meshes: Vec::new(),
        }
    }
}

impl Judge {
    /// Whether every command that builds a package runs the rule, whatever its arguments.
    pub(in crate::check) fn is_in_every_build(self) -> bool {
        !matches!(self, Judge::Conversion(_) | Judge::Publication(_) | Judge::Manifests(_))
    }

    /// The kind of subject, as it is shown.
    pub fn subject(self) -> &'static str {
        match self {
            Judge::Exports(_) | Judge::Module(_) => "module",
            Judge::Image(_) => "image",
            Judge::Document(_) => "YAML document",
            Judge::Manifests(_) => "manifests",
            Judge::Resource(_) => "resource",
            Judge::Conversion(_) => "conversion",
            Judge::Reference(_) => "resource and reference",
            Judge::Publication(_) => "publication",
            Judge::Together(_) => "resource and image",
            Judge::Settings(_) => "settings",
        }
    }
}

/// A module and the meshes that have to load it.
#[derive(Debug, Clone, Copy)]
pub struct ModuleSubject<'a> {
    pub module: &'a ModuleInfo,
    pub meshes: &'a [&'static Mesh],
    /// The ABI version of the module's marker. Without a marker it is the newest, so that the other rules still work.
    pub abi: Abi,
}

/// An image that was packed.
#[derive(Debug, Clone, Copy)]
pub struct ImageSubject<'a> {
    /// The configuration, the layers and the annotations.
    pub manifest: &'a Manifest,
    /// The size of the module in bytes.
    pub module_size: u64,
}

/// The YAML of a document.
#[derive(Debug, Clone, Copy)]
pub struct DocumentSubject<'a> {
    pub source: &'a Arc<SourceFile>,
    /// YAML that a resource must not use.
    pub faults: &'a [Fault],
}

/// The manifests that contain references to packages.
#[derive(Debug, Clone, Copy)]
pub struct ManifestsSubject<'a> {
    /// The files, in the order of the command line.
    pub files: &'a [ManifestFile],
}

/// The draft of a resource.
#[derive(Debug, Clone, Copy)]
pub struct ResourceSubject<'a> {
    pub draft: &'a Draft,
    /// Where the draft differs from its schema.
    pub mismatches: &'a [Mismatch<'a>],
}

/// A draft, and the kind that it is converted to.
#[derive(Debug, Clone, Copy)]
pub struct ConversionSubject<'a> {
    pub draft: &'a Draft,
    /// The kind of the resource.
    pub kind: Kind,
    /// What a document of this kind can't express.
    pub losses: &'a [Loss],
    /// The meshes that have to accept the resource.
    pub meshes: &'a [&'static Mesh],
}

/// A draft, and the reference of the image that will be built for it.
#[derive(Debug, Clone, Copy)]
pub struct ReferenceSubject<'a> {
    pub draft: &'a Draft,
    /// The kind that the draft is converted to.
    pub kind: Kind,
    /// The repository that the mesh pulls the image from, if it is known.
    pub repository: Option<&'a Repository>,
    /// The tag of the image, if it has one.
    pub tag: Option<&'a Tag>,
}

/// A draft, and the kind of the resource, of a package whose image will be pushed.
#[derive(Debug, Clone, Copy)]
pub struct PublicationSubject<'a> {
    pub draft: &'a Draft,
    pub kind: Kind,
}

/// A draft, and the image and module that were built for it.
#[derive(Debug, Clone, Copy)]
pub struct TogetherSubject<'a> {
    pub draft: &'a Draft,
    /// The image, if the repository that the mesh pulls it from is known.
    pub image: Option<&'a PulledImage>,
    /// The digest of the module.
    pub module: Digest,
}

/// Levels, and the findings that they apply to.
#[derive(Debug, Clone, Copy)]
pub struct SettingsSubject<'a> {
    pub rules: &'static [Rule],
    pub levels: &'a Levels,
    pub findings: &'a [&'a Findings],
}

impl ModuleSubject<'_> {
    /// The meshes for which `refuses` is true.
    pub(in crate::check) fn refusing(&self, refuses: impl Fn(&Mesh) -> bool) -> Vec<&'static Mesh> {
        self.meshes.iter().copied().filter(|mesh| refuses(mesh)).collect()
    }
}

impl DocumentSubject<'_> {
    /// A finding of `rule` for each fault that `is_kind` accepts.
    pub(in crate::check) fn findings(
        &self,
        rule: &Rule,
        is_kind: impl Fn(&FaultKind) -> bool,
    ) -> Vec<Diagnostic> {
        let faults = self.faults.iter().filter(|fault| is_kind(&fault.kind)).take(ENOUGH);
        let place = |span: &Range<usize>, label: &str| {
            Place::File(Location { file: self.source.clone(), span: span.clone(), label: label.to_owned() })
        };
        let finding = |fault: &Fault| {
            let mut places = vec![place(&fault.span, fault.kind.label())];
            if let FaultKind::DuplicateKey { first, .. } = &fault.kind {
                places.push(place(first, "the first one"));
            }
            rule.finding(fault.kind.message(), places).help(fault.kind.help())
        };
        faults.map(finding).collect()
    }
}

impl ResourceSubject<'_> {
    /// A finding of `rule` about a field. The message is the name of the field and `complaint`; `label` is shown next
    /// to the field in the file.
    pub(in crate::check) fn finding(
        &self,
        rule: &Rule,
        field: &Field<'_>,
        complaint: &str,
        label: impl Into<String>,
    ) -> Diagnostic {
        finding(rule, self.draft, field, complaint, label)
    }
}

impl ConversionSubject<'_> {
    /// See [`ResourceSubject::finding`].
    pub(in crate::check) fn finding(
        &self,
        rule: &Rule,
        field: &Field<'_>,
        complaint: &str,
        label: impl Into<String>,
    ) -> Diagnostic {
        finding(rule, self.draft, field, complaint, label)
    }
}

impl ReferenceSubject<'_> {
    /// See [`ResourceSubject::finding`].
    pub(in crate::check) fn finding(
        &self,
        rule: &Rule,
        field: &Field<'_>,
        complaint: &str,
        label: impl Into<String>,
    ) -> Diagnostic {
        finding(rule, self.draft, field, complaint, label)
    }
}

impl PublicationSubject<'_> {
    /// See [`ResourceSubject::finding`].
    pub(in crate::check) fn finding(
        &self,
        rule: &Rule,
        field: &Field<'_>,
        complaint: &str,
        label: impl Into<String>,
    ) -> Diagnostic {
        finding(rule, self.draft, field, complaint, label)
    }
}

impl TogetherSubject<'_> {
    /// See [`ResourceSubject::finding`].
    pub(in crate::check) fn finding(
        &self,
        rule: &Rule,
        field: &Field<'_>,
        complaint: &str,
        label: impl Into<String>,
    ) -> Diagnostic {
        finding(rule, self.draft, field, complaint, label)
    }
}

fn finding(
    rule: &Rule,
    draft: &Draft,
    field: &Field<'_>,
    complaint: &str,
    label: impl Into<String>,
) -> Diagnostic {
    let (span, label) = (field.span(), label.into());
    let file = draft.source().filter(|_| !span.is_empty());
    // What is shown beside the lines of a file has to be said somewhere if there are none.
    let message = match file {
        None if !label.is_empty() => format!("{field} {complaint}; {label}"),
        _ => format!("{field} {complaint}"),
    };
    let location = file.map(|file| Location { file: file.clone(), span, label });
    rule.finding(message, [Place::Field { path: field.path(), location }])
}

/// The maximum number of reported findings of one rule. A hostile module can break a rule a million times.
pub const MOST: usize = 50;
/// How many findings a rule has to return before it may stop: one more than is reported, to show that there are more.
pub(in crate::check) const ENOUGH: usize = MOST + 1;

pub(in crate::check) fn import(module: &str, name: &str) -> String {
    format!("import `{}.{}`", printable(module), printable(name))
}

pub(in crate::check) fn export(name: &str) -> String {
    format!("export `{}`", printable(name))
}
