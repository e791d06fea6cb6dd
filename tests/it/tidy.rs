//! Checks the sources: their dependencies, lengths and names.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};

use crate::support::tree;

/// The top-level modules of the crate. A module only uses modules in its own row and in later rows.
const ROWS: &[&[&str]] = &[
    &["main"],
    &["lib"],
    &["cli"],
    &["report"],
    &["ops"],
    &["compile"],
    &["project"],
    &["config", "optimize", "scaffold", "transport"],
    &["check"],
    &["image", "module", "resource"],
    &["envoy", "reference", "wasm", "yaml"],
    // Used by all other modules.
    &[
        "context",
        "diagnostics",
        "digest",
        "error",
        "fs",
        "interrupt",
        "mesh",
        "process",
        "shell",
        "target_dir",
        "text",
    ],
];

/// Modules without I/O.
const PURE: &[&str] = &[
    "check",
    "diagnostics",
    "digest",
    "envoy",
    "image",
    "mesh",
    "module",
    "reference",
    "resource",
    "text",
    "wasm",
    "yaml",
];

fn root() -> &'static Utf8Path {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The sources by their path in `src`, without unit tests.
fn sources() -> BTreeMap<Utf8PathBuf, String> {
    let files = tree::files(&root().join("src")).unwrap();
    let sources = files.into_iter().filter(|(path, _)| path.file_name() != Some("tests.rs"));
    let sources = sources.filter(|(path, _)| path.extension() == Some("rs"));
    let sources: BTreeMap<_, _> = sources
        .map(|(path, bytes)| {
            let text = String::from_utf8(bytes).unwrap();
            let end = text.find("\n#[cfg(test)]\nmod tests {").unwrap_or(text.len());
            (path, text[..end].to_owned())
        })
        .collect();
    assert!(sources.len() > 30, "some sources were not found");
    sources
}

/// The top-level module that a file belongs to.
fn module_of(path: &Utf8Path) -> &str {
    let first = path.components().next().unwrap().as_str();
    first.strip_suffix(".rs").unwrap_or(first)
}

/// The lines of code with their numbers, without comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// All paths in a text, as segments. `crate::a::{b, c::D}` is two paths.
fn paths(text: &str) -> Vec<Vec<String>> {
    let joined: String = code(text).map(|(_, line)| line.trim()).collect::<Vec<_>>().join(" ");
    // A visibility uses nothing.
    let joined = joined.replace("pub(in crate::", "pub(");
    let mut found = Vec::new();
    let mut rest = joined.as_str();
    while let Some(at) = rest.find("::") {
        let start = rest[..at]
            .rfind(|c: char| !is_word(c))
            .map_or(0, |index| index + rest[index..].chars().next().map_or(0, char::len_utf8));
        let (length, mut read) = path(&rest[start..]);
        found.append(&mut read);
        rest = &rest[(start + length).max(at + 2).min(rest.len())..];
    }
    found
}

/// The paths at the start of a text, and their length in bytes.
fn path(text: &str) -> (usize, Vec<Vec<String>>) {
    let name_end = text.find(|c: char| !is_word(c)).unwrap_or(text.len());
    let name = text[..name_end].to_owned();
    let Some(rest) = text[name_end..].strip_prefix("::") else { return (name_end, vec![vec![name]]) };
    let below = |paths: Vec<Vec<String>>| {
        paths.into_iter().map(|path| [vec![name.clone()], path].concat()).collect::<Vec<_>>()
    };
    if let Some(group) = rest.strip_prefix('{') {
        let (mut at, mut found) = (0, Vec::new());
        while at < group.len() && !group[at..].starts_with('}') {
            let (length, paths) = path(&group[at..]);
            if length > 0 {
                found.extend(below(paths));
            }
            at += length.max(1);
        }
        return (name_end + 3 + at + 1, found);
    }
    let (length, paths) = path(rest);
    (name_end + 2 + length, below(paths))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The top-level modules that a text uses through `crate::`.
fn used(text: &str) -> BTreeSet<String> {
    let paths = paths(text).into_iter().filter(|path| path[0] == "crate");
    paths.filter_map(|path| path.into_iter().nth(1)).collect()
}

/// The module path of a file, such as `["yaml", "read"]`.
fn module_path(file: &Utf8Path) -> Vec<String> {
    let mut path: Vec<String> = file.components().map(|part| part.as_str().to_owned()).collect();
    let last = path.pop().unwrap_or_default();
    if !["mod.rs", "lib.rs", "main.rs"].contains(&last.as_str()) {
        path.push(last.trim_end_matches(".rs").to_owned());
    }
    path
}

/// The files that each file uses, by the paths as they are written: an item that is used through a re-export is one
/// of the file that re-exports it.
fn uses(sources: &BTreeMap<Utf8PathBuf, String>) -> BTreeMap<&Utf8Path, BTreeSet<&Utf8Path>> {
    let files = sources.keys().filter(|file| *file != "main.rs" && *file != "lib.rs");
    let files: BTreeMap<Vec<String>, &Utf8Path> =
        files.map(|file| (module_path(file), file.as_path())).collect();
    let file_of =
        |path: &[String]| (1..=path.len()).rev().find_map(|length| files.get(&path[..length]).copied());
    let mut all = BTreeMap::new();
    for (own, file) in &files {
        let used = paths(&sources[*file]).into_iter().filter_map(|path| {
            let supers = path.iter().take_while(|part| *part == "super").count();
            let absolute = match path[0].as_str() {
                "crate" => path[1..].to_vec(),
                "self" => [own.as_slice(), &path[1..]].concat(),
                "super" => [&own[..own.len().saturating_sub(supers)], &path[supers..]].concat(),
                // The name of a submodule.
                _ => {
                    let below = [own.as_slice(), &path].concat();
                    file_of(&below).filter(|found| found != file)?;
                    below
                }
            };
            file_of(&absolute).filter(|found| found != file)
        });
        all.insert(*file, used.collect());
    }
    all
}

/// The cycles among files. Each one is a list of files that all depend on each other.
fn circles<'f>(uses: &BTreeMap<&'f Utf8Path, BTreeSet<&'f Utf8Path>>) -> Vec<Vec<&'f Utf8Path>> {
    let reachable = |from: &'f Utf8Path| {
        let (mut found, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(file) = next.pop() {
            next.extend(uses.get(file).into_iter().flatten().filter(|file| found.insert(**file)));
        }
        found
    };
    let reachable: BTreeMap<_, _> = uses.keys().map(|file| (*file, reachable(file))).collect();
    let circle = |file: &&'f Utf8Path| {
        reachable[*file]
            .iter()
            .filter(|other| reachable[**other].contains(*file))
            .copied()
            .collect::<Vec<_>>()
    };
    let mut circles: Vec<_> = uses.keys().map(circle).filter(|circle| !circle.is_empty()).collect();
    circles.sort();
    circles.dedup();
    circles
}

