//! YAML that kubectl can read but a resource must not contain.

use std::ops::Range;

/// Something that a resource must not contain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub span: Range<usize>,
    pub kind: FaultKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// An unquoted scalar that YAML readers interpret differently: `yes`, `012`.
    AmbiguousScalar {
        text: String,
        /// How the readers interpret it, such as `the number 10`.
        readings: [String; 2],
    },
    /// A number that JSON can't hold. The API server gets JSON.
    UnsupportedNumber {
        /// The number as it is written.
        text: String,
        /// Whether it is finite, but doesn't fit into 64 bits.
        is_finite: bool,
    },
    /// A key that comes twice in a mapping.
    DuplicateKey {
        /// The key as kubectl reads it.
        key: String,
        /// The bytes of the first one.
        first: Range<usize>,
    },
    /// A key that isn't text: a number, a boolean, null or a collection.
    NonTextKey {
        /// The scalar as it is written; `None` for a collection.
        text: Option<String>,
    },
    /// A tag other than `!!str` before a scalar.
    Tag {
        /// The tag as it is written.
        tag: String,
    },
}

impl FaultKind {
    /// What is wrong, in one line.
    pub fn message(&self) -> String {
        match self {
            FaultKind::AmbiguousScalar { text, readings: [one, other] } => {
                format!("`{text}` is ambiguous: some YAML readers read it as {one}, others as {other}")
            }
            FaultKind::UnsupportedNumber { text, is_finite: true } => {
                format!("the number `{text}` doesn't fit into 64 bits")
            }
            FaultKind::UnsupportedNumber { text, is_finite: false } => {
                format!("`{text}` is not a number that JSON can hold")
            }
            FaultKind::DuplicateKey { key, .. } => format!("duplicate key `{key}`"),
            FaultKind::NonTextKey { text: Some(text) } => format!("the key `{text}` is not text"),
            FaultKind::NonTextKey { text: None } => "a list or a mapping can't be a key".to_owned(),
            FaultKind::Tag { tag } => format!("a resource can't have the tag `{tag}`"),
        }
    }

    /// What to show next to the bytes; may be empty.
    pub fn label(&self) -> &'static str {
        match self {
            FaultKind::DuplicateKey { .. } => "this key is already set",
            FaultKind::NonTextKey { .. } => "keys are always text in JSON",
            _ => "",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            FaultKind::AmbiguousScalar { text, .. } => format!(
                "if it is text, quote it: `\"{text}\"`; otherwise write `true`, `false` or a number in plain decimal digits"
            ),
            FaultKind::UnsupportedNumber { text, is_finite: true } => {
                format!("quote it, and let the plugin read the digits: `\"{text}\"`")
            }
            FaultKind::UnsupportedNumber { text, is_finite: false } => {
                format!("if it is text, quote it: `\"{text}\"`")
            }
            FaultKind::DuplicateKey { .. } => {
                "remove one of the two: YAML readers differ in which one they use".to_owned()
            }
            FaultKind::NonTextKey { text: Some(text) } => format!("quote it: `\"{text}\"`"),
            FaultKind::NonTextKey { text: None } => "use text as the key".to_owned(),
            FaultKind::Tag { .. } => "remove the tag; quote the value if it is text".to_owned(),
        }
    }
}
