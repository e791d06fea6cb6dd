//! The one document of a file, as kubectl reads it.

use super::fault::Fault;
use super::kubectl;
use super::parse::parse;
use super::strict;
use super::tree::SyntaxError;
use super::value::Node;

/// Reads the one document of `text`: what the API server would get, and what a resource must not have.
///
/// # Errors
///
/// If kubectl couldn't read it either, or if it is larger or deeper than is read.
pub fn read_document(text: &str) -> Result<(Node, Vec<Fault>), SyntaxError> {
    let root = parse(text, 0..text.len())?;
    let root = root.ok_or_else(|| SyntaxError::new(0..0, "there is no YAML document"))?;
    Ok((kubectl::read(&root)?, strict::faults(&root)))
}
