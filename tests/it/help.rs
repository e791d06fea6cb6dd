//! The help and version of the command line.

use std::path::PathBuf;

use snapbox::cmd::Command;
use snapbox::file;

use crate::support::{isolated, tool};

/// Cargo with the program on its PATH.
fn cargo() -> Command {
    let mut directories: Vec<PathBuf> = vec![tool().parent().unwrap().to_owned()];
    directories.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
    isolated("cargo").env("PATH", std::env::join_paths(directories).unwrap())
}

fn as_subcommand() -> Command {
    cargo().arg("wasmplugin")
}

fn as_program() -> Command {
    isolated(tool())
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
fn help_of_init() {
    both_say(&["init", "--help"], file!["help/init.txt"]);
}

#[test]
fn help_of_new() {
    both_say(&["new", "--help"], file!["help/new.txt"]);
}

#[test]
fn help_of_build() {
    both_say(&["build", "--help"], file!["help/build.txt"]);
    both_say(&["help", "build"], file!["help/build.txt"]);
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
    for args in [
        &["--help"][..],
        &["new", "--help"],
        &["build", "--help"],
        &["publish", "--help"],
        &["resolve", "--help"],
    ] {
        let help = as_program().args(args).assert().success().get_output().stdout.clone();
        let help = String::from_utf8(help).unwrap();
        assert!(help.contains("\nExamples:\n"), "{help}");
        assert!(!help.contains("__wasm-opt"), "an internal command is shown:\n{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
}
