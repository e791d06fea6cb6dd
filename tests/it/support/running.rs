//! The program while it runs: the tests that signal it, kill it, or start it under limits.

use std::ffi::OsStr;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use super::{SURROUNDINGS, Sandbox, tool};

/// Longer than anything here takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

impl Sandbox {
    /// The program as a process of the standard library, which can be signalled while it runs.
    pub(crate) fn process_in(
        &self,
        below: &str,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Command {
        let mut command = Command::new(tool());
        isolate(&mut command);
        command.current_dir(self.path(below)).args(args);
        command
    }

    /// The program as the last words of another command, such as a shell that ends in `exec "$@"`.
    pub(crate) fn process_by(
        &self,
        below: &str,
        wrapper: &[&str],
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Command {
        let mut command = Command::new(wrapper[0]);
        isolate(&mut command);
        command.current_dir(self.path(below)).args(&wrapper[1..]).arg(tool()).args(args);
        command
    }
}

/// As [`super::isolated`] does it.
pub(super) fn isolate(command: &mut Command) {
    for (name, value) in SURROUNDINGS {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

/// Starts it with its output kept.
pub(crate) fn start(command: &mut Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Runs it to its end.
pub(crate) fn run(command: &mut Command) -> Output {
    start(command).wait_with_output().unwrap()
}

/// Runs it to an end that has to be a good one.
pub(crate) fn succeed(command: &mut Command) -> Output {
    let output = run(command);
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, stderr(&output));
    output
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Waits until `done` holds, for no longer than anything here may take.
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    super::until(DEADLINE, what, || done().then_some(()));
}
