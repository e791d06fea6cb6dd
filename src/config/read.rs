//! Reads settings out of a Cargo.toml, and says where what is wrong stands.

use std::ops::Range;

use camino::{Utf8Path, Utf8PathBuf};
use toml_edit::{Document, Item, TableLike};

use crate::config::{Choice, Optimize, Target, Variant};
use crate::error::{InvalidFile, Problem};
use crate::mesh::{self, Mesh};
use crate::reference::Repository;
use crate::resource::Kind;
use crate::text::nearest;

/// What one place says of the settings; the rest is left to the layers below it.
#[derive(Debug, Clone, Default)]
pub struct Layer {
    /// `image`
    pub image: Option<Repository>,
    /// `pull-image`
    pub pull_image: Option<Repository>,
    /// `variant`
    pub variant: Option<Variant>,
    /// `optimize`
    pub optimize: Option<Optimize>,
    /// `target`
    pub target: Option<Target>,
    /// `root-ids`
    pub root_ids: Option<Vec<String>>,
    /// `--kind`, which no file says: it is the user of a resource who chooses.
    pub kind: Option<Kind>,
    /// `mesh`
    pub meshes: Option<Vec<&'static Mesh>>,
}

const KEYS: [&str; 7] = ["image", "pull-image", "variant", "optimize", "target", "root-ids", "mesh"];

/// A Cargo.toml, read for the settings alone: everything else in it is cargo's.
#[derive(Debug)]
pub struct Manifest {
    path: Utf8PathBuf,
    text: String,
    document: Document<String>,
}

/// Whose settings are meant.
#[derive(Debug, Clone, Copy)]
pub enum Section {
    /// `[package.metadata.wasmplugin]`
    Package,
    /// `[workspace.metadata.wasmplugin]`
    Workspace,
}

impl Section {
    fn table(self) -> &'static str {
        match self {
            Section::Package => "package",
            Section::Workspace => "workspace",
        }
    }
}

impl Manifest {
    /// Reads the text of the Cargo.toml that is shown as `path`.
    ///
    /// # Errors
    ///
    /// Where it is not TOML.
    pub fn parse(path: &Utf8Path, text: String) -> Result<Self, InvalidFile> {
        match Document::parse(text.clone()) {
            Ok(document) => Ok(Manifest { path: path.to_owned(), text, document }),
            Err(error) => {
                let problem = Problem {
                    span: error.span().unwrap_or(0..0),
                    message: error.message().to_owned(),
                    label: String::new(),
                    help: None,
                };
                Err(InvalidFile { path: path.to_owned(), text, problems: vec![problem] })
            }
        }
    }

    /// Whether a profile of that name stands in it.
    pub fn defines_profile(&self, name: &str) -> bool {
        self.document.get("profile").and_then(|profiles| profiles.get(name)).is_some()
    }

    /// Whether it has cargo take other crates than those that are asked for.
    pub fn replaces_crates(&self) -> bool {
        ["patch", "replace"].iter().any(|table| self.document.contains_key(table))
    }

    /// Whether it has settings at all.
    pub fn has_settings(&self, section: Section) -> bool {
        self.settings(section).is_some()
    }

    /// The settings of `section`; `{name}` in an image of the workspace stands for `package`.
    ///
    /// # Errors
    ///
    /// Where a key or a value is wrong: all of them at once.
    pub fn layer(&self, section: Section, package: &str) -> Result<Layer, InvalidFile> {
        let mut reader = Reader { problems: Vec::new() };
        let layer = match self.settings(section) {
            None => Layer::default(),
            Some(item) => match item.as_table_like() {
                Some(table) => reader.layer(table, section, package),
                None => {
                    reader.expected(item, "a table of settings");
                    Layer::default()
                }
            },
        };
        if reader.problems.is_empty() {
            return Ok(layer);
        }
        reader.problems.sort_by_key(|problem| problem.span.start);
        Err(InvalidFile { path: self.path.clone(), text: self.text.clone(), problems: reader.problems })
    }

    fn settings(&self, section: Section) -> Option<&Item> {
        self.document.get(section.table())?.get("metadata")?.get("wasmplugin")
    }
}

/// A string of a list, and where it stands.
type Placed<'t> = (&'t str, Option<Range<usize>>);

struct Reader {
    problems: Vec<Problem>,
}

