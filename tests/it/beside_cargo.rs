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

#[test]
fn what_rust_developers_type_is_accepted() {
    let sandbox = Sandbox::with_bare();
    let build = |args: &[&str]| Said::of(&mut sandbox.process_in("bare", [&["build"], args].concat()));
    for release in ["--release", "-r"] {
        let said = build(&[release]).done();
        assert!(
            said.stderr.contains("note: `--release` has no effect: filters are always optimized"),
            "{}",
            said.stderr
        );
    }
    build(&["--all", "--keep-going", "--ignore-rust-version"]).done();
    assert_eq!(build(&["--release", "--profile", "dev"]).code, Some(2));
    let said = build(&["--timings"]).done();
    assert!(said.stderr.contains("Timing report saved to"), "{}", said.stderr);
    let said = build(&["-Z", "unstable-options"]);
    assert!(said.stderr.contains("the `-Z` flag is only accepted on the nightly channel"), "{}", said.stderr);
    let said = build(&["-v"]).done();
    assert!(said.stderr.contains("       Fresh bare v0.1.0"), "{}", said.stderr);
}

#[test]
fn a_package_is_named_as_cargo_names_it() {
    let sandbox = Sandbox::new();
    sandbox.write("Cargo.toml", "[workspace]\nmembers = [\"one\", \"two\"]\nresolver = \"3\"\n");
    ["one", "two"].iter().for_each(|name| sandbox.add_bare(name));
    let url = format!("file://{}", sandbox.path("one"));
    let specs = ["", "path+"].iter().flat_map(|kind| {
        ["", "#0.1.0", "#one@0.1.0", "#one"].map(|fragment| format!("{kind}{url}{fragment}"))
    });
    for spec in specs {
        let said = Said::of(&mut sandbox.process_in("", ["build", "-p", &spec])).done();
        assert!(
            said.stderr.contains("Finished one") && !said.stderr.contains("Finished two"),
            "{}",
            said.stderr
        );
    }
    for spec in [format!("{url}#0.2.0"), format!("{url}#two@0.1.0"), format!("{url}x")] {
        let said = Said::of(&mut sandbox.process_in("", ["build", "-p", &spec]));
        assert_eq!(said.code, Some(2), "{}", said.stderr);
    }
}

#[test]
fn a_service_with_filters_as_members_is_not_told_to_become_a_cdylib() {
    let sandbox = Sandbox::new();
    let package = "[package]\nname = \"service\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    sandbox.write("Cargo.toml", format!("{package}\n[workspace]\nmembers = [\"filter\"]\n"));
    sandbox.write("src/main.rs", "fn main() {}\n");
    sandbox.add_bare("filter");
    let build = |args: &[&str]| Said::of(&mut sandbox.process_in("", [&["build"], args].concat()));
    let said = build(&[]).failed(&["`service` can't be built", "with `-p` or `--workspace`: `filter`"]);
    assert!(!said.stderr.contains("crate-type"), "{}", said.stderr);
    // The advice works.
    build(&["-p", "filter"]).done();
    build(&["--workspace"]).done();

    sandbox.write("Cargo.toml", package);
    build(&[]).failed(&[
        "it has no library",
        "from `src/main.rs` to `src/lib.rs`",
        "crate-type = [\"cdylib\"]",
    ]);
    sandbox.write("src/lib.rs", sandbox.read("filter/src/lib.rs"));
    fs_err::remove_file(sandbox.path("src/main.rs")).unwrap();
    sandbox.write("Cargo.toml", format!("{package}\n[lib]\ncrate-type = [\"cdylib\"]\n"));
    build(&[]).done();
}

#[test]
fn cargos_variables_are_respected() {
    let sandbox = Sandbox::with_bare();
    let with =
        |args: &[&str], name: &str, value: &str| Said::of(sandbox.process_in("bare", args).env(name, value));
    assert_eq!(with(&["build"], "CARGO_TERM_QUIET", "true").done().stderr, "");
    assert!(with(&["build", "-v"], "CARGO_TERM_QUIET", "true").done().stderr.contains("Finished bare"));
    for (args, stream) in
        [(&["build", "--nonsense"][..], 2), (&["build", "--help"], 1), (&["help", "build"], 1)]
    {
        let text = |said: Said| if stream == 1 { said.stdout } else { said.stderr };
        assert!(text(with(args, "CARGO_TERM_COLOR", "always")).contains("\u{1b}["), "{args:?}");
        assert!(!text(with(args, "CARGO_TERM_COLOR", "never")).contains("\u{1b}["), "{args:?}");
    }
    let said = with(&["build", "--nonsense", "--color", "always"], "CARGO_TERM_COLOR", "never");
    assert!(said.stderr.contains("\u{1b}["), "{}", said.stderr);
}
