//! From text to tree. Only this file knows the parser.

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::{
    ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span, StrInput, StructureStyle,
};

use super::tree::{Anchor, Content, MAX_BYTES, MAX_DEPTH, Properties, Style, SyntaxError, SyntaxNode, Tag};

/// Reads the document at `span` of `text`; nothing if it is empty. The places are those in `text`.
///
/// # Errors
///
/// If it isn't YAML or is more than one document, or is larger or deeper than is read.
pub fn parse(text: &str, span: Range<usize>) -> Result<Option<SyntaxNode<'_>>, SyntaxError> {
    let mut events = Events::new(text, span)?;
    let (mut open, mut root) = (Vec::<Open<'_>>::new(), None);
    while let Some((event, span)) = events.next()? {
        let node = match event {
            Event::DocumentStart(..) if root.is_some() => {
                let message = "a second document begins here, but only one is expected";
                return Err(SyntaxError::new(span.bytes, message));
            }
            Event::SequenceStart(..) | Event::MappingStart(..) if open.len() == MAX_DEPTH => {
                return Err(SyntaxError::too_deep(span.bytes));
            }
            Event::SequenceStart(style, anchor, tag) => {
                let properties = events.properties(anchor, tag, span.tag)?;
                open.push(Open {
                    start: span.bytes.start,
                    properties,
                    style,
                    is_mapping: false,
                    nodes: Vec::new(),
                });
                continue;
            }
            Event::MappingStart(style, anchor, tag) => {
                let properties = events.properties(anchor, tag, span.tag)?;
                open.push(Open {
                    start: span.bytes.start,
                    properties,
                    style,
                    is_mapping: true,
                    nodes: Vec::new(),
                });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(closed) => closed.close(&span.bytes),
                None => continue,
            },
            Event::Alias(id) => SyntaxNode {
                content: Content::Alias { name: &text[span.bytes.start + 1..span.bytes.end], id },
                span: span.bytes,
                properties: None,
                style: Style::Plain,
            },
            Event::Scalar(value, style, anchor, tag) => {
                let properties = events.properties(anchor, tag, span.tag)?;
                scalar(text, span.bytes, properties, style, value)
            }
            _ => continue,
        };
        match open.last_mut() {
            Some(around) => around.nodes.push(node),
            None => root = Some(node),
        }
    }
    Ok(root)
}

/// Whether YAML forbids the character, or only YAML 1.1 takes it for the end of a line.
pub(super) fn must_be_escaped(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => false,
        '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}' => true,
        other => other.is_control(),
    }
}

fn scalar<'t>(
    text: &str,
    mut span: Range<usize>,
    properties: Option<Box<Properties<'t>>>,
    style: ScalarStyle,
    mut value: Cow<'t, str>,
) -> SyntaxNode<'t> {
    let style = match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::SingleQuoted,
        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    };
    match style {
        // The parser has `~` for a value that isn't written.
        Style::Plain if span.is_empty() => value = Cow::Borrowed(""),
        // To the parser, the blank lines up to whatever comes next belong to a block.
        Style::Literal | Style::Folded => span.end = span.start + text[span.clone()].trim_end().len(),
        _ => {}
    }
    SyntaxNode { span, properties, style, content: Content::Scalar(value) }
}

/// A collection whose end hasn't come yet.
struct Open<'t> {
    start: usize,
    properties: Option<Box<Properties<'t>>>,
    style: StructureStyle,
    is_mapping: bool,
    /// Of a mapping the keys and values in turns.
    nodes: Vec<SyntaxNode<'t>>,
}

