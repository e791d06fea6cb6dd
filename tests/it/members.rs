//! Each package gets its own module, and the same one whatever else is built.

use camino::Utf8PathBuf;

use crate::support::running::{Said, process};
use crate::support::{Sandbox, bare, package};

/// A filter that exports a function with this name, so that its module can be recognized.
fn source(marker: &str) -> String {
    format!("{}\n#[unsafe(no_mangle)]\npub extern \"C\" fn {marker}() {{}}\n", bare::SOURCE)
}

/// Adds a filter that exports its own name. `more` is the end of its Cargo.toml.
fn add(sandbox: &Sandbox, name: &str, library: &str, more: &str) {
    let settings = format!("image = \"registry.example:5000/acme/{name}\"\n");
    let manifest = bare::manifest(name, &settings);
    let manifest = manifest.replace("crate-type", &format!("name = \"{library}\"\ncrate-type"));
    sandbox.write(format!("{name}/Cargo.toml"), format!("{manifest}\n{more}"));
    sandbox.write(format!("{name}/src/lib.rs"), source(&format!("this_is_{name}")));
}

fn workspace(sandbox: &Sandbox, members: &[&str]) {
    sandbox.write("Cargo.toml", format!("[workspace]\nmembers = {members:?}\nresolver = \"3\"\n"));
}

fn build(sandbox: &Sandbox, below: &str, args: &[&str]) {
    Said::of(sandbox.process_in(below, ["build"]).args(args)).done();
}

/// The module in the output directory of a package.
fn module(sandbox: &Sandbox, target_dir: &str, name: &str) -> Vec<u8> {
    let output: Utf8PathBuf = sandbox.path(target_dir).join("wasmplugin.d").join(name);
    package::check(&output).unwrap();
    fs_err::read(output.join("plugin.wasm")).unwrap()
}

fn holds(module: &[u8], text: &str) -> bool {
    module.windows(text.len()).any(|window| window == text.as_bytes())
}

/// The module exports its own name and none of the others.
fn assert_own(sandbox: &Sandbox, target_dir: &str, names: &[&str]) {
    for name in names {
        let module = module(sandbox, target_dir, name);
        for other in names {
            assert_eq!(
                holds(&module, &format!("this_is_{other}")),
                name == other,
                "`{name}` holds `{other}`"
            );
        }
    }
}

/// The modules of packages that were each built alone, in a new directory.
fn alone(sandbox: &Sandbox, names: &[&str], args: &[&str]) -> Vec<Vec<u8>> {
    names
        .iter()
        .map(|name| {
            let target_dir = format!("alone-{name}");
            let path = sandbox.path(&target_dir);
            build(sandbox, "", &[&["-p", name, "--target-dir", path.as_str()], args].concat());
            module(sandbox, &target_dir, name)
        })
        .collect()
}

/// Builds the packages together, one by one and in another order. Each module stays the one that was built alone.
fn assert_independent(sandbox: &Sandbox, names: &[&str], args: &[&str]) {
    let expected = alone(sandbox, names, args);
    let one_by_one = names.iter().chain(names.iter().rev()).map(|name| vec!["-p", name]);
    for selection in [vec!["--workspace"]].into_iter().chain(one_by_one).chain([vec!["--workspace"]]) {
        build(sandbox, "", &[&selection[..], args].concat());
        for (name, expected) in names.iter().zip(&expected) {
            // A package that isn't selected keeps its output.
            assert!(module(sandbox, "target", name) == *expected, "`{name}` differs after {selection:?}");
        }
    }
}

#[test]
fn members_can_share_the_name_of_their_library() {
    let sandbox = Sandbox::new();
    workspace(&sandbox, &["a", "b", "c"]);
    add(&sandbox, "a", "filter", "");
    add(&sandbox, "b", "filter", "");
    add(&sandbox, "c", "c", "");
    build(&sandbox, "", &[]);
    assert_own(&sandbox, "target", &["a", "b", "c"]);
    assert_independent(&sandbox, &["a", "b", "c"], &[]);
    // Only one of them changes.
    sandbox.write("a/src/lib.rs", source("this_is_a_new"));
    for selection in [&["-p", "b"][..], &["-p", "a"], &["--workspace"]] {
        build(&sandbox, "", selection);
        assert_own(&sandbox, "target", &["a", "b", "c"]);
    }
    assert!(holds(&module(&sandbox, "target", "a"), "this_is_a_new"));
}

