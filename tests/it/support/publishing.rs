//! A filter that is published again and again.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::registry::{PASSWORD, USER};
use super::tokens::IDENTITY_TOKEN;
use super::{Sandbox, bare};

/// The crate `bare` of version 0.1.0, which is published without its optimizer being run.
pub(crate) struct Filter {
    pub(crate) sandbox: Sandbox,
}

/// How a command ended, and what it said. None of the passwords of the tests is in it.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Filter {
    pub(crate) fn new() -> Self {
        Filter { sandbox: Sandbox::with_bare() }
    }

    /// Gives the module another content.
    pub(crate) fn change(&self, name: &str) {
        let export = format!("#[unsafe(no_mangle)]\npub extern \"C\" fn {name}() {{}}\n");
        self.sandbox.write("bare/src/lib.rs", [bare::SOURCE, &export].concat());
    }

    /// `publish` to that repository, with these arguments.
    pub(crate) fn command(&self, repository: &str, args: &[&str]) -> Command {
        let mut command = self.sandbox.process_in("bare", ["publish", "--optimize", "none"]);
        command.args(["--image", repository]).args(args);
        command
    }

    pub(crate) fn publish(&self, repository: &str, args: &[&str]) -> Said {
        Said::of(&mut self.command(repository, args))
    }

    /// The same, and it has to go well.
    pub(crate) fn published(&self, repository: &str, args: &[&str]) -> Said {
        self.publish(repository, args).done()
    }

    /// The digest of the image that was built last.
    pub(crate) fn digest(&self) -> String {
        self.sandbox.read("bare/target/wasmplugin/bare/digest").trim_end().to_owned()
    }

    /// The module that was built last.
    pub(crate) fn module(&self) -> Vec<u8> {
        fs_err::read(self.sandbox.path("bare/target/wasmplugin/bare/plugin.wasm")).unwrap()
    }
}

impl Said {
    pub(crate) fn of(command: &mut Command) -> Self {
        Said::of_output(super::running::run(command))
    }

    /// With this on its standard input.
    pub(crate) fn of_with_input(command: &mut Command, input: &str) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A program that ends before it has read all closes the pipe, which is its right.
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

    /// It ended with exit code 101, one error that has all these words, and nothing on standard output.
    pub(crate) fn failed(self, words: &[&str]) -> Self {
        assert_eq!((self.code, self.stdout.as_str()), (Some(101), ""), "{}", self.stderr);
        let errors = self.stderr.lines().filter(|line| line.starts_with("error")).count();
        assert_eq!(errors, 1, "{}", self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "not said: {word}\n{}", self.stderr);
        }
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}
