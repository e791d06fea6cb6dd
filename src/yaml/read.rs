//! From text to tree, in one pass over the parser's events.

use std::collections::HashSet;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::{Key, Node, Value, plain};
use crate::error::Problem;

/// The longest text that is read, in bytes. etcd, where a resource ends up, takes 1.5 MiB.
pub(super) const MAX_BYTES: usize = 1 << 20;
/// How deep sequences and mappings may stand in each other.
pub(super) const MAX_DEPTH: usize = 64;

/// Reads the one document of `text`.
///
/// # Errors
///
/// Every value that readers of YAML would take differently or that JSON cannot hold; else the one place where
/// the text stops being YAML, is nested too deep, or uses what a resource has no need of.
pub fn read_document(text: &str) -> Result<Node, Vec<Problem>> {
    if text.len() > MAX_BYTES {
        return Err(vec![problem(
            0..0,
            format!("the file has {} bytes: a Kubernetes resource has no more than {MAX_BYTES}", text.len()),
        )]);
    }
    unreadable_character(text).map_or(Ok(()), |problem| Err(vec![problem]))?;
    let mut reader = Reader::new(text);
    for event in Parser::new_from_str(text) {
        let step = match event {
            Ok((event, span)) => reader.take(event, span),
            Err(error) => Err(reader.offsets.scan_error(&error)),
        };
        if let Err(fatal) = step {
            reader.problems.push(fatal);
            return Err(reader.problems);
        }
    }
    match reader.root {
        Some(root) if reader.problems.is_empty() => Ok(root),
        Some(_) => Err(reader.problems),
        None => Err(vec![problem(0..0, "the file holds no YAML document".to_owned())]),
    }
}

pub(super) fn problem(span: Range<usize>, message: String) -> Problem {
    Problem { span, message, label: String::new(), help: None }
}

/// Whether YAML forbids the character, or only YAML 1.1 takes it for the end of a line.
pub(super) fn is_unreadable(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => false,
        '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}' => true,
        other => other.is_control(),
    }
}

pub(super) fn unreadable_character(text: &str) -> Option<Problem> {
    let (at, character) = text.char_indices().find(|(_, character)| is_unreadable(*character))?;
    Some(Problem {
        help: Some(format!("write it as `\\u{:04x}` in double quotes", u32::from(character))),
        ..problem(
            at..at + character.len_utf8(),
            format!("the character U+{:04X} cannot stand in YAML as it is", u32::from(character)),
        )
    })
}

/// Where each character of a text begins: the parser counts characters.
pub(super) struct Offsets(Vec<usize>);

impl Offsets {
    /// The offsets of a text that itself begins at `start`.
    pub(super) fn of(text: &str, start: usize) -> Self {
        let offsets = text.char_indices().map(|(offset, _)| offset).chain([text.len()]);
        Offsets(offsets.map(|offset| start + offset).collect())
    }

    pub(super) fn offset(&self, character: usize) -> usize {
        self.0[character.min(self.0.len() - 1)]
    }

    pub(super) fn range(&self, span: Span) -> Range<usize> {
        self.offset(span.start.index())..self.offset(span.end.index())
    }

    pub(super) fn scan_error(&self, error: &ScanError) -> Problem {
        let at = error.marker().index();
        let message = format!("this is not YAML: {}", error.info());
        problem(self.offset(at)..self.offset(at + 1), message)
    }
}

/// Builds the tree from events, without recursion.
struct Reader {
    offsets: Offsets,
    open: Vec<Open>,
    documents: usize,
    root: Option<Node>,
    problems: Vec<Problem>,
}

/// A collection whose end has not come yet.
enum Open {
    Seq { start: usize, items: Vec<Node> },
    Map { start: usize, entries: Vec<(Key, Node)>, key: Option<Key>, seen: HashSet<String> },
}

impl Reader {
    fn new(text: &str) -> Self {
        Reader {
            offsets: Offsets::of(text, 0),
            open: Vec::new(),
            documents: 0,
            root: None,
            problems: Vec::new(),
        }
    }

