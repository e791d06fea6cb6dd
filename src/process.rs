//! Child processes. Errors contain the whole command line, and a signal to this process ends them too.

use std::ffi::OsStr;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8PathBuf;
use rustix::process::Signal;
use shared_child::SharedChild;

use crate::context::Context;
use crate::error::{Exit, Explain, Result};
use crate::interrupt::{Interrupted, Watched};

fn was_interrupted(status: ExitStatus) -> bool {
    let signal = status.signal().and_then(Signal::from_named_raw);
    matches!(signal, Some(Signal::INT | Signal::TERM | Signal::HUP))
}

/// A child process couldn't be started, or failed.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It couldn't be started.
    #[error("could not run `{command}`")]
    Start { command: String, source: io::Error },
    /// Waiting for it, or reading its output, failed.
    #[error("lost the connection to `{command}`")]
    Lost { command: String, source: io::Error },
    /// It ended with an error.
    #[error("`{command}` failed ({status}){}", quoted(stderr))]
    Failed {
        command: String,
        status: ExitStatus,
        /// Its standard output; empty if it was streamed.
        stdout: Vec<u8>,
        /// Its standard error; empty if the user has seen it already.
        stderr: String,
    },
    /// A signal interrupted this process while the child ran.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// It took too long.
    #[error("`{command}` took longer than {} seconds and was killed", limit.as_secs())]
    TimedOut { command: String, limit: Duration },
}

fn quoted(stderr: &str) -> String {
    match stderr.trim() {
        "" => String::new(),
        said => format!("\n{said}"),
    }
}

impl Explain for ProcessError {
    fn exit(&self) -> Exit {
        match self {
            ProcessError::Interrupted(interrupted) => interrupted.exit(),
            _ => Exit::Failure,
        }
    }

    fn help(&self) -> Vec<String> {
        match self {
            ProcessError::Start { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                vec!["install the program, or add its directory to `PATH`".to_owned()]
            }
            _ => Vec::new(),
        }
    }
}

/// The path of this program.
///
/// # Errors
///
/// If the operating system doesn't know it, or it isn't UTF-8.
pub fn this_program() -> io::Result<Utf8PathBuf> {
    Utf8PathBuf::try_from(std::env::current_exe()?).map_err(|error| error.into_io_error())
}

/// A command that runs in the current directory of `ctx`.
pub fn command(ctx: &Context, program: impl AsRef<OsStr>) -> Command {
    #[expect(clippy::disallowed_methods, reason = "all other code uses this function")]
    let mut command = Command::new(program);
    command.current_dir(&ctx.cwd);
    command
}

/// A command line as it would be typed in a shell.
pub fn command_line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted = words.map(|word| {
        let word = word.to_string_lossy();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+%".contains(c);
        if !word.is_empty() && word.chars().all(plain) {
            word.into_owned()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// Runs a command, captures its output, and returns its standard output.
///
/// # Errors
///
/// If it can't be run, takes longer than `limit`, or fails. A failure includes its standard error.
pub fn output(
    ctx: &Context,
    command: &mut Command,
    limit: Option<Duration>,
) -> Result<Vec<u8>, ProcessError> {
    answer(ctx, command, b"", limit)
}

/// Like [`output`], for a command that reads `input` from its standard input. The input has to be short.
///
/// # Errors
///
/// See [`output`].
pub fn answer(
    ctx: &Context,
    command: &mut Command,
    input: &[u8],
    limit: Option<Duration>,
) -> Result<Vec<u8>, ProcessError> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let running = Running::start(ctx, command)?;
    // It is fine if the child doesn't read all of its input.
    let _ = running.child.take_stdin().map(|mut stdin| stdin.write_all(input));
    let (stdout, stderr) = (running.child.take_stdout(), running.child.take_stderr());
    std::thread::scope(|scope| {
        let stdout = scope.spawn(|| drain(stdout));
        let stderr = scope.spawn(|| drain(stderr));
        let status = running.wait(limit);
        let [stdout, stderr] = [stdout, stderr].map(|pipe| pipe.join().unwrap_or_default());
        running.judge(status?, stdout, String::from_utf8_lossy(&stderr).into_owned())
    })
}

/// Runs a command that inherits standard error, and passes each line of its standard output to `line`.
///
/// # Errors
///
/// If it can't be run, or fails.
pub fn stream(ctx: &Context, command: &mut Command, mut line: impl FnMut(&str)) -> Result<(), ProcessError> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let running = Running::start(ctx, command)?;
    if let Some(pipe) = running.child.take_stdout() {
        for read in BufReader::new(pipe).split(b'\n') {
            line(&String::from_utf8_lossy(&read.map_err(|source| running.lost(source))?));
        }
    }
    running.judge(running.wait(None)?, Vec::new(), String::new()).map(drop)
}

fn drain(pipe: Option<impl Read>) -> Vec<u8> {
    let mut all = Vec::new();
    if let Some(mut pipe) = pipe {
        // The pipe breaks if the child is killed. What was read until then is still useful.
        let _ = pipe.read_to_end(&mut all);
    }
    all
}

/// A child process. As long as this value lives, a signal to this process ends the child too.
struct Running<'c> {
    ctx: &'c Context,
    child: Arc<SharedChild>,
    command: String,
    _watched: Watched,
}

impl<'c> Running<'c> {
    fn start(ctx: &'c Context, command: &mut Command) -> Result<Self, ProcessError> {
        let shown = command_line(command);
        ctx.shell.verbose("Running", format_args!("`{shown}`"));
        let child = SharedChild::spawn(command)
            .map_err(|source| ProcessError::Start { command: shown.clone(), source })?;
        let child = Arc::new(child);
        let watched = ctx.interrupt.watch(&child)?;
        Ok(Running { ctx, child, command: shown, _watched: watched })
    }

    fn wait(&self, limit: Option<Duration>) -> Result<ExitStatus, ProcessError> {
        let Some(limit) = limit else { return self.child.wait().map_err(|source| self.lost(source)) };
        match self.child.wait_timeout(limit).map_err(|source| self.lost(source))? {
            Some(status) => Ok(status),
            None => {
                let _ = self.child.kill();
                let _ = self.child.wait();
                Err(ProcessError::TimedOut { command: self.command.clone(), limit })
            }
        }
    }

    fn judge(&self, status: ExitStatus, stdout: Vec<u8>, stderr: String) -> Result<Vec<u8>, ProcessError> {
        self.ctx.interrupt.check()?;
        // A terminal signals all foreground processes, and the child may end before our signal handler runs.
        if was_interrupted(status) {
            return Err(Interrupted.into());
        }
        if status.success() {
            return Ok(stdout);
        }
        Err(ProcessError::Failed { command: self.command.clone(), status, stdout, stderr })
    }

    fn lost(&self, source: io::Error) -> ProcessError {
        ProcessError::Lost { command: self.command.clone(), source }
    }
}
