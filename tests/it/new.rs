//! `new`: the scaffolded crates, and errors.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

use camino::Utf8Path;
use serde_json::Value;
use snapbox::str;

use cargo_wasmplugin::internals::{FlagSyntax, RESOURCE_FLAGS};

use crate::support::packaged::PACKAGED;
use crate::support::running::{Said, process};
use crate::support::terminal::Terminal;
use crate::support::tree::{assert_tree, is_empty, tree};
use crate::support::{Sandbox, isolated, tool};

/// The scaffolds in `tests/it/new`, and the arguments that create them.
const CASES: &[(&str, &[&str])] = &[
    ("http-headers", &["hello"]),
    (
        "http-headers-with-answers",
        &["--image", "quay.io/acme/hello", "--namespace", "shop", "--phase", "AUTHN", "hello"],
    ),
    ("minimal", &["--template", "minimal", "hello"]),
    (
        "minimal-with-fields",
        &[
            "--template",
            "minimal",
            "--url",
            "https://example.com/hello/plugin.wasm",
            "--selector",
            "app=web",
            "--selector",
            "app.kubernetes.io/version=1.0",
            "--priority",
            "-7",
            "--image-pull-policy",
            "Always",
            "--image-pull-secret",
            "regcred",
            "hello",
        ],
    ),
    ("for-old-meshes", &["--mesh", "ossm-2.2", "--mesh", "istio-1.28", "--template", "minimal", "hello"]),
    ("for-one-target", &["--mesh", "ossm-2.6", "--template", "minimal", "hello"]),
    (
        "minimal-with-answers",
        &[
            "--template",
            "minimal",
            "--name",
            "my_filter",
            "--image",
            "registry.example:5000/acme/my-filter",
            "--namespace",
            "istio-system",
            "--phase",
            "STATS",
            "hello",
        ],
    ),
];

fn scaffolds_are_as_kept(program: &Path) {
    for (name, args) in CASES {
        let sandbox = Sandbox::new();
        let command = isolated(program).current_dir(sandbox.path(""));
        command.arg("new").args(*args).assert().success().stdout_eq("");
        assert_tree(&sandbox.path("hello"), &format!("new/{name}"));
    }
}

#[test]
fn a_scaffold_is_as_it_is_kept() {
    scaffolds_are_as_kept(tool());
}

#[test]
fn the_packaged_program_makes_the_same_scaffolds() {
    scaffolds_are_as_kept(PACKAGED.tool.as_std_path());
}

#[test]
fn the_package_has_every_source_and_template() {
    let root = Utf8Path::new(env!("CARGO_MANIFEST_DIR"));
    for directory in ["src", "templates"] {
        let (here, packaged) = (tree(&root.join(directory)), tree(&PACKAGED.source.join(directory)));
        let names = here.keys().collect::<BTreeSet<_>>();
        assert_eq!(names, packaged.keys().collect(), "{directory}: what git ignores is not packaged");
        for (name, bytes) in &here {
            assert!(packaged[name] == *bytes, "{directory}/{name} differs");
        }
    }
}

#[test]
fn a_scaffold_is_tested_linted_and_formatted() {
    let sandbox = Sandbox::new();
    for (name, args) in CASES {
        sandbox.tool(["new"]).args(*args).assert().success();
        // All scaffolds share a target directory, so that cargo compiles the dependencies only once.
        let cargo = |args: &[&str]| {
            let command = isolated("cargo").current_dir(sandbox.path("hello"));
            command.env("CARGO_TARGET_DIR", sandbox.path("target")).args(args).assert().success()
        };
        cargo(&["fmt", "--check"]);
        let tests = cargo(&["test", "--offline"]).get_output().stdout.clone();
        let tests = String::from_utf8(tests).unwrap();
        assert!(!tests.contains("running 0 tests"), "{name} has no tests:\n{tests}");
        cargo(&["clippy", "--offline", "--all-targets", "--", "-D", "warnings"]);
        fs_err::remove_dir_all(sandbox.path("hello")).unwrap();
    }
}

#[test]
fn a_filter_for_the_oldest_mesh_is_built_if_it_is_optimized() {
    let sandbox = Sandbox::new();
    let image = ["--image", "quay.io/acme/hello"];
    sandbox.tool(["new", "hello", "--mesh", "ossm-2.2"]).args(image).assert().success();
    let build = |args: &[&str]| sandbox.tool_in("hello", [&["build"], args].concat());
    build(&["--quiet", "--deny-warnings"]).assert().success().stderr_eq("").stdout_eq("");

    let refused = build(&["--optimize", "none"]).assert().code(1).stdout_eq("");
    let stderr = String::from_utf8(refused.get_output().stderr.clone()).unwrap();
    let place = |text: &str| stderr.find(text).unwrap_or_else(|| panic!("{stderr}"));
    let warning = place("warning[wasm-feature]: Rust 1.82 and later compile to reference-types");
    assert!(warning < place("Finished `wasmplugin` profile"), "{stderr}");
    assert!(place("error[wasm-feature]") > warning, "{stderr}");
    // No other mesh needs it.
    build(&["--quiet", "--optimize", "none", "--mesh", "istio-1.13"]).assert().success().stderr_eq("");
}

