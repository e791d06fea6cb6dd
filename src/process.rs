//! Child processes. Errors contain the whole command line, and a signal to this process ends them too.
//!
//! A child with a time limit is the leader of a process group of its own. At the end of its time, or if a signal arrives,
//! the whole group is ended, because the child may be a script that runs the actual program. Cargo has no limit and stays
//! in the foreground group of the terminal: it asks for passphrases, and gets Ctrl-C from the terminal itself.

use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use shared_child::SharedChild;

use crate::context::{Context, PASSWORD_VARIABLE};
use crate::error::{Exit, Explain, Result};
use crate::interrupt::{Interrupted, POLL};

/// How much of a child's standard output is read. `cargo metadata` prints some megabytes for a large workspace.
const OUTPUT_LIMIT: usize = 64 << 20;

/// How much of a child's standard error is kept for messages.
const MESSAGE_LIMIT: usize = 64 << 10;

/// How much is read at once.
const CHUNK: usize = 64 << 10;

/// How long an interrupted child can take to end before it is killed.
const GRACE: Duration = Duration::from_secs(5);

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
    /// It printed too much.
    #[error("`{command}` printed more than {} MiB and was killed", OUTPUT_LIMIT >> 20)]
    TooMuch { command: String },
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
            error if error.is_exhausted() => vec![
                "end other programs, or raise the limits that `ulimit -a` shows, then run the command again"
                    .to_owned(),
            ],
            _ => Vec::new(),
        }
    }
}

impl ProcessError {
    /// Whether the reason is not the program: this process was interrupted, or the system can't start any program.
    pub fn is_not_about_child(&self) -> bool {
        matches!(self, ProcessError::Interrupted(_)) || self.is_exhausted()
    }

    /// Whether the system has no memory, processes or file descriptors left.
    fn is_exhausted(&self) -> bool {
        let ProcessError::Start { source, .. } = self else { return false };
        let exhausted = [Errno::AGAIN, Errno::NOMEM, Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error);
        source.raw_os_error().is_some_and(|error| exhausted.contains(&error))
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
    command.current_dir(&ctx.cwd).env_remove(PASSWORD_VARIABLE);
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

/// Runs a command without input, captures its output, and returns its standard output.
///
/// # Errors
///
/// If it can't be run, takes longer than `limit`, prints too much, or fails. A failure includes its standard error.
pub fn output(
    ctx: &Context,
    command: &mut Command,
    limit: Option<Duration>,
) -> Result<Vec<u8>, ProcessError> {
    capture(ctx, command.stdin(Stdio::null()), limit, |_| {})
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
    capture(ctx, command.stdin(Stdio::piped()), limit, |child| {
        // It is fine if the child doesn't read all of its input.
        let _ = child.take_stdin().map(|mut stdin| stdin.write_all(input));
    })
}

/// Like [`output`], for a command that ends when its standard input is closed. The system closes it even if this process
/// is killed.
///
/// # Errors
///
/// See [`output`].
pub fn attended(ctx: &Context, command: &mut Command, limit: Duration) -> Result<Vec<u8>, ProcessError> {
    capture(ctx, command.stdin(Stdio::piped()), Some(limit), SharedChild::take_stdin)
}

/// Runs a command and captures its output. What `started` returns is dropped after the child has ended.
fn capture<T>(
    ctx: &Context,
    command: &mut Command,
    limit: Option<Duration>,
    started: impl FnOnce(&SharedChild) -> T,
) -> Result<Vec<u8>, ProcessError> {
    let running = Running::start(ctx, command.stdout(Stdio::piped()).stderr(Stdio::piped()), limit)?;
    let _kept = started(&running.child);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut pipes = Vec::new();
    if let Some(pipe) = running.child.take_stdout() {
        let keep = |bytes: &[u8]| keep(&mut stdout, bytes, OUTPUT_LIMIT);
        pipes.push(Pipe { end: pipe.into(), sink: Box::new(keep) });
    }
    if let Some(pipe) = running.child.take_stderr() {
        let keep = |bytes: &[u8]| {
            let _ = keep(&mut stderr, bytes, MESSAGE_LIMIT);
            Ok(())
        };
        pipes.push(Pipe { end: pipe.into(), sink: Box::new(keep) });
    }
    let status = running.follow(pipes)?;
    running.judge(status, stdout, String::from_utf8_lossy(&stderr).into_owned())
}

/// Runs a command that inherits standard error, and passes each line of its standard output to `line`.
///
/// # Errors
///
/// If it can't be run, prints a line that is too long, or fails.
pub fn stream(ctx: &Context, command: &mut Command, mut line: impl FnMut(&str)) -> Result<(), ProcessError> {
    let running = Running::start(ctx, command.stdin(Stdio::null()).stdout(Stdio::piped()), None)?;
    let mut begun = Vec::new();
    let split = |mut bytes: &[u8]| {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            begun.extend_from_slice(&bytes[..end]);
            line(&String::from_utf8_lossy(&begun));
            begun.clear();
            bytes = &bytes[end + 1..];
        }
        keep(&mut begun, bytes, OUTPUT_LIMIT)
    };
    let pipe = running.child.take_stdout().map(|pipe| Pipe { end: pipe.into(), sink: Box::new(split) });
    let status = running.follow(pipe.into_iter().collect())?;
    if !begun.is_empty() {
        line(&String::from_utf8_lossy(&begun));
    }
    running.judge(status, Vec::new(), String::new()).map(drop)
}

/// There are more bytes than are kept.
struct Full;

/// Appends bytes to `kept`, up to a limit.
fn keep(kept: &mut Vec<u8>, bytes: &[u8], limit: usize) -> Result<(), Full> {
    let room = limit.saturating_sub(kept.len());
    kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    if bytes.len() > room { Err(Full) } else { Ok(()) }
}

/// Takes a part of the output.
type Sink<'s> = Box<dyn FnMut(&[u8]) -> Result<(), Full> + 's>;

/// The output of a child, and what is done with it.
struct Pipe<'s> {
    end: OwnedFd,
    sink: Sink<'s>,
}

