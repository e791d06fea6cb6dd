//! Reads a file with a single document, as kubectl does.

use super::fault::Fault;
use super::kubectl;
use super::parse::parse;
use super::stream;
use super::strict;
use super::tree::{SyntaxError, SyntaxNode};
use super::value::Node;

/// Reads the single document in `text`. Like kubectl, ignores documents without content, such as the one after a `---` at
/// the end. Returns what the API server would get, and what a resource must not contain.
///
/// # Errors
///
/// If kubectl couldn't read it either, if there are several documents, or if it is too large or too deep.
pub fn read_document(text: &str) -> Result<(Node, Vec<Fault>), SyntaxError> {
    let mut found = None;
    for document in stream::documents(text) {
        let Some(root) = parse(text, document.span.clone())?.filter(|root| !is_empty(root)) else { continue };
        if found.replace(root).is_some() {
            // After a `...`, a document needs no marker.
            let start = document.span.start;
            let marker = text[document.span].find("---").map(|at| start + at..start + at + 3);
            return Err(SyntaxError {
                help: Some(
                    "keep only the WasmPlugin here, and move other resources to other files".to_owned(),
                ),
                ..SyntaxError::new(
                    marker.unwrap_or(start..start),
                    "a second document begins here, but only one is expected",
                )
            });
        }
    }
    let root = found.ok_or_else(|| SyntaxError::new(0..0, "there is no YAML document"))?;
    Ok((kubectl::read(&root)?, strict::faults(&root)))
}

/// Whether a document has no content: the parser returns an empty value for it.
fn is_empty(root: &SyntaxNode<'_>) -> bool {
    root.text() == Some("") && root.full_span().is_empty()
}
