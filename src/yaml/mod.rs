//! YAML documents: read as kubectl reads them, and written so that every reader sees the same.
//!
//! [`parse()`] turns a text into a tree of what is written, and everything else is a pass over that tree: [`kubectl`]
//! produces what the API server would get, and [`strict`] finds what our own resources must not contain. Nothing else
//! in the program uses a YAML library.

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
