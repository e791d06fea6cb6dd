//! What is wrong is told once, with what to do, under the right exit code; and nothing half-written is left.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use snapbox::str;

use crate::support::module::plugin;
use crate::support::running::{run, stderr, succeed};
use crate::support::{Sandbox, bare, folder, tool};

/// The program as it is run in a folder of the sandbox.
fn build(sandbox: &Sandbox, below: &str, args: &[&str]) -> Command {
    let mut command = sandbox.process_in(below, ["build"]);
    command.args(args);
    command
}

/// Nothing was written for the package `bare`, not even a folder.
fn assert_nothing_written(sandbox: &Sandbox, below: &str) {
    let output = sandbox.path(below).join("target/wasmplugin");
    assert!(!output.join("bare").exists());
    if output.exists() {
        assert_eq!(folder::leftovers(&sandbox.path(below).join("target")), [""; 0]);
    }
}

// ---- the project -----------------------------------------------------------

#[test]
fn there_is_no_project() {
    let sandbox = Sandbox::new();
    sandbox.refuses(
        &mut build(&sandbox, "", &[]),
        101,
        str![[r#"
error: could not find `Cargo.toml` in `[ROOT]` or any parent directory

help: change into the folder of a filter crate, or name it with `--manifest-path`
help: make a new one with `cargo wasmplugin new PATH`

"#]],
    );
    assert!(!sandbox.path("target").exists());
}

#[test]
fn the_manifest_does_not_exist() {
    let sandbox = Sandbox::new();
    sandbox.refuses(
        &mut build(&sandbox, "", &["--manifest-path", "there/Cargo.toml"]),
        101,
        str![[r#"
error: manifest path `there/Cargo.toml` does not exist

"#]],
    );
}

#[test]
fn the_manifest_is_no_toml() {
    let sandbox = Sandbox::with_bare();
    sandbox.write("bare/Cargo.toml", "[package\nname = 1\n");
    sandbox.refuses(
        &mut build(&sandbox, "bare", &[]),
        101,
        str![[r#"
error: unclosed table, expected `]`
        --> Cargo.toml:1:9
         |
       1 | [package
         |         ^

"#]],
    );
}

#[test]
fn the_package_is_no_cdylib() {
    let sandbox = Sandbox::with_bare();
    sandbox.write("bare/Cargo.toml", sandbox.read("bare/Cargo.toml").replace("[\"cdylib\"]", "[\"rlib\"]"));
    sandbox.refuses(
        &mut build(&sandbox, "bare", &[]),
        101,
        str![[r#"
error: package `bare` makes no module: its library is no cdylib

help: add to its Cargo.toml:
      
          [lib]
          crate-type = ["cdylib"]

"#]],
    );
    assert_nothing_written(&sandbox, "bare");
}

#[test]
fn nothing_in_the_workspace_is_a_plugin() {
    let sandbox = Sandbox::new();
    sandbox.write("Cargo.toml", "[workspace]\nmembers = [\"one\", \"two\"]\nresolver = \"3\"\n");
    for name in ["one", "two"] {
        sandbox.write(
            format!("{name}/Cargo.toml"),
            format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"),
        );
        sandbox.write(format!("{name}/src/lib.rs"), "");
    }
    sandbox.refuses(
        &mut build(&sandbox, "", &[]),
        101,
        str![[r#"
error: nothing here is a plugin: none of `one`, `two` is a cdylib that depends on proxy-wasm

help: make a new one with `cargo wasmplugin new PATH`
help: or add `crate-type = ["cdylib"]` and a `[package.metadata.wasmplugin]` to a crate

"#]],
    );
}

#[test]
fn the_package_is_unknown() {
    let sandbox = Sandbox::with_bare();
    sandbox.refuses(
        &mut build(&sandbox, "bare", &["-p", "baer"]),
        2,
        str![[r#"
error: no package `baer` is in this workspace

help: a package with a similar name exists: `bare`

"#]],
    );
    sandbox.refuses(
        &mut build(&sandbox, "bare", &["-p", "something-else"]),
        2,
        str![[r#"
error: no package `something-else` is in this workspace

help: there is `bare`

"#]],
    );
    sandbox.refuses(
        &mut build(&sandbox, "bare", &["--exclude", "bare"]),
        2,
        str![[r#"
error: `--exclude` goes with `--workspace` alone

help: add `--workspace`

"#]],
    );
}

#[test]
fn the_crate_does_not_compile() {
    let sandbox = Sandbox::with_bare();
    succeed(&mut build(&sandbox, "bare", &[]));
    let before = folder::files(&sandbox.path("bare/target/wasmplugin/bare")).unwrap();
    sandbox.write("bare/src/lib.rs", "fn broken() -> u8 {\n    \"\"\n}\n");
    sandbox.refuses(
        &mut build(&sandbox, "bare", &["--quiet"]),
        101,
        str![[r#"
error[E0308]: mismatched types
 --> src/lib.rs:2:5
  |
1 | fn broken() -> u8 {
  |                -- expected `u8` because of return type
2 |     ""
  |     ^^ expected `u8`, found `&str`

For more information about this error, try `rustc --explain E0308`.
error: could not compile `bare` (lib) due to 1 previous error

"#]],
    );
    assert_eq!(folder::files(&sandbox.path("bare/target/wasmplugin/bare")).unwrap(), before);
}

#[test]
fn the_profile_is_unknown() {
    let sandbox = Sandbox::with_bare();
    sandbox.refuses(
        &mut build(&sandbox, "bare", &["--profile", "nothing"]),
        101,
        str![[r#"
error: profile `nothing` is not defined

"#]],
    );
    assert_nothing_written(&sandbox, "bare");
}

// ---- the module ------------------------------------------------------------

#[test]
fn a_crate_without_marker_gets_all_findings_at_once() {
    let sandbox = Sandbox::with_bare();
    succeed(&mut build(&sandbox, "bare", &[]));
    let output = sandbox.path("bare/target/wasmplugin/bare");
    let before = folder::files(&output).unwrap();
    // A plain library: no marker, no allocator, no callback.
    sandbox
        .write("bare/src/lib.rs", "#[unsafe(no_mangle)]\npub extern \"C\" fn answer() -> u32 {\n    42\n}\n");
    sandbox.refuses(&mut build(&sandbox, "bare", &["--quiet"]), 1, str![[r#"
error[abi-marker]: no export says which Proxy-Wasm ABI the module speaks
 |
 = place: bare: the exports
 = reason: Envoy refuses the module with `Missing or unknown Proxy-Wasm ABI version`. It knows the exported functions `proxy_abi_version_0_1_0`, `proxy_abi_version_0_2_0` and `proxy_abi_version_0_2_1`.
 = help: Call `proxy_wasm::main!` of the `proxy-wasm` crate in the library, and build it with `crate-type = ["cdylib"]` in `[lib]`. Where the module has been post-processed, keep its exports.

error[allocator]: no function allocates memory for the host
 |
 = place: bare: the exports
 = reason: Envoy refuses the module with `Wasm module is missing malloc function.` It hands over headers and bodies in memory that `malloc` or `proxy_on_memory_allocate` gives it.
 = help: The `proxy-wasm` crate exports one of them: link it, and keep its exports when the module is post-processed. Without an SDK, export `proxy_on_memory_allocate` from `i32` to `i32`.

warning[command-export]: the linker has wrapped exported functions as commands: 1
 |
 = place: bare: export `answer`
 = reason: The linker took the library for a command, which starts afresh with each call. A proxy calls the same instance for every request: memory leaks, and global state can be lost or damaged.
 = help: Call `proxy_wasm::main!` (proxy-wasm 0.2 or later) instead of writing `_start` or `_initialize`: it runs the constructors once.

warning[no-callback]: the module exports no callback, so it does nothing
 |
 = place: bare: the exports
 = reason: Envoy would load it, and never call it: no exported function is a `proxy_on_*` callback of ABI 0.2.1.
 = help: Link the SDK into the module: in Rust, call `proxy_wasm::main!` in the `cdylib` itself, and keep the exports when the module is post-processed.

error: the checks refuse this: 2 errors, 2 warnings

"#]]);
    assert_eq!(folder::files(&output).unwrap(), before);
}

#[test]
fn a_warning_stops_the_build_where_warnings_are_denied() {
    let sandbox = Sandbox::with_bare();
    let module = "(module (memory (export \"memory\") 1) (func (export \"proxy_abi_version_0_2_1\")) \
                  (func (export \"proxy_on_memory_allocate\") (param i32) (result i32) i32.const 0))";
    sandbox.write("bare.wasm", wat::parse_str(module).unwrap());
    let args = ["--module", "bare.wasm", "--quiet"];
    sandbox.refuses(build(&sandbox, "", &args).arg("--deny-warnings"), 1, str![[r#"
warning[no-callback]: the module exports no callback, so it does nothing
 |
 = place: bare: the exports
 = reason: Envoy would load it, and never call it: no exported function is a `proxy_on_*` callback of ABI 0.2.1.
 = help: Link the SDK into the module: in Rust, call `proxy_wasm::main!` in the `cdylib` itself, and keep the exports when the module is post-processed.

error: 1 warning, and warnings are denied

"#]]);
    assert!(!sandbox.path("target/wasmplugin/bare").exists());
    succeed(&mut build(&sandbox, "", &args));
    assert!(sandbox.path("target/wasmplugin/bare").exists());
}

#[test]
fn the_file_is_no_module() {
    let sandbox = Sandbox::new();
    let module = wat::parse_str(bare::TEXT).unwrap();
    sandbox.write("component.wasm", wat::parse_str("(component)").unwrap());
    sandbox.write("text.wasm", bare::TEXT);
    sandbox.write("packed.wasm", [b"\x1f\x8b\x08\0".as_slice(), &module].concat());
    sandbox.write("empty.wasm", "");
    sandbox.write("page.wasm", "<!DOCTYPE html>\n<title>Sign in</title>\n");
    sandbox.write("half.wasm", &module[..module.len() / 2]);
    let refuses = |file: &str, expected: snapbox::data::Inline| {
        sandbox.refuses(&mut build(&sandbox, "", &["--module", file]), 101, expected);
    };
    refuses(
        "component.wasm",
        str![[r#"
error: `component.wasm` is no module that a proxy could load

Caused by:
  this is a WebAssembly component, not a module

help: a proxy loads core modules only. Was this built for wasm32-wasip2? Build for wasm32-wasip1 or wasm32-unknown-unknown, without `cargo component` and without `wasm-tools component new`

"#]],
    );
    refuses(
        "text.wasm",
        str![[r#"
error: `text.wasm` is no module that a proxy could load

Caused by:
  this is not a WebAssembly module: it looks like WebAssembly text

help: assemble it first: `wat2wasm plugin.wat -o plugin.wasm`

"#]],
    );
    refuses(
        "packed.wasm",
        str![[r#"
error: `packed.wasm` is no module that a proxy could load

Caused by:
  this is not a WebAssembly module: it looks like a gzip file

help: unpack it first, and give the `.wasm` file that is inside

"#]],
    );
    refuses(
        "empty.wasm",
        str![[r#"
error: `empty.wasm` is no module that a proxy could load

Caused by:
  the file is empty

help: build the module again: whatever wrote this file wrote nothing

"#]],
    );
    refuses(
        "page.wasm",
        str![[r#"
error: `page.wasm` is no module that a proxy could load

Caused by:
  this is not a WebAssembly module: it looks like an HTML or XML page

help: give the `.wasm` file that the compiler wrote

"#]],
    );
    refuses(
        "half.wasm",
        str![[r#"
error: `half.wasm` is no module that a proxy could load

Caused by:
  the module is cut off or damaged: unexpected end-of-file (at byte 0x28)

help: build or download the file again: a part of it is missing or was changed

"#]],
    );
    sandbox.write("deps.wasm", &module);
    refuses(
        "deps.wasm",
        str![[r#"
error: a module cannot be called `deps`: cargo has a folder of that name where its output would be

help: call the file `deps-filter.wasm`

"#]],
    );
    refuses(
        "nowhere.wasm",
        str![[r#"
error: there is no module `nowhere.wasm`

Caused by:
  failed to open file `[ROOT]/nowhere.wasm`: No such file or directory (os error 2)

help: build it first: `--module` takes the .wasm file that another toolchain has made

"#]],
    );
    assert!(!sandbox.path("target").exists());
}

#[test]
fn options_of_cargo_do_not_go_with_a_module() {
    let sandbox = Sandbox::new();
    sandbox.refuses(
        &mut build(&sandbox, "", &["--module", "x.wasm", "--features", "y"]),
        2,
        str![[r#"
error: the argument '--module <FILE>' cannot be used with '--features <FEATURES>'

Usage: cargo wasmplugin build --module <FILE>

For more information, try '--help'.

"#]],
    );
}

// ---- the optimizer ---------------------------------------------------------

/// The number as LEB128, of three bytes.
fn number(value: usize) -> [u8; 3] {
    assert!(value < 1 << 21);
    [value as u8 | 0x80, (value >> 7) as u8 | 0x80, (value >> 14) as u8]
}

/// A valid module with as many loops within each other as no optimizer expects, made byte by byte: what writes
/// WebAssembly text overflows too.
fn deeply_nested() -> Vec<u8> {
    const DEPTH: usize = 30_000;
    let shallow = wat::parse_str(bare::TEXT).unwrap();
    let mut module = shallow[..8].to_vec();
    let mut rest = &shallow[8..];
    while let [id, tail @ ..] = rest {
        let (length, used) = leb128(tail);
        let content = &tail[used..used + length];
        if *id == 10 {
            // The bodies: the first one, of `_initialize`, gets the loops.
            let body_length = 1 + DEPTH * 3 + 1;
            let (old_length, old_used) = leb128(&content[1..]);
            let others = &content[1 + old_used + old_length..];
            let mut code = vec![content[0]];
            code.extend(number(body_length));
            code.push(0);
            code.extend([0x03, 0x40].repeat(DEPTH));
            code.extend(vec![0x0b; DEPTH + 1]);
            code.extend(others);
            module.push(10);
            module.extend(number(code.len()));
            module.extend(code);
        } else if *id != 0 {
            module.push(*id);
            module.extend(number(length));
            module.extend(content);
        }
        rest = &tail[used + length..];
    }
    wasmparser::validate(&module).unwrap();
    module
}

fn leb128(bytes: &[u8]) -> (usize, usize) {
    let used = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let value = bytes[..used].iter().rev().fold(0, |value, byte| value << 7 | usize::from(byte & 0x7f));
    (value, used)
}

#[test]
fn the_optimizer_dies_of_the_module() {
    let sandbox = Sandbox::new();
    sandbox.write("bare.wasm", deeply_nested());
    let args = ["--module", "bare.wasm", "--quiet", "--image", "localhost:5000/acme/bare"];
    sandbox.refuses(
        &mut build(&sandbox, "", &args),
        101,
        str![[r#"
error: the optimizer cannot take `bare.wasm`

Caused by:
  `[TOOL] __wasm-opt [..]` failed (signal: [..])
...
help: try a newer optimizer with `--wasm-opt PATH`
help: or leave the module as it was compiled with `--optimize none`

"#]],
    );
    assert_nothing_written(&sandbox, "");
    succeed(build(&sandbox, "", &args).args(["--optimize", "none"]));
    folder::check(&sandbox.path("target/wasmplugin/bare")).unwrap();
}

#[test]
fn the_optimizer_cannot_read_the_module() {
    let sandbox = Sandbox::new();
    let module = bare::TEXT.replace(
        "(func (export \"_initialize\"))",
        "(tag $tag) (func (export \"_initialize\") (block $caught (try_table (catch_all $caught) (throw $tag))))",
    );
    sandbox.write("bare.wasm", wat::parse_str(module).unwrap());
    let args = ["--module", "bare.wasm", "--quiet", "--image", "localhost:5000/acme/bare"];
    sandbox.refuses(
        &mut build(&sandbox, "", &args),
        101,
        str![[r#"
error: the optimizer cannot take `bare.wasm`

Caused by:
  `[TOOL] __wasm-opt [..]` failed (exit status: [..])
...
help: try a newer optimizer with `--wasm-opt PATH`
help: or leave the module as it was compiled with `--optimize none`

"#]],
    );
    assert_nothing_written(&sandbox, "");
    succeed(build(&sandbox, "", &args).args(["--optimize", "none"]));
    folder::check(&sandbox.path("target/wasmplugin/bare")).unwrap();
}

#[test]
fn the_optimizer_of_the_user_is_missing_or_no_optimizer() {
    let sandbox = Sandbox::new();
    sandbox.write("bare.wasm", wat::parse_str(bare::TEXT).unwrap());
    let args = ["--module", "bare.wasm", "--quiet", "--wasm-opt"];
    sandbox.refuses(
        build(&sandbox, "", &args).arg("tools/wasm-opt"),
        101,
        str![[r#"
error: there is no optimizer `[ROOT]/tools/wasm-opt`

Caused by:
  could not run `[ROOT]/tools/wasm-opt --version`
  No such file or directory (os error 2)

help: install Binaryen, which has the program wasm-opt, or name it with `--wasm-opt PATH`
help: or leave the module as it was compiled with `--optimize none`

"#]],
    );
    sandbox.refuses(
        build(&sandbox, "", &args).arg("no-such-wasm-opt"),
        101,
        str![[r#"
error: there is no optimizer `no-such-wasm-opt`

Caused by:
  could not run `no-such-wasm-opt --version`
  No such file or directory (os error 2)

help: install Binaryen, which has the program wasm-opt, or name it with `--wasm-opt PATH`
help: or leave the module as it was compiled with `--optimize none`

"#]],
    );
    // It tells a version, and makes something else than a module.
    script(&sandbox, "liar", "case $1 in --version) echo liar 1;; *) echo text >\"$3\";; esac");
    sandbox.refuses(
        build(&sandbox, "", &args).arg("./liar"),
        101,
        str![[r#"
error: what the optimizer made of `bare.wasm` is not valid

Caused by:
  this is not a WebAssembly module

help: try a newer optimizer with `--wasm-opt PATH`
help: or leave the module as it was compiled with `--optimize none`

"#]],
    );
    assert_nothing_written(&sandbox, "");
}

fn script(sandbox: &Sandbox, below: &str, text: &str) {
    sandbox.write(below, format!("#!/bin/sh\n{text}\n"));
    fs_err::set_permissions(sandbox.path(below), PermissionsExt::from_mode(0o755)).unwrap();
}

// ---- the settings ----------------------------------------------------------

#[test]
fn settings_of_a_package_are_wrong() {
    let sandbox = Sandbox::new();
    let settings = "imgae = \"localhost:5000/acme/bare\"\nvariant = \"docker\"\noptimize = true\n\
                    target = \"wasm32-wasip2\"\nroot-ids = [\"a\", 1]\nmesh = [\"istio-9.99\"]\nregistry = {}\n";
    sandbox.write("bare/Cargo.toml", bare::manifest("bare", settings));
    sandbox.write("bare/src/lib.rs", bare::SOURCE);
    sandbox.refuses(&mut build(&sandbox, "bare", &[]), 101, str![[r#"
error: unknown setting `imgae`
  --> Cargo.toml:10:1
   |
10 | imgae = "localhost:5000/acme/bare"
   | ^^^^^
   |
   = help: a setting with a similar name exists: `image`

error: `variant` cannot be `docker`
  --> Cargo.toml:11:11
   |
11 | variant = "docker"
   |           ^^^^^^^^
   |
   = help: it is one of `oci`, `compat`

error: this is a boolean
  --> Cargo.toml:12:12
   |
12 | optimize = true
   |            ^^^^ expected a string

error: `target` cannot be `wasm32-wasip2`: it makes components, and proxies load modules
  --> Cargo.toml:13:10
   |
13 | target = "wasm32-wasip2"
   |          ^^^^^^^^^^^^^^^
   |
   = help: write "wasm32-wasip1"

error: `root-ids` holds strings, and this is an integer
  --> Cargo.toml:14:18
   |
14 | root-ids = ["a", 1]
   |                  ^ expected a string

error: unknown mesh `istio-9.99`
  --> Cargo.toml:15:9
   |
15 | mesh = ["istio-9.99"]
   |         ^^^^^^^^^^^^
   |
   = help: did you mean `istio-1.19`?; the meshes known are istio-1.12 to istio-1.31, ossm-2.2 to ossm-3.2 and envoy-1.20 to envoy-1.40

error: unknown setting `registry`
  --> Cargo.toml:16:1
   |
16 | registry = {}
   | ^^^^^^^^
   |
   = help: the settings are `image`, `pull-image`, `variant`, `optimize`, `target`, `root-ids`, `mesh`

"#]]);
    assert!(!sandbox.path("bare/target").exists());
}

#[test]
fn settings_of_a_workspace_are_wrong() {
    let sandbox = Sandbox::new();
    sandbox.add_bare("bare");
    let settings = "[workspace.metadata.wasmplugin]\nimage = 5\nvariants = \"oci\"\noptimize = \"sized\"\n";
    sandbox.write("Cargo.toml", format!("[workspace]\nmembers = [\"bare\"]\nresolver = \"3\"\n\n{settings}"));
    sandbox.refuses(
        &mut build(&sandbox, "bare", &[]),
        101,
        str![[r#"
error: this is an integer
 --> [ROOT]/Cargo.toml:6:9
  |
6 | image = 5
  |         ^ expected a string

error: unknown setting `variants`
 --> [ROOT]/Cargo.toml:7:1
  |
7 | variants = "oci"
  | ^^^^^^^^
  |
  = help: a setting with a similar name exists: `variant`

error: `optimize` cannot be `sized`
 --> [ROOT]/Cargo.toml:8:12
  |
8 | optimize = "sized"
  |            ^^^^^^^
  |
  = help: write "size"

"#]],
    );
}

#[test]
fn settings_are_no_table() {
    let sandbox = Sandbox::new();
    let manifest = bare::manifest("bare", "")
        .replace("[package.metadata.wasmplugin]", "[package.metadata]\nwasmplugin = \"yes\"");
    sandbox.write("bare/Cargo.toml", manifest);
    sandbox.write("bare/src/lib.rs", bare::SOURCE);
    sandbox.refuses(
        &mut build(&sandbox, "bare", &[]),
        101,
        str![[r#"
error: this is a string
  --> Cargo.toml:10:14
   |
10 | wasmplugin = "yes"
   |              ^^^^^ expected a table of settings

"#]],
    );
}

#[test]
fn the_resource_is_wrong() {
    let sandbox = Sandbox::with_bare();
    let resource =
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata:\n  name: bare\nspec:\n";
    let refuses = |spec: &str, expected: snapbox::data::Inline| {
        sandbox.write("bare/wasmplugin.yaml", format!("{resource}{spec}"));
        sandbox.refuses(&mut build(&sandbox, "bare", &["--quiet"]), 101, expected);
        assert_nothing_written(&sandbox, "bare");
    };
    refuses(
        "  phase: EARLY\n",
        str![[r#"
error: `spec.phase` is `EARLY`
 --> wasmplugin.yaml:6:10
  |
6 |   phase: EARLY
  |          ^^^^^ one of `UNSPECIFIED_PHASE`, `AUTHN`, `AUTHZ`, `STATS` is expected

"#]],
    );
    refuses(
        "  phse: AUTHN\n",
        str![[r#"
error: unknown field `phse`
 --> wasmplugin.yaml:6:3
  |
6 |   phse: AUTHN
  |   ^^^^ no known field of `spec`
  |
  = help: a field with a similar name exists: `phase`

"#]],
    );
    refuses(
        "  priority: high\n",
        str![[r#"
error: `spec.priority` is text
 --> wasmplugin.yaml:6:13
  |
6 |   priority: high
  |             ^^^^ a whole number is expected

"#]],
    );
    refuses(
        "  url: oci://quay.io/other/bare:1.0\n",
        str![[r#"
error: `spec.url` names the repository `quay.io/other/bare`
 --> wasmplugin.yaml:6:8
  |
6 |   url: oci://quay.io/other/bare:1.0
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^ the image has the repository `localhost:5000/acme/bare`
  |
  = help: leave `url` out: it is filled in

error: `spec.url` names the tag `1.0`
 --> wasmplugin.yaml:6:8
  |
6 |   url: oci://quay.io/other/bare:1.0
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^ the image has the tag `0.1.0`
  |
  = help: leave `url` out: it is filled in

"#]],
    );
    refuses(
        "  pluginConfig: [1, 2]\n",
        str![[r#"
error: `spec.pluginConfig` is a list
 --> wasmplugin.yaml:6:3
  |
6 |   pluginConfig: [1, 2]
  |   ^^^^^^^^^^^^ a mapping is expected

"#]],
    );
    refuses(
        "  phase: [\n",
        str![[r#"
error: this is not valid YAML: unclosed bracket '['
 --> wasmplugin.yaml:6:10
  |
6 |   phase: [
  |          ^

"#]],
    );
}

#[test]
fn a_field_of_the_future_is_kept_and_told() {
    let sandbox = Sandbox::with_bare();
    let resource = "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata:\n  name: bare\nspec:\n  hovercraft: eels\n";
    sandbox.write("bare/wasmplugin.yaml", resource);
    let output = succeed(&mut build(&sandbox, "bare", &["--quiet"]));
    sandbox.says(
        &stderr(&output),
        str![[r#"
warning: unknown field `hovercraft`
 --> wasmplugin.yaml:6:3
  |
6 |   hovercraft: eels
  |   ^^^^^^^^^^ no known field of `spec`
  |
  = help: it is kept; a cluster that does not know it drops it or refuses it


"#]],
    );
    assert!(sandbox.read("bare/target/wasmplugin/bare/wasmplugin.yaml").contains("  hovercraft: eels\n"));
}

#[test]
fn the_resource_is_another_kind() {
    let sandbox = Sandbox::with_bare();
    sandbox.write("bare/wasmplugin.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: bare\n");
    sandbox.refuses(
        &mut build(&sandbox, "bare", &[]),
        101,
        str![[r#"
error: `apiVersion` is `v1`
 --> wasmplugin.yaml:1:13
  |
1 | apiVersion: v1
  |             ^^ `extensions.istio.io/v1alpha1` is expected

error: `kind` is `ConfigMap`
 --> wasmplugin.yaml:2:7
  |
2 | kind: ConfigMap
  |       ^^^^^^^^^ `WasmPlugin` is expected

"#]],
    );
}

// ---- names of images -------------------------------------------------------

const NO_IMAGES: [&str; 5] = [
    "http://quay.io/acme/x",
    "quay.io/Acme/X",
    "quay.io/acme/x:1.0",
    "quay.io/acme/x@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "x",
];

#[test]
fn a_flag_names_no_image() {
    let sandbox = Sandbox::with_bare();
    let refuses = |image: &str, expected: snapbox::data::Inline| {
        sandbox.refuses(&mut build(&sandbox, "bare", &["--image", image]), 2, expected);
    };
    refuses(
        NO_IMAGES[0],
        str![[r#"
error: invalid value 'http://quay.io/acme/x' for '--image <REPOSITORY>': it is written without a scheme

  write `quay.io/acme/x`

For more information, try '--help'.

"#]],
    );
    refuses(
        NO_IMAGES[1],
        str![[r#"
error: invalid value 'quay.io/Acme/X' for '--image <REPOSITORY>': its path has upper-case letters, which registries refuse

  write `quay.io/acme/x`

For more information, try '--help'.

"#]],
    );
    refuses(
        NO_IMAGES[2],
        str![[r#"
error: invalid value 'quay.io/acme/x:1.0' for '--image <REPOSITORY>': the tag is not part of it: the tag is the crate's version, or `--tag`

  write `quay.io/acme/x`

For more information, try '--help'.

"#]],
    );
    refuses(
        NO_IMAGES[3],
        str![[r#"
error: invalid value 'quay.io/acme/x@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' for '--image <REPOSITORY>': the digest is not part of it

  write `quay.io/acme/x`

For more information, try '--help'.

"#]],
    );
    refuses(
        NO_IMAGES[4],
        str![[r#"
error: invalid value 'x' for '--image <REPOSITORY>': a registry or an owner comes first, and a slash, as in `quay.io/acme/hello`

For more information, try '--help'.

"#]],
    );
    sandbox.refuses(&mut build(&sandbox, "bare", &["--tag", "1.0+linux"]), 2, str![[r#"
error: invalid value '1.0+linux' for '--tag <TAG>': `1.0+linux` is no tag: a tag is up to 128 letters, digits, `_`, `.` and `-`, and begins with none of the last two

For more information, try '--help'.

"#]]);
    assert!(!sandbox.path("bare/target").exists());
}

#[test]
fn a_setting_names_no_image() {
    let sandbox = Sandbox::with_bare();
    let refuses = |image: &str, expected: snapbox::data::Inline| {
        sandbox.write("bare/Cargo.toml", bare::manifest("bare", &format!("image = \"{image}\"\n")));
        sandbox.refuses(&mut build(&sandbox, "bare", &[]), 101, expected);
    };
    refuses(
        NO_IMAGES[0],
        str![[r#"
error: `http://quay.io/acme/x` names no image repository: it is written without a scheme
  --> Cargo.toml:10:9
   |
10 | image = "http://quay.io/acme/x"
   |         ^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: write "quay.io/acme/x"

"#]],
    );
    refuses(
        NO_IMAGES[1],
        str![[r#"
error: `quay.io/Acme/X` names no image repository: its path has upper-case letters, which registries refuse
  --> Cargo.toml:10:9
   |
10 | image = "quay.io/Acme/X"
   |         ^^^^^^^^^^^^^^^^
   |
   = help: write "quay.io/acme/x"

"#]],
    );
    refuses(
        NO_IMAGES[2],
        str![[r#"
error: `quay.io/acme/x:1.0` names no image repository: the tag is not part of it: the tag is the crate's version, or `--tag`
  --> Cargo.toml:10:9
   |
10 | image = "quay.io/acme/x:1.0"
   |         ^^^^^^^^^^^^^^^^^^^^
   |
   = help: write "quay.io/acme/x"

"#]],
    );
    refuses(
        NO_IMAGES[3],
        str![[r#"
error: `quay.io/acme/x@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855` names no image repository: the digest is not part of it
  --> Cargo.toml:10:9
   |
10 | image = "quay.io/acme/x@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
   |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: write "quay.io/acme/x"

"#]],
    );
    refuses(
        NO_IMAGES[4],
        str![[r#"
error: `x` names no image repository: a registry or an owner comes first, and a slash, as in `quay.io/acme/hello`
  --> Cargo.toml:10:9
   |
10 | image = "x"
   |         ^^^

"#]],
    );
    refuses(
        "quay.io/acme/{name}",
        str![[r#"
error: `quay.io/acme/{name}` names no image repository: its path takes lower-case letters, digits, `.`, `_` and `-` alone
  --> Cargo.toml:10:9
   |
10 | image = "quay.io/acme/{name}"
   |         ^^^^^^^^^^^^^^^^^^^^^
   |
   = help: `{name}` is filled in under `[workspace.metadata.wasmplugin]` alone

"#]],
    );
    assert!(!sandbox.path("bare/target").exists());
}

// ---- the toolchain ---------------------------------------------------------

/// A toolchain without the standard library of any target: rustc itself, told of another sysroot, which lies
/// where rustup would have it if `by_rustup`.
fn poor_toolchain(sandbox: &Sandbox, by_rustup: bool) {
    let sysroot = sandbox.path(if by_rustup { "rustup/toolchains/poor" } else { "usr" });
    fs_err::create_dir_all(sysroot.join("lib/rustlib")).unwrap();
    let asked = Command::new("rustup").args(["which", "rustc"]).output();
    let rustc = match asked {
        Ok(output) if output.status.success() => String::from_utf8(output.stdout).unwrap().trim().to_owned(),
        _ => "rustc".to_owned(),
    };
    script(sandbox, "bin/rustc", &format!("exec '{rustc}' --sysroot '{sysroot}' \"$@\""));
}

/// A build with that toolchain.
fn poor_build(sandbox: &Sandbox, args: &[&str]) -> Command {
    let mut command = build(sandbox, "bare", args);
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", sandbox.path("bin"))).env("RUSTC", sandbox.path("bin/rustc"));
    // Where rustup runs the tests, it tells of its own toolchain.
    command.env_remove("RUSTUP_TOOLCHAIN").env_remove("RUSTUP_HOME").env_remove("CARGO_NET_OFFLINE");
    command
}

#[test]
fn the_target_is_missing_and_there_is_no_rustup() {
    let sandbox = Sandbox::with_bare();
    poor_toolchain(&sandbox, false);
    sandbox.refuses(
        &mut poor_build(&sandbox, &[]),
        101,
        str![[r#"
error: the standard library for wasm32-wasip1 is not installed in `[ROOT]/usr`

help: install it, whichever way your Rust came:
      
          rustup        rustup target add wasm32-wasip1
          Fedora, RHEL  dnf install rust-std-static-wasm32-wasip1
          Debian        apt install libstd-rust-dev-wasm32
          from source   RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_abort cargo wasmplugin build
      
      the last one wants the component rust-src, and for wasm32-wasip1 a wasi-libc

"#]],
    );
    assert_nothing_written(&sandbox, "bare");
}

#[test]
fn the_target_is_missing_and_offline_forbids_to_fetch_it() {
    let sandbox = Sandbox::with_bare();
    poor_toolchain(&sandbox, true);
    script(&sandbox, "bin/rustup", "touch ../called");
    sandbox.refuses(&mut poor_build(&sandbox, &["--offline"]), 101, str![[r#"
error: the standard library for wasm32-wasip1 is not installed in `[ROOT]/rustup/toolchains/poor`, and cargo is told to stay offline

help: install it, whichever way your Rust came:
      
          rustup        rustup target add wasm32-wasip1
          Fedora, RHEL  dnf install rust-std-static-wasm32-wasip1
          Debian        apt install libstd-rust-dev-wasm32
          from source   RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_abort cargo wasmplugin build
      
      the last one wants the component rust-src, and for wasm32-wasip1 a wasi-libc

"#]]);
    sandbox.refuses(&mut poor_build(&sandbox, &["--frozen"]), 101, str![[r#"
error: the standard library for wasm32-wasip1 is not installed in `[ROOT]/rustup/toolchains/poor`, and cargo is told to stay offline

help: install it, whichever way your Rust came:
      
          rustup        rustup target add wasm32-wasip1
          Fedora, RHEL  dnf install rust-std-static-wasm32-wasip1
          Debian        apt install libstd-rust-dev-wasm32
          from source   RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_abort cargo wasmplugin build
      
      the last one wants the component rust-src, and for wasm32-wasip1 a wasi-libc

"#]]);
    sandbox.refuses(poor_build(&sandbox, &[]).env("CARGO_NET_OFFLINE", "true"), 101, str![[r#"
error: the standard library for wasm32-wasip1 is not installed in `[ROOT]/rustup/toolchains/poor`, and cargo is told to stay offline

help: install it, whichever way your Rust came:
      
          rustup        rustup target add wasm32-wasip1
          Fedora, RHEL  dnf install rust-std-static-wasm32-wasip1
          Debian        apt install libstd-rust-dev-wasm32
          from source   RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_abort cargo wasmplugin build
      
      the last one wants the component rust-src, and for wasm32-wasip1 a wasi-libc

"#]]);
    assert!(!sandbox.path("called").exists());
}

#[test]
fn the_target_is_missing_and_rustup_cannot_fetch_it() {
    let sandbox = Sandbox::with_bare();
    poor_toolchain(&sandbox, true);
    script(&sandbox, "bin/rustup", "echo 'error: could not download the manifest' >&2\nexit 1");
    sandbox.refuses(&mut poor_build(&sandbox, &[]), 101, str![[r#"
  Installing wasm32-wasip1 with rustup
error: the standard library for wasm32-wasip1 is not installed in `[ROOT]/rustup/toolchains/poor`, and rustup cannot fetch it

Caused by:
  `rustup target add --toolchain poor wasm32-wasip1` failed (exit status: 1)
    error: could not download the manifest

help: install it, whichever way your Rust came:
      
          rustup        rustup target add wasm32-wasip1
          Fedora, RHEL  dnf install rust-std-static-wasm32-wasip1
          Debian        apt install libstd-rust-dev-wasm32
          from source   RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_abort cargo wasmplugin build
      
      the last one wants the component rust-src, and for wasm32-wasip1 a wasi-libc

"#]]);
    // Its word is not enough.
    script(&sandbox, "bin/rustup", "echo 'info: component rust-std is up to date' >&2");
    sandbox.refuses(&mut poor_build(&sandbox, &[]), 101, str![[r#"
  Installing wasm32-wasip1 with rustup
error: the standard library for wasm32-wasip1 is not installed in `[ROOT]/rustup/toolchains/poor`, though rustup says it is

help: install it, whichever way your Rust came:
      
          rustup        rustup target add wasm32-wasip1
          Fedora, RHEL  dnf install rust-std-static-wasm32-wasip1
          Debian        apt install libstd-rust-dev-wasm32
          from source   RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_abort cargo wasmplugin build
      
      the last one wants the component rust-src, and for wasm32-wasip1 a wasi-libc

"#]]);
    assert_nothing_written(&sandbox, "bare");
}

#[test]
fn the_target_is_missing_and_rustup_installs_it() {
    let sandbox = Sandbox::with_bare();
    poor_toolchain(&sandbox, true);
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().unwrap().stdout;
    let sysroot = String::from_utf8(sysroot).unwrap();
    script(
        &sandbox,
        "bin/rustup",
        &format!(
            "[ \"$*\" = 'target add --toolchain poor wasm32-wasip1' ] || exit 3\n\
             ln -s '{}/lib/rustlib/wasm32-wasip1' '{}/'",
            sysroot.trim(),
            sandbox.path("rustup/toolchains/poor/lib/rustlib")
        ),
    );
    let said = stderr(&succeed(&mut poor_build(&sandbox, &[])));
    assert!(said.starts_with("  Installing wasm32-wasip1 with rustup\n"), "{said}");
    folder::check(&sandbox.path("bare/target/wasmplugin/bare")).unwrap();
    let said = stderr(&succeed(&mut poor_build(&sandbox, &[])));
    assert!(!said.contains("Installing"), "{said}");
}

#[test]
fn there_is_no_cargo() {
    let sandbox = Sandbox::with_bare();
    sandbox.refuses(
        build(&sandbox, "bare", &[]).env("CARGO", "/nowhere/cargo"),
        101,
        str![[r#"
error: could not run `/nowhere/cargo metadata --format-version 1 --no-deps`

Caused by:
  No such file or directory (os error 2)

help: install that program, or put its folder into PATH

"#]],
    );
}

// ---- the disk --------------------------------------------------------------

/// Runs `script` where it may mount; `$1` is the program, `$2` an empty folder to mount on, `$3` one to save to.
fn with_mounts(sandbox: &Sandbox, script: &str) -> std::process::Output {
    for name in ["mounted", "saved"] {
        fs_err::create_dir(sandbox.path(name)).unwrap();
    }
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--mount", "sh", "-euc", script, "sh"]).arg(tool());
    command.arg(sandbox.path("mounted")).arg(sandbox.path("saved")).current_dir(sandbox.path(""));
    command.env_remove("CARGO_TARGET_DIR");
    let output = run(&mut command);
    let code = output.status.code();
    assert!(code == Some(0), "file systems cannot be mounted here ({code:?}): {}", stderr(&output));
    output
}

/// Builds a module into a file system, spoils that by `spoil`, builds again, and gives what was said then. The
/// old output has to be as it was.
fn build_on_a_spoiled_disk(sandbox: &Sandbox, size: &str, spoil: &str) -> String {
    sandbox.write("bare.wasm", wat::parse_str(bare::TEXT).unwrap());
    let script = format!(
        "mount -t tmpfs -o {size} tmpfs \"$2\"\n\
         build() {{ \"$tool\" build --quiet --module bare.wasm --image localhost:5000/acme/bare --target-dir \"$place\" \"$@\"; }}\n\
         tool=$1 place=$2\n\
         build\n\
         cp -a \"$2\" \"$3/before\"\n\
         {spoil}\n\
         code=0; build --variant compat 2>\"$3/said\" || code=$?\n\
         echo $code >\"$3/code\"\n\
         cp -a \"$2\" \"$3/after\"\n"
    );
    with_mounts(sandbox, &script);
    assert_eq!(sandbox.read("saved/code"), "101\n", "{}", sandbox.read("saved/said"));
    let [before, after] = ["before", "after"].map(|at| sandbox.path("saved").join(at));
    let output = "wasmplugin/bare";
    folder::check(&before.join(output)).unwrap();
    assert_eq!(folder::files(&after.join(output)).unwrap(), folder::files(&before.join(output)).unwrap());
    assert_eq!(folder::leftovers(&after), [""; 0]);
    sandbox.read("saved/said")
}

#[test]
fn the_disk_is_full() {
    let sandbox = Sandbox::new();
    let spoil = "dd if=/dev/zero of=\"$2/filler\" bs=4096 2>/dev/null || true";
    let said = build_on_a_spoiled_disk(&sandbox, "size=1m", spoil);
    sandbox.says(&said, str![[r#"
error: failed to write to file `[ROOT]/mounted/wasmplugin/.bare.new-[..]/plugin.wasm`: No space left on device (os error 28)

help: free some space on that disk, then run the command again

"#]]);
}

#[test]
fn the_disk_has_no_room_for_another_file() {
    let sandbox = Sandbox::new();
    // A folder and a first file still fit, the rest does not.
    let spoil =
        "i=0; while touch \"$2/filler$i\" 2>/dev/null; do i=$((i+1)); done; rm \"$2/filler0\" \"$2/filler1\"";
    let said = build_on_a_spoiled_disk(&sandbox, "nr_inodes=60", spoil);
    sandbox.says(&said, str![[r#"
error: failed to create file `[ROOT]/mounted/wasmplugin/.bare.new-[..]/plugin.debug.wasm`: No space left on device (os error 28)

help: free some space on that disk, then run the command again

"#]]);
}

/// Cargo itself fails here, and it tells so.
#[test]
fn the_disk_is_too_small_to_compile() {
    let sandbox = Sandbox::with_bare();
    let script = "mount -t tmpfs -o size=64k tmpfs \"$2\"\n\
                  code=0; cd bare; \"$1\" build --target-dir \"$2\" 2>\"$3/said\" || code=$?\n\
                  echo $code >\"$3/code\"\n\
                  find \"$2/wasmplugin\" -maxdepth 1 -name '*bare*' >\"$3/found\"\n";
    with_mounts(&sandbox, script);
    let said = sandbox.read("saved/said");
    assert_eq!(sandbox.read("saved/code"), "101\n", "{said}");
    assert!(said.contains("No space left on device") && said.contains("error"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    assert_eq!(sandbox.read("saved/found"), "");
}

#[test]
fn the_target_folder_is_read_only() {
    let sandbox = Sandbox::new();
    let said = build_on_a_spoiled_disk(&sandbox, "size=1m", "mount -o remount,ro \"$2\"");
    sandbox.says(
        &said,
        str![[r#"
error: failed to open file `[ROOT]/mounted/wasmplugin/.bare.lock`: Read-only file system (os error 30)

help: make that path writable, or choose another place (`--target-dir`, `--to`)

"#]],
    );
}

#[test]
fn the_target_folder_is_a_file() {
    let sandbox = Sandbox::new();
    sandbox.write("bare.wasm", wat::parse_str(bare::TEXT).unwrap());
    sandbox.write("target", "");
    sandbox.refuses(
        &mut build(&sandbox, "", &["--module", "bare.wasm", "--quiet"]),
        101,
        str![[r#"
error: failed to create directory `[ROOT]/target/wasmplugin/.optimized/bare`: Not a directory (os error 20)

help: move away the file that is where a folder should be, or choose another place (`--target-dir`, `--to`)

"#]],
    );
}

// ---- the terminal ----------------------------------------------------------

#[test]
fn standard_output_is_full() {
    let sandbox = Sandbox::with_bare();
    let mut command = build(&sandbox, "bare", &["--quiet", "-o", "yaml"]);
    let full = fs_err::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command.stdout(full.into_parts().0).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let output = output.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(101), "{}", stderr(&output));
    sandbox.says(
        &stderr(&output),
        str![[r#"
error: failed to write to standard output: No space left on device (os error 28)

help: free some space on that disk, then run the command again

"#]],
    );
}

#[test]
fn the_command_line_is_wrong() {
    let sandbox = Sandbox::with_bare();
    sandbox.refuses(
        &mut build(&sandbox, "bare", &["--varaint", "oci"]),
        2,
        str![[r#"
error: unexpected argument '--varaint' found

  tip: a similar argument exists: '--variant'

Usage: cargo wasmplugin build --variant <VARIANT>

For more information, try '--help'.

"#]],
    );
    sandbox.refuses(
        &mut build(&sandbox, "bare", &["--variant", "docker"]),
        2,
        str![[r#"
error: invalid value 'docker' for '--variant <VARIANT>'
  [possible values: oci, compat]

For more information, try '--help'.

"#]],
    );
    sandbox.refuses(
        &mut build(&sandbox, "bare", &["--mesh", "istio-9.99"]),
        2,
        str![[r#"
error: invalid value 'istio-9.99' for '--mesh <MESH>': unknown mesh `istio-9.99`

  did you mean `istio-1.19`?
  the meshes known are istio-1.12 to istio-1.31, ossm-2.2 to ossm-3.2 and envoy-1.20 to envoy-1.40

For more information, try '--help'.

"#]],
    );
    sandbox.refuses(
        &mut build(&sandbox, "bare", &["--target", "wasm32-wasip2"]),
        2,
        str![[r#"
error: invalid value 'wasm32-wasip2' for '--target <TRIPLE>'
  [possible values: wasm32-wasip1, wasm32-unknown-unknown]

  tip: a similar value exists: 'wasm32-wasip1'

For more information, try '--help'.

"#]],
    );
    sandbox.refuses(
        &mut build(&sandbox, "bare", &["--annotation", "novalue"]),
        2,
        str![[r#"
error: invalid value 'novalue' for '--annotation <KEY=VALUE>': expected KEY=VALUE

For more information, try '--help'.

"#]],
    );
}

#[test]
fn a_module_whose_name_is_no_folder_of_ours() {
    let sandbox = Sandbox::new();
    for name in ["..wasm", "my.filter.wasm", "my filter.wasm"] {
        sandbox.write(name, plugin("", &[]));
        let assert = sandbox.tool(["build", "--module", name]).assert().code(101).stdout_eq("");
        let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(said.contains("letters, digits, `_` and `-` make the name of its output"), "{said}");
    }
    assert!(!sandbox.path("target").exists());
}

#[test]
fn a_damaged_result_of_the_optimizer_is_made_again() {
    let sandbox = Sandbox::new();
    sandbox.write("made.wasm", plugin("", &[]));
    sandbox.tool(["build", "--module", "made.wasm"]).assert().success();
    let digest = sandbox.read("target/wasmplugin/made/digest");
    let kept = sandbox.path("target/wasmplugin/.optimized/made");
    let kept = kept.read_dir_utf8().unwrap().next().unwrap().unwrap().into_path();
    fs_err::write(&kept, b"\0asm\x01\0").unwrap();
    fs_err::remove_dir_all(sandbox.path("target/wasmplugin/made")).unwrap();
    sandbox.tool(["build", "--module", "made.wasm"]).assert().success();
    assert_eq!(sandbox.read("target/wasmplugin/made/digest"), digest);
}

#[test]
fn doubts_about_the_resource_stop_where_warnings_are_denied() {
    let sandbox = Sandbox::new();
    sandbox.write("made.wasm", plugin("", &[]));
    let resource = "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata:\n  name: made\n\
                    spec:\n  somethingNew: 1\n";
    sandbox.write("wasmplugin.yaml", resource);
    let args = ["build", "--module", "made.wasm", "--image", "quay.io/acme/made"];
    sandbox.tool(args).assert().success();
    assert!(sandbox.read("target/wasmplugin/made/wasmplugin.yaml").contains("somethingNew: 1"));
    sandbox.tool(args).arg("--deny-warnings").assert().code(1);
}
