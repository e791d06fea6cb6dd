//! Splits streams into documents without parsing them.
//!
//! A line that begins with `---` or `...` is always a marker: YAML doesn't allow such a line in a scalar, not even in
//! quotes or in a block. So a stream can be split line by line, and a document that isn't valid YAML doesn't affect the
//! others.

use std::ops::Range;

/// A document of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The bytes of the document: the comments before its marker, the marker, and everything up to the next document.
    pub span: Range<usize>,
    opening: Opening,
}

/// How a document begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    /// Only blank lines and comments.
    Nothing,
    /// `%YAML` or another directive.
    Directive,
    /// `---`
    Marker,
    /// Anything else.
    Content,
}

/// The documents of a stream. Every byte of the stream is in one of them.
pub fn documents(stream: &str) -> impl Iterator<Item = Document> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let document = document_at(stream, start)?;
        start = document.span.end;
        Some(document)
    })
}

fn document_at(stream: &str, start: usize) -> Option<Document> {
    let mut opening = Opening::Nothing;
    let mut is_open = false;
    for line in lines(stream, start) {
        let mut text = &stream[line.clone()];
        if line.start == 0 {
            text = text.trim_start_matches(BYTE_ORDER_MARK);
        }
        if is_open {
            if is_marker(text, "---") {
                return Some(Document { span: start..line.start, opening });
            }
            if is_marker(text, "...") {
                return Some(Document { span: start..line.end, opening });
            }
        } else if text.starts_with('%') {
            opening = Opening::Directive;
        } else if !is_blank(text) {
            is_open = true;
            if opening == Opening::Nothing {
                opening = if is_marker(text, "---") { Opening::Marker } else { Opening::Content };
            }
        }
    }
    (start < stream.len()).then_some(Document { span: start..stream.len(), opening })
}

/// Joins several streams into one, with a marker between two streams if the second one doesn't begin with a marker.
pub fn join(streams: impl IntoIterator<Item = String>) -> String {
    let mut streams = streams.into_iter();
    let mut joined = streams.next().unwrap_or_default();
    for stream in streams {
        // A byte order mark is allowed only at the beginning of a file.
        let stream = stream.trim_start_matches(BYTE_ORDER_MARK);
        let line_break = line_break(&joined).to_owned();
        if !joined.is_empty() && !joined.ends_with(['\n', '\r']) {
            joined.push_str(&line_break);
        }
        let separator = match documents(stream).next().map(|document| document.opening) {
            Some(Opening::Content) if !joined.is_empty() => "---",
            // A directive is allowed only if no document is open.
            Some(Opening::Directive) if !joined.is_empty() => "...",
            _ => "",
        };
        if !separator.is_empty() {
            joined.push_str(separator);
            joined.push_str(&line_break);
        }
        joined.push_str(stream);
    }
    joined
}

/// The last line break of a text; `\n` if it has none.
pub fn line_break(text: &str) -> &str {
    let Some(at) = text.rfind(['\n', '\r']) else { return "\n" };
    let start = if text[..at].ends_with('\r') && text[at..].starts_with('\n') { at - 1 } else { at };
    &text[start..=at]
}

/// The line break at the end of the line that contains `at`.
pub fn line_end(text: &str, at: usize) -> Range<usize> {
    let Some(length) = text[at..].find(['\n', '\r']) else { return text.len()..text.len() };
    let start = at + length;
    start..start + if text[start..].starts_with("\r\n") { 2 } else { 1 }
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// The lines from `start` on, with their line breaks.
fn lines(text: &str, mut start: usize) -> impl Iterator<Item = Range<usize>> {
    std::iter::from_fn(move || {
        let line = start..line_end(text, start).end;
        start = line.end;
        (!line.is_empty()).then_some(line)
    })
}

fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r']))
}

fn is_blank(line: &str) -> bool {
    let text = line.trim_matches([' ', '\t', '\n', '\r']);
    text.is_empty() || text.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn documents_begin_at_markers() {
        let parts = |stream: &'static str| {
            documents(stream).map(|document| &stream[document.span]).collect::<Vec<_>>()
        };
        assert_eq!(parts(""), [""; 0]);
        assert_eq!(parts("# a\n---\nb\n--- c\r\n---d\n"), ["# a\n---\nb\n", "--- c\r\n---d\n"]);
        assert_eq!(parts("a\n...\n# b\n%C\n---\nd\n"), ["a\n...\n", "# b\n%C\n---\nd\n"]);
        assert_eq!(parts("\u{feff}---\na\r---\r%b\r---"), ["\u{feff}---\na\r", "---\r%b\r", "---"]);
        assert_eq!(parts("a: |\n  ---\n ---\n...\n...\n"), ["a: |\n  ---\n ---\n...\n", "...\n"]);
    }

    #[test]
    fn streams_are_joined_by_markers() {
        for (streams, expected) in [
            (&["a: 1\n"][..], "a: 1\n"),
            (&["a: 1", "b: 2"], "a: 1\n---\nb: 2"),
            (&["a: 1\r\n", "b: 2\r\n"], "a: 1\r\n---\r\nb: 2\r\n"),
            (&["a: 1\n", "---\nb: 2\n"], "a: 1\n---\nb: 2\n"),
            (&["a: 1\n", "# note\n\n---\nb: 2\n"], "a: 1\n# note\n\n---\nb: 2\n"),
            (&["a: 1\n", "# note\nb: 2\n"], "a: 1\n---\n# note\nb: 2\n"),
            (&["a: 1\n", "%YAML 1.2\n---\nb: 2\n"], "a: 1\n...\n%YAML 1.2\n---\nb: 2\n"),
            (&["a: 1\n...\n", "b: 2\n"], "a: 1\n...\n---\nb: 2\n"),
            (&["", "a: 1\n", "", "# end\n", "b: 2\n"], "a: 1\n# end\n---\nb: 2\n"),
            (&["\u{feff}a: 1\n", "\u{feff}b: 2\n"], "\u{feff}a: 1\n---\nb: 2\n"),
        ] {
            assert_eq!(join(streams.iter().map(|stream| (*stream).to_owned())), expected, "{streams:?}");
        }
    }

    proptest! {
        #[test]
        fn documents_are_all_of_the_stream(text in "(---|\\.\\.\\.|%|#|a|[ \n\r]|\u{feff}){0,40}") {
            let joined: String = documents(&text).map(|document| &text[document.span]).collect();
            prop_assert_eq!(joined, text);
        }
    }
}
