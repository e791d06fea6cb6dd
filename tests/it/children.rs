//! Child processes that start other processes, print too much, or outlive this program.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command};

use camino::Utf8PathBuf;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::json;

use crate::support::module::plugin;
use crate::support::publishing::Filter;
use crate::support::registry::{PASSWORD, Registry, USER, With};
use crate::support::running::{Said, start, wait_until};
use crate::support::{Sandbox, package};

/// Starts a process that runs for minutes with the same pipes, and writes its id to the file `child`.
const LONG: &str = r#"sleep 600 & echo $! > "$CHILD.part"; mv "$CHILD.part" "$CHILD""#;

fn script(sandbox: &Sandbox, name: &str, text: &str) -> Utf8PathBuf {
    let path = sandbox.path(name);
    sandbox.write(name, format!("#!/bin/sh\n{text}\n"));
    fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// A command whose environment has the name of the file `child`.
fn with_child(sandbox: &Sandbox, mut command: Command) -> Command {
    command.env("CHILD", sandbox.path("child"));
    command
}

/// The process that [`LONG`] has started.
fn child_in(sandbox: &Sandbox) -> Pid {
    wait_until("the script has started a process", || sandbox.path("child").exists());
    Pid::from_raw(sandbox.read("child").trim().parse().unwrap()).unwrap()
}

fn is_gone(process: Pid) -> bool {
    // A process whose parent doesn't wait for it stays as a zombie.
    let state = fs_err::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    test_kill_process(process).is_err() || state.contains(") Z ")
}

fn interrupted(sandbox: &Sandbox, program: Child) {
    let process = child_in(sandbox);
    kill_process(Pid::from_child(&program), Signal::TERM).unwrap();
    let said = Said::of_output(program.wait_with_output().unwrap());
    assert_eq!(said.code, Some(130), "{}", said.stderr);
    wait_until("the process of the script is gone", || is_gone(process));
}

/// A publication that asks a credential helper, which is a script.
fn with_helper(filter: &Filter, registry: &Registry, text: &str) -> Command {
    let program = script(&filter.sandbox, "bin/docker-credential-test", text);
    filter.sandbox.write("docker/config.json", json!({ "credsStore": "test" }).to_string());
    let mut command = with_child(&filter.sandbox, filter.command(&registry.repository("acme/bare"), &[]));
    let path = std::env::var("PATH").unwrap();
    command.env("DOCKER_CONFIG", filter.sandbox.path("docker"));
    command.env("PATH", format!("{}:{path}", program.parent().unwrap()));
    command
}

#[test]
fn a_signal_ends_a_credential_helper_and_its_children() {
    let registry = Registry::with(&[With::Password]);
    for end in ["wait", "trap '' TERM; wait"] {
        let filter = Filter::new();
        let mut command = with_helper(&filter, &registry, &format!("{LONG}; {end}"));
        interrupted(&filter.sandbox, start(&mut command));
    }
}

#[test]
fn what_a_credential_helper_leaves_running_is_not_waited_for() {
    let registry = Registry::with(&[With::Password]);
    let filter = Filter::new();
    let answer = format!(r#"{LONG}; echo '{{"Username":"{USER}","Secret":"{PASSWORD}"}}'"#);
    Said::of(&mut with_helper(&filter, &registry, &answer)).done();
    let process = child_in(&filter.sandbox);
    // It may be a daemon that keeps a store unlocked.
    assert!(!is_gone(process));
    kill_process(process, Signal::KILL).unwrap();
}

#[test]
fn a_credential_helper_that_prints_without_end_is_stopped() {
    let registry = Registry::with(&[With::Password]);
    let filter = Filter::new();
    let said = Said::of(&mut with_helper(&filter, &registry, "yes {"));
    said.failed(&["`docker-credential-test`"]);
}

#[test]
fn a_signal_ends_a_build_whose_cargo_is_a_script() {
    let sandbox = Sandbox::with_bare();
    let cargo = script(&sandbox, "cargo", &format!("{LONG}; wait"));
    let mut build = with_child(&sandbox, sandbox.process_in("bare", ["build"]));
    let program = start(build.env("CARGO", cargo));
    let process = child_in(&sandbox);
    kill_process(Pid::from_child(&program), Signal::TERM).unwrap();
    wait_until("the program has ended", || is_gone(Pid::from_child(&program)));
    // Cargo is in the group of the terminal, so the processes that it starts aren't ended, and keep the pipes open.
    kill_process(process, Signal::KILL).unwrap();
    let said = Said::of_output(program.wait_with_output().unwrap());
    assert_eq!(said.code, Some(130), "{}", said.stderr);
}

/// `build --module` with a script as the optimizer, which has a version.
fn with_optimizer(sandbox: &Sandbox, text: &str) -> Command {
    let text = format!("test \"$1\" = --version && echo 1 && exit\n{text}");
    let program = script(sandbox, "optimizer", &text);
    sandbox.write("made.wasm", plugin("", &[]));
    let args = ["build", "--module", "made.wasm", "--wasm-opt", program.as_str()];
    with_child(sandbox, sandbox.process_in("", args))
}

#[test]
fn a_signal_ends_an_optimizer_and_its_children() {
    for end in ["wait", "trap '' TERM; wait"] {
        let sandbox = Sandbox::new();
        let program = start(&mut with_optimizer(&sandbox, &format!("{LONG}; {end}")));
        interrupted(&sandbox, program);
        assert_eq!(package::leftovers(&sandbox.path("target")), [""; 0]);
    }
}

#[test]
fn an_optimizer_ends_with_a_killed_program_and_the_next_run_tidies_up() {
    let sandbox = Sandbox::new();
    let mut program = start(&mut with_optimizer(&sandbox, &format!("{LONG}; wait")));
    let process = child_in(&sandbox);
    program.kill().unwrap();
    program.wait().unwrap();
    wait_until("the process of the script is gone", || is_gone(process));
    let work = || {
        let cache = sandbox.path("target/wasmplugin.d/.optimized/made").read_dir_utf8().unwrap();
        cache.map(|entry| entry.unwrap()).find(|entry| entry.file_name().starts_with(".work-"))
    };
    let mode = work().unwrap().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    // The program can also be killed while it keeps a result.
    let half = "target/wasmplugin.d/.optimized/made/.0123.new-Ab12cd";
    sandbox.write(half, "half");
    Said::of(&mut sandbox.process_in("", ["build", "--module", "made.wasm"])).done();
    assert!(work().is_none() && !sandbox.path(half).exists());
}

#[test]
fn the_optimizer_works_with_any_number_of_threads_and_any_limits() {
    for (shell, cores) in [
        ("exec \"$@\"", "512"),
        ("ulimit -s 4000000; exec \"$@\"", "8"),
        ("ulimit -s unlimited; exec \"$@\"", "512"),
        ("ulimit -s 4096; exec \"$@\"", "0"),
        ("exec \"$@\"", "many"),
        ("ulimit -d 100000; exec \"$@\"", "16"),
        ("ulimit -v 300000; exec \"$@\"", "16"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("made.wasm", plugin("", &[]));
        let wrapper = ["sh", "-c", shell, "sh"];
        let mut command = sandbox.process_by("", &wrapper, ["build", "--module", "made.wasm"]);
        Said::of(command.env("BINARYEN_CORES", cores)).done();
    }
}

#[test]
fn a_limit_of_the_user_is_not_raised() {
    for (limit, expected) in [
        // The address space isn't limited, because programs such as Node.js reserve much of it.
        ("ulimit -S -s 16384", "unlimited\n4194304\n16384\n"),
        ("ulimit -S -v 3000000; ulimit -S -d 2000000; ulimit -S -s 4096", "3000000\n2000000\n4096\n"),
        ("ulimit -d 2000000; ulimit -s unlimited", "unlimited\n2000000\n16384\n"),
    ] {
        let sandbox = Sandbox::new();
        let script = "for limit in v d s c; do ulimit -S -$limit; done > limits";
        let command = with_optimizer(&sandbox, script);
        let args: Vec<_> = command.get_args().map(std::ffi::OsStr::to_owned).collect();
        let wrapper = ["sh", "-c", &format!("{limit}; exec \"$@\""), "sh"];
        Said::of(&mut sandbox.process_by("", &wrapper, args)).failed(&["wrote no module"]);
        assert_eq!(sandbox.read("limits"), format!("{expected}0\n"), "{limit}");
    }
}

#[test]
fn an_optimizer_that_could_not_be_started_is_not_blamed() {
    let sandbox = Sandbox::new();
    sandbox.write("made.wasm", plugin("", &[]));
    // The optimizer needs the most files. Which number is too small only for it depends on the system.
    let refused = (8..40).find_map(|files| {
        let wrapper = ["sh", "-c", &format!("ulimit -n {files}; exec \"$@\""), "sh"];
        let args = ["build", "--module", "made.wasm", "--target-dir", &format!("target-{files}")];
        let said = Said::of(&mut sandbox.process_by("", &wrapper, args));
        said.stderr.contains("could not run").then_some(said)
    });
    let said = refused.expect("the limit stops no optimizer").failed(&["`ulimit -a`"]);
    assert!(!said.stderr.contains("--wasm-opt PATH"), "{}", said.stderr);
}
