//! Where a value is written into a text, so that everything around it stays as it is.

use std::ops::Range;

use crate::yaml::tree::{Style, SyntaxNode};
use crate::yaml::{is_text_unquoted, stream};

/// A place in a text that takes a value.
#[derive(Debug)]
pub(super) struct Insertion {
    /// What the value replaces; empty if it is added.
    span: Range<usize>,
    before: String,
    after: String,
    is_quoted: bool,
}

impl Insertion {
    /// The place of a value, inside its quotes if it has some. Nothing if it is an alias or a block, or has an anchor
    /// or a tag: whoever wrote those meant more than the text.
    pub(super) fn of_value(value: &SyntaxNode<'_>) -> Option<Insertion> {
        value.text().filter(|_| value.properties.is_none())?;
        let Range { start, end } = value.span;
        match value.style {
            Style::Plain => Some(Insertion::over(start..end, false)),
            Style::SingleQuoted | Style::DoubleQuoted => Some(Insertion::over(start + 1..end - 1, true)),
            _ => None,
        }
    }

    /// The place of the value of a field that may have none yet.
    pub(super) fn of_field(text: &str, key: &SyntaxNode<'_>, value: &SyntaxNode<'_>) -> Option<Insertion> {
        let insertion = Insertion::of_value(value)?;
        if !insertion.span.is_empty() || insertion.is_quoted {
            return Some(insertion);
        }
        let rest = text[key.span.end..].trim_start_matches([' ', '\t']).strip_prefix(':')?;
        let at = text.len() - rest.len();
        Some(Insertion { before: " ".to_owned(), ..Insertion::over(at..at, false) })
    }

    /// The place of a new field behind another one of a mapping in this style, and written as that one is: in braces
    /// right behind it, otherwise on a line of its own.
    pub(super) fn behind(
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
        // Before the first field of an item stand the dashes of its lists. Below a `?` there would be another one.
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

    /// What to replace, and by what.
    pub(super) fn fill(&self, value: &str) -> (Range<usize>, String) {
        // A hash of digits alone would be a number.
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
