//! `init`: existing crates become plugins.

use crate::support::Sandbox;
use crate::support::bare::SOURCE;
use crate::support::running::Said;
use crate::support::tree::tree;

const PACKAGE: &str =
    "# mine\n[package]\nname = \"mine\" # the name\nversion = \"0.1.0\"\nedition = \"2024\"\n";

/// A crate whose library has the functions of a plugin.
fn sandbox(rest: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("Cargo.toml", format!("{PACKAGE}{rest}"));
    sandbox.write("src/lib.rs", SOURCE);
    sandbox
}

fn init(sandbox: &Sandbox, args: &[&str]) -> Said {
    Said::of(&mut sandbox.process_in("", [&["init"], args].concat()))
}

#[test]
fn a_library_becomes_a_plugin_and_nothing_else_changes() {
    let sandbox = sandbox("\n[dependencies]\n");
    let image = ["--image", "quay.io/acme/mine", "--namespace", "shop"];
    let said = init(&sandbox, &image).done();
    assert_eq!(
        said.stderr,
        "       Added `lib.crate-type = [\"cdylib\"]` to Cargo.toml
       Added `package.metadata.wasmplugin.image = \"quay.io/acme/mine\"` to Cargo.toml
     Created wasmplugin.yaml
note: `cargo add proxy-wasm` adds the SDK, if the crate doesn't use another one
note: next, run `cargo wasmplugin build`\n"
    );
    assert_eq!(
        sandbox.read("Cargo.toml"),
        format!(
            "{PACKAGE}\n[package.metadata.wasmplugin]\nimage = \"quay.io/acme/mine\"\n\n\
             [lib]\ncrate-type = [\"cdylib\"]\n\n[dependencies]\n"
        )
    );
    assert!(sandbox.read("wasmplugin.yaml").contains("  namespace: shop\n"));
    let built = Said::of(&mut sandbox.process_in("", ["build", "-o", "yaml"])).done();
    assert!(built.stdout.contains("oci://quay.io/acme/mine:0.1.0@sha256:"), "{}", built.stdout);

    // Again, nothing changes, and a flag doesn't override what exists.
    let before = tree(&sandbox.path("src"));
    let manifest = sandbox.read("Cargo.toml");
    let said = init(&sandbox, &["--image", "quay.io/acme/other"]).done();
    assert!(said.stderr.contains("Unchanged package `mine` is a plugin already"), "{}", said.stderr);
    assert_eq!((sandbox.read("Cargo.toml"), tree(&sandbox.path("src"))), (manifest, before));
    let said = init(&sandbox, &image);
    assert_eq!(said.code, Some(2), "{}", said.stderr);
    assert!(said.stderr.contains("`wasmplugin.yaml` exists"), "{}", said.stderr);
}

#[test]
fn a_library_that_others_need_stays_a_library() {
    let of = |manifest: &str, prepare: &dyn Fn(&Sandbox)| {
        let sandbox = sandbox(manifest);
        prepare(&sandbox);
        let said = init(&sandbox, &[]).done();
        assert!(said.stderr.contains("note: set `image`"), "{}", said.stderr);
        Said::of(&mut sandbox.process_in("", ["build"])).done();
        sandbox.read("Cargo.toml")
    };
    let with_bin = of("", &|sandbox| sandbox.write("src/main.rs", "fn main() {}\n"));
    assert!(with_bin.contains("[lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n"), "{with_bin}");
    let with_test = of("", &|sandbox| sandbox.write("tests/it.rs", "use mine as _;\n"));
    assert!(with_test.contains("[\"cdylib\", \"rlib\"]"), "{with_test}");
    let with_types = of("\n[lib]\nname = \"own\"\ncrate-type = [\"rlib\"]\n", &|_| {});
    assert!(
        with_types.contains("[lib]\nname = \"own\"\ncrate-type = [\"rlib\", \"cdylib\"]\n"),
        "{with_types}"
    );
    let with_metadata = of("\n[package.metadata.docs]\nall = true\n", &|_| {});
    assert!(with_metadata.contains("[package.metadata.docs]\nall = true\n"), "{with_metadata}");
    assert!(with_metadata.contains("[package.metadata.wasmplugin]\n"), "{with_metadata}");
    let ready = of("\n[lib]\ncrate-type = [\"cdylib\"]\n\n[package.metadata]\nwasmplugin = {}\n", &|_| {});
    assert!(ready.ends_with("wasmplugin = {}\n"), "{ready}");
}

#[test]
fn what_cannot_be_a_plugin_is_not_changed() {
    let sandbox = Sandbox::new();
    sandbox.write("Cargo.toml", "[workspace]\nmembers = [\"bin\", \"macro\"]\nresolver = \"3\"\n");
    for (name, rest) in [("bin", ""), ("macro", "\n[lib]\nproc-macro = true\n")] {
        sandbox.write(format!("{name}/Cargo.toml"), PACKAGE.replace("mine", name) + rest);
    }
    sandbox.write("bin/src/main.rs", "fn main() {}\n");
    sandbox.write("macro/src/lib.rs", "");
    let before = tree(&sandbox.path(""));
    for (path, code, words) in [
        (".", 2, ["`Cargo.toml` has no package", "a member of the workspace"]),
        ("bin", 2, ["package `bin` has no library", "to `src/lib.rs`"]),
        ("macro", 2, ["package `macro` is a procedural macro", "cargo wasmplugin new PATH"]),
        ("missing", 101, ["manifest path", "does not exist"]),
    ] {
        let said = init(&sandbox, &[path]);
        assert_eq!(said.code, Some(code), "{}", said.stderr);
        assert!(words.iter().all(|word| said.stderr.contains(word)), "{}", said.stderr);
        assert_eq!(tree(&sandbox.path("")), before);
    }
}
