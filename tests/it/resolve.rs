//! Manifests of others: what refers to a package is filled in, and nothing else is touched.

use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use snapbox::str;

use crate::support::publishing::Said;
use crate::support::registry::Registry;
use crate::support::running::wait_until;
use crate::support::{Sandbox, bare, mesh};

const MANIFESTS: &str = include_str!("resolve/manifests.yaml");
const RESOLVED: &str = include_str!("resolve/manifests.resolved.yaml");

/// A workspace with the plugins `one` and `two`, a plugin that does not compile, and what cannot be referred to.
fn workspace() -> Sandbox {
    let sandbox = Sandbox::new();
    let members = ["one", "two", "broken", "nameless", "library"];
    sandbox.write("Cargo.toml", format!("[workspace]\nmembers = {members:?}\nresolver = \"3\"\n"));
    for name in members {
        sandbox.add_bare(name);
    }
    let two = "image = \"localhost:5000/acme/two\"\npull-image = \"mirror.example/acme/two\"\n";
    sandbox.write("two/Cargo.toml", bare::manifest("two", two));
    sandbox.write("two/src/lib.rs", bare::SOURCE.replace("everything", "nearly everything"));
    sandbox.write("broken/src/lib.rs", "fn broken() -> u8 {\n    \"\"\n}\n");
    sandbox.write("nameless/Cargo.toml", bare::manifest("nameless", ""));
    sandbox.write("library/Cargo.toml", bare::manifest("library", "").replace("cdylib", "rlib"));
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

/// A WasmPlugin with that url.
fn plugin(name: &str, url: &str) -> String {
    format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata:\n  name: {name}\nspec:\n  url: {url}\n"
    )
}

/// The digits of the image of a package that was built.
fn digits(sandbox: &Sandbox, package: &str) -> String {
    let digest = sandbox.read(format!("target/wasmplugin/{package}/digest"));
    digest.trim_end().strip_prefix("sha256:").unwrap().to_owned()
}

/// What a text with `[ONE]` and `[TWO]` for the digits is in this sandbox.
fn expected(sandbox: &Sandbox, text: &str) -> String {
    text.replace("[ONE]", &digits(sandbox, "one")).replace("[TWO]", &digits(sandbox, "two"))
}

