//! The user's flags and profiles are respected, and the artifacts of a plain build stay fresh.

use crate::support::running::{Said, process};
use crate::support::{Sandbox, bare, package};

const OUTPUT: &str = "bare/target/wasmplugin/bare";

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
        let settings = format!("image = \"localhost:5000/acme/{name}\"\n{settings}");
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
        let output = sandbox.path("target/wasmplugin").join(name);
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
        .map(|name| fs_err::read(sandbox.path("alone/wasmplugin").join(name).join("plugin.wasm")).unwrap());
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
