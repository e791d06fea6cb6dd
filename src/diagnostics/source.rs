//! Source files, and locations in them.

use std::fmt;
use std::ops::Range;
use std::string::FromUtf8Error;
use std::sync::Arc;

use camino::Utf8PathBuf;

/// A text file.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// The path, as it is shown.
    pub path: Utf8PathBuf,
    pub text: String,
}

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub file: Arc<SourceFile>,
    /// The bytes of the text.
    pub span: Range<usize>,
    /// The text next to the underlined bytes; may be empty.
    pub label: String,
}

impl SourceFile {
    /// Creates a file from its bytes.
    ///
    /// # Errors
    ///
    /// If it isn't UTF-8: the location of the first invalid byte, in a lossy copy of the text.
    pub fn from_bytes(path: Utf8PathBuf, bytes: Vec<u8>) -> Result<Arc<Self>, Location> {
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Arc::new(SourceFile { path, text })),
            Err(error) => Err(not_utf8(path, &error)),
        }
    }
}

fn not_utf8(path: Utf8PathBuf, error: &FromUtf8Error) -> Location {
    // The lossy text is the same up to the invalid byte.
    let start = error.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
    Location {
        file: Arc::new(SourceFile { path, text }),
        span: start..start + char::REPLACEMENT_CHARACTER.len_utf8(),
        label: format!("invalid byte 0x{:02X}", error.as_bytes()[start]),
    }
}

impl Location {
    /// The line and the column of its first character, both from 1.
    pub fn line_and_column(&self) -> (usize, usize) {
        let text = &self.file.text;
        let start = boundary(text, self.span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        (text[..line_start].matches('\n').count() + 1, text[line_start..start].chars().count() + 1)
    }
}

/// `wasmplugin.yaml:3:8`
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.line_and_column();
        write!(f, "{}:{line}:{column}", self.file.path)
    }
}

/// The nearest index at or before `index` at which a character of `text` starts.
pub(super) fn boundary(text: &str, index: usize) -> usize {
    text.floor_char_boundary(index)
}
