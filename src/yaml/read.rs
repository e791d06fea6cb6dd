//! Reads a file with a single document, as kubectl does.

use super::fault::Fault;
use super::kubectl;
use super::parse::parse;
use super::strict;
use super::tree::SyntaxError;
use super::value::Node;

/// Reads the single document in `text`. Returns what the API server would get, and what a resource must not contain.
///
/// # Errors
///
/// If kubectl couldn't read it either, or if it is too large or too deep.
pub fn read_document(text: &str) -> Result<(Node, Vec<Fault>), SyntaxError> {
    let root = parse(text, 0..text.len())?;
    let root = root.ok_or_else(|| SyntaxError::new(0..0, "there is no YAML document"))?;
    Ok((kubectl::read(&root)?, strict::faults(&root)))
}
