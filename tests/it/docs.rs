//! The documentation matches the program: its tables are complete, and its examples work.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;
use cargo_wasmplugin::internals::read_document;
use cargo_wasmplugin::internals::{Holder, KINDS, Kind, RESOURCE_FLAGS, holders};
use cargo_wasmplugin::internals::{MESHES, Mesh};
use cargo_wasmplugin::internals::{Rule, rules};
use serde_json::Value;
use snapbox::cmd::Command;

use crate::kinds;
use crate::support::registry::Registry;
use crate::support::{Sandbox, isolated, snapshot, tool};

const README: &str = include_str!("../../README.md");
const CHECKS: &str = include_str!("../../docs/checks.md");
const JSON: &str = include_str!("../../docs/json.md");
const SCHEMA: &str = include_str!("../../docs/json.schema.json");
const PUBLISH: &str = include_str!("../../docs/publish.md");
const RESOLVE: &str = include_str!("../../docs/resolve.md");
const RESOURCE: &str = include_str!("../../docs/resource.md");
const SETTINGS: &str = include_str!("../../docs/settings.md");

/// The page is generated from the rules, except for the part before the table. `SNAPSHOTS=overwrite` regenerates it.
#[test]
fn the_page_of_checks_is_up_to_date() {
    let head = CHECKS.split_once("| code |").map(|(head, _)| head).expect("the page has a table");
    let mut page = format!("{head}| code | subject | severity | log |\n| --- | --- | --- | --- |\n");
    for Rule { code, severity, subject, docs } in rules() {
        let log = if docs.log.is_empty() { String::new() } else { format!("`{}`", docs.log) };
        let mark = if docs.severities.is_empty() { "" } else { "\\*" };
        page += &format!("| [{code}](#{code}) | {subject} | {severity}{mark} | {log} |\n");
    }
    page += "\n\\* Some findings of the rule are less serious; its chapter says which.\n";
    for Rule { code, severity, docs, .. } in rules() {
        let severity = match docs.severities {
            "" => format!("{}{}.", severity[..1].to_uppercase(), &severity[1..]),
            severities => severities.to_owned(),
        };
        page += &format!(
            "\n## {code}\n\n**What.** {}\n\n**Why.** {}\n\n**Cure.** {}\n\n**Severity.** {severity}\n",
            docs.what, docs.why, docs.cure
        );
    }
    let path = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/checks.md"));
    let kept = snapbox::Data::read_from(path, Some(snapbox::data::DataFormat::Text)).raw();
    snapshot::assert().eq(page, kept);
}

#[test]
fn every_setting_has_its_chapter_and_its_row() {
    // The error about an unknown setting lists all settings.
    let sandbox = Sandbox::with_bare();
    let table = "[package.metadata.wasmplugin]";
    let manifest = sandbox.read("bare/Cargo.toml").replace(table, &format!("{table}\nqqqqqqqq = 1"));
    sandbox.write("bare/Cargo.toml", manifest);
    let refused = sandbox.tool_in("bare", ["build"]).assert().code(101);
    let said = String::from_utf8(refused.get_output().stderr.clone()).unwrap();
    let list = said.split("the settings are ").nth(1).unwrap();
    let keys: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
    assert!(keys.contains(&"image"), "{said}");

    let chapters = chapters(SETTINGS);
    assert_eq!(chapters, [keys.as_slice(), &["wasmplugin.yaml"]].concat());
    for key in keys {
        assert!(README.contains(&format!("\n| `{key}` |")), "`{key}` is not in the README");
    }
}

#[test]
fn every_flag_of_the_resource_has_its_row() {
    for flag in RESOURCE_FLAGS {
        let start = format!("| `--{} {}` | ", flag.name, flag.value_name);
        let row = RESOURCE.lines().find_map(|line| line.strip_prefix(&start));
        let field = format!("`{}`", flag.path.join("."));
        assert!(
            row.is_some_and(|row| row.contains(&field)),
            "docs/resource.md has no `{start}` with {field}"
        );
    }
}

#[test]
fn the_meshes_are_those_that_are_known() {
    let same_product = |a: &Mesh, b: &Mesh| a.name.split('-').next() == b.name.split('-').next();
    let products = MESHES.chunk_by(same_product);
    let ends = products.flat_map(|product| [product.first().unwrap().name, product.last().unwrap().name]);
    let defaults = Kind::WasmPlugin.default_meshes().into_iter().map(|mesh| mesh.name);
    for mesh in ends.chain(defaults) {
        assert!(SETTINGS.contains(&format!("`{mesh}`")), "`{mesh}` is not in docs/settings.md");
    }
}

