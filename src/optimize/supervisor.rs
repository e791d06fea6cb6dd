//! The processes that run the optimizer.
//!
//! This program starts itself as a supervisor, which sets limits and starts the optimizer: an external program, or this
//! program once more. The limits have to be set before the optimizer is started, because the C library reads the size of
//! stacks then. The supervisor ends the optimizer if the process that wants its result has ended.

use std::ffi::{OsStr, OsString};
use std::io;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, getrlimit, kill_current_process_group, setrlimit};

use crate::fs::MODULE_LIMIT;

/// The hidden subcommand that runs a program within limits. Its arguments are the program and the program's arguments.
pub const SUPERVISE: &str = "__supervise";

/// The hidden subcommand that is the embedded optimizer. Its arguments are those of wasm-opt.
pub const EMBEDDED: &str = "__wasm-opt";

/// The time limit. A module of one megabyte takes a few seconds.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(300);

/// The memory limit. A module of one megabyte takes about 200 MiB. It doesn't limit the address space, because a wasm-opt
/// that runs in Node.js reserves much more of it than it uses.
const MEMORY_LIMIT: u64 = 4 << 30;

/// The limit for the stack of each thread.
const STACK_LIMIT: u64 = 16 << 20;

/// The share of the memory for the stack of a thread, at most. Together, the stacks have to leave room for data, because
/// Binaryen hangs if it can't start a thread.
const STACK_SHARE: u64 = 4 * MOST_THREADS as u64;

/// The maximum number of threads.
pub(super) const MOST_THREADS: usize = 16;

/// Runs a program within limits, as long as the standard input of this process is open. Returns whether it succeeded. If
/// not, it has said why.
///
/// # Errors
///
/// If the program can't be started, or is ended by a signal.
pub fn supervise(program: &OsStr, args: &[OsString]) -> Result<bool, String> {
    let of_user = [Resource::As, Resource::Data].map(|resource| getrlimit(resource).current);
    let memory = of_user.into_iter().flatten().fold(MEMORY_LIMIT, u64::min);
    let limits = [
        (Resource::Data, memory),
        (Resource::Stack, STACK_LIMIT.min(memory / STACK_SHARE)),
        (Resource::Cpu, TIME_LIMIT.as_secs() * 4),
        (Resource::Fsize, MODULE_LIMIT),
        (Resource::Core, 0),
    ];
    for (resource, limit) in limits {
        lower(resource, limit);
    }
    std::thread::spawn(end_with_input);
    #[expect(clippy::disallowed_methods, reason = "the process group of this process is ended as a whole")]
    let status = Command::new(program).args(args).stdin(Stdio::null()).status();
    match status {
        Ok(status) if status.code().is_none() => Err(format!("the optimizer was ended by a {status}")),
        Ok(status) => Ok(status.success()),
        Err(error) => Err(format!("the optimizer could not be started: {error}")),
    }
}

/// Lowers a limit. A stricter limit of the user stays.
fn lower(resource: Resource, limit: u64) {
    let Rlimit { current, maximum } = getrlimit(resource);
    let lower = |old: Option<u64>| Some(old.map_or(limit, |old| old.min(limit)));
    // The system accepts each lower limit.
    let _ = setrlimit(resource, Rlimit { current: lower(current), maximum: lower(maximum) });
}

/// Ends the optimizer and this process if the input is closed. Nobody writes to it.
fn end_with_input() {
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
    let _ = kill_current_process_group(Signal::KILL);
}

/// Runs the embedded optimizer in this process.
///
/// # Errors
///
/// If it fails: its message.
#[cfg(feature = "embedded-wasm-opt")]
pub fn embedded(args: &[OsString]) -> Result<(), String> {
    let mut command = wasm_opt::integration::Command::new("wasm-opt");
    command.args(args);
    wasm_opt::integration::run_from_command_args(command).map_err(|error| {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        text
    })
}

/// Reports that there is no embedded optimizer.
///
/// # Errors
///
/// Always.
#[cfg(not(feature = "embedded-wasm-opt"))]
pub fn embedded(_args: &[OsString]) -> Result<(), String> {
    Err("cargo-wasmplugin was built without an optimizer".to_owned())
}
