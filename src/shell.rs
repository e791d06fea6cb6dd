//! All output of the program: data on standard output, and messages in cargo's style on standard error.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use annotate_snippets::Renderer;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::diagnostics::{Diagnostic, Severity, render};
use crate::error::Error;
use crate::text::shown;

/// How much is printed on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Only warnings and errors.
    Quiet,
    /// Also one line for each step.
    Normal,
    /// Also the duration of each step, and the commands that are run.
    Verbose,
}

/// Prints to standard output and standard error.
#[derive(Debug)]
pub struct Shell {
    verbosity: Verbosity,
    color: ColorChoice,
    /// The progress bar on the terminal. It is suspended while a message is printed.
    bar: Mutex<Weak<ProgressBar>>,
}

const STATUS: Style = AnsiColor::Green.on_default().bold();
const ERROR: Style = AnsiColor::BrightRed.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const NOTE: Style = AnsiColor::Cyan.on_default().bold();

impl Shell {
    pub fn new(verbosity: Verbosity, color: ColorChoice) -> Self {
        Shell { verbosity, color, bar: Mutex::default() }
    }

    pub fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    /// Whether the user can be asked: standard input and standard error are a terminal.
    pub fn is_interactive(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Prints a step: a right-aligned verb, as in cargo, and its object.
    pub fn status(&self, verb: &str, what: impl Display) {
        if self.verbosity > Verbosity::Quiet {
            self.line(format_args!("{STATUS}{verb:>12}{STATUS:#} "), what);
        }
    }

    /// Prints a line that belongs to the previous status.
    pub fn detail(&self, what: impl Display) {
        if self.verbosity > Verbosity::Quiet {
            self.line(format_args!("{:13}", ""), what);
        }
    }

    /// Prints a step only with `--verbose`.
    pub fn verbose(&self, verb: &str, what: impl Display) {
        if self.verbosity == Verbosity::Verbose {
            self.status(verb, what);
        }
    }

    /// Prints a warning.
    pub fn warn(&self, message: impl Display) {
        self.line(format_args!("{WARNING}warning{WARNING:#}: "), message);
    }

    /// Prints a note that explains the previous message.
    pub fn note(&self, message: impl Display) {
        if self.verbosity > Verbosity::Quiet {
            self.line(format_args!("{NOTE}note{NOTE:#}: "), message);
        }
    }

    /// Prints a finding about `subject`, a package or a file.
    pub fn diagnostic(&self, subject: &str, diagnostic: &Diagnostic) {
        if diagnostic.severity == Severity::Note && self.verbosity == Verbosity::Quiet {
            return;
        }
        let report = render::diagnostic(diagnostic, subject, &self.renderer());
        self.print(format_args!("{report}\n\n"));
    }

    /// Prints an error that has only a message.
    pub fn fail(&self, message: impl Display) {
        self.line(format_args!("{ERROR}error{ERROR:#}: "), message);
    }

    /// Prints an error with its causes and help.
    pub fn error(&self, error: &Error, advice: Option<&str>) {
        self.print(format_args!("{}\n", error.render(advice, &self.renderer())));
    }

    /// A progress bar for a transfer of `size` bytes. It is shown only on a terminal, until the value is dropped.
    pub fn progress(&self, verb: &str, size: u64) -> Progress {
        let target = match self.verbosity {
            Verbosity::Quiet => ProgressDrawTarget::hidden(),
            _ => ProgressDrawTarget::stderr(),
        };
        let verb = match AutoStream::new(io::stderr(), self.color).current_choice() {
            ColorChoice::Never => format!("{verb:>12}"),
            _ => format!("{STATUS}{verb:>12}{STATUS:#}"),
        };
        let style = ProgressStyle::with_template("{prefix} [{bar:27}] {bytes}/{total_bytes}")
            .expect("the template is valid")
            .progress_chars("=> ");
        let bar = ProgressBar::with_draw_target(Some(size), target);
        let bar = Arc::new(bar.with_style(style).with_prefix(verb));
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&bar);
        Progress(bar)
    }

    /// Prints a question, without a line break.
    pub fn ask(&self, question: impl Display) {
        self.print(format_args!("{NOTE}{} {NOTE:#}", shown(&question.to_string())));
    }

    /// Ends the line of a question that wasn't answered.
    pub fn end_line(&self) {
        self.print(format_args!("\n"));
    }

    /// Prints data on standard output.
    ///
    /// # Errors
    ///
    /// If standard output can't be written to, so that lost data doesn't look like success.
    pub fn out(&self, data: impl Display) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        match write!(stdout, "{data}").and_then(|()| stdout.flush()) {
            // A reader such as `head` may close the pipe early.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => {
                Err(io::Error::new(error.kind(), format!("failed to write to standard output: {error}")))
            }
            Ok(()) => Ok(()),
        }
    }

    /// Prints a label and a text that may come from elsewhere.
    fn line(&self, label: std::fmt::Arguments<'_>, text: impl Display) {
        self.print(format_args!("{label}{}\n", shown(&text.to_string())));
    }

    /// Renders errors and findings. It is always styled, because the stream removes the styles if colours are off.
    fn renderer(&self) -> Renderer {
        Renderer::styled()
    }

    /// Prints to standard error. Errors are ignored, because there is no other place to report them.
    fn print(&self, text: std::fmt::Arguments<'_>) {
        let write = || {
            // Standard error isn't buffered, so the text is written at once to keep it together.
            let mut stderr = AutoStream::new(io::stderr().lock(), self.color);
            let _ = stderr.write_all(text.to_string().as_bytes());
        };
        let bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        bar.map_or_else(write, |bar| bar.suspend(write));
    }
}

/// A progress bar for a transfer.
#[derive(Debug)]
pub struct Progress(Arc<ProgressBar>);

impl Progress {
    /// Adds bytes to the expected size.
    pub fn expect(&self, bytes: u64) {
        self.0.inc_length(bytes);
    }

    /// A function that advances the bar by a number of bytes.
    pub fn counter(&self) -> impl Fn(u64) + Send + Sync + 'static {
        let bar = Arc::clone(&self.0);
        move |bytes| bar.inc(bytes)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
