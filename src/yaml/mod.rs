//! YAML documents: read as kubectl reads them, and written so that every reader sees the same.
//!
//! A text becomes a tree of what is written ([`parse()`]), and everything else is a pass over that tree: [`kubectl`] makes
//! of it what the API server would get, and [`strict`] finds what a resource of ours must not have. Nothing else in the
//! program uses a YAML library.

mod fault;
pub mod kubectl;
mod parse;
mod plain;
mod read;
pub mod stream;
pub mod strict;
pub mod tree;
mod value;
mod write;

pub use fault::{Fault, FaultKind};
pub use parse::parse;
pub use plain::is_text_unquoted;
pub use read::read_document;
pub use tree::SyntaxError;
pub use value::{Key, Node, Value, mapping, sequence};
pub use write::write;

#[cfg(test)]
mod tests;
