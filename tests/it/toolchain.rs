//! Toolchains without the standard library for the target.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use snapbox::str;

use crate::support::running::Said;
use crate::support::{Sandbox, package};

fn script(sandbox: &Sandbox, below: &str, text: &str) {
    sandbox.write(below, format!("#!/bin/sh\n{text}\n"));
    fs_err::set_permissions(sandbox.path(below), std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A toolchain without any standard library: rustc with another sysroot. With `by_rustup`, it is located where rustup
/// installs toolchains.
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

/// Builds with that toolchain.
fn poor_build(sandbox: &Sandbox, args: &[&str]) -> Command {
    let mut command = sandbox.process_in("bare", ["build"]);
    command.args(args);
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", sandbox.path("bin"))).env("RUSTC", sandbox.path("bin/rustc"));
    // If the tests run under rustup, these variables name its toolchain.
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

help: install it in the same way as Rust itself:
      
          rustup        rustup target add wasm32-wasip1
          Fedora, RHEL  dnf install rust-std-static-wasm32-wasip1
          Debian        apt install libstd-rust-dev-wasm32
          from source   RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_abort cargo wasmplugin build
      
      the last command needs the component rust-src, and wasi-libc for wasm32-wasip1

"#]],
    );
    assert!(!sandbox.path("bare/target/wasmplugin.d/bare").exists());
}

#[test]
fn the_target_is_missing_and_offline_forbids_to_fetch_it() {
    let sandbox = Sandbox::with_bare();
    poor_toolchain(&sandbox, true);
    script(&sandbox, "bin/rustup", "touch ../called");
    sandbox.refuses(&mut poor_build(&sandbox, &["--offline"]), 101, str![[r#"
error: the standard library for wasm32-wasip1 is not installed in `[ROOT]/rustup/toolchains/poor`, and can't be installed offline

help: install it in the same way as Rust itself:
      
          rustup        rustup target add wasm32-wasip1
          Fedora, RHEL  dnf install rust-std-static-wasm32-wasip1
          Debian        apt install libstd-rust-dev-wasm32
          from source   RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_abort cargo wasmplugin build
      
      the last command needs the component rust-src, and wasi-libc for wasm32-wasip1

"#]]);
    sandbox.refuses(&mut poor_build(&sandbox, &["--frozen"]), 101, str![[r#"
error: the standard library for wasm32-wasip1 is not installed in `[ROOT]/rustup/toolchains/poor`, and can't be installed offline

help: install it in the same way as Rust itself:
      
          rustup        rustup target add wasm32-wasip1
          Fedora, RHEL  dnf install rust-std-static-wasm32-wasip1
          Debian        apt install libstd-rust-dev-wasm32
          from source   RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_abort cargo wasmplugin build
      
      the last command needs the component rust-src, and wasi-libc for wasm32-wasip1

"#]]);
    sandbox.refuses(poor_build(&sandbox, &[]).env("CARGO_NET_OFFLINE", "true"), 101, str![[r#"
error: the standard library for wasm32-wasip1 is not installed in `[ROOT]/rustup/toolchains/poor`, and can't be installed offline

help: install it in the same way as Rust itself:
      
          rustup        rustup target add wasm32-wasip1
          Fedora, RHEL  dnf install rust-std-static-wasm32-wasip1
          Debian        apt install libstd-rust-dev-wasm32
          from source   RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_abort cargo wasmplugin build
      
      the last command needs the component rust-src, and wasi-libc for wasm32-wasip1

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
error: the standard library for wasm32-wasip1 is not installed in `[ROOT]/rustup/toolchains/poor`, and rustup failed to install it

Caused by:
  `rustup target add --toolchain poor wasm32-wasip1` failed (exit status: 1)
    error: could not download the manifest

help: install it in the same way as Rust itself:
      
          rustup        rustup target add wasm32-wasip1
          Fedora, RHEL  dnf install rust-std-static-wasm32-wasip1
          Debian        apt install libstd-rust-dev-wasm32
          from source   RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_abort cargo wasmplugin build
      
      the last command needs the component rust-src, and wasi-libc for wasm32-wasip1

"#]]);
    // The exit code of rustup isn't enough.
    script(&sandbox, "bin/rustup", "echo 'info: component rust-std is up to date' >&2");
    sandbox.refuses(&mut poor_build(&sandbox, &[]), 101, str![[r#"
  Installing wasm32-wasip1 with rustup
error: the standard library for wasm32-wasip1 is not installed in `[ROOT]/rustup/toolchains/poor`, although rustup reports that it is

help: install it in the same way as Rust itself:
      
          rustup        rustup target add wasm32-wasip1
          Fedora, RHEL  dnf install rust-std-static-wasm32-wasip1
          Debian        apt install libstd-rust-dev-wasm32
          from source   RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_abort cargo wasmplugin build
      
      the last command needs the component rust-src, and wasi-libc for wasm32-wasip1

"#]]);
    assert!(!sandbox.path("bare/target/wasmplugin.d/bare").exists());
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
    let said = Said::of(&mut poor_build(&sandbox, &[])).done().stderr;
    assert!(said.starts_with("  Installing wasm32-wasip1 with rustup\n"), "{said}");
    package::check(&sandbox.path("bare/target/wasmplugin.d/bare")).unwrap();
    let said = Said::of(&mut poor_build(&sandbox, &[])).done().stderr;
    assert!(!said.contains("Installing"), "{said}");
}
