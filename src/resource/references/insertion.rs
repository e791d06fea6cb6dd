//! Writing a value into a text without changing anything around it.

use std::ops::Range;

use crate::yaml::tree::{Style, SyntaxNode};
use crate::yaml::{is_text_unquoted, stream};

/// A place in a text where a value can be written.
#[derive(Debug)]
pub(super) struct Insertion {
    /// The bytes that the value replaces; empty if it is inserted.
    span: Range<usize>,
    before: String,
    after: String,
    is_quoted: bool,
}

impl Insertion {
    /// The place of a value, inside its quotes if it has any. `None` if it is an alias or a block, or has an anchor or a
    /// tag, because replacing the text could change more than this value.
    pub(super) fn of_value(value: &SyntaxNode<'_>) -> Option<Insertion> {
        value.text().filter(|_| value.properties.is_none())?;
        let Range { start, end } = value.span;
        match value.style {
            Style::Plain => Some(Insertion::over(start..end, false)),
            Style::SingleQuoted | Style::DoubleQuoted => Some(Insertion::over(start + 1..end - 1, true)),
            _ => None,
        }
    }

    /// The place of the value of a field, which may be empty.
    pub(super) fn of_field(text: &str, key: &SyntaxNode<'_>, value: &SyntaxNode<'_>) -> Option<Insertion> {
        let insertion = Insertion::of_value(value)?;
        if !insertion.span.is_empty() || insertion.is_quoted {
            return Some(insertion);
        }
        let rest = text[key.span.end..].trim_start_matches([' ', '\t']).strip_prefix(':')?;
        let at = text.len() - rest.len();
        Some(Insertion { before: " ".to_owned(), ..Insertion::over(at..at, false) })
    }

    /// The place of a new field after an existing one, written in the same style: directly after it in a flow mapping,
    /// otherwise on a line of its own. `style` is the style of the mapping.
    pub(super) fn after(
        text: &str,
        key: &SyntaxNode<'_>,
        value: &SyntaxNode<'_>,
        style: Style,
        field: &str,
    ) -> Option<Insertion> {
        let (key_quote, value_quote) = (quote(text, key), quote(text, value));
        let start = format!("{key_quote}{field}{key_quote}: {value_quote}");
        let insertion = |at, before, after| {
            Some(Insertion { span: at..at, before, after, is_quoted: !value_quote.is_empty() })
        };
        if style == Style::Flow {
            return insertion(value.span.end, format!(", {start}"), value_quote.to_owned());
        }
        let line_start = text[..key.span.start].rfind(['\n', '\r']).map_or(0, |at| at + 1);
        let indentation = &text[line_start..key.span.start];
        // The first field of a list item comes after the dashes of its lists. After a `?`, the new field would be a part of
        // the key.
        if !indentation.bytes().all(|byte| byte == b' ' || byte == b'-') {
            return None;
        }
        let start = format!("{}{start}", " ".repeat(indentation.len()));
        let line_break = stream::line_end(text, value.span.end);
        let at = line_break.end;
        if line_break.is_empty() {
            return insertion(at, format!("{}{start}", stream::line_break(text)), value_quote.to_owned());
        }
        insertion(at, start, format!("{value_quote}{}", &text[line_break]))
    }

    /// The bytes to replace, and the text that replaces them.
    pub(super) fn fill(&self, value: &str) -> (Range<usize>, String) {
        // An unquoted hash with only digits would be a number.
        let quote = if self.is_quoted || is_text_unquoted(value) { "" } else { "'" };
        (self.span.clone(), format!("{}{quote}{value}{quote}{}", self.before, self.after))
    }

    fn over(span: Range<usize>, is_quoted: bool) -> Insertion {
        Insertion { span, before: String::new(), after: String::new(), is_quoted }
    }
}

fn quote<'t>(text: &'t str, scalar: &SyntaxNode<'_>) -> &'t str {
    let written = &text[scalar.span.clone()];
    if written.starts_with(['"', '\'']) { &written[..1] } else { "" }
}
