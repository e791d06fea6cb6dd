//! What the checks found and where. The terminal, JSON and the exit code all use this type.

pub mod findings;
pub mod render;
pub mod source;

use serde::Serialize;

use crate::mesh::Mesh;
use source::Location;

/// How serious a diagnostic is. The order is from harmless to serious.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Only information.
    Note,
    /// It loads, but probably doesn't do what its author wants.
    Warning,
    /// The mesh would refuse it, be harmed by it, or treat traffic differently from what its author wrote.
    Error,
}

/// One thing that a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The code of the rule: `unknown-import`.
    pub rule: &'static str,
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// Where it is; the most important place comes first.
    pub places: Vec<Place>,
    /// What a proxy or a mesh does in this case; empty if the message is enough.
    pub reason: String,
    /// How to fix it, one step each.
    pub help: Vec<String>,
    /// The affected meshes; empty if the finding doesn't depend on the mesh.
    pub meshes: Vec<&'static Mesh>,
}

/// Where a diagnostic points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// An item of a module: ``import `env.foo` ``.
    Item(String),
    /// A layer of an image.
    Layer {
        /// The index in the manifest, from 0.
        index: usize,
        /// The media type in the manifest.
        media_type: String,
    },
    /// A field of a resource.
    Field {
        /// The path: `spec.match[0].mode`; empty for the whole document.
        path: String,
        /// The place in the file; `None` if it comes from a default or a flag.
        location: Option<Location>,
    },
    /// A part of a file that isn't a field of a resource.
    File(Location),
}

impl Diagnostic {
    #[must_use]
    pub fn severity(self, severity: Severity) -> Self {
        Diagnostic { severity, ..self }
    }

    #[must_use]
    pub fn reason(self, reason: impl Into<String>) -> Self {
        Diagnostic { reason: reason.into(), ..self }
    }

    /// Adds a step.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    #[must_use]
    pub fn meshes(self, meshes: Vec<&'static Mesh>) -> Self {
        Diagnostic { meshes, ..self }
    }
}

impl Severity {
    /// The name: `error`.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl Place {
    /// An item of a module.
    pub fn item(item: impl Into<String>) -> Self {
        Place::Item(item.into())
    }

    /// The location in a file, if there is one.
    pub fn location(&self) -> Option<&Location> {
        match self {
            Place::Item(_) | Place::Layer { .. } => None,
            Place::Field { location, .. } => location.as_ref(),
            Place::File(location) => Some(location),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Item(item) => f.write_str(item),
            Place::Layer { index, media_type } => write!(f, "layer {} (`{media_type}`)", index + 1),
            Place::Field { path, .. } if path.is_empty() => f.write_str("the document"),
            Place::Field { path, .. } => write!(f, "`{path}`"),
            Place::File(location) => location.fmt(f),
        }
    }
}
