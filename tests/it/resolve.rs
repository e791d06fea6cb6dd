//! `resolve`: references in manifests are filled in, and nothing else changes.

use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::registry::Registry;
use crate::support::running::{Said, wait_until};
use crate::support::{Sandbox, bare, mesh};

const MANIFESTS: &str = include_str!("resolve/manifests.yaml");
const RESOLVED: &str = include_str!("resolve/manifests.resolved.yaml");

/// A workspace with the plugins `one` and `two`, and a plugin that doesn't compile.
fn workspace() -> Sandbox {
    let sandbox = Sandbox::new();
    let members = ["one", "two", "broken"];
    sandbox.write("Cargo.toml", format!("[workspace]\nmembers = {members:?}\nresolver = \"3\"\n"));
    for name in members {
        sandbox.add_bare(name);
    }
    let two = "image = \"registry.example:5000/acme/two\"\npull-image = \"mirror.example/acme/two\"\n";
    sandbox.write("two/Cargo.toml", bare::manifest("two", two));
    sandbox.write("two/src/lib.rs", bare::SOURCE.replace("everything", "nearly everything"));
    sandbox.write("broken/src/lib.rs", "fn broken() -> u8 {\n    \"\"\n}\n");
    sandbox
}

fn command(sandbox: &Sandbox, args: &[&str]) -> Command {
    let mut command = sandbox.process_in("", ["resolve"]);
    command.args(args);
    command
}

fn resolve(sandbox: &Sandbox, args: &[&str]) -> Said {
    Said::of(&mut command(sandbox, args))
}

/// A WasmPlugin with this url.
fn plugin(name: &str, url: &str) -> String {
    format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata:\n  name: {name}\nspec:\n  url: {url}\n"
    )
}

/// The hexadecimal digest of a package's image.
fn digits(sandbox: &Sandbox, package: &str) -> String {
    let digest = sandbox.read(format!("target/wasmplugin.d/{package}/digest"));
    digest.trim_end().strip_prefix("sha256:").unwrap().to_owned()
}

/// Replaces `[ONE]` and `[TWO]` with the digests of the packages.
fn expected(sandbox: &Sandbox, text: &str) -> String {
    text.replace("[ONE]", &digits(sandbox, "one")).replace("[TWO]", &digits(sandbox, "two"))
}

#[test]
fn a_directory_is_read_as_kubectl_reads_it_without_target_directories() {
    let sandbox = workspace();
    sandbox.write("two.yml", plugin("two", "wasmplugin://two"));
    // It writes target/wasmplugin.d/two/wasmplugin.yaml, which is the same resource.
    Said::of(&mut sandbox.process_in("", ["build", "-p", "two"])).done();
    let json = r#"{"apiVersion": "extensions.higress.io/v1alpha1", "kind": "WasmPlugin", "metadata": {"name": "one"}, "spec": {"url": "wasmplugin://one"}}"#;
    sandbox.write("deploy/one.json", json);
    sandbox.write("cache/CACHEDIR.TAG", "");
    sandbox.write("cache/two.yaml", plugin("two", "wasmplugin://two"));
    sandbox.write("target/wasmplugin.d/more.yaml", "a: 1");
    let said = resolve(&sandbox, &["-f", "."]).done();
    let expected = expected(
        &sandbox,
        r#"{"apiVersion": "extensions.higress.io/v1alpha1", "kind": "WasmPlugin", "metadata": {"name": "one"}, "spec": {"url": "oci://registry.example:5000/acme/one:0.1.0@sha256:[ONE]", "sha256": "[ONE]"}}
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: two
spec:
  url: oci://mirror.example/acme/two:0.1.0@sha256:[TWO]
  sha256: [TWO]
"#,
    );
    assert_eq!(said.stdout, expected);
    // A target directory that is named is read.
    assert_eq!(
        resolve(&sandbox, &["-f", "target/wasmplugin.d"]).done().stdout.matches("\nkind: ").count(),
        2
    );
}

#[test]
fn only_the_references_change() {
    let sandbox = workspace();
    sandbox.write("manifests.yaml", MANIFESTS);
    let said = resolve(&sandbox, &["-f", "manifests.yaml"]).done();
    assert_eq!(said.stdout, expected(&sandbox, RESOLVED));
    for line in [
        format!(
            "    Resolved one to oci://registry.example:5000/acme/one:0.1.0@sha256:{}\n",
            digits(&sandbox, "one")
        ),
        format!(
            "    Resolved two to oci://mirror.example/acme/two:0.1.0@sha256:{}\n",
            digits(&sandbox, "two")
        ),
    ] {
        assert!(said.stderr.contains(&line), "{}", said.stderr);
    }

    let windows = |text: &str| format!("\u{feff}{}\r\n", text.replace('\n', "\r\n"));
    let said = Said::of_with_input(&mut command(&sandbox, &["-f", "-", "--quiet"]), &windows(MANIFESTS));
    assert_eq!(said.stderr, "");
    assert_eq!(said.done().stdout, windows(&expected(&sandbox, RESOLVED)));
}

