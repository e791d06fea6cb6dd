//! The documentation tells the truth: what it lists is what there is, and what it shows is what happens.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;
use cargo_wasmplugin::check::RULES;
use cargo_wasmplugin::check::UNKNOWN_KIND;
use cargo_wasmplugin::config::{Manifest, Section};
use cargo_wasmplugin::findings::{Finding, Severity};
use cargo_wasmplugin::mesh::{self, Mesh};
use cargo_wasmplugin::resource::{KINDS, Kind, LOST_FIELD, RESOURCE_FLAGS};
use cargo_wasmplugin::yaml::read_document;
use serde_json::Value;
use snapbox::cmd::Command;

use crate::kinds;
use crate::support::registry::Registry;
use crate::support::{Sandbox, isolated, tool};

const README: &str = include_str!("../../README.md");
const CHECKS: &str = include_str!("../../docs/checks.md");
const JSON: &str = include_str!("../../docs/json.md");
const PUBLISH: &str = include_str!("../../docs/publish.md");
const RESOLVE: &str = include_str!("../../docs/resolve.md");
const RESOURCE: &str = include_str!("../../docs/resource.md");
const SETTINGS: &str = include_str!("../../docs/settings.md");

#[test]
fn every_rule_has_its_chapter() {
    let codes: Vec<&str> = RULES.iter().map(|rule| rule.code).collect();
    assert_eq!(chapters(CHECKS), codes);
    for code in codes {
        assert!(CHECKS.contains(&format!("\n| [{code}](#{code}) |")), "`{code}` is not in the table");
    }
}

#[test]
fn every_setting_has_its_chapter_and_its_row() {
    // The program itself lists the settings where it is given one that is not among them.
    let text = "[package.metadata.wasmplugin]\nqqqqqqqq = 1\n".to_owned();
    let manifest = Manifest::parse("Cargo.toml".into(), text).unwrap();
    let refused = manifest.layer(Section::Package, "hello").unwrap_err();
    let help = refused.problems[0].help.clone().unwrap();
    let keys: Vec<&str> = help.split('`').skip(1).step_by(2).collect();
    assert!(keys.contains(&"image"), "{help}");

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
    let products = mesh::MESHES.chunk_by(same_product);
    let ends = products.flat_map(|product| [product.first().unwrap().name, product.last().unwrap().name]);
    let defaults = Kind::WasmPlugin.default_meshes().into_iter().map(|mesh| mesh.name);
    for mesh in ends.chain(defaults) {
        assert!(SETTINGS.contains(&format!("`{mesh}`")), "`{mesh}` is not in docs/settings.md");
    }
}

