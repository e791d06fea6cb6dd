//! Parses a text into a tree. Only this file uses the parser library.

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::{
    ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span, StrInput, StructureStyle,
};

use super::tree::{
    Anchor, Content, MAX_BYTES, MAX_DEPTH, NodeTag, Properties, Style, SyntaxError, SyntaxNode,
};

/// Parses the document at `span` of `text`; `None` if it is empty. The spans in the tree are relative to `text`.
///
/// # Errors
///
/// If it isn't valid YAML, if it is more than one document, or if it is too large or too deep.
pub fn parse(text: &str, span: Range<usize>) -> Result<Option<SyntaxNode<'_>>, SyntaxError> {
    let mut events = Events::new(text, span)?;
    let (mut open, mut root) = (Vec::<Open<'_>>::new(), None);
    while let Some((event, span)) = events.next()? {
        let is_mapping = matches!(event, Event::MappingStart(..));
        let node = match event {
            Event::DocumentStart(..) if root.is_some() => {
                let message = "a second document begins here, but only one is expected";
                return Err(SyntaxError::new(span.bytes, message));
            }
            Event::SequenceStart(..) | Event::MappingStart(..) if open.len() == MAX_DEPTH => {
                return Err(SyntaxError::too_deep(span.bytes));
            }
            Event::SequenceStart(style, anchor, tag) | Event::MappingStart(style, anchor, tag) => {
                let properties = events.properties(anchor, tag, span.tag)?;
                open.push(Open { start: span.bytes.start, properties, style, is_mapping, nodes: Vec::new() });
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
            Some(parent) => parent.nodes.push(node),
            None => root = Some(node),
        }
    }
    Ok(root)
}

/// Whether YAML forbids the character, or only YAML 1.1 treats it as a line break.
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
        // The parser returns `~` for an omitted value.
        Style::Plain if span.is_empty() => value = Cow::Borrowed(""),
        // The parser counts the blank lines after a block as a part of it.
        Style::Literal | Style::Folded => span.end = span.start + text[span.clone()].trim_end().len(),
        _ => {}
    }
    SyntaxNode { span, properties, style, content: Content::Scalar(value) }
}

/// A collection whose end hasn't been reached yet.
struct Open<'t> {
    start: usize,
    properties: Option<Box<Properties<'t>>>,
    style: StructureStyle,
    is_mapping: bool,
    /// For a mapping, keys and values alternate.
    nodes: Vec<SyntaxNode<'t>>,
}

impl<'t> Open<'t> {
    fn close(self, closing: &Range<usize>) -> SyntaxNode<'t> {
        // A block has no closing character, so the parser reports its end at the next token.
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
    /// The position of the document in the text.
    start: usize,
    parser: Parser<'t, StrInput<'t>>,
}

/// The span of an event in the text.
struct EventSpan {
    bytes: Range<usize>,
    tag: Option<Range<usize>>,
}