/// A child process.
struct Running<'c> {
    ctx: &'c Context,
    child: SharedChild,
    command: String,
    /// The time limit, and when it is reached.
    limit: Option<(Duration, Instant)>,
}

impl<'c> Running<'c> {
    fn start(ctx: &'c Context, command: &mut Command, limit: Option<Duration>) -> Result<Self, ProcessError> {
        ctx.interrupt.check()?;
        let shown = command_line(command);
        ctx.shell.verbose("Running", format_args!("`{shown}`"));
        if limit.is_some() {
            command.process_group(0);
        }
        let child = SharedChild::spawn(command)
            .map_err(|source| ProcessError::Start { command: shown.clone(), source })?;
        let limit = limit.map(|limit| (limit, Instant::now() + limit));
        Ok(Running { ctx, child, command: shown, limit })
    }

    /// Passes on what the child prints until it ends. Processes that it leaves behind can keep the pipes open, so their
    /// end isn't awaited.
    fn follow(&self, mut pipes: Vec<Pipe<'_>>) -> Result<ExitStatus, ProcessError> {
        let mut buffer = vec![0; CHUNK];
        let mut late_reads = 0;
        loop {
            // A child without pipes is about to end.
            let ended = match pipes.is_empty() {
                true => self.child.wait_timeout(POLL),
                false => self.child.try_wait(),
            };
            let ended = ended.map_err(|source| self.lost(source))?;
            let patience = if ended.is_some() { Duration::ZERO } else { POLL };
            let has_read = match self.read(&mut pipes, &mut buffer, patience) {
                Ok(has_read) => has_read,
                Err(error) => {
                    self.end(Signal::KILL);
                    return Err(error);
                }
            };
            if let Some(status) = ended {
                late_reads += 1;
                // More than a pipe can hold comes from another process.
                if !has_read || late_reads > 16 {
                    return Ok(status);
                }
            } else if let Err(interrupted) = self.ctx.interrupt.check() {
                drop(pipes);
                self.end(Signal::TERM);
                return Err(interrupted.into());
            } else if let Some((limit, end)) = self.limit
                && Instant::now() >= end
            {
                self.end(Signal::KILL);
                return Err(ProcessError::TimedOut { command: self.command.clone(), limit });
            }
        }
    }

