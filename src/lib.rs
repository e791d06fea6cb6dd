//! From a Proxy-Wasm filter crate to an artifact that a service mesh loads.
//!
//! This library is the program: [`cli::run`] is its only interface. docs/architecture.md has the map of its modules,
//! the words that they use, and where new things go.

mod check;
pub mod cli;
mod compile;
mod config;
mod context;
mod diagnostics;
mod digest;
mod envoy;
mod error;
mod fs;
mod image;
mod interrupt;
mod mesh;
mod module;
mod ops;
mod optimize;
mod process;
mod project;
mod reference;
mod report;
mod resource;
mod scaffold;
mod shell;
mod text;
mod transport;
mod wasm;
mod yaml;

/// What the tests and the fuzzing of this crate look at. It is not an interface.
#[doc(hidden)]
pub mod internals {
    pub use crate::check::RULES;
    pub use crate::check::rule::Rule;
    pub use crate::mesh::{MESHES, Mesh};
    pub use crate::resource::{FlagSyntax, KINDS, Kind, RESOURCE_FLAGS};
    pub use crate::scaffold::TEMPLATES;
    pub use crate::yaml::{
        Key, Node, Value, kubectl, mapping, parse, read_document, sequence, stream, write,
    };
}
