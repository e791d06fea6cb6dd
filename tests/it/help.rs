//! What the command line says of itself.

use std::path::PathBuf;

use snapbox::cmd::Command;
use snapbox::{file, str};

use crate::support::{Sandbox, isolated, tool};

/// Cargo with the program on its PATH.
fn cargo() -> Command {
    let mut folders: Vec<PathBuf> = vec![tool().parent().unwrap().to_owned()];
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
    isolated(Command::new("cargo")).env("PATH", std::env::join_paths(folders).unwrap())
}

fn as_subcommand() -> Command {
    cargo().arg("wasmplugin")
}

fn as_program() -> Command {
    isolated(Command::new(tool()))
}

fn both_say(args: &[&str], expected: snapbox::Data) {
    for command in [as_subcommand(), as_program()] {
        command.args(args).assert().success().stderr_eq("").stdout_eq(expected.clone().raw());
    }
}

#[test]
fn help_of_the_whole() {
    both_say(&["--help"], file!["help/wasmplugin.txt"]);
    both_say(&["-h"], file!["help/wasmplugin-short.txt"]);
}

#[test]
fn help_of_new() {
    both_say(&["new", "--help"], file!["help/new.txt"]);
}

#[test]
fn help_of_build() {
    both_say(&["build", "--help"], file!["help/build.txt"]);
}

#[test]
fn help_of_publish() {
    both_say(&["publish", "--help"], file!["help/publish.txt"]);
}

#[test]
fn help_of_resolve() {
    both_say(&["resolve", "--help"], file!["help/resolve.txt"]);
}

#[test]
fn cargo_helps_with_it() {
    let help = file!["help/wasmplugin.txt"].raw();
    cargo().args(["help", "wasmplugin"]).assert().success().stderr_eq("").stdout_eq(help);
}

#[test]
fn version() {
    let version = format!("cargo-wasmplugin {}\n", env!("CARGO_PKG_VERSION"));
    both_say(&["--version"], version.clone().into());
    both_say(&["-V"], version.into());
}

#[test]
fn every_help_has_examples_and_fits_its_width() {
    for args in [&["--help"][..], &["new", "--help"], &["build", "--help"], &["resolve", "--help"]] {
        let help = as_program().args(args).assert().success().get_output().stdout.clone();
        let help = String::from_utf8(help).unwrap();
        assert!(help.contains("\nExamples:\n"), "{help}");
        assert!(!help.contains("__wasm-opt"), "what is not for people is shown:\n{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
}

#[test]
fn wrong_usage_ends_with_2_and_an_empty_standard_output() {
    let sandbox = Sandbox::new();
    let wrong = [
        (
            &["biuld"][..],
            str![[r#"
error: unrecognized subcommand 'biuld'

  tip: a similar subcommand exists: 'build'

Usage: cargo wasmplugin [OPTIONS] <COMMAND>

For more information, try '--help'.

"#]],
        ),
        (
            &["--frobnicate"],
            str![[r#"
error: unexpected argument '--frobnicate' found

Usage: cargo wasmplugin [OPTIONS] <COMMAND>

For more information, try '--help'.

"#]],
        ),
        (
            &["build", "--variant", "docker"],
            str![[r#"
error: invalid value 'docker' for '--variant <VARIANT>'
  [possible values: oci, compat]

For more information, try '--help'.

"#]],
        ),
        (
            &["build", "--module", "x.wasm", "-p", "hello"],
            str![[r#"
error: the argument '--module <FILE>' cannot be used with '--package <SPEC>'

Usage: cargo wasmplugin build --module <FILE>

For more information, try '--help'.

"#]],
        ),
        (
            &["build", "--quiet", "--verbose"],
            str![[r#"
error: the argument '--quiet' cannot be used with '--verbose...'

Usage: cargo wasmplugin build --quiet

For more information, try '--help'.

"#]],
        ),
    ];
    for (args, expected) in wrong {
        sandbox.tool(args).assert().code(2).stdout_eq("").stderr_eq(expected);
    }
    sandbox.tool([""; 0]).assert().code(2).stdout_eq("");
}
