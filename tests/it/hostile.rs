//! Files that have no end or are too large, and texts that control the terminal.

use std::process::Command;

use camino::Utf8Path;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::bare;
use crate::support::module::plugin;
use crate::support::registry::{Registry, With};
use crate::support::running::{Said, process, start, wait_until};
use crate::support::{Sandbox, publishing::Filter, tool};

/// Replaces a file by a FIFO that nobody writes to.
fn fifo(path: &Utf8Path) {
    let _ = fs_err::remove_file(path);
    mknodat(CWD, path.as_str(), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

/// Replaces a file by a link to a device that has no end.
fn endless(path: &Utf8Path) {
    let _ = fs_err::remove_file(path);
    std::os::unix::fs::symlink("/dev/zero", path).unwrap();
}

/// Replaces a file by a file of a terabyte, which takes no space on the disk.
fn huge(path: &Utf8Path) {
    let _ = fs_err::remove_file(path);
    fs_err::File::create(path).unwrap().set_len(1 << 40).unwrap();
}

/// Replaces a file.
type Make = fn(&Utf8Path);

/// Files that are refused, and why.
const STRANGE: [(Make, &str); 3] =
    [(fifo, "not a regular file"), (endless, "not a regular file"), (huge, "it is larger than")];

#[test]
fn a_resource_a_module_and_manifests_are_regular_files_of_limited_size() {
    for (make, reason) in STRANGE {
        let sandbox = Sandbox::new();
        sandbox.write("made.wasm", plugin("", &[]));
        let build = || sandbox.process_in("", ["build", "--module", "made.wasm"]);
        make(&sandbox.path("wasmplugin.yaml"));
        Said::of(&mut build()).failed(&["wasmplugin.yaml", reason]);
        fs_err::remove_file(sandbox.path("wasmplugin.yaml")).unwrap();
        make(&sandbox.path("made.wasm"));
        Said::of(&mut build()).failed(&["made.wasm", reason]);
    }
    let [_, others @ ..] = STRANGE;
    for (make, reason) in others {
        let sandbox = Sandbox::new();
        make(&sandbox.path("plugin.yaml"));
        let mut resolve = sandbox.process_in("", ["resolve", "-f", "plugin.yaml"]);
        Said::of(&mut resolve).failed(&["plugin.yaml", reason]);
    }
}

#[test]
fn what_earlier_runs_wrote_is_only_read_if_it_is_a_regular_file() {
    for (make, _) in STRANGE {
        let sandbox = Sandbox::new();
        sandbox.write("made.wasm", plugin("", &[]));
        let mut build = sandbox.process_in("", ["build", "--module", "made.wasm"]);
        Said::of(&mut build).done();
        let results = sandbox.path("target/wasmplugin.d/.optimized/made").read_dir_utf8().unwrap();
        for result in results.map(|entry| entry.unwrap().into_path()) {
            if !result.file_name().unwrap().starts_with('.') {
                make(&result);
            }
        }
        make(&sandbox.path("target/wasmplugin.d/.made.json"));
        Said::of(&mut build).done();
    }
}

#[test]
fn a_layout_consists_of_regular_files_of_limited_size() {
    for (make, reason) in STRANGE {
        for file in ["index.json", "oci-layout", "blob"] {
            let filter = Filter::new();
            let repository = "registry.example/acme/bare";
            filter.published(repository, &["--to", "oci-layout:images"]);
            let images = filter.sandbox.path("bare/images");
            let blob = format!("blobs/{}", filter.digest().replace(':', "/"));
            make(&images.join(if file == "blob" { &blob } else { file }));
            let mut again = filter.command(repository, &["--to", "oci-layout:images:other"]);
            let said = Said::of(&mut again);
            match file {
                "index.json" => drop(said.failed(&["index.json", reason])),
                // It is only locked.
                "oci-layout" if reason == "not a regular file" => assert!(said.code.is_some(), "{said:?}"),
                // It is replaced.
                _ => drop(said.done()),
            }
        }
    }
}

#[test]
fn configuration_of_cargo_that_is_not_a_file_is_left_to_cargo() {
    let sandbox = Sandbox::with_bare();
    sandbox.write("bare/.cargo/config.toml", "include = [\"more.toml\"]\n");
    fifo(&sandbox.path("bare/.cargo/more.toml"));
    let program = start(&mut sandbox.process_in("bare", ["build"]));
    let writer = wait_for_reader(&sandbox.path("bare/.cargo/more.toml"));
    kill_process(Pid::from_child(&program), Signal::TERM).unwrap();
    let said = Said::of_output(program.wait_with_output().unwrap());
    assert_eq!(said.code, Some(130), "{}", said.stderr);
    drop(writer);
}

#[test]
fn credentials_and_certificates_are_regular_files_of_limited_size() {
    let registry = Registry::with(&[With::Password]);
    let filter = Filter::new();
    for (make, reason) in STRANGE {
        let auth = filter.sandbox.path("auth.json");
        make(&auth);
        let mut command = filter.command(&registry.repository("acme/bare"), &[]);
        Said::of(command.env("REGISTRY_AUTH_FILE", &auth)).failed(&["auth.json", reason]);
        let certificates = filter.sandbox.path("ca.pem");
        make(&certificates);
        let args = ["--cacert", certificates.as_str()];
        Said::of(&mut filter.command("registry.example/acme/bare", &args)).failed(&["ca.pem", reason]);
    }
}

#[test]
fn manifests_can_come_from_a_pipe_that_a_signal_ends() {
    let sandbox = Sandbox::new();
    let mut shell = process("bash");
    shell.args(["-c", r#""$0" resolve -f <(echo "a: 1")"#]).arg(tool()).current_dir(sandbox.path(""));
    assert_eq!(Said::of(&mut shell).done().stdout, "a: 1\n");

    fifo(&sandbox.path("plugin.yaml"));
    let program = start(&mut sandbox.process_in("", ["resolve", "-f", "plugin.yaml"]));
    // Opening the FIFO to write to it succeeds when the program waits for it.
    let writer = wait_for_reader(&sandbox.path("plugin.yaml"));
    kill_process(Pid::from_child(&program), Signal::TERM).unwrap();
    let said = Said::of_output(program.wait_with_output().unwrap());
    assert_eq!(said.code, Some(130), "{}", said.stderr);
    drop(writer);
}

fn wait_for_reader(fifo: &Utf8Path) -> rustix::fd::OwnedFd {
    use rustix::fs::{OFlags, open};
    let flags = OFlags::WRONLY | OFlags::NONBLOCK;
    let mut writer = None;
    wait_until("the program reads the FIFO", || {
        writer = open(fifo.as_str(), flags, Mode::empty()).ok();
        writer.is_some()
    });
    writer.unwrap()
}

#[test]
fn standard_input_has_a_limited_size() {
    let sandbox = Sandbox::with_bare();
    let endless = || fs_err::File::open("/dev/zero").unwrap().into_file();
    let said = |mut command: Command| Said::of_output(command.stdin(endless()).output().unwrap());
    said(sandbox.process_in("", ["resolve", "-f", "-"])).failed(&["`<stdin>`", "larger than"]);
    let args = ["publish", "--image", "quay.io/a/b", "--username", "me", "--password-stdin"];
    said(sandbox.process_in("bare", args)).failed(&["`<stdin>`", "larger than"]);
}

#[test]
fn a_directory_is_not_a_file() {
    let sandbox = Sandbox::new();
    fs_err::create_dir(sandbox.path("made.wasm")).unwrap();
    let mut build = sandbox.process_in("", ["build", "--module", "made.wasm"]);
    Said::of(&mut build).failed(&["made.wasm", "it is a directory"]);
    sandbox.write("bare.wasm", wat::parse_str(bare::TEXT).unwrap());
    fs_err::create_dir(sandbox.path("wasmplugin.yaml")).unwrap();
    let mut build = sandbox.process_in("", ["build", "--module", "bare.wasm"]);
    Said::of(&mut build).failed(&["wasmplugin.yaml", "it is a directory"]);
}

/// Checks that nothing controls the terminal, changes the direction of the text, or is invisible.
fn assert_visible(said: &Said) {
    let hidden = |c: char| {
        c.is_control() && c != '\n' || "\u{202e}\u{2066}\u{200b}\u{200d}\u{feff}\u{ad}\u{e0041}".contains(c)
    };
    assert!(!said.stderr.contains(hidden), "{:?}", said.stderr);
    assert!(said.stderr.len() < 20_000, "{} bytes are shown", said.stderr.len());
}

const HIDDEN: &str =
    "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\r\u{202e}\u{2066}\u{200b}\u{200d}\u{feff}\u{ad}\u{e0041}";

#[test]
fn what_an_optimizer_prints_is_made_visible_and_cut() {
    for flood in [false, true] {
        let sandbox = Sandbox::new();
        sandbox.write("made.wasm", plugin("", &[]));
        sandbox.write("message", if flood { HIDDEN.repeat(100_000) } else { format!("before{HIDDEN}after") });
        sandbox.write("optimizer", "#!/bin/sh\ncat message >&2\nexit 1\n");
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs_err::set_permissions(sandbox.path("optimizer"), executable).unwrap();
        let args = ["build", "--module", "made.wasm", "--wasm-opt", "./optimizer"];
        let said = Said::of(&mut sandbox.process_in("", args))
            .failed(&["\\u{1b}[2J\\u{1b}]0;title\\u{7}\\u{9b}31m"]);
        assert_visible(&said);
        assert!(flood || said.stderr.contains("\\u{200d}\\u{feff}\\u{ad}\\u{e0041}after"));
    }
}

#[test]
fn what_a_resource_and_a_module_contain_is_made_visible() {
    let sandbox = Sandbox::new();
    let name = r"a\1b[2Jb\e2\80\aec\e2\80\8b";
    sandbox.write("made.wasm", plugin(&format!(r#"(import "{name}" "{name}" (func))"#), &[]));
    // YAML itself refuses control characters.
    let hidden: String = HIDDEN.chars().filter(|c| !c.is_control() && *c != '\u{feff}').collect();
    let build = || sandbox.process_in("", ["build", "--module", "made.wasm", "--optimize", "none"]);
    assert_visible(&Said::of(&mut build()).refused(&["unknown-import"]));
    sandbox.write(
        "wasmplugin.yaml",
        format!("apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata:\n  name: x\nspec:\n  phase: a{hidden}b # c{hidden}\n  d{hidden}e: 1\n"),
    );
    let said = Said::of(&mut build()).refused(&["wrong-value", "unknown-field", "31m\\u{202e}\\u{2066}"]);
    assert_visible(&said);
    sandbox.write("wasmplugin.yaml", format!("a: \"{HIDDEN}\n"));
    assert_visible(&Said::of(&mut build()).failed(&["wasmplugin.yaml"]));
}

#[test]
fn a_module_that_a_mesh_would_cut_off_is_refused() {
    let sandbox = Sandbox::new();
    let mut module = plugin("", &[]);
    // A custom section of 257 MiB, whose length is encoded in five bytes and whose name is empty.
    let size: usize = 257 << 20;
    let length =
        [0, 7, 14, 21, 28].map(|shift| (size >> shift) as u8 & 0x7f | if shift < 28 { 0x80 } else { 0 });
    module.push(0);
    module.extend(length);
    module.resize(module.len() + size, 0);
    sandbox.write("made.wasm", module);
    let args = ["build", "--module", "made.wasm", "--optimize", "none"];
    Said::of(&mut sandbox.process_in("", args)).refused(&["[image-size]", "at most 268435456"]);
}