#[test]
fn every_kind_that_may_have_references_has_its_row() {
    let row = |Holder { kind, api_version, image_path }| {
        format!("| `{kind}` | `{api_version}` | `{}.url` |", image_path.join("."))
    };
    let rows: Vec<&str> = RESOLVE.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(rows, holders().map(row).collect::<Vec<_>>());
}

#[test]
fn every_kind_is_listed_with_its_file() {
    let rows: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
    assert_eq!(first_cells(RESOURCE, "| kind |"), rows);
    for (name, kind) in KINDS {
        let row = RESOURCE.lines().find(|line| line.starts_with(&format!("| `{name}` |"))).unwrap();
        assert!(row.ends_with(&format!("| `{}` |", kind.file_name())), "{row}");
        assert!(README.contains(kind.file_name()), "`{}` is not in the README", kind.file_name());
    }
}

#[test]
fn every_flag_of_the_resource_is_listed() {
    let help = isolated(tool()).args(["build", "--help"]).assert().success();
    let help = String::from_utf8(help.get_output().stdout.clone()).unwrap();
    let section = help.split("\nResource:\n").nth(1).unwrap().split("\nPackage Selection:\n").next().unwrap();
    let flags: BTreeSet<&str> = section
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("--"))
        .map(|flag| flag.split(' ').next().unwrap())
        .collect();
    let listed: BTreeSet<String> = first_cells(RESOURCE, "| flag |")
        .into_iter()
        .map(|cell| cell.trim_start_matches("--").split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(listed, flags.into_iter().map(str::to_owned).collect());
}

#[test]
fn every_field_and_every_loss_is_listed() {
    let (mut fields, mut losses) = (BTreeSet::from(["url", "sha256"].map(str::to_owned)), BTreeSet::new());
    for directory in kinds::kept() {
        let read = |file: &str| fs_err::read_to_string(directory.join(file)).unwrap();
        let (resource, _) = read_document(&read("in.yaml")).unwrap();
        let spec = resource.get("spec").map_or(&[][..], |spec| spec.entries());
        fields.extend(spec.iter().map(|(key, _)| key.name.clone()).filter(|name| name != "fieldOfTomorrow"));
        let mut kind = String::new();
        for line in read("findings.txt").lines() {
            let Some((severity, rest)) = line.split_once("[lost-field] `") else {
                // The findings of other rules are the same for every kind.
                if !line.contains('[') {
                    kind = line.split(' ').next().unwrap().to_owned();
                }
                continue;
            };
            let place = rest.split('`').next().unwrap();
            let Some(field) = place.strip_prefix("spec.") else { continue };
            let field = field.split(['.', '[']).next().unwrap();
            let field = if field == "fieldOfTomorrow" { "any other" } else { field };
            losses.insert((field.to_owned(), kind.clone(), severity.to_owned()));
        }
    }
    assert_eq!(
        first_cells(RESOURCE, "| field of `spec` | what").into_iter().collect::<BTreeSet<_>>(),
        fields
    );
    let mut listed = BTreeSet::new();
    for row in table(RESOURCE, "| field of `spec` | TrafficExtension") {
        for (cell, kind) in row[1..].iter().zip(["TrafficExtension", "EnvoyExtensionPolicy", "envoy"]) {
            let severity = cell.split([' ', ',']).next().unwrap();
            if !severity.is_empty() {
                listed.insert((row[0].clone(), kind.to_owned(), severity.to_owned()));
            }
        }
    }
    assert_eq!(listed, losses);
}

#[test]
fn what_the_readme_shows_is_what_happens() {
    let sandbox = Sandbox::new();
    let directory = follow(README, sandbox.path(""), 4);
    follow(PUBLISH, directory.clone(), 3);
    let (_, manifest) = RESOLVE.split_once("```yaml\n").unwrap();
    fs_err::write(directory.join("hello.yaml"), manifest.split_once("```\n").unwrap().0).unwrap();
    follow(RESOLVE, directory.clone(), 3);
}

/// The schema is generated from the types of the report. The table must have the same fields.
#[test]
fn every_field_of_the_json_document_is_listed() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut fields = BTreeSet::new();
    collect(&schema, "", &schema, &mut fields);
    let rows = JSON.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    assert_eq!(rows.map(str::to_owned).collect::<BTreeSet<_>>(), fields);
}