impl Reader {
    fn layer(&mut self, table: &dyn TableLike, section: Section, package: &str) -> Layer {
        for (name, item) in table.iter() {
            if !KEYS.contains(&name) {
                let span = table.key(name).and_then(toml_edit::Key::span).or_else(|| item.span());
                let help = match nearest(name, KEYS) {
                    Some(key) => format!("a setting with a similar name exists: `{key}`"),
                    None => format!("the settings are {}", listed(KEYS)),
                };
                self.problem(span, format!("unknown setting `{name}`"), String::new(), Some(help));
            }
        }
        let name = match section {
            Section::Package => None,
            Section::Workspace => Some(package),
        };
        Layer {
            image: self.repository(table, "image", name),
            pull_image: self.repository(table, "pull-image", name),
            variant: self.choice(table, "variant"),
            optimize: self.choice(table, "optimize"),
            target: self.target(table),
            root_ids: self
                .strings(table, "root-ids")
                .map(|ids| ids.into_iter().map(|(id, _)| id.to_owned()).collect()),
            kind: None,
            meshes: self.meshes(table),
        }
    }

    fn repository(&mut self, table: &dyn TableLike, key: &str, name: Option<&str>) -> Option<Repository> {
        let (text, item) = self.string(table, key)?;
        let filled = match name {
            Some(name) => text.replace("{name}", name),
            None => text.to_owned(),
        };
        match filled.parse() {
            Ok(repository) => Some(repository),
            Err(error) => {
                let help = if name.is_none() && text.contains("{name}") {
                    Some("`{name}` is filled in under `[workspace.metadata.wasmplugin]` alone".to_owned())
                } else {
                    error.suggestion.as_ref().map(|suggestion| format!("write \"{suggestion}\""))
                };
                self.problem(item.span(), error.to_string(), String::new(), help);
                None
            }
        }
    }

    fn choice<T: Choice>(&mut self, table: &dyn TableLike, key: &str) -> Option<T> {
        let (word, item) = self.string(table, key)?;
        let choice = T::named(word);
        if choice.is_none() {
            let help = match nearest(word, T::names()) {
                Some(name) => format!("write \"{name}\""),
                None => format!("it is one of {}", listed(T::names())),
            };
            self.problem(item.span(), format!("`{key}` cannot be `{word}`"), String::new(), Some(help));
        }
        choice
    }

    fn target(&mut self, table: &dyn TableLike) -> Option<Target> {
        // A component is what rustc makes of a crate for this target, and no proxy loads one.
        if let Some(item) = table.get("target")
            && item.as_str() == Some("wasm32-wasip2")
        {
            let message = "`target` cannot be `wasm32-wasip2`: it makes components, and proxies load modules";
            let help = "write \"wasm32-wasip1\"".to_owned();
            self.problem(item.span(), message.to_owned(), String::new(), Some(help));
            return None;
        }
        self.choice(table, "target")
    }

    fn meshes(&mut self, table: &dyn TableLike) -> Option<Vec<&'static Mesh>> {
        let names = self.strings(table, "mesh")?;
        let names_none = table.get("mesh").and_then(Item::as_array).is_some_and(toml_edit::Array::is_empty);
        let mut found = Vec::new();
        for (name, span) in names {
            match mesh::find(name) {
                Ok(mesh) => found.push(mesh),
                Err(error) => {
                    let help = error.help().join("; ");
                    self.problem(span, error.to_string(), String::new(), Some(help));
                }
            }
        }
        if names_none {
            let span = table.get("mesh").and_then(Item::span);
            let help = "name one, as in `mesh = [\"istio-1.28\"]`, or leave the key out".to_owned();
            self.problem(span, "`mesh` names no mesh".to_owned(), String::new(), Some(help));
        }
        Some(found)
    }

    fn string<'t>(&mut self, table: &'t dyn TableLike, key: &str) -> Option<(&'t str, &'t Item)> {
        let item = table.get(key)?;
        let text = item.as_str();
        if text.is_none() {
            self.expected(item, "a string");
        }
        text.map(|text| (text, item))
    }

    fn strings<'t>(&mut self, table: &'t dyn TableLike, key: &str) -> Option<Vec<Placed<'t>>> {
        let item = table.get(key)?;
        let Some(array) = item.as_array() else {
            self.expected(item, "a list of strings");
            return None;
        };
        let mut all = Vec::new();
        for value in array {
            match value.as_str() {
                Some(text) => all.push((text, value.span())),
                None => {
                    let message = format!("`{key}` holds strings, and this is {}", a(value.type_name()));
                    self.problem(value.span(), message, "expected a string".to_owned(), None);
                }
            }
        }
        Some(all)
    }

    fn expected(&mut self, item: &Item, what: &str) {
        let message = format!("this is {}", a(item.type_name()));
        self.problem(item.span(), message, format!("expected {what}"), None);
    }

    fn problem(&mut self, span: Option<Range<usize>>, message: String, label: String, help: Option<String>) {
        self.problems.push(Problem { span: span.unwrap_or(0..0), message, label, help });
    }
}

fn a(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}

fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