#[test]
fn members_can_share_the_name_of_their_library_and_differ_in_settings() {
    let sandbox = Sandbox::new();
    workspace(&sandbox, &["a", "b"]);
    add(&sandbox, "a", "filter", "[package.metadata.wasmplugin.checks]\n");
    add(&sandbox, "b", "filter", "");
    let manifest = sandbox.read("b/Cargo.toml");
    sandbox.write("b/Cargo.toml", manifest.replace("image =", "optimize = \"size\"\nimage ="));
    assert_independent(&sandbox, &["a", "b"], &[]);
    assert_own(&sandbox, "target", &["a", "b"]);
    // The same package with other settings and back.
    let before = module(&sandbox, "target", "a");
    build(&sandbox, "", &["-p", "a", "--optimize", "none"]);
    build(&sandbox, "", &["-p", "a"]);
    assert!(module(&sandbox, "target", "a") == before);
}

#[test]
fn names_that_differ_in_a_dash_are_different_packages() {
    let sandbox = Sandbox::new();
    for name in ["my-filter", "my_filter"] {
        add(&sandbox, name, "my_filter", "");
        sandbox.write(format!("{name}/src/lib.rs"), source(&name.replace('-', "_dash_")));
    }
    // Kubernetes allows no underscores, so both resources would have the same name.
    let resource = "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: other}\n";
    sandbox.write("my_filter/wasmplugin.yaml", resource);
    workspace(&sandbox, &["my-filter", "my_filter"]);
    for selection in [&[][..], &["-p", "my-filter"], &["-p", "my_filter"], &["-p", "my-filter"], &[]] {
        build(&sandbox, "", selection);
    }
    assert!(holds(&module(&sandbox, "target", "my-filter"), "my_dash_filter"));
    assert!(!holds(&module(&sandbox, "target", "my_filter"), "my_dash_filter"));
}

#[test]
fn projects_can_share_a_target_directory() {
    let sandbox = Sandbox::new();
    for project in ["one", "two"] {
        let project_sandbox = format!("{project}/filter");
        sandbox.write(
            format!("{project_sandbox}/Cargo.toml"),
            bare::manifest("filter", "image = \"registry.example:5000/acme/filter\"\n"),
        );
        sandbox.write(format!("{project_sandbox}/src/lib.rs"), source(&format!("this_is_{project}")));
    }
    for (project, other) in [("one", "two"), ("two", "one"), ("one", "two")] {
        let mut command = sandbox.process_in(&format!("{project}/filter"), ["build"]);
        Said::of(command.env("CARGO_TARGET_DIR", sandbox.path("shared"))).done();
        let module = module(&sandbox, "shared", "filter");
        assert!(holds(&module, &format!("this_is_{project}")), "{project}");
        assert!(!holds(&module, &format!("this_is_{other}")), "{project}");
    }
}

/// A library outside of the workspace, whose features show in the modules that use it.
fn add_library(sandbox: &Sandbox, name: &str, library: &str) {
    let package = name.rsplit('/').next().unwrap();
    sandbox.write(
        format!("{name}/Cargo.toml"),
        format!(
            "[package]\nname = \"{package}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n{library}[features]\nmore = []\n"
        ),
    );
    let count = "pub fn count() -> u32 { if cfg!(feature = \"more\") { 77 } else { 7 } }\n";
    sandbox.write(format!("{name}/src/lib.rs"), count);
}

fn uses(name: &str, library: &str) -> String {
    let result = "#[unsafe(no_mangle)]\npub extern \"C\" fn proxy_on_done(_context: u32) -> u32";
    format!("{}\n{result} {{ {library}::count() }}\n", source(&format!("this_is_{name}")))
}

