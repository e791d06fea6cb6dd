//! What cargo and the developers who use it notice of this program.

use crate::support::Sandbox;
use crate::support::running::{Said, process};

#[test]
fn a_new_target_directory_has_cargos_tag() {
    for args in [&["build"][..], &["build", "--target-dir", "elsewhere"]] {
        let sandbox = Sandbox::with_bare();
        Said::of(&mut sandbox.process_in("bare", args)).done();
        let tag =
            sandbox.read(format!("bare/{}/CACHEDIR.TAG", args.last().unwrap().replace("build", "target")));
        assert!(tag.starts_with("Signature: 8a477f597d28d172789f06886806bc55\n"), "{tag}");
    }
    let sandbox = Sandbox::new();
    sandbox.write("made.wasm", wat::parse_str(crate::support::bare::TEXT).unwrap());
    Said::of(&mut sandbox.process_in("", ["build", "--module", "made.wasm"])).done();
    assert!(sandbox.path("target/CACHEDIR.TAG").exists());
    // An existing directory belongs to its creator.
    let sandbox = Sandbox::with_bare();
    fs_err::create_dir(sandbox.path("bare/target")).unwrap();
    Said::of(&mut sandbox.process_in("bare", ["build"])).done();
    assert!(!sandbox.path("bare/target/CACHEDIR.TAG").exists());
}

#[test]
fn errors_of_the_compiler_name_paths_that_exist() {
    let sandbox = Sandbox::with_bare();
    sandbox.write(
        "helper/Cargo.toml",
        "[package]\nname = \"helper\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    );
    sandbox.write("helper/src/lib.rs", "pub fn length() -> usize {\n    5\n}\n");
    let manifest = sandbox.read("bare/Cargo.toml");
    sandbox.write(
        "bare/Cargo.toml",
        format!("{manifest}\n[dependencies]\nhelper = {{ path = \"../helper\" }}\n"),
    );
    let source = sandbox.read("bare/src/lib.rs");
    sandbox
        .write("bare/src/lib.rs", format!("{source}\nfn wrong() -> String {{\n    helper::length()\n}}\n"));
    let mut build = sandbox.process_in("bare", ["build"]);
    let said = Said::of(build.env("CARGO_TERM_COLOR", "never"));
    assert_eq!(said.code, Some(101), "{}", said.stderr);
    assert!(said.stderr.contains("--> src/lib.rs:"), "{}", said.stderr);

    sandbox.write("helper/src/lib.rs", "pub fn length() -> usize {\n    \"\"\n}\n");
    let said = Said::of(&mut sandbox.process_in("bare", ["build"]));
    let path = said.stderr.split("--> ").nth(1).and_then(|rest| rest.split(':').next()).unwrap();
    assert!(sandbox.path("bare").join(path).exists(), "{}", said.stderr);
}

#[test]
fn no_profile_and_no_package_name_collides_with_the_output() {
    // Cargo has directories with these names for each profile.
    for name in ["deps", "build", "examples", "incremental"] {
        let sandbox = Sandbox::new();
        sandbox.add_bare(name);
        let profile = "\n[profile.wasmplugin]\ninherits = \"release\"\n";
        let manifest = sandbox.read(format!("{name}/Cargo.toml")) + profile;
        sandbox.write(format!("{name}/Cargo.toml"), manifest);
        let said = Said::of(&mut sandbox.process_in(name, ["build"])).done();
        assert!(
            said.stderr.contains(&format!("Finished {name} in target/wasmplugin.d/{name}\n")),
            "{}",
            said.stderr
        );
        let mut cargo = process("cargo");
        cargo.current_dir(sandbox.path(name)).args(["build", "--profile", "wasmplugin", "--quiet"]);
        Said::of(&mut cargo).done();
        let said = Said::of(&mut sandbox.process_in(name, ["build"])).done();
        assert!(!said.stderr.contains("Compiling"), "{}", said.stderr);
        assert!(sandbox.path(format!("{name}/target/wasmplugin.d/{name}/wasmplugin.yaml")).exists());
    }
}

#[test]
fn resources_of_all_kinds_stay_as_long_as_they_are_current() {
    let sandbox = Sandbox::with_bare();
    let build = |args: &[&str]| {
        Said::of(&mut sandbox.process_in("bare", [&["build"], args].concat())).done();
        let output = fs_err::read_dir(sandbox.path("bare/target/wasmplugin.d/bare")).unwrap();
        let mut files: Vec<_> =
            output.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        files.retain(|name| name.ends_with(".yaml"));
        files.sort();
        files
    };
    assert_eq!(build(&[]), ["wasmplugin.yaml"]);
    assert_eq!(build(&["--kind", "envoy"]), ["envoy.yaml", "wasmplugin.yaml"]);
    let extension = ["--kind", "TrafficExtension"];
    assert_eq!(build(&extension), ["envoy.yaml", "trafficextension.yaml", "wasmplugin.yaml"]);
    assert_eq!(build(&[]), ["envoy.yaml", "trafficextension.yaml", "wasmplugin.yaml"]);
    // A resource that would pin another image, or have other fields, is removed.
    assert_eq!(build(&["--tag", "2"]), ["envoy.yaml", "wasmplugin.yaml"]);
    assert_eq!(build(&["--phase", "AUTHN", "--kind", "envoy"]), ["envoy.yaml"]);
    sandbox.write(
        "bare/src/lib.rs",
        sandbox.read("bare/src/lib.rs") + "\n#[unsafe(no_mangle)]\npub extern \"C\" fn more() {}\n",
    );
    // That of an Envoy names the file of the module.
    assert_eq!(build(&extension), ["envoy.yaml", "trafficextension.yaml"]);
}
