//! The user's flags and profiles are respected, and the artifacts of a plain build stay fresh.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::running::{Said, process};
use crate::support::{Sandbox, bare, package, tree};

const OUTPUT: &str = "bare/target/wasmplugin.d/bare";

/// The filter `bare`, which only compiles with `--cfg wanted`.
fn demanding() -> Sandbox {
    let sandbox = Sandbox::with_bare();
    let demand =
        "#![allow(unexpected_cfgs)]\n#[cfg(not(wanted))]\ncompile_error!(\"the flag did not arrive\");\n";
    sandbox.write("bare/src/lib.rs", format!("{demand}{}", bare::SOURCE.replace("//!", "//")));
    sandbox
}

#[test]
fn without_the_flag_it_does_not_compile() {
    let sandbox = demanding();
    let said = Said::of(&mut sandbox.process_in("bare", ["build"]));
    assert_eq!(said.code, Some(101));
    assert!(said.stderr.contains("the flag did not arrive"), "{}", said.stderr);
}

#[test]
fn flags_of_the_environment_reach_the_compiler() {
    for (name, value) in [
        ("RUSTFLAGS", "--cfg wanted -Cdebuginfo=0"),
        ("CARGO_ENCODED_RUSTFLAGS", "--cfg\u{1f}wanted\u{1f}-Cdebuginfo=0"),
        ("CARGO_BUILD_RUSTFLAGS", "--cfg wanted"),
        ("CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS", "--cfg wanted"),
    ] {
        let sandbox = demanding();
        Said::of(sandbox.process_in("bare", ["build"]).env(name, value)).done();
        package::check(&sandbox.path(OUTPUT)).unwrap();
    }
}

#[test]
fn flags_of_the_configuration_reach_the_compiler() {
    for table in ["build", "target.wasm32-wasip1", "target.'cfg(target_arch = \"wasm32\")'"] {
        for flags in ["[\"--cfg\", \"wanted\"]", "\"--cfg wanted\""] {
            let sandbox = demanding();
            sandbox.write("bare/.cargo/config.toml", format!("[{table}]\nrustflags = {flags}\n"));
            Said::of(&mut sandbox.process_in("bare", ["build"])).done();
            package::check(&sandbox.path(OUTPUT)).unwrap();
        }
    }
}

#[test]
fn flags_of_included_configuration_reach_the_compiler() {
    for include in ["include = [\"more/flags.toml\"]", "include = [{ path = \"more/flags.toml\" }]"] {
        let sandbox = demanding();
        sandbox.write("bare/.cargo/config.toml", include);
        sandbox.write("bare/.cargo/more/flags.toml", "[build]\nrustflags = [\"--cfg\", \"wanted\"]\n");
        Said::of(&mut sandbox.process_in("bare", ["build"])).done();
        package::check(&sandbox.path(OUTPUT)).unwrap();
    }
}

#[test]
fn flags_of_arguments_reach_the_compiler() {
    let sandbox = demanding();
    sandbox.write("bare/flags.toml", "[build]\nrustflags = [\"--cfg\", \"wanted\"]\n");
    for config in
        ["build.rustflags=['--cfg','wanted']", "target.wasm32-wasip1.rustflags='--cfg wanted'", "flags.toml"]
    {
        Said::of(&mut sandbox.process_in("bare", ["build", "--config", config])).done();
        package::check(&sandbox.path(OUTPUT)).unwrap();
        assert_eq!(Said::of(&mut sandbox.process_in("bare", ["build"])).code, Some(101));
    }
}

/// Cargo merges them, which no other program has to know.
#[test]
fn flags_of_several_places_reach_the_compiler_together() {
    let sandbox = demanding();
    let source = sandbox.read("bare/src/lib.rs").replace("not(wanted)", "not(all(wanted, needed))");
    sandbox.write("bare/src/lib.rs", source);
    sandbox.write("bare/.cargo/config.toml", "[build]\nrustflags = [\"--cfg\", \"wanted\"]\n");
    let said = Said::of(&mut sandbox.process_in("bare", ["build"]));
    assert_eq!(said.code, Some(101), "{}", said.stderr);
    let mut command = sandbox.process_in("bare", ["build"]);
    Said::of(command.env("CARGO_BUILD_RUSTFLAGS", "--cfg needed")).done();
    Said::of(&mut sandbox.process_in("bare", ["build", "--config", "build.rustflags=['--cfg','needed']"]))
        .done();
}

