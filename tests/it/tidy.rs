//! What has to hold of the sources themselves.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use crate::support::folder;

/// The modules at the root of the crate, from those that call to those that are called. A module uses those of
/// its own row and of later rows alone.
const ROWS: &[&[&str]] = &[
    &["main"],
    &["lib"],
    &["cli"],
    &["ops"],
    &["compile"],
    &["project"],
    &["config", "optimize", "scaffold", "transport"],
    &["check"],
    &["image", "module", "resource"],
    &["reference", "wasm"],
    // What everything stands on.
    &["context", "digest", "error", "findings", "fs", "process", "shell"],
];

/// What is only computed: it could run anywhere, and tests need no folder for it.
const PURE: &[&str] = &["check", "digest", "findings", "image", "module", "reference", "resource", "wasm"];

fn root() -> &'static Utf8Path {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The sources by their path below `src`, without what only tests see.
fn sources() -> BTreeMap<Utf8PathBuf, String> {
    let files = folder::files(&root().join("src")).unwrap();
    let sources = files.into_iter().filter(|(path, _)| path.file_name() != Some("tests.rs"));
    let sources = sources.filter(|(path, _)| path.extension() == Some("rs"));
    let sources: BTreeMap<_, _> = sources
        .map(|(path, bytes)| {
            let text = String::from_utf8(bytes).unwrap();
            let end = text.find("\n#[cfg(test)]\nmod tests {").unwrap_or(text.len());
            (path, text[..end].to_owned())
        })
        .collect();
    assert!(sources.len() > 30, "these are not all sources");
    sources
}

/// The module at the root that a file belongs to.
fn module_of(path: &Utf8Path) -> &str {
    let first = path.components().next().unwrap().as_str();
    first.strip_suffix(".rs").unwrap_or(first)
}

/// The lines of code with their numbers: comments are left out.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// The modules at the root that a text uses: by `crate::name`, and by `crate::{name, ...}`.
fn used(text: &str) -> BTreeSet<String> {
    let joined: String = code(text).map(|(_, line)| line.trim()).collect::<Vec<_>>().join(" ");
    let mut found = BTreeSet::new();
    for (at, _) in joined.match_indices("crate::") {
        let rest = &joined[at + "crate::".len()..];
        let names = match rest.strip_prefix('{') {
            Some(group) => top_level(group),
            None => vec![rest],
        };
        for name in names {
            let name: String =
                name.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            found.insert(name);
        }
    }
    found
}

/// The items of a group of imports, up to its closing brace.
fn top_level(group: &str) -> Vec<&str> {
    let (mut items, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => {
                items.push(&group[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items.into_iter().filter(|item| !item.trim().is_empty()).collect()
}

#[test]
fn imports_are_read_as_rust_reads_them() {
    let text = "use crate::wasm::{self, Item};\nuse crate::{error::{A, B}, shell, fs};\n// crate::no\nlet x = crate::digest::of();";
    assert_eq!(used(text), ["digest", "error", "fs", "shell", "wasm"].map(str::to_owned).into());
}

#[test]
fn every_module_has_its_row() {
    let known: BTreeSet<&str> = ROWS.iter().copied().flatten().copied().collect();
    let sources = sources();
    let found: BTreeSet<&str> = sources.keys().map(|path| module_of(path)).collect();
    assert_eq!(found, known);
}

#[test]
fn calls_go_one_way() {
    let row = |module: &str| ROWS.iter().position(|row| row.contains(&module));
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let module = module_of(&path);
        for used in used(&text) {
            // What is no module of the root is an item of one, and only `crate::Item` in lib.rs could be that.
            let allowed = row(&used).is_some_and(|used| row(module).is_some_and(|own| own <= used));
            if !allowed {
                wrong.push(format!("src/{path} uses {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn checks_know_modules_and_images_but_not_the_reverse() {
    for (path, text) in sources() {
        let used = used(&text);
        if ["image", "resource", "wasm"].contains(&module_of(&path)) {
            assert!(!used.contains("check"), "src/{path} uses check");
        }
        if module_of(&path) == "ops" || module_of(&path) == "check" {
            assert!(!used.contains("cli"), "src/{path} uses cli");
        }
    }
}

#[test]
fn what_is_computed_does_no_io() {
    let forbidden = [
        "std::fs",
        "std::env",
        "std::net",
        "std::process",
        "std::io::stdout",
        "std::io::stderr",
        "std::thread",
        "fs_err",
        "tempfile",
        "anstream",
        "rustix",
        "SystemTime",
        "Instant",
        "crate::context",
        "crate::fs",
        "crate::process",
        "crate::shell",
    ];
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        if !PURE.contains(&module_of(&path)) {
            continue;
        }
        for (number, line) in code(&text) {
            // Between backticks it is a text for people.
            let uses = |name: &str| line.match_indices(name).any(|(at, _)| !line[..at].ends_with('`'));
            wrong.extend(
                forbidden.iter().filter(|name| uses(name)).map(|name| format!("src/{path}:{number}: {name}")),
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_the_command_line_knows_clap() {
    for (path, text) in sources() {
        for (number, line) in code(&text) {
            let allowed = module_of(&path) == "cli" || !line.contains("clap");
            assert!(allowed, "src/{path}:{number}: {line}");
        }
    }
}

#[test]
fn nothing_is_printed_past_the_shell() {
    let macros = ["println!", "eprintln!", "print!", "eprint!", "dbg!", "todo!", "unimplemented!"];
    for (path, text) in sources() {
        for (number, line) in code(&text) {
            for name in macros {
                let called = line
                    .match_indices(name)
                    .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'));
                assert!(!called, "src/{path}:{number}: {name}");
            }
        }
    }
}

#[test]
fn a_file_is_as_long_as_its_one_subject() {
    let files = folder::files(&root().join("src")).unwrap();
    let long: Vec<_> = files
        .iter()
        .filter(|(path, _)| path.extension() == Some("rs"))
        .map(|(path, bytes)| (bytes.iter().filter(|byte| **byte == b'\n').count(), path))
        .filter(|(lines, _)| *lines > 500)
        .collect();
    assert!(long.is_empty(), "what else lives in there? {long:?}");
}

#[test]
fn every_rule_has_its_file_its_row_and_its_name() {
    let files: BTreeSet<String> = sources()
        .keys()
        .filter_map(|path| path.strip_prefix("check/rules").ok())
        .map(|path| path.as_str().trim_end_matches(".rs").to_owned())
        .filter(|name| name != "mod")
        .collect();
    let rows: BTreeSet<String> =
        cargo_wasmplugin::check::RULES.iter().map(|rule| rule.code.replace('-', "_")).collect();
    assert_eq!(rows.len(), cargo_wasmplugin::check::RULES.len(), "a rule is there twice");
    assert_eq!(files, rows);
}

#[test]
fn every_template_is_a_folder_and_a_row() {
    let folders: BTreeSet<String> = root()
        .join("templates")
        .read_dir_utf8()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_owned())
        .collect();
    let rows: BTreeSet<String> =
        cargo_wasmplugin::scaffold::TEMPLATES.iter().map(|template| template.name.to_owned()).collect();
    assert_eq!(folders, rows);
}

#[test]
fn every_file_of_tests_is_compiled() {
    let main = fs_err::read_to_string(root().join("tests/it/main.rs")).unwrap();
    for entry in root().join("tests/it").read_dir_utf8().unwrap() {
        let name = entry.unwrap().file_name().to_owned();
        let name = name.strip_suffix(".rs").unwrap_or(&name);
        assert!(name == "main" || main.contains(&format!("mod {name};")), "tests/it/{name} is in no test");
    }
}
