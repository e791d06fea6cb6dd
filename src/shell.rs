//! The only door to the terminal: data on standard output, talk on standard error, in cargo's own look.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use annotate_snippets::Renderer;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::diagnostics::{Diagnostic, render};
use crate::error::Error;

/// How much is said on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Warnings and errors alone.
    Quiet,
    /// What happens, a line a step.
    Normal,
    /// Also how long each step took and which commands were run.
    Verbose,
}

/// Writes to the terminal.
#[derive(Debug)]
pub struct Shell {
    verbosity: Verbosity,
    color: ColorChoice,
    /// The bar that is on the terminal; it makes room for every line.
    bar: Mutex<Weak<ProgressBar>>,
}

const STATUS: Style = AnsiColor::Green.on_default().bold();
const ERROR: Style = AnsiColor::BrightRed.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const NOTE: Style = AnsiColor::Cyan.on_default().bold();

impl Shell {
    /// A shell that says as much as `verbosity` allows, coloured as `color` asks.
    pub fn new(verbosity: Verbosity, color: ColorChoice) -> Self {
        Shell { verbosity, color, bar: Mutex::default() }
    }

    /// How much is said.
    pub fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    /// Whether a person is there to answer: standard input and standard error are a terminal.
    pub fn is_interactive(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// A step that begins or ends: a verb, right-aligned as cargo does it, and what it is done to.
    pub fn status(&self, verb: &str, what: impl Display) {
        if self.verbosity > Verbosity::Quiet {
            self.say(format_args!("{STATUS}{verb:>12}{STATUS:#} {what}\n"));
        }
    }

    /// A line of a summary, under the verb of the status before.
    pub fn detail(&self, what: impl Display) {
        if self.verbosity > Verbosity::Quiet {
            self.say(format_args!("{:13}{what}\n", ""));
        }
    }

    /// A step that only `--verbose` shows.
    pub fn verbose(&self, verb: &str, what: impl Display) {
        if self.verbosity == Verbosity::Verbose {
            self.status(verb, what);
        }
    }

    /// Something that the user should know, and that stops nothing.
    pub fn warn(&self, message: impl Display) {
        self.say(format_args!("{WARNING}warning{WARNING:#}: {message}\n"));
    }

    /// Something that helps to understand what was said before.
    pub fn note(&self, message: impl Display) {
        if self.verbosity > Verbosity::Quiet {
            self.say(format_args!("{NOTE}note{NOTE:#}: {message}\n"));
        }
    }

    /// What a check found in `subject`, a package or a file.
    pub fn diagnostic(&self, subject: &str, diagnostic: &Diagnostic) {
        let report = render::diagnostic(diagnostic, subject, &self.renderer());
        self.say(format_args!("{report}\n\n"));
    }

    /// An error that stops the command, in one line.
    pub fn fail(&self, message: impl Display) {
        self.say(format_args!("{ERROR}error{ERROR:#}: {message}\n"));
    }

    /// What stops the command.
    pub fn error(&self, error: &Error, advice: Option<&str>) {
        self.say(format_args!("{}\n", error.render(advice, &self.renderer())));
    }

    /// A bar for a transfer of `size` bytes, on a terminal; elsewhere nothing is shown. It goes with the value.
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
            .expect("the template is a good one")
            .progress_chars("=> ");
        let bar = ProgressBar::with_draw_target(Some(size), target);
        let bar = Arc::new(bar.with_style(style).with_prefix(verb));
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&bar);
        Progress(bar)
    }

    /// A question to the person at the terminal; the cursor stays behind it.
    pub fn ask(&self, question: impl Display) {
        // Where colours are taken out, the text is written in the pieces between them.
        self.say(format_args!("{NOTE}{question} {NOTE:#}"));
    }

    /// Ends the line of a question that got no answer.
    pub fn end_line(&self) {
        self.say(format_args!("\n"));
    }

    /// Data that was asked for, on standard output.
    ///
    /// # Errors
    ///
    /// If standard output can't take it: lost data must not look like success.
    pub fn out(&self, data: impl Display) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        match write!(stdout, "{data}").and_then(|()| stdout.flush()) {
            // A program that reads only the beginning, as `head` does, has got what it wants.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => {
                Err(io::Error::new(error.kind(), format!("failed to write to standard output: {error}")))
            }
            Ok(()) => Ok(()),
        }
    }

    /// What draws errors and findings: styled, for the stream below takes the styles out again where
    /// they do not belong.
    fn renderer(&self) -> Renderer {
        Renderer::styled()
    }

    /// Nobody is left to tell where standard error is closed, so a failure here is not one.
    fn say(&self, text: std::fmt::Arguments<'_>) {
        let write = || {
            // Standard error has no buffer: a text that is written in pieces is mixed with what is typed meanwhile.
            let mut stderr = AutoStream::new(io::stderr().lock(), self.color);
            let _ = stderr.write_all(text.to_string().as_bytes());
        };
        let bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        bar.map_or_else(write, |bar| bar.suspend(write));
    }
}

/// A bar that shows how much of a transfer is done.
#[derive(Debug)]
pub struct Progress(Arc<ProgressBar>);

impl Progress {
    /// Tells the bar of more bytes than it was made for.
    pub fn expect(&self, bytes: u64) {
        self.0.inc_length(bytes);
    }

    /// What moves the bar on by a number of bytes.
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