    /// Takes an event in.
    ///
    /// # Errors
    ///
    /// A problem after which nothing sensible can be read.
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Problem> {
        let span = self.offsets.range(span);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(problem(span, "a second document begins here: one is expected".to_owned()));
                }
            }
            Event::Alias(_) => return Err(anchored(span)),
            Event::Scalar(text, style, anchor, tag) => {
                if anchor != 0 {
                    return Err(anchored(span));
                }
                let is_text = match tag.as_deref() {
                    None => style != ScalarStyle::Plain,
                    Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => true,
                    Some(tag) => return Err(tagged(span, tag)),
                };
                self.scalar(&text, is_text, span)?;
            }
            Event::SequenceStart(anchor, tag) => {
                self.may_open(&span, anchor, tag.as_deref())?;
                self.open.push(Open::Seq { start: span.start, items: Vec::new() });
            }
            Event::MappingStart(anchor, tag) => {
                self.may_open(&span, anchor, tag.as_deref())?;
                let (start, seen) = (span.start, HashSet::new());
                self.open.push(Open::Map { start, entries: Vec::new(), key: None, seen });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(&span),
        }
        Ok(())
    }

    fn may_open(&self, span: &Range<usize>, anchor: usize, tag: Option<&Tag>) -> Result<(), Problem> {
        if anchor != 0 {
            return Err(anchored(span.clone()));
        }
        if let Some(tag) = tag {
            return Err(tagged(span.clone(), tag));
        }
        if let Some(Open::Map { key: None, .. }) = self.open.last() {
            return Err(problem(
                span.clone(),
                "a sequence or a mapping cannot be a key: JSON has no such keys".into(),
            ));
        }
        if self.open.len() == MAX_DEPTH {
            return Err(too_deep(span.clone()));
        }
        Ok(())
    }

    fn close(&mut self, end: &Range<usize>) {
        // The end of a block is noticed at whatever comes next, so the last value tells where it really ends.
        let (start, last, value) = match self.open.pop() {
            Some(Open::Seq { start, items }) => {
                (start, items.last().map(|item| item.span.end), Value::Seq(items))
            }
            Some(Open::Map { start, entries, .. }) => (
                start,
                entries.last().map(|(key, node)| node.span.end.max(key.span.end)),
                Value::Map(entries),
            ),
            None => return,
        };
        let end = if end.is_empty() { last.unwrap_or(start) } else { end.end };
        self.add(Node { span: start..end.max(start), value });
    }

    fn scalar(&mut self, text: &str, is_text: bool, span: Range<usize>) -> Result<(), Problem> {
        let value = if is_text { Ok(Value::String(text.to_owned())) } else { plain::resolve(text) };
        let is_key = matches!(self.open.last(), Some(Open::Map { key: None, .. }));
        let value = match value {
            Ok(Value::String(_)) => Value::String(text.to_owned()),
            Ok(value) if !is_key => value,
            Ok(_) => {
                self.problems.push(Problem {
                    span: span.clone(),
                    message: format!("the key `{text}` is not text"),
                    label: "JSON has text as keys alone".to_owned(),
                    help: Some(format!("quote it: `\"{text}\"`")),
                });
                Value::Null
            }
            Err(refusal) => {
                self.problems.push(Problem {
                    span: span.clone(),
                    message: format!("`{text}` {}", refusal.reason),
                    label: String::new(),
                    help: Some(refusal.help),
                });
                Value::Null
            }
        };
        if let Some(Open::Map { key: key @ None, seen, .. }) = self.open.last_mut() {
            if !seen.insert(text.to_owned()) {
                self.problems.push(repeated(span.clone(), text));
            }
            *key = Some(Key { span, name: text.to_owned() });
            return Ok(());
        }
        self.add(Node { span, value });
        Ok(())
    }

    fn add(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::Seq { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, .. }) => entries.extend(key.take().map(|key| (key, node))),
        }
    }
}

pub(super) fn too_deep(span: Range<usize>) -> Problem {
    problem(span, format!("the values are nested deeper than {MAX_DEPTH} levels"))
}

pub(super) fn repeated(span: Range<usize>, key: &str) -> Problem {
    let message = format!("the key `{key}` stands twice in this mapping");
    Problem { label: "the second time".to_owned(), ..problem(span, message) }
}

fn anchored(span: Range<usize>) -> Problem {
    Problem {
        help: Some("write the value out in each place".to_owned()),
        ..problem(span, "anchors and aliases are not read here".to_owned())
    }
}

fn tagged(span: Range<usize>, tag: &Tag) -> Problem {
    Problem {
        help: Some("leave the tag out; quote what is meant as text".to_owned()),
        ..problem(span, format!("the tag `{tag}` has no meaning in a Kubernetes resource"))
    }
}
