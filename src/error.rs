//! The error type, and how an error is shown.

use std::fmt::Write as _;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{Group, Level, Renderer};

use crate::diagnostics::render;
use crate::diagnostics::source::{Location, SourceFile};
use crate::text::shown;

/// The result of an operation that can stop a command.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error that implements [`Explain`].
#[derive(Debug)]
pub struct Error(Box<dyn Explain>);

/// What an error adds to its message and its chain of sources.
pub trait Explain: std::error::Error + Send + Sync + 'static {
    /// The exit code.
    fn exit(&self) -> Exit {
        Exit::Failure
    }

    /// What to do next; each item is a sentence or a command.
    fn help(&self) -> Vec<String> {
        Vec::new()
    }

    /// The package that the error is about, if it is about one.
    fn package(&self) -> Option<&str> {
        None
    }

    /// Whether a child process has reported the error already, so that only the exit code has to be set.
    fn is_reported(&self) -> bool {
        false
    }

    /// The whole report, if it is more than message, causes and help: it may show lines of a file, for example.
    fn report(&self, _renderer: &Renderer) -> Option<String> {
        None
    }
}

/// The exit codes of the program. They are part of its interface, because scripts rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Success, possibly with warnings.
    Done,
    /// The checks found something that the mesh would refuse.
    Findings,
    /// The command line is invalid.
    Usage,
    /// Any other failure.
    Failure,
    /// Stopped by a signal.
    Interrupted,
}

impl Exit {
    /// The number that the process returns.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Findings => 1,
            Exit::Usage => 2,
            Exit::Failure => 101,
            Exit::Interrupted => 130,
        }
    }
}

impl Error {
    /// The exit code for this error.
    pub fn exit(&self) -> Exit {
        self.0.exit()
    }

    /// Whether the error has been reported already.
    pub fn is_reported(&self) -> bool {
        self.0.is_reported()
    }

    /// What to do next.
    pub fn help(&self) -> Vec<String> {
        self.0.help()
    }

    /// The package that the error is about, if it is about one.
    pub fn package(&self) -> Option<&str> {
        self.0.package()
    }

    /// The error itself, if it is a `T`.
    pub fn downcast_ref<T: Explain>(&self) -> Option<&T> {
        let error: &dyn std::error::Error = &*self.0;
        error.downcast_ref()
    }

    /// The error itself, if it is a `T`.
    ///
    /// # Errors
    ///
    /// If it is another type: this error, unchanged.
    pub fn downcast<T: Explain>(self) -> Result<T, Self> {
        let error: Box<dyn std::error::Error + Send + Sync> = match self.downcast_ref::<T>() {
            Some(_) => self.0,
            None => return Err(self),
        };
        Ok(*error.downcast().expect("the type was checked above"))
    }

    /// The error as it is printed: in cargo's style, with causes and help. `advice` is another help text, from callers
    /// that know the command line.
    pub fn render(&self, advice: Option<&str>, renderer: &Renderer) -> String {
        if let Some(report) = self.0.report(renderer) {
            return report;
        }
        let message = self.0.to_string();
        let mut causes = String::new();
        let mut source = self.0.source();
        while let Some(cause) = source {
            for (index, line) in shown(&cause.to_string()).lines().enumerate() {
                let indent = if index == 0 { "\n  " } else { "\n    " };
                causes.push_str(indent);
                causes.push_str(line);
            }
            source = cause.source();
        }
        let mut text = renderer.render(&[Group::with_title(Level::ERROR.primary_title(shown(&message)))]);
        if !causes.is_empty() {
            let _ = write!(text, "\n\nCaused by:{causes}");
        }
        let help = self.help();
        for (index, help) in help.iter().map(String::as_str).chain(advice).enumerate() {
            let gap = if index == 0 { "\n\n" } else { "\n" };
            let line = renderer.render(&[Group::with_title(Level::HELP.primary_title(shown(help)))]);
            let _ = write!(text, "{gap}{line}");
        }
        text
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<E: Explain> From<E> for Error {
    fn from(error: E) -> Self {
        Error(Box::new(error))
    }
}

// Files are opened only through fs_err, so the message contains the path already.
impl Explain for io::Error {
    fn help(&self) -> Vec<String> {
        let help = match self.kind() {
            io::ErrorKind::StorageFull => "free some disk space, then run the command again",
            io::ErrorKind::QuotaExceeded => "free some of the disk quota, then run the command again",
            io::ErrorKind::PermissionDenied => "give this user access to that path",
            _ => return Vec::new(),
        };
        vec![help.to_owned()]
    }
}

/// The command line is invalid.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct UsageError {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Vec<String>,
}

impl Explain for UsageError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn help(&self) -> Vec<String> {
        self.help.clone()
    }
}

/// An error at one place in a file: the file isn't UTF-8, YAML or TOML, or refers to something that doesn't exist.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct FileError {
    message: String,
    location: Location,
    help: Option<String>,
}

impl FileError {
    /// An error at `span` of `file`, with a help text.
    pub fn new(file: &Arc<SourceFile>, span: Range<usize>, message: String, help: Option<String>) -> Self {
        let location = Location { file: Arc::clone(file), span, label: String::new() };
        FileError { message, location, help }
    }

    /// The same error, with a label next to the underlined part of the file.
    #[must_use]
    pub fn labelled(mut self, label: String) -> Self {
        self.location.label = label;
        self
    }

    /// The place in the file.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// An error for a file that isn't UTF-8; `location` is its first invalid byte.
    pub fn not_utf8(location: Location) -> Self {
        let message = "invalid UTF-8".to_owned();
        FileError { message, location, help: Some("save the file as UTF-8".to_owned()) }
    }
}

impl Explain for FileError {
    fn report(&self, renderer: &Renderer) -> Option<String> {
        Some(render::error(&self.message, &self.location, self.help.as_deref(), renderer))
    }
}

/// Errors in several files.
#[derive(Debug, thiserror::Error)]
#[error("{} files have errors", .0.len())]
pub struct FileErrors(pub Vec<FileError>);

impl Explain for FileErrors {
    fn report(&self, renderer: &Renderer) -> Option<String> {
        let reports: Vec<String> = self.0.iter().filter_map(|file| file.report(renderer)).collect();
        Some(reports.join("\n\n"))
    }
}