/// Runs the commands of this program that a text shows, at least `least` of them. Each push uses a new registry. Returns
/// the directory of the last `cd`.
fn follow(text: &str, mut directory: Utf8PathBuf, least: usize) -> Utf8PathBuf {
    let mut ran = 0;
    for (command, shown) in console(text) {
        if let Some(below) = command.strip_prefix("cd ") {
            directory = directory.join(below);
        }
        // Skips commands with input files that don't exist here, and the other programs in pipelines.
        let typed = command.split(" | ").next().filter(|typed| !typed.contains(" < "));
        let Some(args) = typed.and_then(|typed| typed.strip_prefix("cargo wasmplugin ")) else { continue };
        let registry = Registry::open();
        let mut args: Vec<String> = args.split(' ').map(str::to_owned).collect();
        if args[0] == "publish" {
            args.extend(["--image".to_owned(), registry.repository("acme/hello")]);
        }
        let printed = cargo().arg("wasmplugin").args(args).current_dir(&directory).assert().success();
        let output = printed.get_output();
        let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        let printed = printed.replace(registry.address(), "quay.io");
        for line in shown {
            assert!(is_in(line, &printed), "{command}\n\nshown:\n{line}\n\nprinted:\n{printed}");
        }
        ran += 1;
    }
    assert!(ran >= least, "only {ran} commands ran");
    directory
}

/// The cells of all rows in tables whose header begins with `head`. Backticks around a cell are removed.
fn table(text: &str, head: &str) -> Vec<Vec<String>> {
    let lines: Vec<&str> = text.lines().collect();
    let heads = lines.iter().enumerate().filter(|(_, line)| line.starts_with(head)).map(|(index, _)| index);
    let rows = heads.flat_map(|index| lines[index + 2..].iter().take_while(|line| line.starts_with('|')));
    let cells = |row: &&str| {
        let cells = row.trim_matches('|').split('|').map(str::trim);
        cells
            .map(|cell| {
                cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`')).unwrap_or(cell).to_owned()
            })
            .collect()
    };
    rows.map(cells).collect()
}

/// The first cell of each row in tables whose header begins with `head`.
fn first_cells(text: &str, head: &str) -> Vec<String> {
    table(text, head).into_iter().map(|row| row[0].clone()).collect()
}

/// The second-level headings.
fn chapters(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("## ")).collect()
}

/// The commands in `console` blocks, each with its output lines.
fn console(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut commands: Vec<(&str, Vec<&str>)> = Vec::new();
    for block in text.split("\n```console\n").skip(1) {
        for line in block.lines().take_while(|line| *line != "```") {
            match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push((command, Vec::new())),
                (None, Some((_, shown))) => shown.push(line),
                (None, None) => panic!("output without a command: {line}"),
            }
        }
    }
    commands
}

/// Whether a printed line has the words of `line` in the same order. Ignores words with digits, which can differ from run
/// to run.
fn is_in(line: &str, printed: &str) -> bool {
    printed.lines().any(|printed| {
        let mut printed = printed.split_whitespace();
        let mut words = line.split_whitespace().filter(|word| !word.contains(|c: char| c.is_ascii_digit()));
        words.all(|word| printed.any(|candidate| candidate == word))
    })
}

/// Cargo, with the built program on its PATH.
fn cargo() -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories =
        std::iter::once(tool().parent().unwrap().to_owned()).chain(std::env::split_paths(&path));
    isolated("cargo").env("PATH", std::env::join_paths(directories).unwrap())
}

/// Collects the fields of a schema as docs/json.md writes them, without the prefix `packages[]`.
fn collect(root: &Value, at: &str, schema: &Value, fields: &mut BTreeSet<String>) {
    let reference = |schema: &Value| {
        let name = schema["$ref"].as_str()?.strip_prefix("#/$defs/")?;
        Some(root["$defs"][name].clone())
    };
    let schema = reference(schema).unwrap_or_else(|| schema.clone());
    let choices = schema["anyOf"].as_array().into_iter().flatten();
    for choice in choices.filter(|choice| reference(choice).is_some()) {
        collect(root, at, choice, fields);
    }
    for (key, value) in schema["properties"].as_object().into_iter().flatten() {
        let field = match at {
            "" | "packages[]" => key.clone(),
            at => format!("{at}.{key}"),
        };
        fields.insert(field.clone());
        collect(root, &field, value, fields);
    }
    if !schema["items"].is_null() {
        collect(root, &format!("{at}[]"), &schema["items"], fields);
    }
}
