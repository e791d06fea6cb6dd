//! What a check found, and where: the one type behind the terminal, JSON and the exit code.

pub mod findings;
pub mod render;
pub mod source;

use crate::mesh::Mesh;
use source::Location;

/// How serious a diagnostic is. The order is from harmless to serious.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It explains something, and stops nothing.
    Note,
    /// It loads, but probably doesn't do what its author wants.
    Warning,
    /// The mesh would refuse it, be harmed by it, or treat traffic differently from what its author wrote.
    Error,
}

/// One thing that a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The code of the rule, under which it is documented: `unknown-import`.
    pub rule: &'static str,
    /// How serious it is.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// Where it is, the most important place first.
    pub places: Vec<Place>,
    /// What a proxy or a mesh does with it; empty if the message says it all.
    pub reason: String,
    /// What to do about it, one step each.
    pub help: Vec<String>,
    /// The meshes that it concerns; empty if it concerns all of them.
    pub meshes: Vec<&'static Mesh>,
}

/// Where a diagnostic points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// An item of a module: ``import `env.foo` ``.
    Item(String),
    /// A layer of an image.
    Layer {
        /// Its position in the manifest, from 0.
        index: usize,
        /// The media type that the manifest gives it.
        media_type: String,
    },
    /// A field of a resource.
    Field {
        /// Its path: `spec.match[0].mode`; empty for the whole document.
        path: String,
        /// Where it is written, unless it comes from a default or a flag.
        location: Option<Location>,
    },
    /// A part of a file that isn't a field of a resource.
    File(Location),
}

impl Severity {
    /// The word for it: `error`.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl Place {
    /// Where it is written in a file.
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