#[test]
fn every_kind_that_may_have_references_has_its_row() {
    let row = |(name, kind): &(&str, Kind)| {
        let path = kind.image_path()?.join(".");
        Some(format!("| `{name}` | `{}` | `{path}.url` |", kind.api_version()?))
    };
    let rows: Vec<&str> = RESOLVE.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(rows, KINDS.iter().filter_map(row).collect::<Vec<_>>());
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
    assert_eq!(first_cells(RESOURCE, "| code |"), [LOST_FIELD, UNKNOWN_KIND]);
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
    for folder in kinds::kept() {
        let read = |file: &str| fs_err::read_to_string(folder.join(file)).unwrap();
        let (resource, _) = read_document(&read("in.yaml")).unwrap();
        let spec = resource.get("spec").map_or(&[][..], |spec| spec.entries());
        fields.extend(spec.iter().map(|(key, _)| key.name.clone()).filter(|name| name != "fieldOfTomorrow"));
        let mut kind = String::new();
        for line in read("findings.txt").lines() {
            let Some((severity, rest)) = line.split_once("[lost-field] `") else {
                kind = line.split(' ').next().unwrap().to_owned();
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
    let mut told = BTreeSet::new();
    for row in table(RESOURCE, "| field of `spec` | TrafficExtension") {
        for (cell, kind) in row[1..].iter().zip(["TrafficExtension", "EnvoyExtensionPolicy", "envoy"]) {
            let severity = cell.split([' ', ',']).next().unwrap();
            if !severity.is_empty() {
                told.insert((row[0].clone(), kind.to_owned(), severity.to_owned()));
            }
        }
    }
    assert_eq!(told, losses);
}

#[test]
fn what_the_readme_shows_is_what_happens() {
    let sandbox = Sandbox::new();
    let folder = follow(README, sandbox.path(""), 4);
    follow(PUBLISH, folder.clone(), 3);
    let (_, manifest) = RESOLVE.split_once("```yaml\n").unwrap();
    fs_err::write(folder.join("hello.yaml"), manifest.split_once("```\n").unwrap().0).unwrap();
    follow(RESOLVE, folder.clone(), 3);

    let registry = Registry::open();
    let image = registry.repository("acme/hello");
    let json = cargo()
        .args(["wasmplugin", "publish", "--quiet", "-o", "json", "--image", &image])
        .current_dir(&folder)
        .assert()
        .success();
    let report: Value = serde_json::from_slice(&json.get_output().stdout).unwrap();
    let mut fields = BTreeSet::from(["schema".to_owned(), "packages".to_owned(), "published".to_owned()]);
    assert_eq!(report.as_object().unwrap().len(), 2);
    collect("", &report["packages"][0], &mut fields);
    collect("findings[]", &serde_json::to_value(finding()).unwrap(), &mut fields);
    let rows = JSON.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    assert_eq!(rows.map(str::to_owned).collect::<BTreeSet<_>>(), fields);
}

/// Types what a text shows of this program, of which there are `least` commands or more. What is pushed goes to a
/// registry of its own each time. Where the last `cd` led is what comes back.
fn follow(text: &str, mut folder: Utf8PathBuf, least: usize) -> Utf8PathBuf {
    let mut ran = 0;
    for (command, shown) in console(text) {
        if let Some(below) = command.strip_prefix("cd ") {
            folder = folder.join(below);
        }
        // What goes in by a file, or out to another program, is for people who have these.
        let typed = command.split(" | ").next().filter(|typed| !typed.contains(" < "));
        let Some(args) = typed.and_then(|typed| typed.strip_prefix("cargo wasmplugin ")) else { continue };
        let registry = Registry::open();
        let mut args: Vec<String> = args.split(' ').map(str::to_owned).collect();
        if args[0] == "publish" {
            args.extend(["--image".to_owned(), registry.repository("acme/hello")]);
        }
        let printed = cargo().arg("wasmplugin").args(args).current_dir(&folder).assert().success();
        let output = printed.get_output();
        let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        let printed = printed.replace(registry.address(), "quay.io");
        for line in shown {
            assert!(is_in(line, &printed), "{command}\n\nshown:\n{line}\n\nprinted:\n{printed}");
        }
        ran += 1;
    }
    assert!(ran >= least, "only {ran} commands could be tried");
    folder
}

/// The rows of all tables whose first line begins like this, cell by cell, without backticks around a cell.
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

/// The first cells of all tables whose first line begins like this.
fn first_cells(text: &str, head: &str) -> Vec<String> {
    table(text, head).into_iter().map(|row| row[0].clone()).collect()
}

/// The titles of the second level.
fn chapters(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("## ")).collect()
}

/// The commands of the blocks of type `console`, each with the lines that are shown under it.
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

/// Whether one printed line has the words of `line` in their order. Words with digits differ from run to run.
fn is_in(line: &str, printed: &str) -> bool {
    printed.lines().any(|printed| {
        let mut printed = printed.split_whitespace();
        let mut words = line.split_whitespace().filter(|word| !word.contains(|c: char| c.is_ascii_digit()));
        words.all(|word| printed.any(|candidate| candidate == word))
    })
}

/// Cargo, which finds the built program as its subcommand.
fn cargo() -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(tool().parent().unwrap().to_owned()).chain(std::env::split_paths(&path));
    isolated("cargo").env("PATH", std::env::join_paths(folders).unwrap())
}

/// The fields below `value`, written as docs/json.md writes them. The resource is a document of its own.
fn collect(at: &str, value: &Value, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                let field = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                if !value.is_object() || key == "resource" {
                    fields.insert(field.clone());
                }
                if key != "resource" {
                    collect(&field, value, fields);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                collect(&format!("{at}[]"), item, fields);
            }
        }
        _ => {}
    }
}

fn finding() -> Finding {
    let text = String::new;
    Finding {
        code: "",
        severity: Severity::Warning,
        message: text(),
        place: text(),
        reason: text(),
        cure: text(),
    }
}
