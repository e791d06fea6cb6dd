//! What a rule is, and what the rules of each kind look at.

use std::ops::Range;
use std::sync::Arc;

use crate::check::hostcalls::Abi;
use crate::check::levels::Levels;
use crate::diagnostics::findings::Findings;
use crate::diagnostics::source::{Location, SourceFile};
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::digest::Digest;
use crate::mesh::Mesh;
use crate::resource::references::ManifestFile;
use crate::resource::{Draft, Field, Kind, Loss, Mismatch, PulledImage};
use crate::wasm::{ModuleInfo, printable};
use crate::yaml::{Fault, FaultKind};

/// One thing that is checked. Each rule is a file and a row of [`RULES`](crate::check::RULES).
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The name under which it is documented, in kebab case.
    pub code: &'static str,
    /// How serious its findings are, unless one of them is known to be harmless.
    pub severity: Severity,
    /// What it looks at, and how.
    pub judge: Judge,
    /// Its page.
    pub docs: Docs,
}

/// The kind of subject of a rule, and the function that judges it.
#[derive(Debug, Clone, Copy)]
pub enum Judge {
    /// A module.
    Module(fn(&ModuleSubject<'_>) -> Vec<Diagnostic>),
    /// An image.
    Image(fn(&ImageSubject<'_>) -> Vec<Diagnostic>),
    /// The YAML of a document.
    Document(fn(&DocumentSubject<'_>) -> Vec<Diagnostic>),
    /// A resource.
    Resource(fn(&ResourceSubject<'_>) -> Vec<Diagnostic>),
    /// A resource together with the image and the module that it is to load.
    Together(fn(&TogetherSubject<'_>) -> Vec<Diagnostic>),
    /// Manifests with references to packages.
    Manifests(fn(&ManifestsSubject<'_>) -> Vec<Diagnostic>),
    /// The levels of the settings together with all that was found.
    Settings(fn(&SettingsSubject<'_>) -> Vec<Diagnostic>),
}

/// The documentation of a rule, in Markdown.
#[derive(Debug, Clone, Copy)]
pub struct Docs {
    /// What has to be true of the subject.
    pub what: &'static str,
    /// What a proxy or a mesh does otherwise.
    pub why: &'static str,
    /// What to do about it.
    pub cure: &'static str,
    /// What the proxy or the API server logs, for those who come with a line of a log; empty if nothing helps.
    pub log: &'static str,
    /// When the severity isn't that of the rule; empty if it always is.
    pub levels: &'static str,
}

impl Judge {
    /// The word for the kind of subject.
    pub fn subject(self) -> &'static str {
        match self {
            Judge::Module(_) => "module",
            Judge::Image(_) => "image",
            Judge::Document(_) => "YAML document",
            Judge::Manifests(_) => "manifests",
            Judge::Resource(_) => "resource",
            Judge::Together(_) => "resource and image",
            Judge::Settings(_) => "settings",
        }
    }
}

/// A module, and where it has to load.
#[derive(Debug, Clone, Copy)]
pub struct ModuleSubject<'a> {
    /// The module.
    pub module: &'a ModuleInfo,
    /// The meshes that have to load it.
    pub meshes: &'a [&'static Mesh],
    /// The ABI version of its marker; without a marker the newest, so that everything else can be judged.
    pub abi: Abi,
}

/// An image.
#[derive(Debug, Clone, Copy)]
pub struct ImageSubject<'a> {
    /// The size of the module in it, in bytes.
    pub module_size: usize,
    /// The media type of the layer that holds the module.
    pub media_type: &'a str,
    /// The position of that layer.
    pub layer: usize,
}

/// The YAML of a document.
#[derive(Debug, Clone, Copy)]
pub struct DocumentSubject<'a> {
    /// The file that the document is in.
    pub source: &'a Arc<SourceFile>,
    /// What it has that a resource must not have.
    pub faults: &'a [Fault],
}

/// The manifests that references to packages are resolved in.
#[derive(Debug, Clone, Copy)]
pub struct ManifestsSubject<'a> {
    /// The files, in the order in which they are given.
    pub files: &'a [ManifestFile],
}

/// A resource that is to be made of a draft.
#[derive(Debug, Clone, Copy)]
pub struct ResourceSubject<'a> {
    /// The draft.
    pub draft: &'a Draft,
    /// What it has that its schema doesn't allow.
    pub mismatches: &'a [Mismatch<'a>],
    /// The kind that is to be made of it.
    pub kind: Kind,
    /// What a document of that kind can't express.
    pub losses: &'a [Loss],
    /// The meshes that have to take it.
    pub meshes: &'a [&'static Mesh],
    /// Whether its image is pushed.
    pub is_published: bool,
}

/// A draft, and what was built for it.
#[derive(Debug, Clone, Copy)]
pub struct TogetherSubject<'a> {
    /// The draft.
    pub draft: &'a Draft,
    /// The image, if it is known where the mesh pulls it from.
    pub image: Option<&'a PulledImage>,
    /// The digest of the module.
    pub module: Digest,
}

/// The levels of a package, and everything that was found in it.
#[derive(Debug, Clone, Copy)]
pub struct SettingsSubject<'a> {
    /// The levels.
    pub levels: &'a Levels,
    /// What was found.
    pub findings: &'a Findings,
}

impl ModuleSubject<'_> {
    /// The meshes for which `refuses` holds.
    pub(in crate::check) fn refusing(&self, refuses: impl Fn(&Mesh) -> bool) -> Vec<&'static Mesh> {
        self.meshes.iter().copied().filter(|mesh| refuses(mesh)).collect()
    }
}

impl DocumentSubject<'_> {
    /// A finding of `rule` for each fault of a kind.
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
            Diagnostic {
                rule: rule.code,
                severity: rule.severity,
                message: fault.kind.message(),
                places,
                reason: String::new(),
                help: vec![fault.kind.help()],
                meshes: Vec::new(),
            }
        };
        faults.map(finding).collect()
    }
}

impl ResourceSubject<'_> {
    /// A finding of `rule` about a field: `complaint` follows its name, and `label` is shown beside it.
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
    /// As [`ResourceSubject::finding`].
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
    Diagnostic {
        rule: rule.code,
        severity: rule.severity,
        message,
        places: vec![Place::Field { path: field.path(), location }],
        reason: String::new(),
        help: Vec::new(),
        meshes: Vec::new(),
    }
}

/// How many findings of one rule are reported. A hostile module can break a rule a million times.
pub const MOST: usize = 50;
/// Where a rule that looks at every item of a module may stop: one more shows that there are more.
pub(in crate::check) const ENOUGH: usize = MOST + 1;

pub(in crate::check) fn import(module: &str, name: &str) -> String {
    format!("import `{}.{}`", printable(module), printable(name))
}

pub(in crate::check) fn export(name: &str) -> String {
    format!("export `{}`", printable(name))
}