#[test]
fn configuration_that_cargo_accepts_is_accepted() {
    let sandbox = Sandbox::with_bare();
    for config in [
        "[build]\njobs = \"default\"\n",
        "[build]\nrustc-wrapper = \"\"\n",
        "[build]\nrustc-workspace-wrapper = \"\"\n",
        "[unstable]\nbuild-std = [\"std\", \"panic_abort\"]\n",
        "[target.'cfg(target_family = \"wasm\")']\nrustflags = []\n",
        "[alias]\nb = \"build\"\n[future]\nkey = { of = [\"another\", 7] }\n",
    ] {
        sandbox.write("bare/.cargo/config.toml", config);
        Said::of(&mut sandbox.process_in("bare", ["build"])).done();
        package::check(&sandbox.path(OUTPUT)).unwrap();
    }
    sandbox.write("bare/.cargo/config.toml", "[build\n");
    let said = Said::of(&mut sandbox.process_in("bare", ["build"]));
    assert_eq!(said.code, Some(101));
    assert!(said.stderr.contains("could not parse TOML configuration"), "{}", said.stderr);
}

/// A wrapper that writes a file, and runs rustc.
fn wrapper(sandbox: &Sandbox, name: &str) {
    let called = sandbox.path(format!("called-{name}"));
    sandbox.write(format!("bare/bin/{name}"), format!("#!/bin/sh\ntouch '{called}'\nexec \"$@\"\n"));
    let path = sandbox.path(format!("bare/bin/{name}"));
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn wrappers_of_rustc_still_run() {
    let sandbox = Sandbox::with_bare();
    for name in ["config", "variable", "workspace"] {
        wrapper(&sandbox, name);
    }
    Said::of(&mut sandbox.process_in("bare", ["build"])).done();
    let reference = fs_err::read(sandbox.path(OUTPUT).join("plugin.wasm")).unwrap();
    let called = |variable: Option<&str>| {
        if sandbox.path("bare/target").exists() {
            fs_err::remove_dir_all(sandbox.path("bare/target")).unwrap();
        }
        let mut command = sandbox.process_in("bare", ["build"]);
        command.envs(variable.map(|value| ("RUSTC_WRAPPER", value)));
        Said::of(&mut command).done();
        assert!(fs_err::read(sandbox.path(OUTPUT).join("plugin.wasm")).unwrap() == reference);
        ["config", "variable", "workspace"].map(|name| {
            let path = sandbox.path(format!("called-{name}"));
            let was_called = path.exists();
            let _ = fs_err::remove_file(path);
            was_called
        })
    };
    let absolute = sandbox.path("bare/bin/variable");
    assert_eq!(called(None), [false, false, false]);
    assert_eq!(called(Some(absolute.as_str())), [false, true, false]);
    assert_eq!(called(Some("bin/variable")), [false, true, false]);
    let config = "[build]\nrustc-wrapper = \"bin/config\"\nrustc-workspace-wrapper = \"bin/workspace\"\n";
    sandbox.write("bare/.cargo/config.toml", config);
    assert_eq!(called(None), [true, false, true]);
    assert_eq!(called(Some(absolute.as_str())), [false, true, true]);
    assert_eq!(called(Some("")), [false, false, true]);
}

#[test]
fn the_flags_of_another_target_do_not_reach_the_compiler() {
    let sandbox = demanding();
    sandbox.write(
        "bare/.cargo/config.toml",
        "[target.wasm32-unknown-unknown]\nrustflags = [\"--cfg\", \"wanted\"]\n",
    );
    assert_eq!(Said::of(&mut sandbox.process_in("bare", ["build"])).code, Some(101));
    Said::of(&mut sandbox.process_in("bare", ["build", "--target", "wasm32-unknown-unknown"])).done();
}

#[test]
fn a_profile_of_the_workspace_is_used() {
    let sandbox = demanding();
    let manifest = sandbox.read("bare/Cargo.toml");
    // Debug assertions are off in the release profile, so this shows which profile is used.
    let demand = "#[cfg(not(debug_assertions))]\ncompile_error!(\"another profile\");\n";
    sandbox.write("bare/src/lib.rs", format!("{demand}{}", bare::SOURCE.replace("//!", "//")));
    let fails = |args: &[&str]| {
        let said = Said::of(&mut sandbox.process_in("bare", args));
        assert!(said.stderr.contains("another profile"), "{}", said.stderr);
        assert_eq!(said.code, Some(101));
    };
    fails(&["build"]);
    let profile = |name: &str| {
        format!(
            "{manifest}\n[profile.{name}]\ninherits = \"release\"\ndebug-assertions = true\npanic = \"abort\"\n"
        )
    };
    sandbox.write("bare/Cargo.toml", profile("mine"));
    fails(&["build"]);
    Said::of(&mut sandbox.process_in("bare", ["build", "--profile", "mine"])).done();
    package::check(&sandbox.path(OUTPUT)).unwrap();
    sandbox.write("bare/Cargo.toml", profile("wasmplugin"));
    Said::of(&mut sandbox.process_in("bare", ["build"])).done();
    // The command line overrides everything.
    sandbox.write("bare/Cargo.toml", &manifest);
    Said::of(
        &mut sandbox.process_in("bare", ["build", "--config", "profile.wasmplugin.debug-assertions=true"]),
    )
    .done();
}

#[test]
fn a_profile_of_the_configuration_is_used() {
    let demand = "#[cfg(not(debug_assertions))]\ncompile_error!(\"another profile\");\n";
    let sandbox = Sandbox::with_bare();
    let plain = || {
        Said::of(&mut sandbox.process_in("bare", ["build"])).done();
        fs_err::read(sandbox.path(OUTPUT).join("plugin.wasm")).unwrap()
    };
    let reference = plain();
    // A value that is ours by default.
    sandbox.write("bare/.cargo/config.toml", "[profile.wasmplugin]\nopt-level = 3\nlto = \"fat\"\n");
    assert!(plain() == reference);
    sandbox.write("bare/src/lib.rs", format!("{demand}{}", bare::SOURCE.replace("//!", "//")));
    sandbox.write("bare/.cargo/config.toml", "[profile.wasmplugin]\ndebug-assertions = true\n");
    Said::of(&mut sandbox.process_in("bare", ["build"])).done();
    fs_err::remove_file(sandbox.path("bare/.cargo/config.toml")).unwrap();
    let mut command = sandbox.process_in("bare", ["build"]);
    Said::of(command.env("CARGO_PROFILE_WASMPLUGIN_DEBUG_ASSERTIONS", "true")).done();
    // One that this program sets too.
    let mut command = sandbox.process_in("bare", ["build", "--verbose"]);
    command.env("CARGO_PROFILE_WASMPLUGIN_OPT_LEVEL", "1");
    let said = Said::of(command.env("CARGO_PROFILE_WASMPLUGIN_DEBUG_ASSERTIONS", "true")).done().stderr;
    assert!(said.contains("profile.wasmplugin.lto=true"), "{said}");
    assert!(!said.contains("profile.wasmplugin.opt-level"), "{said}");
}

#[test]
fn configuration_of_the_machine_is_reported() {
    let sandbox = Sandbox::with_bare();
    let warnings = || {
        let said = Said::of(&mut sandbox.process_in("bare", ["build", "--quiet"])).done().stderr;
        said.lines().filter(|line| line.starts_with("warning: `")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(warnings(), [""; 0]);
    sandbox.write("bare/.cargo/config.toml", "[build]\nrustflags = [\"-Ctarget-cpu=native\"]\n");
    let native = warnings();
    assert!(native.len() == 1 && native[0].contains("`target-cpu=native` in `"), "{native:?}");
    // The advice helps.
    let flags = "[target.'cfg(not(target_family = \"wasm\"))']\nrustflags = [\"-Ctarget-cpu=native\"]\n";
    sandbox.write("bare/.cargo/config.toml", flags);
    assert_eq!(warnings(), [""; 0]);
    sandbox.write("bare/.cargo/config.toml", format!("paths = [\"{}\"]\n", sandbox.path("replaced")));
    sandbox.write("replaced/Cargo.toml", "[package]\nname = \"replaced\"\n[lib]\n");
    sandbox.write("replaced/src/lib.rs", "");
    let paths = warnings();
    assert!(paths.len() == 1 && paths[0].contains("`paths` in `"), "{paths:?}");
}

#[test]
fn the_environment_of_a_release_profile_is_reported() {
    let sandbox = Sandbox::with_bare();
    let build = |variables: &[(&str, &str)]| {
        let said =
            Said::of(sandbox.process_in("bare", ["build"]).envs(variables.iter().copied())).done().stderr;
        let module = fs_err::read(sandbox.path(OUTPUT).join("plugin.wasm")).unwrap();
        (said.matches("inherits `release`").count(), module)
    };
    let (warnings, reference) = build(&[]);
    assert_eq!(warnings, 0);
    // Incremental compilation would change larger modules.
    let is_incremental = || {
        let files = tree::files(&sandbox.path("bare/target")).unwrap();
        files.keys().any(|path| path.components().any(|part| part.as_str() == "incremental"))
    };
    for (variable, config) in [
        (("CARGO_INCREMENTAL", "1"), ""),
        (("CARGO_BUILD_INCREMENTAL", "true"), ""),
        (("CARGO_BUILD_JOBS", "1"), "[build]\nincremental = true\n"),
    ] {
        sandbox.write("bare/.cargo/config.toml", config);
        sandbox.write("bare/src/lib.rs", format!("{}// {variable:?}\n", bare::SOURCE));
        assert!(build(&[variable]) == (0, reference.clone()), "{variable:?}");
        assert!(!is_incremental(), "{variable:?}");
    }
    assert_eq!(build(&[("CARGO_PROFILE_RELEASE_DEBUG", "true")]).0, 1);
    // Everybody who builds the workspace has this file, but not the next one.
    sandbox.write("bare/.cargo/config.toml", "[profile.release]\ndebug = true\n");
    assert_eq!(build(&[]).0, 0);
    sandbox.write(".cargo/config.toml", "[profile.release]\ndebug = true\n");
    assert_eq!(build(&[]).0, 1);
}

/// Runs cargo itself in a directory of the sandbox, and returns its standard error.
fn cargo(sandbox: &Sandbox, below: &str, args: &[&str]) -> String {
    Said::of(process("cargo").current_dir(sandbox.path(below)).args(args)).done().stderr
}

#[test]
fn a_plain_build_stays_fresh() {
    let sandbox = Sandbox::with_bare();
    let plain = ["build", "--release", "--target", "wasm32-wasip1"];
    assert!(cargo(&sandbox, "bare", &plain).contains("Compiling bare"));
    assert!(Said::of(&mut sandbox.process_in("bare", ["build"])).done().stderr.contains("Compiling bare"));
    for _ in 0..2 {
        let said = cargo(&sandbox, "bare", &plain);
        assert!(!said.contains("Compiling"), "{said}");
        let said = Said::of(&mut sandbox.process_in("bare", ["build"])).done().stderr;
        assert!(!said.contains("Compiling"), "{said}");
    }
}

#[test]
fn plugins_of_a_workspace_can_differ_in_target_and_optimization() {
    let sandbox = Sandbox::new();
    sandbox.write("Cargo.toml", "[workspace]\nmembers = [\"a\", \"b\", \"c\"]\nresolver = \"3\"\n");
    for (name, settings) in [
        ("a", ""),
        ("b", "optimize = \"size\"\ntarget = \"wasm32-unknown-unknown\"\n"),
        ("c", "optimize = \"none\"\n"),
    ] {
        let settings = format!("image = \"registry.example:5000/acme/{name}\"\n{settings}");
        sandbox.write(format!("{name}/Cargo.toml"), bare::manifest(name, &settings));
        // Only WASI needs imports, and only an unoptimized module keeps unused code.
        let source = format!("{}{}", bare::SOURCE, PRINTING);
        sandbox.write(format!("{name}/src/lib.rs"), source);
    }
    let built = Said::of(&mut sandbox.process_in("", ["build", "--workspace", "-o", "json"])).done();
    let report: serde_json::Value = serde_json::from_str(&built.stdout).unwrap();
    let packages = report["packages"].as_array().unwrap();
    let levels: Vec<_> = packages
        .iter()
        .map(|package| (package["name"].as_str().unwrap(), package["module"]["optimize"].as_str().unwrap()))
        .collect();
    assert_eq!(levels, [("a", "speed"), ("b", "size"), ("c", "none")]);
    let module = |name: &str| {
        let output = sandbox.path("target/wasmplugin.d").join(name);
        package::check(&output).unwrap();
        fs_err::read(output.join("plugin.wasm")).unwrap()
    };
    let imports_wasi = |module: &[u8]| module.windows(9).any(|window| window == b"wasi_snap");
    assert!(imports_wasi(&module("a")) && imports_wasi(&module("c")));
    assert!(!imports_wasi(&module("b")));
    assert!(
        module("c").len() > module("a").len(),
        "{} is not more than {}",
        module("c").len(),
        module("a").len()
    );
    // Building each one separately gives the same modules.
    let together = ["a", "b", "c"].map(module);
    for name in ["a", "b", "c"] {
        Said::of(&mut sandbox.process_in(name, ["build", "--target-dir", "../alone"])).done();
    }
    let alone = ["a", "b", "c"]
        .map(|name| fs_err::read(sandbox.path("alone/wasmplugin.d").join(name).join("plugin.wasm")).unwrap());
    assert!(together == alone);
}

/// A callback that writes to standard error, which does nothing on a target without an operating system.
const PRINTING: &str = r#"
#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_done(context: u32) -> u32 {
    eprintln!("{context} is done");
    1
}
"#;