#[test]
fn what_is_resolved_is_what_is_published() {
    let registry = Registry::open();
    let sandbox = Sandbox::with_bare();
    let settings = format!("image = \"{}\"\nvariant = \"compat\"\n", registry.repository("acme/bare"));
    sandbox.write("bare/Cargo.toml", bare::manifest("bare", &settings));
    sandbox.write("bare/deploy/plugin.yaml", plugin("bare", "wasmplugin://bare"));
    let said = Said::of(&mut sandbox.process_in("bare/deploy", ["resolve", "-f", "plugin.yaml"])).done();
    let field = |name: &str| {
        let line = said.stdout.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{}", said.stdout)).to_owned()
    };
    let (url, sha256) = (field("  url: "), field("  sha256: "));
    assert!(mesh::load(&url, Some(&sha256)).is_err(), "it was pushed");
    let published = Said::of(&mut sandbox.process_in("bare", ["publish"])).done();
    assert!(published.stdout.ends_with(&format!("@sha256:{sha256}\n")), "{}", published.stdout);
    let module = mesh::load(&url, Some(&sha256)).unwrap();
    assert_eq!(module, fs_err::read(sandbox.path("bare/target/wasmplugin.d/bare/plugin.wasm")).unwrap());
}

#[test]
fn only_what_is_referred_to_is_built() {
    let sandbox = workspace();
    sandbox.write("two.yml", plugin("two", "wasmplugin://two"));
    let said = resolve(&sandbox, &["-f", "two.yml", "--target-dir", "elsewhere"]).done();
    assert!(!said.stderr.contains("one v0.1.0") && !said.stderr.contains("broken"), "{}", said.stderr);
    assert!(sandbox.path("elsewhere/wasmplugin.d/two/digest").exists());
    assert!(!sandbox.path("elsewhere/wasmplugin.d/one").exists() && !sandbox.path("target").exists());
}

#[test]
fn without_a_reference_not_even_cargo_is_run() {
    let sandbox = Sandbox::new();
    let text = "# wasmplugin://in-a-comment\r\na: [1,2]\n--- \nb: {{ .x }}";
    let mut command = command(&sandbox, &["-f", "-"]);
    let said = Said::of_with_input(command.env("CARGO", "/nonexistent/cargo"), text).done();
    assert_eq!(said.stdout, text);
    assert_eq!(said.stderr, "note: nothing to resolve: no url has the form `wasmplugin://PACKAGE`\n");
}

#[test]
fn directories_and_files_become_one_stream() {
    let sandbox = workspace();
    sandbox.write("deploy/b.yml", "# b\n---\nb: 1");
    sandbox.write("deploy/a/z.yaml", plugin("z", "wasmplugin://one"));
    sandbox.write("deploy/a/notes.txt", "wasmplugin://unknown");
    sandbox.write("deploy/a/values.yaml.tpl", "wasmplugin://unknown");
    sandbox.write("deploy/.hidden/c.yaml", "c: 1\n");
    sandbox.write("linked", "linked: 1\n");
    std::os::unix::fs::symlink("../linked", sandbox.path("deploy/link.yaml")).unwrap();
    std::os::unix::fs::symlink("..", sandbox.path("deploy/a/loop")).unwrap();
    std::os::unix::fs::symlink("loop.yaml", sandbox.path("deploy/a/.loop")).unwrap();
    fs_err::create_dir(sandbox.path("deploy/directory.yaml")).unwrap();
    let fifo = sandbox.path("deploy/fifo.yaml");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());

    sandbox.write("first.yaml", "first: 1\n");
    let mut command = command(&sandbox, &["-f", "first.yaml", "-f", "deploy", "-f", "-"]);
    let said = Said::of_with_input(&mut command, "last: 1\n").done();
    let z = plugin("z", "oci://registry.example:5000/acme/one:0.1.0@sha256:[ONE]\n  sha256: [ONE]");
    let stream = format!("first: 1\n---\nc: 1\n---\n{z}# b\n---\nb: 1\n---\nlinked: 1\n---\nlast: 1\n");
    assert_eq!(said.stdout, stream.replace("[ONE]", &digits(&sandbox, "one")));
}

#[test]
fn a_signal_ends_the_wait_for_standard_input() {
    let sandbox = Sandbox::new();
    let mut command = command(&sandbox, &["-f", "-"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _open = child.stdin.take();
    // The main thread, and the thread that reads standard input.
    let threads = format!("/proc/{}/task", child.id());
    wait_until("a thread that reads", || fs_err::read_dir(&threads).unwrap().count() == 2);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn the_package_does_not_compile() {
    let sandbox = workspace();
    let manifests = plugin("x", "wasmplugin://broken") + "---\n" + &plugin("y", "wasmplugin://one");
    let said = Said::of_with_input(&mut command(&sandbox, &["-f", "-"]), &manifests);
    assert_eq!((said.code, said.stdout.as_str()), (Some(101), ""));
    assert!(said.stderr.contains("could not compile `broken`"), "{}", said.stderr);
}

#[test]
fn the_refusal_of_a_long_line_is_short() {
    let sandbox = Sandbox::new();
    let line = format!("a: {{b: wasmplugin://one, c: \"{}\"}}\n", "\u{e9} ".repeat(300_000));
    let said = Said::of_with_input(&mut command(&sandbox, &["-f", "-"]), &line);
    let said = said.refused(&["`a.b` contains a reference", "<stdin>:1:8"]);
    assert!(said.stderr.len() < 10_000, "{}", said.stderr.len());
}