#[test]
fn the_features_of_one_member_do_not_change_another() {
    for (library, path) in [("ws/shared", "../shared"), ("outside", "../../outside")] {
        let sandbox = Sandbox::new();
        let members = ["a", "b", "c"].iter().chain(path.starts_with("../shared").then_some(&"shared"));
        let members: Vec<_> = members.collect();
        sandbox.write("ws/Cargo.toml", format!("[workspace]\nmembers = {members:?}\nresolver = \"3\"\n"));
        add_library(&sandbox, library, "");
        for (name, features) in
            [("a", ""), ("b", ", features = [\"more\"]"), ("c", ", features = [\"more\"]")]
        {
            let library = library.rsplit('/').next().unwrap();
            let dependency = format!("[dependencies]\n{library} = {{ path = \"{path}\"{features} }}\n");
            add(&sandbox, name, name, &dependency);
            sandbox.write(format!("{name}/src/lib.rs"), uses(name, library));
            fs_err::rename(sandbox.path(name), sandbox.path("ws").join(name)).unwrap();
        }
        let build = |selection: &[&str]| {
            Said::of(sandbox.process_in("ws", ["build"]).args(selection)).done();
            ["a", "b", "c"].map(|name| module(&sandbox, "ws/target", name))
        };
        let together = build(&[]);
        for selection in [&["-p", "a"][..], &["-p", "b"], &["-p", "a", "-p", "c"], &[]] {
            assert!(build(selection) == together, "{selection:?}");
        }
        for (name, together) in ["a", "b", "c"].iter().zip(&together) {
            let args = ["build", "--target-dir", "../../alone"];
            Said::of(&mut sandbox.process_in(&format!("ws/{name}"), args)).done();
            assert!(module(&sandbox, "alone", name) == *together, "{name}");
        }
        let said = Said::of(&mut sandbox.process_in("ws", ["build", "--verbose"])).done().stderr;
        assert_eq!(said.matches(" build --lib ").count(), 2, "{said}");
        // The manifests of crates outside the workspace can change at any time.
        assert_eq!(said.contains("cargo tree "), library == "outside", "{said}");
    }
}

#[test]
fn a_feature_that_only_some_members_have_applies_to_those() {
    let sandbox = Sandbox::new();
    workspace(&sandbox, &["a", "b", "c"]);
    let extra = "#[cfg(feature = \"extra\")]\n#[unsafe(no_mangle)]\npub extern \"C\" fn it_is_extra() {}\n";
    for (name, more) in
        [("a", "[features]\nextra = []\n"), ("b", ""), ("c", "[lib]\n[features]\nextra = []\nother = []\n")]
    {
        add(&sandbox, name, name, &more.replace("[lib]\n", ""));
        sandbox.write(format!("{name}/src/lib.rs"), source(&format!("this_is_{name}")) + extra);
    }
    // The settings differ, so that cargo doesn't compile them in one run.
    let manifest = sandbox.read("b/Cargo.toml");
    sandbox.write("b/Cargo.toml", manifest.replace("image =", "optimize = \"size\"\nimage ="));
    for features in ["extra", "extra,other", "a/extra c/extra"] {
        build(&sandbox, "", &["--workspace", "--features", features]);
        for (name, has_extra) in [("a", true), ("b", false), ("c", true)] {
            assert_eq!(holds(&module(&sandbox, "target", name), "it_is_extra"), has_extra, "{name}");
        }
    }
    build(&sandbox, "", &["--workspace", "--features", "a/extra"]);
    assert!(!holds(&module(&sandbox, "target", "c"), "it_is_extra"));
    let said = Said::of(&mut sandbox.process_in("", ["build", "--workspace", "--features", "extr"]));
    assert_eq!(said.code, Some(101));
    assert!(said.stderr.contains("extr"), "{}", said.stderr);
}

/// With other crate types, rustc can't optimize the cdylib together with its dependencies.
#[test]
fn other_crate_types_do_not_change_the_module() {
    let sandbox = Sandbox::new();
    workspace(&sandbox, &["a"]);
    add_library(&sandbox, "shared", "");
    add(&sandbox, "a", "a", "[dependencies]\nshared = { path = \"../shared\" }\n");
    sandbox.write("a/src/lib.rs", uses("a", "shared"));
    let build = |crate_types: &str| {
        let manifest = sandbox.read("a/Cargo.toml");
        let (before, after) = manifest.split_once("crate-type = [").unwrap();
        let after = after.split_once(']').unwrap().1;
        sandbox.write("a/Cargo.toml", format!("{before}crate-type = [{crate_types}]{after}"));
        Said::of(&mut sandbox.process_in("", ["build"])).done();
        module(&sandbox, "target", "a")
    };
    let only = build("\"cdylib\"");
    for crate_types in ["\"cdylib\", \"rlib\"", "\"rlib\", \"cdylib\"", "\"lib\", \"cdylib\"", "\"cdylib\""] {
        assert!(build(crate_types) == only, "{crate_types}");
    }
}