#[test]
fn imports_are_read_as_rust_reads_them() {
    let text = "use crate::wasm::{self, Item};\nuse crate::{error::{A, B}, shell, fs};\n// crate::no\nlet x = crate::digest::of();";
    assert_eq!(used(text), ["digest", "error", "fs", "shell", "wasm"].map(str::to_owned).into());
    let joined =
        paths("use super::{a::{B, c::D}, self}; x.é::<T>(e::F)").into_iter().map(|path| path.join("::"));
    let joined: Vec<_> = joined.filter(|path| !path.is_empty()).collect();
    assert_eq!(joined, ["super::a::B", "super::a::c::D", "super::self", "é::", "e::F"]);
}

#[test]
fn circles_are_found() {
    let source = |path: &str, text: &str| (Utf8PathBuf::from(path), text.to_owned());
    let sources = BTreeMap::from([
        source("a/mod.rs", "mod b;\nmod c;\nuse b::B;"),
        source("a/b.rs", "use super::c::C;"),
        source("a/c.rs", "use crate::a::A;\nuse crate::d;"),
        source("d.rs", "use crate::e::E;"),
        source("e.rs", ""),
    ]);
    assert_eq!(circles(&uses(&sources)), [["a/b.rs", "a/c.rs", "a/mod.rs"]]);
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let sources = sources();
    let circles = circles(&uses(&sources));
    assert!(circles.is_empty(), "{circles:#?}");
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
            // A name that isn't a top-level module is an item of lib.rs.
            let allowed = row(&used).is_some_and(|used| row(module).is_some_and(|own| own <= used));
            if !allowed {
                wrong.push(format!("src/{path} uses {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
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
            // Between backticks, it is part of a message.
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
    let files = tree::files(&root().join("src")).unwrap();
    let long: Vec<_> = files
        .iter()
        .filter(|(path, _)| path.extension() == Some("rs"))
        .map(|(path, bytes)| (bytes.iter().filter(|byte| **byte == b'\n').count(), path))
        .filter(|(lines, _)| *lines > 500)
        .collect();
    assert!(long.is_empty(), "these files are too long: {long:?}");
}

#[test]
fn every_rule_has_its_file_its_row_and_its_name() {
    let files: BTreeSet<String> = sources()
        .keys()
        .filter_map(|path| path.strip_prefix("check/rules").ok())
        .filter(|path| path.components().count() == 2)
        .filter_map(|path| path.file_stem())
        .filter(|name| *name != "mod")
        .map(str::to_owned)
        .collect();
    let rows: BTreeSet<String> =
        cargo_wasmplugin::internals::rules().map(|rule| rule.code.replace('-', "_")).collect();
    assert_eq!(files, rows);
}

#[test]
fn every_template_is_a_directory_and_a_row() {
    let directories: BTreeSet<String> = root()
        .join("templates")
        .read_dir_utf8()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_owned())
        .filter(|name| name != "shared")
        .collect();
    let rows: BTreeSet<String> =
        cargo_wasmplugin::internals::TEMPLATES.iter().map(|template| template.name.to_owned()).collect();
    assert_eq!(directories, rows);
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

#[test]
fn everything_that_a_build_needs_is_published() {
    let mut list = Command::new(env!("CARGO"));
    let listed = list.args(["package", "--list", "--allow-dirty"]).current_dir(root()).output().unwrap();
    let published: BTreeSet<&str> = std::str::from_utf8(&listed.stdout).unwrap().lines().collect();
    let needed = ["src", "templates"].map(|directory| {
        let files = tree::files(&root().join(directory)).unwrap();
        files.into_keys().map(move |path| format!("{directory}/{path}"))
    });
    let missing: Vec<String> = needed
        .into_iter()
        .flatten()
        .chain(["build.rs", "Cargo.toml", "Cargo.lock"].map(str::to_owned))
        .filter(|file| !published.contains(file.as_str()))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}\n{}", String::from_utf8_lossy(&listed.stderr));
}