impl<'t> Open<'t> {
    fn close(self, closing: &Range<usize>) -> SyntaxNode<'t> {
        // A block has no closing character: the parser notices its end at whatever comes next.
        let end = match self.nodes.last() {
            Some(last) if closing.is_empty() => last.span.end,
            _ => closing.end,
        };
        let mut nodes = self.nodes.into_iter();
        let content = if self.is_mapping {
            Content::Mapping(std::iter::from_fn(|| nodes.next().zip(nodes.next())).collect())
        } else {
            Content::Sequence(nodes.collect())
        };
        let style = match self.style {
            StructureStyle::Flow => Style::Flow,
            StructureStyle::Block => Style::Block,
        };
        SyntaxNode { span: self.start..end.max(self.start), properties: self.properties, style, content }
    }
}

/// The events of a document in a text.
struct Events<'t> {
    text: &'t str,
    /// Where the document begins in the text.
    start: usize,
    parser: Parser<'t, StrInput<'t>>,
}

/// A place of an event in the text.
struct EventSpan {
    bytes: Range<usize>,
    tag: Option<Range<usize>>,
}

impl<'t> Events<'t> {
    fn new(text: &'t str, span: Range<usize>) -> Result<Self, SyntaxError> {
        let (start, document) = (span.start, &text[span]);
        if document.len() > MAX_BYTES {
            return Err(SyntaxError {
                help: Some("put several resources into documents of their own".to_owned()),
                ..SyntaxError::new(
                    start..start,
                    format!("the document has {} bytes, but at most {MAX_BYTES} are read", document.len()),
                )
            });
        }
        if let Some((at, character)) =
            document.char_indices().find(|(_, character)| must_be_escaped(*character))
        {
            let (at, code) = (start + at, u32::from(character));
            return Err(SyntaxError {
                help: Some(format!("write it as `\\u{code:04x}` in double quotes")),
                ..SyntaxError::new(
                    at..at + character.len_utf8(),
                    format!("the character U+{code:04X} must be escaped in YAML"),
                )
            });
        }
        Ok(Events { text, start, parser: Parser::new_from_str_with_options(document, options()) })
    }

    fn next(&mut self) -> Result<Option<(Event<'t>, EventSpan)>, SyntaxError> {
        let Some(event) = self.parser.next_event() else { return Ok(None) };
        let (event, span) = event.map_err(|error| self.error(&error))?;
        let tag = span.tag_span().map(|span| self.bytes(&span));
        Ok(Some((event, EventSpan { bytes: self.bytes(&span), tag })))
    }

    /// The properties of the node that is the last event. The anchor itself is the next one.
    fn properties(
        &mut self,
        anchor: usize,
        tag: Option<Cow<'_, granit_parser::Tag>>,
        tag_span: Option<Range<usize>>,
    ) -> Result<Option<Box<Properties<'t>>>, SyntaxError> {
        let tag = tag.zip(tag_span).map(|(tag, span)| Tag {
            written: &self.text[span.clone()],
            span,
            name: format!("{}{}", tag.handle(), tag.suffix()),
        });
        let anchor = if anchor == 0 {
            None
        } else {
            self.next()?.map(|(_, span)| Anchor {
                name: &self.text[span.bytes.start + 1..span.bytes.end],
                span: span.bytes,
                id: anchor,
            })
        };
        let has_properties = anchor.is_some() || tag.is_some();
        Ok(has_properties.then(|| Box::new(Properties { anchor, tag })))
    }

    fn bytes(&self, span: &Span) -> Range<usize> {
        let bytes = span.byte_range().expect("the parser of a text counts bytes");
        bytes.start + self.start..bytes.end + self.start
    }

    fn error(&self, error: &ScanError) -> SyntaxError {
        let at = self.start + error.marker().byte_offset().expect("the parser of a text counts bytes");
        let length = self.text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        match error.kind() {
            ErrorKind::RecursionLimitExceeded => SyntaxError::too_deep(at..at + length),
            kind => SyntaxError::new(at..at + length, format!("this is not valid YAML: {kind}")),
        }
    }
}

fn options() -> Options {
    granit_parser::options! {
        emit_anchor_events: true,
        emit_comments: false,
        // As go-yaml reads it.
        block_scalar_eof_without_line_feed: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    }
}