    /// Waits for output and reads some of it. Returns false if there is none. Removes pipes that are closed.
    fn read(
        &self,
        pipes: &mut Vec<Pipe<'_>>,
        buffer: &mut [u8],
        patience: Duration,
    ) -> Result<bool, ProcessError> {
        if pipes.is_empty() {
            return Ok(false);
        }
        let mut ends: Vec<_> = pipes.iter().map(|pipe| PollFd::new(&pipe.end, PollFlags::IN)).collect();
        let patience = Timespec { tv_sec: 0, tv_nsec: patience.subsec_nanos().into() };
        match poll(&mut ends, Some(&patience)) {
            Ok(0) | Err(Errno::INTR) => return Ok(false),
            ready => ready.map_err(|error| self.lost(error.into()))?,
        };
        let ready: Vec<bool> = ends.iter().map(|end| !end.revents().is_empty()).collect();
        let mut kept = Vec::new();
        for (mut pipe, is_ready) in pipes.drain(..).zip(ready) {
            if is_ready {
                match rustix::io::read(&pipe.end, &mut *buffer) {
                    Ok(0) => continue,
                    Ok(count) => (pipe.sink)(&buffer[..count])
                        .map_err(|Full| ProcessError::TooMuch { command: self.command.clone() })?,
                    Err(error) => return Err(self.lost(error.into())),
                }
            }
            kept.push(pipe);
        }
        *pipes = kept;
        Ok(true)
    }

    /// Sends a signal to the child, and to its group if it has one of its own, and waits until it ends. Errors are ignored,
    /// because the child may have ended already.
    fn end(&self, signal: Signal) {
        let child = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let send = |signal| match (child, self.limit) {
            (Some(child), Some(_)) => drop(kill_process_group(child, signal)),
            (Some(child), None) => drop(kill_process(child, signal)),
            (None, _) => {}
        };
        send(signal);
        let has_ended = matches!(self.child.wait_timeout(GRACE), Ok(Some(_)));
        // Others in the group may ignore the first signal.
        if !has_ended || self.limit.is_some() {
            send(Signal::KILL);
            let _ = self.child.wait();
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

#[cfg(test)]
mod tests {
    use anstream::ColorChoice;

    use super::*;
    use crate::context::Env;
    use crate::interrupt::Interrupt;
    use crate::shell::{Shell, Verbosity};

    fn run(script: &str, limit: Duration) -> Result<String, ProcessError> {
        let shell = Shell::new(Verbosity::Quiet, ColorChoice::Never);
        let ctx = Context::new(shell, Env::of_process(), Interrupt::default()).unwrap();
        let printed = output(&ctx, command(&ctx, "sh").args(["-c", script]), Some(limit))?;
        Ok(String::from_utf8(printed).unwrap())
    }

    #[test]
    fn a_time_limit_holds_for_all_processes_of_a_child() {
        let directory = tempfile::tempdir().unwrap();
        let pid = Utf8PathBuf::try_from(directory.path().join("pid")).unwrap();
        let script = format!("trap '' TERM; sleep 600 & echo $! > {pid}; wait");
        let error = run(&script, Duration::from_secs(1)).unwrap_err();
        assert!(matches!(error, ProcessError::TimedOut { .. }), "{error}");
        let process = Pid::from_raw(fs_err::read_to_string(pid).unwrap().trim().parse().unwrap()).unwrap();
        let is_gone = || {
            let state = fs_err::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            rustix::process::test_kill_process(process).is_err() || state.contains(") Z ")
        };
        while !is_gone() {
            std::thread::sleep(POLL);
        }
    }

    #[test]
    fn all_that_a_child_prints_is_read_and_nothing_is_waited_for() {
        let hour = Duration::from_secs(3600);
        let printed = run("sleep 30 & seq 100000; exec 2>&-; echo end", hour).unwrap();
        assert!(printed.ends_with("100000\nend\n") && printed.lines().count() == 100_001);
        let error = run("seq 100000 >&2; exit 3", hour).unwrap_err();
        assert!(matches!(error, ProcessError::Failed { ref stderr, .. } if stderr.len() == MESSAGE_LIMIT));
        let error = run("yes", hour).unwrap_err();
        assert!(matches!(error, ProcessError::TooMuch { .. }), "{error}");
    }
}
