//! Documents as they are written: each node has its span and its style, and nothing is resolved.

use std::borrow::Cow;
use std::ops::Range;

/// The size limit of a document, in bytes. etcd, which stores resources, accepts 1.5 MiB.
pub(super) const MAX_BYTES: usize = 1 << 20;
/// How deep sequences and mappings may be nested.
pub(super) const MAX_DEPTH: usize = 64;

/// A node of a document as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxNode<'t> {
    /// The bytes of the value with its quotes or brackets, but without anchor and tag. It is empty if the value is
    /// omitted. A block scalar begins at its first line, without the `|` or `>` before it.
    pub span: Range<usize>,
    /// The anchor and the tag, if there are any.
    pub properties: Option<Box<Properties<'t>>>,
    pub style: Style,
    pub content: Content<'t>,
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A scalar without quotes, or an alias.
    Plain,
    /// A scalar in single quotes.
    SingleQuoted,
    /// A scalar in double quotes.
    DoubleQuoted,
    /// The lines below `|`.
    Literal,
    /// The lines below `>`.
    Folded,
    /// A collection in braces or brackets, or a pair within brackets.
    Flow,
    /// An indented collection.
    Block,
}

/// A value as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content<'t> {
    /// The text with escapes and line breaks resolved.
    Scalar(Cow<'t, str>),
    /// `*name`
    Alias {
        /// The name without `*`.
        name: &'t str,
        /// The [`Anchor::id`] that it refers to.
        id: usize,
    },
    Sequence(Vec<SyntaxNode<'t>>),
    /// The keys and values. Any node can be a key, and keys can be duplicate.
    Mapping(Vec<(SyntaxNode<'t>, SyntaxNode<'t>)>),
}

/// What is written before a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Properties<'t> {
    pub anchor: Option<Anchor<'t>>,
    pub tag: Option<NodeTag<'t>>,
}

/// `&name`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor<'t> {
    /// The bytes of `&name`.
    pub span: Range<usize>,
    /// The name without `&`.
    pub name: &'t str,
    /// The number of this definition, because a name can be redefined.
    pub id: usize,
}

/// `!!name`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeTag<'t> {
    /// The bytes of the tag.
    pub span: Range<usize>,
    /// The tag as it is written: `!!str`.
    pub written: &'t str,
    /// The full name of the tag: `tag:yaml.org,2002:str`.
    pub name: String,
}

/// Why a text can't be read at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    pub span: Range<usize>,
    pub message: String,
    pub help: Option<String>,
}

impl<'t> SyntaxNode<'t> {
    pub fn anchor(&self) -> Option<&Anchor<'t>> {
        self.properties.as_ref()?.anchor.as_ref()
    }

    pub fn tag(&self) -> Option<&NodeTag<'t>> {
        self.properties.as_ref()?.tag.as_ref()
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes of the value with its anchor and tag.
    pub fn full_span(&self) -> Range<usize> {
        let anchor = self.anchor().map(|anchor| anchor.span.start);
        let tag = self.tag().map(|tag| tag.span.start);
        let start = anchor.into_iter().chain(tag).fold(self.span.start, usize::min);
        start..self.span.end
    }
}

impl NodeTag<'_> {
    /// The name of a tag that YAML itself defines: `str`.
    pub fn yaml_name(&self) -> Option<&str> {
        self.name.strip_prefix("tag:yaml.org,2002:")
    }
}

impl SyntaxError {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        SyntaxError { span, message: message.into(), help: None }
    }

    pub(super) fn too_deep(span: Range<usize>) -> Self {
        SyntaxError::new(span, format!("the values are nested more than {MAX_DEPTH} levels deep"))
    }
}