#[test]
fn an_invalid_name_is_refused_with_a_valid_one() {
    let long = "a".repeat(64);
    let refused = [
        (
            "Hello",
            "Kubernetes would refuse it because it contains `H`; only `a-z`, `0-9` and `-` are allowed",
            "hello",
        ),
        (
            "_x",
            "Kubernetes would refuse it because it is not a DNS name: it must begin and end with a letter or a digit",
            "x",
        ),
        (
            "x-",
            "Kubernetes would refuse it because it is not a DNS name: it must begin and end with a letter or a digit",
            "x",
        ),
        ("9lives", "the name of a cargo package can't start with a digit", "filter-9lives"),
        ("test", "it is the name of a crate that comes with Rust", "test-filter"),
        ("match", "it is a keyword of Rust", "match-filter"),
        ("proxy-wasm", "it is the name of a dependency of the filter", "proxy-wasm-filter"),
        (
            &long,
            "Kubernetes would refuse it because it has 64 characters; at most 63 are allowed",
            &long[..63],
        ),
    ];
    for (name, reason, suggestion) in refused {
        let sandbox = Sandbox::new();
        let message =
            format!("error: invalid filter name `{name}`: {reason}\n\nhelp: try `--name {suggestion}`\n");
        for args in [&["new", name][..], &["new", "directory", "--name", name]] {
            sandbox.tool(args).assert().code(2).stdout_eq("").stderr_eq(&message);
            assert!(is_empty(&sandbox.path("")), "{name:?}");
        }
        // Following the advice works.
        sandbox.tool(["new", "directory", "--name", suggestion]).assert().success();
    }
}

