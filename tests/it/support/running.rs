//! Running programs and checking their results.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Sandbox;
use super::registry::{PASSWORD, USER};
use super::tokens::IDENTITY_TOKEN;

/// Longer than any step of a test takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// Variables that would change the results. Programs run offline, because `script/setup` fetches the crates of the
/// scaffolds.
const ENVIRONMENT: &[(&str, Option<&str>)] = &[
    ("CARGO_TARGET_DIR", None),
    ("CARGO", None),
    ("RUSTFLAGS", None),
    ("CARGO_ENCODED_RUSTFLAGS", None),
    ("CARGO_TERM_COLOR", None),
    ("CLICOLOR_FORCE", None),
    ("COLUMNS", None),
    ("CARGO_NET_OFFLINE", Some("true")),
    ("GIT_CONFIG_GLOBAL", Some("/dev/null")),
    ("CARGO_WASMPLUGIN_USERNAME", None),
    ("CARGO_WASMPLUGIN_PASSWORD", None),
    ("CARGO_WASMPLUGIN_CACERT", None),
    ("CARGO_WASMPLUGIN_PLAIN_HTTP", None),
    // The user may be logged in to a registry or behind a proxy.
    ("REGISTRY_AUTH_FILE", None),
    ("DOCKER_AUTH_CONFIG", None),
    ("DOCKER_CONFIG", Some("/nonexistent")),
    ("XDG_CONFIG_HOME", Some("/nonexistent")),
    ("XDG_RUNTIME_DIR", Some("/nonexistent")),
    ("ALL_PROXY", None),
    ("HTTPS_PROXY", None),
    ("HTTP_PROXY", None),
    ("NO_PROXY", None),
    ("all_proxy", None),
    ("https_proxy", None),
    ("http_proxy", None),
    ("no_proxy", None),
];

/// The built program.
pub(crate) fn tool() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_cargo-wasmplugin"))
}

/// A program that is isolated from the environment of the test run and from the network.
pub(crate) fn process(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, value) in ENVIRONMENT {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// The same as a snapbox command, which has assertions.
pub(crate) fn isolated(program: impl AsRef<OsStr>) -> snapbox::cmd::Command {
    snapbox::cmd::Command::from_std(process(program))
}

impl Sandbox {
    /// The program with these arguments, in the sandbox itself.
    pub(crate) fn tool(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> snapbox::cmd::Command {
        self.tool_in("", args)
    }

    /// The program with these arguments, in a directory below.
    pub(crate) fn tool_in(
        &self,
        below: &str,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> snapbox::cmd::Command {
        snapbox::cmd::Command::from_std(self.process_in(below, args))
    }

    /// The program as a standard library process, which can be signalled while it runs.
    pub(crate) fn process_in(
        &self,
        below: &str,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Command {
        let mut command = process(tool());
        command.current_dir(self.path(below)).args(args);
        command
    }

    /// The program as the last arguments of another command, such as a shell that ends in `exec "$@"`.
    pub(crate) fn process_by(
        &self,
        below: &str,
        wrapper: &[&str],
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Command {
        let mut command = process(wrapper[0]);
        command.current_dir(self.path(below)).args(&wrapper[1..]).arg(tool()).args(args);
        command
    }
}

/// Starts it with its output captured.
pub(crate) fn start(command: &mut Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The exit code and the output of a command. The output never contains one of the tests' passwords.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    pub(crate) fn of(command: &mut Command) -> Self {
        Said::of_output(start(command).wait_with_output().unwrap())
    }

    /// Runs it with `input` on its standard input.
    pub(crate) fn of_with_input(command: &mut Command, input: &str) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A program may end without reading all its input.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        Said::of_output(child.wait_with_output().unwrap())
    }

    pub(crate) fn of_output(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let said =
            Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        for secret in [PASSWORD, IDENTITY_TOKEN, &STANDARD.encode(format!("{USER}:{PASSWORD}"))] {
            assert!(!said.stdout.contains(secret) && !said.stderr.contains(secret), "shown: {said:#?}");
        }
        said
    }

    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }

    /// Checks that it ended with exit code 101, a single error that contains all these words, and no standard output.
    pub(crate) fn failed(self, words: &[&str]) -> Self {
        assert_eq!((self.code, self.stdout.as_str()), (Some(101), ""), "{}", self.stderr);
        let errors = self.stderr.lines().filter(|line| line.starts_with("error")).count();
        assert_eq!(errors, 1, "{}", self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "not said: {word}\n{}", self.stderr);
        }
        self
    }

    /// Checks that it ended with exit code 1 and with all these words on standard error, because a check refused it.
    pub(crate) fn refused(self, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(1), "{}", self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "not said: {word}\n{}", self.stderr);
        }
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// Waits until `done` returns true. Panics if that takes too long.
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    super::until(DEADLINE, what, || done().then_some(()));
}
