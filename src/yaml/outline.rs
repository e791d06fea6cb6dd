//! Documents as they are written: every scalar with its place, and nothing judged that YAML allows.
//!
//! Aliases are not followed and tags not heeded, so an outline is as large as its text at most.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::read::{MAX_BYTES, MAX_DEPTH, Offsets, problem, repeated, too_deep, unreadable_character};
use crate::error::Problem;

/// A document.
#[derive(Debug)]
pub struct Outline<'t> {
    /// Its value; nothing where the document is empty.
    pub root: Option<Part<'t>>,
    /// The first key that stands twice in its mapping. Readers differ on which of the two counts.
    pub repeated: Option<Problem>,
}

/// A value of a document.
#[derive(Debug)]
pub enum Part<'t> {
    /// Anything that is no collection.
    Scalar(Scalar<'t>),
    /// A sequence.
    Seq(Vec<Part<'t>>),
    /// A mapping.
    Map {
        /// The keys and values in their order.
        entries: Vec<(Part<'t>, Part<'t>)>,
        /// Whether it stands in braces.
        is_flow: bool,
    },
}

/// A scalar or an alias.
#[derive(Debug)]
pub struct Scalar<'t> {
    /// What is written, with quotes, anchor and tag, and empty where nothing is. Of a block it is the lines, without
    /// what introduces them.
    pub span: Range<usize>,
    /// How it is written.
    pub style: Style,
    /// The text that it stands for; nothing of an alias.
    pub text: Option<Cow<'t, str>>,
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes, or an alias.
    Plain,
    /// In quotes of either kind.
    Quoted,
    /// As lines below `|` or `>`.
    Block,
}

impl<'t> Part<'t> {
    /// The value under `key`, where this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Part<'t>> {
        let Part::Map { entries, .. } = self else { return None };
        entries.iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// The scalar, where this is one.
    pub fn scalar(&self) -> Option<&Scalar<'t>> {
        match self {
            Part::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The text, where this is a scalar and no alias.
    pub fn text(&self) -> Option<&str> {
        self.scalar()?.text.as_deref()
    }
}

/// Reads the document that stands at `span` of `all`. The places are those in `all`.
///
/// # Errors
///
/// Where it is not YAML or more than one document, or is larger or deeper than is read.
pub fn read(all: &str, span: Range<usize>) -> Result<Outline<'_>, Problem> {
    let start = span.start;
    let document = &all[span];
    if document.len() > MAX_BYTES {
        let message = format!("the document has {} bytes: up to {MAX_BYTES} are read", document.len());
        let help = Some("give its resources as documents of their own".to_owned());
        return Err(Problem { help, ..problem(start..start, message) });
    }
    if let Some(problem) = unreadable_character(document) {
        let span = problem.span.start + start..problem.span.end + start;
        return Err(Problem { span, ..problem });
    }
    let offsets = Offsets::of(document, start);
    let (mut open, mut root, mut repetition) = (Vec::<Open<'_>>::new(), None, None);
    for event in Parser::new_from_str(document) {
        let (event, span) = event.map_err(|error| offsets.scan_error(&error))?;
        let span = offsets.range(span);
        let part = match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => continue,
            Event::DocumentStart(_) => {
                if root.is_some() {
                    return Err(problem(span, "a second document begins here without a marker".to_owned()));
                }
                continue;
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if open.len() == MAX_DEPTH {
                    return Err(too_deep(span));
                }
                let keys = matches!(event, Event::MappingStart(..)).then(HashSet::new);
                open.push(Open { parts: Vec::new(), keys });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                // The end of a block has no character of its own.
                Some(closed) => closed.into_part(!span.is_empty()),
                None => continue,
            },
            Event::Alias(_) => Part::Scalar(Scalar { span, style: Style::Plain, text: None }),
            Event::Scalar(text, style, ..) => {
                if let Some(Open { parts, keys: Some(keys) }) = open.last_mut()
                    && parts.len().is_multiple_of(2)
                    && !keys.insert(text.clone())
                {
                    repetition.get_or_insert_with(|| repeated(span.clone(), &text));
                }
                Part::Scalar(Scalar {
                    span: written(all, span, &text),
                    style: style.into(),
                    text: Some(text),
                })
            }
        };
        match open.last_mut() {
            Some(around) => around.parts.push(part),
            None => root = Some(part),
        }
    }
    Ok(Outline { root, repeated: repetition })
}

/// What is written of a scalar. The parser counts to it what stands behind closing quotes, even a comment, and a
/// bracket behind a scalar that is not there.
fn written(all: &str, span: Range<usize>, text: &str) -> Range<usize> {
    let counted = &all[span.clone()];
    let length = match counted.chars().next() {
        Some(quote @ ('"' | '\'')) => quoted_length(counted, quote),
        Some(',' | ']' | '}') if text.is_empty() => 0,
        _ => counted.trim_end().len(),
    };
    span.start..span.start + length
}

/// How many bytes a text in quotes has, with these. A quote in it is `\"` or `''`.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut inside = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = inside.next() {
        match character {
            '\\' if quote == '"' => {
                inside.next();
            }
            '\'' if quote == '\'' && inside.next_if(|(_, next)| *next == '\'').is_some() => {}
            _ if character == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A collection whose end has not come yet.
struct Open<'t> {
    /// Of a mapping the keys and values in turns.
    parts: Vec<Part<'t>>,
    /// The keys of a mapping that are scalars.
    keys: Option<HashSet<Cow<'t, str>>>,
}

impl<'t> Open<'t> {
    fn into_part(self, is_flow: bool) -> Part<'t> {
        if self.keys.is_none() {
            return Part::Seq(self.parts);
        }
        let mut parts = self.parts.into_iter();
        let entries = std::iter::from_fn(|| parts.next().zip(parts.next())).collect();
        Part::Map { entries, is_flow }
    }
}

impl From<ScalarStyle> for Style {
    fn from(style: ScalarStyle) -> Self {
        match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
            ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
        }
    }
}