#[test]
fn a_wrong_option_is_refused_before_anything_is_made() {
    let sandbox = Sandbox::new();
    for option in [
        ["--template", "http-header"],
        ["--image", "http://quay.io/acme/hello"],
        ["--image", "quay.io/Acme/hello"],
        ["--image", "quay.io/acme/hello:1"],
        ["--namespace", "My_Space"],
        ["--phase", "LAST"],
        ["--vcs", "cvs"],
    ] {
        let assert = sandbox.tool(["new", "hello"]).args(option).assert().code(2).stdout_eq("");
        assert!(!assert.get_output().stderr.is_empty());
        assert!(!sandbox.path("hello").exists(), "{option:?}");
    }
    sandbox.tool(["new", ".."]).assert().code(2).stdout_eq("").stderr_eq(str![[r#"
error: the path `..` doesn't end in a name for the filter

help: pass a name with `--name`

"#]]);
}

#[test]
fn an_underscore_is_a_hyphen_for_kubernetes() {
    let sandbox = Sandbox::new();
    sandbox.tool(["new", "my_filter"]).assert().success();
    let resource = sandbox.read("my_filter/wasmplugin.yaml");
    assert!(resource.contains("\nmetadata:\n  name: my-filter\n"), "{resource}");
    assert!(sandbox.read("my_filter/Cargo.toml").contains("\nname = \"my_filter\"\n"));
}

#[test]
fn an_occupied_path_is_not_touched() {
    let sandbox = Sandbox::with_hello();
    sandbox.write("file", "text");
    sandbox.write("directory/main.go", "text");
    std::os::unix::fs::symlink("nowhere", sandbox.path("link")).unwrap();
    let before = tree(&sandbox.path(""));
    for (path, what) in [
        ("file", "exists and is not a directory"),
        ("link", "exists and is not a directory"),
        ("directory", "is not empty: it contains `main.go`"),
        ("hello", "is already a cargo package"),
        (".", "is not empty: it contains `directory`"),
    ] {
        let assert = sandbox.tool(["new", path, "--name", "other"]).assert().code(2).stdout_eq("");
        let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(stderr.starts_with(&format!("error: `{path}` {what}\n")), "{stderr}");
        assert_eq!(tree(&sandbox.path("")), before);
        assert!(sandbox.path("directory/main.go").is_file() && sandbox.path("link").is_symlink());
    }
}

#[test]
fn a_missing_or_empty_directory_is_filled() {
    let sandbox = Sandbox::new();
    fs_err::create_dir(sandbox.path("hello")).unwrap();
    for path in ["hello", "a/b/hello", "dot/hello/."] {
        sandbox.tool(["new", path]).assert().success();
        assert_tree(&sandbox.path(path), "new/http-headers");
    }

    fs_err::create_dir(sandbox.path("here")).unwrap();
    sandbox.tool_in("here", ["new", ".", "--name", "hello"]).assert().success();
    assert_tree(&sandbox.path("here"), "new/http-headers");
}

#[test]
fn of_two_at_once_one_makes_the_package() {
    for round in 0..16 {
        let sandbox = Sandbox::new();
        let (is_there, in_workspace) = (round % 2 == 1, round % 4 > 1);
        if is_there {
            fs_err::create_dir(sandbox.path("hello")).unwrap();
        }
        if in_workspace {
            sandbox.write("Cargo.toml", "[workspace]\nmembers = []\nresolver = \"3\"\n");
        }
        let outputs = std::thread::scope(|scope| {
            let run = || sandbox.tool(["new", "hello"]).output().unwrap();
            let both = [scope.spawn(run), scope.spawn(run)];
            both.map(|one| one.join().unwrap())
        });
        let mut codes = outputs.each_ref().map(|output| output.status.code());
        codes.sort_unstable();
        assert_eq!(codes, [Some(0), Some(2)], "{outputs:#?}");
        assert_tree(&sandbox.path("hello"), "new/http-headers");
        if in_workspace {
            assert!(sandbox.read("Cargo.toml").contains("\"hello\""), "it is not a member");
        }
    }
}

#[test]
fn a_workspace_gets_a_member() {
    let sandbox = Sandbox::new();
    sandbox.write("Cargo.toml", "[workspace]\nmembers = []\nresolver = \"3\"\n");
    sandbox.tool(["new", "plugins/hello"]).assert().success();
    assert_tree(&sandbox.path("plugins/hello"), "new/http-headers");
    let command = isolated("cargo").current_dir(sandbox.path(""));
    let metadata = command.args(["metadata", "--no-deps", "--format-version", "1"]).assert().success();
    let metadata: Value = serde_json::from_slice(&metadata.get_output().stdout).unwrap();
    assert_eq!(metadata["workspace_members"].as_array().unwrap().len(), 1);
    assert_eq!(metadata["packages"][0]["name"], "hello");

    // With two members of the same name, every cargo command in the workspace would fail.
    let before = tree(&sandbox.path(""));
    let assert = sandbox.tool(["new", "other/hello"]).assert().code(101).stdout_eq("");
    let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(stderr.contains("two packages named `hello`"), "{stderr}");
    assert_eq!(tree(&sandbox.path("")), before);
}

#[test]
fn version_control_is_as_asked() {
    let sandbox = Sandbox::new();
    sandbox.tool(["new", "hello", "--vcs", "none"]).assert().success();
    assert!(!sandbox.path("hello/.git").exists());
    assert!(!sandbox.path("hello/.gitignore").exists());
    sandbox.tool(["new", "with-git", "--vcs", "git"]).assert().success();
    assert!(sandbox.path("with-git/.git").is_dir());
    assert_eq!(sandbox.read("with-git/.gitignore"), "/target\n");
    // Doesn't create a repository inside another one, even if a directory in between is missing.
    fs_err::rename(sandbox.path("with-git/.git"), sandbox.path(".git")).unwrap();
    sandbox.tool(["new", "plugins/inside"]).assert().success();
    assert!(!sandbox.path("plugins/inside/.git").exists());
}

#[test]
fn the_templates_are_listed_on_standard_output() {
    let assert = Sandbox::new().tool(["new", "--list-templates"]).assert().success().stderr_eq("");
    assert.stdout_eq(str![[r#"
http-headers  adds the headers of its configuration to each response
minimal       logs each request; a minimal starting point

"#]]);
}

#[test]
fn the_result_is_on_standard_error() {
    let assert = Sandbox::new().tool(["new", "hello"]).assert().success().stdout_eq("");
    assert.stderr_eq(str![[r#"
     Created filter `hello` from the template `http-headers`
note: next, run `cd hello`, `cargo test` and `cargo wasmplugin build`

"#]]);
}

#[test]
fn without_a_terminal_nothing_is_asked() {
    let sandbox = Sandbox::new();
    sandbox.tool(["new"]).assert().code(2).stdout_eq("").stderr_eq(str![[r#"
error: missing the path of the new filter

help: pass one, as in `cargo wasmplugin new hello`

"#]]);
    assert!(is_empty(&sandbox.path("")));
}

const PATH: &str = "Directory of the new filter:";
const IMAGE: &str = "Image repository, such as quay.io/acme/hello (leave empty to set it later):";

#[test]
fn listing_the_templates_takes_no_other_flag() {
    let sandbox = Sandbox::new();
    let values = ["--template=minimal", "--image=quay.io/acme/hello", "hello"].map(str::to_owned);
    let of_resource = RESOURCE_FLAGS.iter().map(|flag| {
        let value = match flag.syntax {
            FlagSyntax::Text => "value",
            FlagSyntax::OneOf(words) => words[0],
            FlagSyntax::Integer => "-1",
            FlagSyntax::Labels => "app=web",
        };
        format!("--{}={value}", flag.name)
    });
    for other in values.into_iter().chain(of_resource) {
        let assert = sandbox.tool(["new", "--list-templates", &other]).assert().code(2).stdout_eq("");
        let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(stderr.contains("'--list-templates' cannot be used with"), "{other}: {stderr}");
    }
}

#[test]
fn what_is_missing_is_asked_for_at_a_terminal() {
    let sandbox = Sandbox::new();
    let mut terminal = Terminal::run(
        &sandbox.path(""),
        &["new", "--template", "minimal", "--phase", "AUTHZ", "--priority", "-7", "--selector", "app=web"],
    );
    terminal.expect(PATH).answer("hello\n");
    terminal.expect(IMAGE).answer("http://quay.io/acme/hello\n");
    terminal.expect(IMAGE).answer("quay.io/acme/hello\n");
    let (status, screen) = terminal.end();
    assert!(status.success(), "{screen}");

    let line = screen.lines().find_map(|line| line.strip_prefix("note: to skip the prompts, run: "));
    let line = line.unwrap_or_else(|| panic!("no command line:\n{screen}"));
    let words: Vec<&OsStr> = line.split(' ').map(OsStr::new).collect();
    assert_eq!(words[..2], ["cargo", "wasmplugin"]);
    let other = Sandbox::new();
    other.tool(&words[2..]).assert().success();
    assert_eq!(tree(&sandbox.path("")), tree(&other.path("")));
    assert!(sandbox.read("hello/Cargo.toml").contains("image = \"quay.io/acme/hello\""));
}

#[test]
fn nothing_is_asked_if_nothing_is_missing() {
    let sandbox = Sandbox::new();
    let terminal = Terminal::run(&sandbox.path(""), &["new", "hello", "--image", "quay.io/acme/hello"]);
    let (status, screen) = terminal.end();
    assert!(status.success() && !screen.contains("to skip the prompts"), "{screen}");
}

#[test]
fn no_answer_makes_nothing() {
    let sandbox = Sandbox::new();
    let mut terminal = Terminal::run(&sandbox.path(""), &["new"]);
    terminal.expect(PATH).answer("\x04");
    let (status, screen) = terminal.end();
    assert_eq!(status.code(), Some(2), "{screen}");
    assert!(is_empty(&sandbox.path("")));
}

#[test]
fn ctrl_c_at_a_question_ends_it_at_once() {
    for answers in [&[][..], &["hello\n"]] {
        let sandbox = Sandbox::new();
        let mut terminal = Terminal::run(&sandbox.path(""), &["new"]);
        for (question, answer) in [PATH, IMAGE].into_iter().zip(answers.iter().chain(&["\x03"])) {
            terminal.expect(question).answer(answer);
        }
        let (status, screen) = terminal.end();
        assert_eq!(status.code(), Some(130), "{screen}");
        assert!(screen.contains("error: interrupted"), "{screen}");
        assert!(is_empty(&sandbox.path("")));
    }
}

#[test]
fn a_repository_with_documents_is_filled() {
    let sandbox = Sandbox::new();
    for (file, text) in [
        ("README.md", "mine"),
        ("LICENSE-MIT", "mine"),
        (".gitignore", "*.log\n"),
        (".github/ci.yml", "mine"),
    ] {
        sandbox.write(format!("hello/{file}"), text);
    }
    let mut git = process("git");
    assert!(git.args(["init", "--quiet"]).current_dir(sandbox.path("hello")).status().unwrap().success());
    let new = || sandbox.process_in("hello", ["new", ".", "--image", "registry.example/acme/hello"]);
    // A failure changes nothing.
    let before = tree(&sandbox.path("hello"));
    let said = Said::of(new().env("CARGO", "false"));
    assert_ne!(said.code, Some(0));
    assert_eq!(tree(&sandbox.path("hello")), before);

    let said = Said::of(&mut new()).done();
    assert!(said.stderr.contains("note: `README.md` exists, so it was not written"), "{}", said.stderr);
    assert_eq!(sandbox.read("hello/README.md"), "mine");
    let ignored = sandbox.read("hello/.gitignore");
    assert!(ignored.starts_with("*.log\n") && ignored.contains("/target"), "{ignored}");
    assert!(sandbox.read("hello/Cargo.toml").contains("name = \"hello\""));
    Said::of(&mut new()).code.filter(|code| *code == 2).expect("a package is created once");
    sandbox.write("other/main.go", "");
    let said = Said::of(&mut sandbox.process_in("other", ["new", "."]));
    assert!(said.stderr.contains("`.` is not empty: it contains `main.go`"), "{}", said.stderr);
}