#[test]
fn all_but_the_references_stays_as_it_is() {
    let sandbox = workspace();
    sandbox.write("manifests.yaml", MANIFESTS);
    let said = resolve(&sandbox, &["-f", "manifests.yaml"]).done();
    assert_eq!(said.stdout, expected(&sandbox, RESOLVED));
    for line in [
        format!(
            "    Resolved one to oci://localhost:5000/acme/one:0.1.0@sha256:{}\n",
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
    assert_eq!(module, fs_err::read(sandbox.path("bare/target/wasmplugin/bare/plugin.wasm")).unwrap());
}

#[test]
fn only_what_is_referred_to_is_built() {
    let sandbox = workspace();
    sandbox.write("two.yml", plugin("two", "wasmplugin://two"));
    let said = resolve(&sandbox, &["-f", "two.yml", "--target-dir", "elsewhere"]).done();
    assert!(!said.stderr.contains("one v0.1.0") && !said.stderr.contains("broken"), "{}", said.stderr);
    assert!(sandbox.path("elsewhere/wasmplugin/two/digest").exists());
    assert!(!sandbox.path("elsewhere/wasmplugin/one").exists() && !sandbox.path("target").exists());
}

#[test]
fn without_a_reference_not_even_cargo_is_run() {
    let sandbox = Sandbox::new();
    let text = "# wasmplugin://in-a-comment\r\na: [1,2]\n--- \nb: {{ .x }}";
    let mut command = command(&sandbox, &["-f", "-"]);
    let said = Said::of_with_input(command.env("CARGO", "/nonexistent/cargo"), text).done();
    assert_eq!(said.stdout, text);
    assert_eq!(said.stderr, "note: nothing was resolved: no url is a reference `wasmplugin://PACKAGE`\n");
}

#[test]
fn folders_and_files_become_one_stream() {
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
    fs_err::create_dir(sandbox.path("deploy/folder.yaml")).unwrap();
    let fifo = sandbox.path("deploy/fifo.yaml");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());

    sandbox.write("first.yaml", "first: 1\n");
    let mut command = command(&sandbox, &["-f", "first.yaml", "-f", "deploy", "-f", "-"]);
    let said = Said::of_with_input(&mut command, "last: 1\n").done();
    let z = plugin("z", "oci://localhost:5000/acme/one:0.1.0@sha256:[ONE]\n  sha256: [ONE]");
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
    // One thread is the program, one takes the signals, and the third one is there when the wait begins.
    let threads = format!("/proc/{}/task", child.id());
    wait_until("a thread that reads", || fs_err::read_dir(&threads).unwrap().count() == 3);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

// ---- what is refused --------------------------------------------------------

/// The refusal of a manifest, which has to be `expected`.
fn refuses(text: &str, expected: impl snapbox::IntoData) {
    let sandbox = workspace();
    sandbox.write("deploy/plugin.yaml", text);
    sandbox.refuses(&mut command(&sandbox, &["-f", "deploy"]), 101, expected);
    assert!(!sandbox.path("target/wasmplugin").exists());
}

#[test]
fn the_package_is_unknown() {
    refuses(
        &plugin("x", "wasmplugin://oen"),
        str![[r#"
error: no package `oen` is in this workspace
 --> deploy/plugin.yaml:6:8
  |
6 |   url: wasmplugin://oen
  |        ^^^^^^^^^^^^^^^^ `spec.url` refers to it
  |
  = help: a package with a similar name exists: `one`

"#]],
    );
}

#[test]
fn the_package_is_no_plugin() {
    refuses(
        &plugin("x", "'wasmplugin://library' # no"),
        str![[r#"
error: package `library` makes no module: its library is no cdylib
 --> deploy/plugin.yaml:6:8
  |
6 |   url: 'wasmplugin://library' # no
  |        ^^^^^^^^^^^^^^^^^^^^^^ `spec.url` refers to it
  |
  = help: add to its Cargo.toml:
          
              [lib]
              crate-type = ["cdylib"]

"#]],
    );
}

#[test]
fn the_package_has_no_image() {
    refuses(
        &plugin("x", "wasmplugin://nameless"),
        str![[r#"
error: package `nameless` cannot be referred to: nothing says where its image is
 --> deploy/plugin.yaml:6:8
  |
6 |   url: wasmplugin://nameless
  |        ^^^^^^^^^^^^^^^^^^^^^ `spec.url` refers to it
  |
  = help: set it in Cargo.toml:
          
              [package.metadata.wasmplugin]
              image = "quay.io/acme/hello"
          or give it with `--image`

"#]],
    );
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
fn all_that_is_wrong_with_manifests_is_told_at_once() {
    let sandbox = workspace();
    sandbox.write(
        "deploy/1.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nspec:\n  image: wasmplugin://one\n---\n- wasmplugin://one\n",
    );
    sandbox.write("deploy/2.yaml", plugin("{{ .Values.name }}", "wasmplugin://one"));
    sandbox.write("deploy/3.yaml", plugin("x", "wasmplugin://one:1.0").replace("name: x", "name: *x"));
    sandbox.write("deploy/4.yaml", plugin("x", "wasmplugin://one:1.0") + "  sha256: [a]\n---\na: \"\u{e9}\n");
    sandbox.write("deploy/5.yaml", plugin("x", "wasmplugin://one") + "  sha256: {a: b}\n");
    sandbox.write("deploy/6.yaml", b"a: b\nc: \xff\n");
    sandbox.refuses(&mut command(&sandbox, &["-f", "deploy"]), 101, str![[r#"
error: `spec.image` holds a reference to a package
 --> deploy/1.yaml:4:10
  |
4 |   image: wasmplugin://one
  |          ^^^^^^^^^^^^^^^^ this is a `Deployment` of `apps/v1`
  |
  = help: it belongs in `spec.url` of WasmPlugin (`extensions.istio.io/v1alpha1`), `spec.wasm.url` of TrafficExtension (`extensions.istio.io/v1alpha1`), `spec.wasm[].code.image.url` of EnvoyExtensionPolicy (`gateway.envoyproxy.io/v1alpha1`)

error: `[0]` holds a reference to a package
 --> deploy/1.yaml:6:3
  |
6 | - wasmplugin://one
  |   ^^^^^^^^^^^^^^^^ this is not a resource: it has no `kind` and `apiVersion`
  |
  = help: it belongs in `spec.url` of WasmPlugin (`extensions.istio.io/v1alpha1`), `spec.wasm.url` of TrafficExtension (`extensions.istio.io/v1alpha1`), `spec.wasm[].code.image.url` of EnvoyExtensionPolicy (`gateway.envoyproxy.io/v1alpha1`)

error: the alias refers to an anchor that doesn't come before it
 --> deploy/3.yaml:4:9
  |
4 |   name: *x
  |         ^
  |
  = help: this document has to be read because it contains `wasmplugin://`; if it is a template, render it first

error: `spec.url` names no package
 --> deploy/4.yaml:6:8
  |
6 |   url: wasmplugin://one:1.0
  |        ^^^^^^^^^^^^^^^^^^^^ `wasmplugin://PACKAGE` is expected
  |
  = help: repository, tag and digest are those of the package

error: `spec.sha256` is a mapping
 --> deploy/5.yaml:7:3
  |
7 |   sha256: {a: b}
  |   ^^^^^^ text is expected

error: this is not UTF-8
 --> deploy/6.yaml:2:4
  |
2 | c: �
  |    ^ the byte 0xFF stands here
  |
  = help: save the file as UTF-8

"#]]);
}

#[test]
fn a_resource_stands_twice() {
    let sandbox = workspace();
    sandbox.write("a.yaml", plugin("x", "oci://quay.io/acme/x:1"));
    sandbox.write("b.yaml", format!("# b\n{}", plugin("x", "wasmplugin://one")));
    sandbox.refuses(
        &mut command(&sandbox, &["-f", "a.yaml", "-f", "b.yaml"]),
        101,
        str![[r#"
error: the WasmPlugin `x` stands twice in the manifests
 --> b.yaml:5:9
  |
5 |   name: x
  |         ^ the second time
  |
  = help: the first one is at a.yaml:4: give one of the two

"#]],
    );
}

#[test]
fn there_are_no_manifests() {
    let sandbox = workspace();
    sandbox.refuses(
        &mut command(&sandbox, &["-f", "deploy.yaml"]),
        101,
        str![[r#"
error: the manifests in `deploy.yaml` cannot be read

Caused by:
  failed to open file `[ROOT]/deploy.yaml`: No such file or directory (os error 2)

help: name a file or a folder, or give `-` for standard input

"#]],
    );
    sandbox.refuses(
        &mut command(&sandbox, &["-f", "one/src"]),
        101,
        str![[r#"
error: no manifests are in the folder `one/src`: none of its files is called `*.yaml` or `*.yml`

help: name the folder that they are in

"#]],
    );
    sandbox.refuses(
        &mut command(&sandbox, &[]),
        2,
        str![[r#"
error: the following required arguments were not provided:
  --filename <FILE|DIR|->

Usage: cargo wasmplugin resolve --filename <FILE|DIR|->

For more information, try '--help'.

"#]],
    );
    // As from a variable of the shell that is not set: everything below the folder is not meant.
    sandbox.refuses(
        &mut command(&sandbox, &["-f", ""]),
        2,
        str![[r#"
error: a value is required for '--filename <FILE|DIR|->' but none was supplied

For more information, try '--help'.

"#]],
    );
}

#[test]
fn there_is_no_project() {
    let sandbox = Sandbox::new();
    sandbox.write("plugin.yaml", plugin("x", "wasmplugin://one"));
    sandbox.refuses(
        &mut command(&sandbox, &["-f", "plugin.yaml"]),
        101,
        str![[r#"
error: could not find `Cargo.toml` in `[ROOT]` or any parent directory

help: change into the folder of a filter crate, or name it with `--manifest-path`
help: make a new one with `cargo wasmplugin new PATH`

"#]],
    );
}

#[test]
fn a_line_of_a_megabyte_is_refused() {
    let sandbox = Sandbox::new();
    let line = format!("a: {{b: wasmplugin://one, c: \"{}\"}}\n", "\u{e9} ".repeat(300_000));
    let said = Said::of_with_input(&mut command(&sandbox, &["-f", "-"]), &line);
    let said = said.failed(&["`a.b` holds a reference", "<stdin>:1:8"]);
    assert!(said.stderr.len() < 10_000, "{}", said.stderr.len());
}
