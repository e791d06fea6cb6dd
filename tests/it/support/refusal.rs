//! What the program says when it refuses, compared with a snapshot.

use std::process::Command;

use snapbox::assert::DEFAULT_ACTION_ENV;
use snapbox::{Assert, IntoData, Redactions};

use super::Sandbox;
use super::running::{run, stderr};

impl Sandbox {
    /// Runs it to an end with this exit code. Standard error has to be `expected`, where `[ROOT]` is the folder
    /// of the sandbox, and standard output has to be empty.
    pub(crate) fn refuses(&self, command: &mut Command, code: i32, expected: impl IntoData) {
        let output = run(command);
        let stderr = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
        self.says(&stderr, expected);
    }

    /// Compares what was said with a snapshot; what belongs to this run alone has names.
    pub(crate) fn says(&self, text: &str, expected: impl IntoData) {
        let mut redactions = Redactions::new();
        let root = self.path("").as_str().trim_end_matches('/').to_owned();
        redactions.insert("[ROOT]", root).unwrap();
        redactions.insert("[TOOL]", super::tool().to_str().unwrap().to_owned()).unwrap();
        Assert::new()
            .action_env(DEFAULT_ACTION_ENV)
            .redact_with(redactions)
            .eq(without_waits(text), expected);
    }
}

/// What was said without cargo's waiting: all tests share its cache of packages, so any of them may have to.
pub(crate) fn without_waits(text: &str) -> String {
    let waits = |line: &&str| !line.contains("Blocking waiting for file lock on package cache");
    text.split_inclusive('\n').filter(waits).collect()
}
