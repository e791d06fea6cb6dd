//! Compares the output of the program with snapshots. SNAPSHOTS=overwrite replaces the snapshots.

use std::process::Command;

use snapbox::assert::DEFAULT_ACTION_ENV;
use snapbox::{Assert, IntoData, Redactions};

use super::Sandbox;
use super::running::{Said, tool};

/// Compares a text with its snapshot.
pub(crate) fn assert() -> Assert {
    Assert::new().action_env(DEFAULT_ACTION_ENV)
}

impl Sandbox {
    /// Runs the command, which must end with this exit code, with `expected` on standard error, and with no standard
    /// output.
    pub(crate) fn refuses(&self, command: &mut Command, code: i32, expected: impl IntoData) {
        let said = Said::of(command);
        assert_eq!((said.code, said.stdout.as_str()), (Some(code), ""), "{}", said.stderr);
        self.says(&said.stderr, expected);
    }

    /// Compares output with a snapshot.
    pub(crate) fn says(&self, text: &str, expected: impl IntoData) {
        assert().redact_with(self.redactions()).eq(without_waits(text), expected);
    }

    /// Placeholders for what differs from run to run: `[ROOT]` is the sandbox, `[TOOL]` is the program, and `[RANDOM]` is
    /// the end of the name of a temporary file.
    pub(crate) fn redactions(&self) -> Redactions {
        let mut redactions = Redactions::new();
        let root = self.path("").as_str().trim_end_matches('/').to_owned();
        redactions.insert("[ROOT]", root).unwrap();
        redactions.insert("[TOOL]", tool().to_str().unwrap().to_owned()).unwrap();
        let random = regex::Regex::new(r"\.new-(?<redacted>[A-Za-z0-9]{6})\b").unwrap();
        redactions.insert("[RANDOM]", random).unwrap();
        redactions
    }
}

/// The text without cargo's messages about waiting: all tests share its package cache, so any of them may have to wait.
pub(crate) fn without_waits(text: &str) -> String {
    let waits = |line: &&str| !line.contains("Blocking waiting for file lock on package cache");
    text.split_inclusive('\n').filter(waits).collect()
}