impl<'t> Events<'t> {
    fn new(text: &'t str, span: Range<usize>) -> Result<Self, SyntaxError> {
        let (start, document) = (span.start, &text[span]);
        if document.len() > MAX_BYTES {
            return Err(SyntaxError {
                help: Some("make it smaller: a cluster doesn't store larger resources".to_owned()),
                ..SyntaxError::new(
                    start..start,
                    format!("the document has {} bytes, but the limit is {MAX_BYTES}", document.len()),
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

    /// The properties of the node of the last event. Its anchor is an event of its own, which comes next.
    fn properties(
        &mut self,
        anchor: usize,
        tag: Option<Cow<'_, granit_parser::Tag>>,
        tag_span: Option<Range<usize>>,
    ) -> Result<Option<Box<Properties<'t>>>, SyntaxError> {
        let tag = tag.zip(tag_span).map(|(tag, span)| NodeTag {
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
        let bytes = span.byte_range().expect("a parser of a string counts bytes");
        bytes.start + self.start..bytes.end + self.start
    }

    fn error(&self, error: &ScanError) -> SyntaxError {
        let at = self.start + error.marker().byte_offset().expect("a parser of a string counts bytes");
        let length = self.text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        match error.kind() {
            ErrorKind::RecursionLimitExceeded => SyntaxError::too_deep(at..at + length),
            ErrorKind::UnknownAnchor => SyntaxError::new(
                at..at + length,
                "the alias refers to an anchor that isn't defined before it",
            ),
            kind => SyntaxError::new(at..at + length, format!("this is not valid YAML: {kind}")),
        }
    }
}

fn options() -> Options {
    granit_parser::options! {
        emit_anchor_events: true,
        emit_comments: false,
        // As in go-yaml.
        block_scalar_eof_without_line_feed: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of every node, in the order of the document: a key comes before its value.
    fn written(text: &str) -> Vec<&str> {
        fn visit<'s>(node: &SyntaxNode<'_>, text: &'s str, found: &mut Vec<&'s str>) {
            found.push(&text[node.full_span()]);
            match &node.content {
                Content::Scalar(_) | Content::Alias { .. } => {}
                Content::Sequence(items) => items.iter().for_each(|item| visit(item, text, found)),
                Content::Mapping(entries) => {
                    for (key, value) in entries {
                        visit(key, text, found);
                        visit(value, text, found);
                    }
                }
            }
        }
        let mut found = Vec::new();
        visit(&root(text), text, &mut found);
        found
    }

    fn root(text: &str) -> SyntaxNode<'_> {
        parse(text, 0..text.len()).unwrap_or_else(|error| panic!("{text:?}: {error:?}")).unwrap()
    }

    #[test]
    fn spans_are_what_is_written() {
        for (text, expected) in [
            ("a: b", &["a: b", "a", "b"][..]),
            (
                "{a: 'b' , \"c\" : [d,e] }",
                &["{a: 'b' , \"c\" : [d,e] }", "a", "'b'", "\"c\"", "[d,e]", "d", "e"],
            ),
            ("[{a: , b, c: }]", &["[{a: , b, c: }]", "{a: , b, c: }", "a", "", "b", "", "c", ""]),
            ("[a: b, c]", &["[a: b, c]", "a: b", "a", "b", "c"]),
            (
                "- - é\r\n  - 'ü' # x\r\n-\r\n",
                &["- - é\r\n  - 'ü' # x\r\n-", "- é\r\n  - 'ü'", "é", "'ü'", ""],
            ),
            ("a: 'it''s' # no ' here", &["a: 'it''s'", "a", "'it''s'"]),
            ("a: \"\\\"\\\\\"  \nb: ''", &["a: \"\\\"\\\\\"  \nb: ''", "a", "\"\\\"\\\\\"", "b", "''"]),
            ("a: b\n  c # d\ne: f", &["a: b\n  c # d\ne: f", "a", "b\n  c", "e", "f"]),
            ("a: |\n   b\n\n   c\n\n# d\n", &["a: |\n   b\n\n   c", "a", "b\n\n   c"]),
            ("a: >-\n  \u{1f600}\n\nb:\n", &["a: >-\n  \u{1f600}\n\nb", "a", "\u{1f600}", "b", ""]),
            ("a: &x !t 1\nb: *x", &["a: &x !t 1\nb: *x", "a", "&x !t 1", "b", "*x"]),
            ("&m\n&k a: !!map\n  b: c", &["&m\n&k a: !!map\n  b: c", "&k a", "!!map\n  b: c", "b", "c"]),
            ("? [a]\n: b\n", &["? [a]\n: b", "[a]", "a", "b"]),
            ("\u{feff}# x\r\ra:\r  b\r", &["a:\r  b", "a", "b"]),
        ] {
            assert_eq!(written(text), expected, "{text:?}");
        }
    }

    #[test]
    fn styles_are_what_is_written() {
        let node = root("- a\n- 'b'\n- \"c\"\n- |\n  d\n- >\n  e\n- {f: g}\n- h: i\n-\n");
        let Content::Sequence(items) = &node.content else { panic!("{node:?}") };
        let styles: Vec<Style> = items.iter().map(|item| item.style).collect();
        assert_eq!(node.style, Style::Block);
        assert_eq!(
            styles,
            [
                Style::Plain,
                Style::SingleQuoted,
                Style::DoubleQuoted,
                Style::Literal,
                Style::Folded,
                Style::Flow,
                Style::Block,
                Style::Plain
            ]
        );
    }

    #[test]
    fn an_omitted_value_is_not_a_tilde() {
        for text in ["a:", "{a}", "a: !!null", "a: &x", "- ", "---\n"] {
            let mut node = root(text);
            while let Content::Sequence(_) | Content::Mapping(_) = node.content {
                node = match node.content {
                    Content::Mapping(mut entries) => entries.remove(0).1,
                    Content::Sequence(mut items) => items.remove(0),
                    _ => unreachable!(),
                };
            }
            assert_eq!((node.text(), node.span.is_empty()), (Some(""), true), "{text:?}");
        }
        assert_eq!(root("~").text(), Some("~"));
    }

    #[test]
    fn anchors_and_tags_have_their_own_places() {
        let text = "%TAG !e! tag:example.com,2000:\n---\n- &a-b !e!x 1\n- !<tag:yaml.org,2002:str> &é 2\n- *a-b\n- ! 3\n";
        let node = root(text);
        let Content::Sequence(items) = &node.content else { panic!("{node:?}") };
        let (one, two) = (items[0].anchor().unwrap(), items[1].anchor().unwrap());
        assert_eq!((one.name, &text[one.span.clone()], two.name), ("a-b", "&a-b", "é"));
        assert_eq!(items[2].content, Content::Alias { name: "a-b", id: one.id });
        let tags: Vec<_> =
            items.iter().filter_map(SyntaxNode::tag).map(|tag| (tag.written, tag.name.as_str())).collect();
        assert_eq!(
            tags,
            [
                ("!e!x", "tag:example.com,2000:x"),
                ("!<tag:yaml.org,2002:str>", "tag:yaml.org,2002:str"),
                ("!", "!")
            ]
        );
        assert_eq!(items[1].tag().unwrap().yaml_name(), Some("str"));
    }

    #[test]
    fn a_document_of_a_stream_has_the_places_of_the_stream() {
        let text = "é: [\n---\na: [é, &x b]\n--- {\n";
        let start = text.find("---").unwrap();
        let end = text.rfind("---").unwrap();
        let node = parse(text, start..end).unwrap().unwrap();
        let Content::Mapping(entries) = &node.content else { panic!("{node:?}") };
        let Content::Sequence(items) = &entries[0].1.content else { panic!("{node:?}") };
        assert_eq!(&text[entries[0].1.span.clone()], "[é, &x b]");
        assert_eq!(&text[items[1].anchor().unwrap().span.clone()], "&x");
        let error = parse(text, end..text.len()).unwrap_err();
        assert_eq!(error.span.start, text.rfind('{').unwrap());
        assert_eq!(parse(text, text.len()..text.len()), Ok(None));
    }

    #[test]
    fn a_block_ends_as_go_yaml_ends_it() {
        assert_eq!(root("|\n  a").text(), Some("a"));
        assert_eq!(root("|\n  a\n\n").text(), Some("a\n"));
        assert_eq!(root("|+\n  a\n\n").text(), Some("a\n\n"));
    }
}
