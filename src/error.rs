//! What stops a command, and how a person is told.

use std::fmt::Write as _;
use std::io;
use std::ops::Range;
use std::string::FromUtf8Error;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use camino::{Utf8Path, Utf8PathBuf};

/// The result of everything that can stop a command.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a command stops: any error that can explain itself.
#[derive(Debug)]
pub struct Error(Box<dyn Explain>);

/// An error with what its reader needs beyond the message and the chain of sources.
pub trait Explain: std::error::Error + Send + Sync + 'static {
    /// What the exit code says.
    fn exit(&self) -> Exit {
        Exit::Failure
    }

    /// What to do next, a sentence or a command each.
    fn help(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether the user was told already, by a child process, so that only the exit code is left to give.
    fn is_told(&self) -> bool {
        false
    }

    /// The whole report where it is more than message, causes and help: places in a file, say.
    fn report(&self, _renderer: &Renderer) -> Option<String> {
        None
    }
}

/// The exit codes of the program. They are part of its interface: scripts rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, warnings included.
    Done,
    /// The checks found something that the mesh would refuse.
    Findings,
    /// The command line is wrong.
    Usage,
    /// Anything else that failed.
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
    /// The exit code that this error asks for.
    pub fn exit(&self) -> Exit {
        self.0.exit()
    }

    /// Whether the user was told already.
    pub fn is_told(&self) -> bool {
        self.0.is_told()
    }

    /// What to do next.
    pub fn help(&self) -> Vec<String> {
        self.0.help()
    }

    /// The error itself, where it is a `T`.
    pub fn downcast_ref<T: Explain>(&self) -> Option<&T> {
        let error: &dyn std::error::Error = &*self.0;
        error.downcast_ref()
    }

    /// The error as it is printed: in cargo's look, with causes and help.
    pub fn render(&self, renderer: &Renderer) -> String {
        if let Some(report) = self.0.report(renderer) {
            return report;
        }
        let message = self.0.to_string();
        let mut causes = String::new();
        let mut source = self.0.source();
        while let Some(cause) = source {
            for (index, line) in cause.to_string().lines().enumerate() {
                let indent = if index == 0 { "\n  " } else { "\n    " };
                causes.push_str(indent);
                causes.push_str(line);
            }
            source = cause.source();
        }
        let mut text = renderer.render(&[Group::with_title(Level::ERROR.primary_title(&message))]);
        if !causes.is_empty() {
            let _ = write!(text, "\n\nCaused by:{causes}");
        }
        for (index, help) in self.help().iter().enumerate() {
            let gap = if index == 0 { "\n\n" } else { "\n" };
            let line = renderer.render(&[Group::with_title(Level::HELP.primary_title(help))]);
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

// Files are opened through fs_err alone, so the message names the path already.
impl Explain for io::Error {
    fn help(&self) -> Vec<String> {
        let help = match self.kind() {
            io::ErrorKind::StorageFull => "free some space on that disk, then run the command again",
            io::ErrorKind::QuotaExceeded => "free some of the disk quota, then run the command again",
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                "make that path writable, or choose another place (`--target-dir`, `--to`)"
            }
            io::ErrorKind::NotADirectory => {
                "move away the file that is where a folder should be, or choose another place (`--target-dir`, `--to`)"
            }
            _ => return Vec::new(),
        };
        vec![help.to_owned()]
    }
}

/// The command line asks for something that cannot be.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct UsageError {
    /// What is wrong.
    pub message: String,
    /// What to type instead.
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

/// A file whose content cannot be used, with every place that is wrong.
#[derive(Debug, thiserror::Error)]
#[error("`{path}` is not valid")]
pub struct InvalidFile {
    /// The file, as it is shown.
    pub path: Utf8PathBuf,
    /// Its text, for the lines that are shown.
    pub text: String,
    /// What is wrong, in the order of the file.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong at one place of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The bytes of the file that are meant.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What was expected there; may be empty.
    pub label: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl InvalidFile {
    /// A file that is no text, with the first byte that is wrong.
    pub fn not_utf8(path: &Utf8Path, error: &FromUtf8Error) -> Self {
        // Up to the place that is meant, the text is the same.
        let start = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let problem = Problem {
            span: start..start + char::REPLACEMENT_CHARACTER.len_utf8(),
            message: "this is not UTF-8".to_owned(),
            label: format!("the byte 0x{:02X} stands here", error.as_bytes()[start]),
            help: Some("save the file as UTF-8".to_owned()),
        };
        InvalidFile { path: path.to_owned(), text, problems: vec![problem] }
    }
}

impl Explain for InvalidFile {
    fn report(&self, renderer: &Renderer) -> Option<String> {
        let reports: Vec<String> = self
            .problems
            .iter()
            .map(|problem| render_problem(Level::ERROR, self.path.as_str(), &self.text, problem, renderer))
            .collect();
        Some(reports.join("\n\n"))
    }
}

/// Files whose content cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{} files are not valid", .0.len())]
pub struct InvalidFiles(pub Vec<InvalidFile>);

impl Explain for InvalidFiles {
    fn report(&self, renderer: &Renderer) -> Option<String> {
        let reports: Vec<String> = self.0.iter().filter_map(|file| file.report(renderer)).collect();
        Some(reports.join("\n\n"))
    }
}

/// A place in a file with what is to be said about it, as rustc would show it.
pub fn render_problem(
    level: Level<'_>,
    path: &str,
    text: &str,
    problem: &Problem,
    renderer: &Renderer,
) -> String {
    // A span that ends past the text, or inside a character, would panic in the renderer.
    let boundary = |index: usize| (0..=index.min(text.len())).rfind(|&index| text.is_char_boundary(index));
    let start = boundary(problem.span.start).unwrap_or(0);
    let end = boundary(problem.span.end).unwrap_or(0).max(start);
    // The renderer remembers every line that it is given, and a stream of documents can have millions.
    // What stands at the end of the text is shown at the end of its last line.
    let before = text[..start].strip_suffix('\n').filter(|_| start == text.len()).unwrap_or(&text[..start]);
    let first = before.rfind('\n').map_or(0, |at| at + 1);
    let last = text[end..].find('\n').map_or(text.len(), |at| end + at + 1);
    let line = text[..first].matches('\n').count() + 1;
    let mut annotation = AnnotationKind::Primary.span(start - first..end - first);
    if !problem.label.is_empty() {
        annotation = annotation.label(problem.label.as_str());
    }
    let snippet = Snippet::source(&text[first..last]).line_start(line).path(path).annotation(annotation);
    let mut group = level.primary_title(problem.message.as_str()).element(snippet);
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    renderer.render(&[group])
}