#[test]
fn a_member_can_depend_on_another_member() {
    let sandbox = Sandbox::new();
    workspace(&sandbox, &["a", "b"]);
    add_library(&sandbox, "a", "[lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n\n");
    let manifest = sandbox.read("a/Cargo.toml");
    let settings = "\n[package.metadata.wasmplugin]\nimage = \"registry.example:5000/acme/a\"\n";
    sandbox.write("a/Cargo.toml", manifest + settings);
    // As a dependency, its exports would be those of the other filter too.
    let count = sandbox.read("a/src/lib.rs");
    sandbox.write(
        "a/src/lib.rs",
        format!(
            "#[cfg(not(feature = \"more\"))]\nmod filter {{\n{}}}\n{count}",
            source("this_is_a").replace("//!", "//")
        ),
    );
    add(&sandbox, "b", "b", "[dependencies]\na = { path = \"../a\", features = [\"more\"] }\n");
    sandbox.write("b/src/lib.rs", uses("b", "a"));
    assert_independent(&sandbox, &["a", "b"], &[]);
    assert_own(&sandbox, "target", &["a", "b"]);
    // Nothing is compiled again.
    let said = Said::of(&mut sandbox.process_in("", ["build"])).done().stderr;
    assert!(!said.contains("Compiling"), "{said}");
}

/// Cargo compiles a cdylib that is a dependency too, to a file with the same name.
#[test]
fn a_crate_outside_the_workspace_can_have_the_library_name_of_a_member() {
    let sandbox = Sandbox::new();
    add_library(&sandbox, "outside", "[lib]\nname = \"a\"\ncrate-type = [\"cdylib\", \"rlib\"]\n\n");
    sandbox.write("ws/Cargo.toml", "[workspace]\nmembers = [\"a\", \"b\"]\nresolver = \"3\"\n");
    add(&sandbox, "a", "a", "");
    add(&sandbox, "b", "b", "[dependencies]\noutside = { path = \"../../outside\" }\n");
    sandbox.write("b/src/lib.rs", uses("b", "a"));
    for name in ["a", "b"] {
        fs_err::rename(sandbox.path(name), sandbox.path("ws").join(name)).unwrap();
    }
    for selection in [&["-p", "a"][..], &["-p", "b"], &["-p", "a"], &[]] {
        build(&sandbox, "ws", selection);
        if selection != ["-p", "b"] {
            assert!(holds(&module(&sandbox, "ws/target", "a"), "this_is_a"));
        }
        // The dependency is compiled again with the next selection.
        sandbox.write("outside/src/lib.rs", format!("{}//\n", sandbox.read("outside/src/lib.rs")));
    }
    assert_own(&sandbox, "ws/target", &["a", "b"]);
}

#[test]
fn a_member_can_have_the_name_and_version_of_a_dependency() {
    let sandbox = Sandbox::new();
    workspace(&sandbox, &["b"]);
    add(&sandbox, "b", "b", "[dependencies]\nlog = \"0.4\"\n");
    build(&sandbox, "", &[]);
    let lock = sandbox.read("Cargo.lock");
    let (_, version) = lock.split_once("name = \"log\"\nversion = \"").unwrap();
    let (version, _) = version.split_once('"').unwrap();
    workspace(&sandbox, &["log", "b"]);
    add(&sandbox, "log", "log", "");
    let manifest = sandbox.read("log/Cargo.toml");
    sandbox.write("log/Cargo.toml", manifest.replace("0.1.0", version));
    for selection in [&["-p", "log"][..], &["-p", "b"], &[]] {
        build(&sandbox, "", selection);
    }
    assert_own(&sandbox, "target", &["log", "b"]);
}

#[test]
fn members_that_are_independent_share_a_run_of_cargo() {
    let sandbox = Sandbox::new();
    workspace(&sandbox, &["a", "b", "c"]);
    for name in ["a", "b", "c"] {
        add(&sandbox, name, name, "");
    }
    let runs = |args: &[&str]| {
        let said = Said::of(sandbox.process_in("", ["build", "--verbose"]).args(args)).done().stderr;
        said.lines().filter(|line| line.contains("Running `") && line.contains(" build --lib ")).count()
    };
    assert_eq!(runs(&[]), 1);
    assert_eq!(runs(&["--optimize", "size"]), 1);
    // Building them with cargo itself doesn't get in the way.
    Said::of(process("cargo").current_dir(sandbox.path("")).args(["build", "--workspace"])).done();
    assert_eq!(runs(&[]), 1);
    assert_own(&sandbox, "target", &["a", "b", "c"]);
}
