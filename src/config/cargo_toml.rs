//! Reads settings from Cargo.toml, and reports where invalid ones are.

use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::Renderer;
use camino::{Utf8Path, Utf8PathBuf};
use toml_edit::{Document, Item, TableLike};

use crate::check;
use crate::check::levels::{Level, LevelOrigin, LevelSetting, Levels};
use crate::check::rule::Judge;
use crate::config::choice::{Choice, Optimize, Target};
use crate::config::settings::PartialSettings;
use crate::diagnostics::source::{Location, SourceFile};
use crate::diagnostics::{Diagnostic, Place, Severity, render};
use crate::error::{Explain, FileError};
use crate::mesh;
use crate::reference::Repository;
use crate::resource::{TargetRef, kubernetes_label_problem};
use crate::text::{nearest, quoted};

const KEYS: [&str; 15] = [
    "image",
    "pull-image",
    "plain-http",
    "cacert",
    "variant",
    "optimize",
    "names",
    "target",
    "root-ids",
    "kind",
    "namespace",
    "target-ref",
    "mesh",
    "deny-warnings",
    "checks",
];
const LEVEL_KEYS: [&str; 2] = ["level", "reason"];

/// A Cargo.toml.
#[derive(Debug)]
pub struct CargoToml {
    file: Arc<SourceFile>,
    document: Document<String>,
}

/// The table that contains settings.
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

/// Invalid settings in Cargo.toml.
#[derive(Debug, thiserror::Error)]
#[error("invalid settings in `{path}`")]
pub struct InvalidSettings {
    path: Utf8PathBuf,
    /// All problems, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

impl Explain for InvalidSettings {
    fn report(&self, renderer: &Renderer) -> Option<String> {
        let report = |diagnostic| render::diagnostic(diagnostic, self.path.as_str(), renderer);
        Some(self.diagnostics.iter().map(report).collect::<Vec<_>>().join("\n\n"))
    }
}

impl CargoToml {
    /// Parses a Cargo.toml. Messages show it as `path`.
    ///
    /// # Errors
    ///
    /// If it isn't valid TOML.
    pub fn parse(path: &Utf8Path, text: String) -> Result<Self, FileError> {
        let file = Arc::new(SourceFile { path: path.to_owned(), text });
        match Document::parse(file.text.clone()) {
            Ok(document) => Ok(CargoToml { file, document }),
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                Err(FileError::new(&file, span, error.message().to_owned(), None))
            }
        }
    }

    /// Whether it defines a profile with this name.
    pub fn defines_profile(&self, name: &str) -> bool {
        self.document.get("profile").and_then(|profiles| profiles.get(name)).is_some()
    }

    /// What the profiles that filters are compiled with optimize for, if they say so. `wasmplugin` inherits from `release`.
    pub fn optimize(&self) -> Option<Optimize> {
        let level = |name: &str| self.document.get("profile")?.get(name)?.get("opt-level");
        let level = level("wasmplugin").or_else(|| level("release"))?;
        matches!(level.as_str(), Some("s" | "z")).then_some(Optimize::Size)
    }

    /// Whether it replaces dependencies by other crates.
    pub fn replaces_crates(&self) -> bool {
        ["patch", "replace"].iter().any(|table| self.document.contains_key(table))
    }

    /// Whether it has a table for settings.
    pub fn has_settings(&self, section: Section) -> bool {
        self.settings(section).is_some()
    }

    /// The settings of `section`; `{name}` in an image of the workspace is replaced by `package`.
    ///
    /// # Errors
    ///
    /// If keys or values are invalid: all of them at once.
    pub fn read(&self, section: Section, package: &str) -> Result<PartialSettings, InvalidSettings> {
        let mut reader = SettingsReader { file: &self.file, diagnostics: Vec::new() };
        let settings = match self.settings(section) {
            None => PartialSettings::default(),
            Some(item) => match item.as_table_like() {
                Some(table) => reader.settings(table, section, package),
                None => {
                    reader.expected(item, "a table of settings");
                    PartialSettings::default()
                }
            },
        };
        let mut diagnostics = reader.diagnostics;
        if diagnostics.is_empty() {
            return Ok(settings);
        }
        let start = |diagnostic: &Diagnostic| {
            diagnostic.places.first().and_then(Place::location).map(|location| location.span.start)
        };
        diagnostics.sort_by_key(start);
        Err(InvalidSettings { path: self.file.path.clone(), diagnostics })
    }

    fn settings(&self, section: Section) -> Option<&Item> {
        self.document.get(section.table())?.get("metadata")?.get("wasmplugin")
    }
}

/// A string in a list, and its span in the file.
type Placed<'t> = (&'t str, Option<Range<usize>>);

struct SettingsReader<'f> {
    file: &'f Arc<SourceFile>,
    diagnostics: Vec<Diagnostic>,
}

impl SettingsReader<'_> {
    fn settings(&mut self, table: &dyn TableLike, section: Section, package: &str) -> PartialSettings {
        self.only_known(table, &KEYS);
        let name = match section {
            Section::Package => None,
            Section::Workspace => Some(package),
        };
        PartialSettings {
            image: self.repository(table, "image", name),
            pull_image: self.repository(table, "pull-image", name),
            plain_http: self.boolean(table, "plain-http"),
            cacert: self.path(table, "cacert"),
            variant: self.choice(table, "variant"),
            optimize: self.choice(table, "optimize"),
            names: self.boolean(table, "names"),
            target: self.target(table),
            root_ids: self
                .strings(table, "root-ids")
                .map(|ids| ids.into_iter().map(|(id, _)| id.to_owned()).collect()),
            kind: self.choice(table, "kind"),
            namespace: self.namespace(table),
            target_refs: self.parsed(table, "target-ref", "HTTPRoute/shop", |text| {
                text.parse::<TargetRef>().map_err(|error| (error.to_string(), error.help()))
            }),
            meshes: self.parsed(table, "mesh", "istio-1.28", |name| {
                mesh::find(name).map_err(|error| (error.to_string(), error.help().join("; ")))
            }),
            deny_warnings: self.boolean(table, "deny-warnings"),
            checks: self.checks(table, section),
        }
    }

    fn only_known(&mut self, table: &dyn TableLike, keys: &[&'static str]) {
        for (name, item) in table.iter() {
            if !keys.contains(&name) {
                let span = key_span(table, name).or_else(|| item.span());
                let help = match nearest(name, keys.iter().copied()) {
                    Some(key) => format!("a setting with a similar name exists: `{key}`"),
                    None => format!("the settings are {}", quoted(keys.iter().copied())),
                };
                let message = format!("unknown setting `{name}`");
                self.add("unknown-setting", span, message, Some(help));
            }
        }
    }

    fn checks(&mut self, table: &dyn TableLike, section: Section) -> Levels {
        let mut levels = Levels::default();
        let Some(item) = table.get("checks") else { return levels };
        let Some(checks) = item.as_table_like() else {
            self.expected(item, "a table of rules");
            return levels;
        };
        for (code, item) in checks.iter() {
            let span = key_span(checks, code).or_else(|| item.span());
            let rule = match check::find(code) {
                Ok(rule) => rule,
                Err(help) => {
                    self.problem(span, format!("unknown rule `{code}`"), Some(help));
                    continue;
                }
            };
            let code = rule.code;
            if matches!(rule.judge, Judge::Manifests(_)) {
                let message = format!("`{code}` is a rule about manifests, not about a package");
                let help = format!("pass `--check {code}=LEVEL` to `resolve`");
                self.problem(span, message, Some(help));
                continue;
            }
            if let Some(level) = self.level(item) {
                let location = Location {
                    file: Arc::clone(self.file),
                    span: span.unwrap_or(0..0),
                    label: String::new(),
                };
                let origin = match section {
                    Section::Package => LevelOrigin::Package(location),
                    Section::Workspace => LevelOrigin::Workspace(location),
                };
                levels.set_if_absent(code, LevelSetting { level, origin });
            }
        }
        levels
    }

    /// `{ level = "allow", reason = "..." }`
    fn level(&mut self, item: &Item) -> Option<Level> {
        let Some(table) = item.as_table_like() else {
            self.expected(item, "a table with `level`");
            return None;
        };
        self.only_known(table, &LEVEL_KEYS);
        let reason = self.string(table, "reason").map(|(reason, _)| reason.trim().to_owned());
        let level: Option<Level> = self.choice(table, "level");
        if table.get("level").is_none() {
            let help = format!("add `level`: the values are {}", quoted(Level::names()));
            self.problem(item.span(), "missing `level`".to_owned(), Some(help));
        }
        if level == Some(Level::Allow) && reason.is_none_or(|reason| reason.is_empty()) {
            let message = "missing `reason` for an allowed rule".to_owned();
            let help = "say why the rule doesn't apply: `reason = \"...\"`".to_owned();
            self.problem(item.span(), message, Some(help));
        }
        level
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
                    Some("`{name}` is only replaced in `[workspace.metadata.wasmplugin]`".to_owned())
                } else {
                    error.suggestion.as_ref().map(|suggestion| format!("write \"{suggestion}\""))
                };
                self.problem(item.span(), error.to_string(), help);
                None
            }
        }
    }

    fn choice<T: Choice>(&mut self, table: &dyn TableLike, key: &str) -> Option<T> {
        let (name, item) = self.string(table, key)?;
        let choice = T::named(name);
        if choice.is_none() {
            let help = match nearest(name, T::names()) {
                Some(similar) => format!("write \"{similar}\""),
                None => format!("the values are {}", quoted(T::names())),
            };
            self.problem(item.span(), format!("invalid value `{name}` for `{key}`"), Some(help));
        }
        choice
    }

    fn target(&mut self, table: &dyn TableLike) -> Option<Target> {
        // rustc builds a component for this target, and proxies can't load components.
        if let Some(item) = table.get("target")
            && item.as_str() == Some("wasm32-wasip2")
        {
            let message =
                "invalid value `wasm32-wasip2` for `target`: it builds components, but proxies load modules";
            let help = "write \"wasm32-wasip1\"".to_owned();
            self.problem(item.span(), message.to_owned(), Some(help));
            return None;
        }
        self.choice(table, "target")
    }

    fn namespace(&mut self, table: &dyn TableLike) -> Option<String> {
        let (name, item) = self.string(table, "namespace")?;
        if let Some(problem) = kubernetes_label_problem(name) {
            self.problem(item.span(), format!("`namespace` {problem}"), None);
        }
        Some(name.to_owned())
    }

    /// A list of strings that is not empty. `parse` returns a message and a help for a string that is not valid.
    fn parsed<T>(
        &mut self,
        table: &dyn TableLike,
        key: &str,
        example: &str,
        parse: impl Fn(&str) -> Result<T, (String, String)>,
    ) -> Option<Vec<T>> {
        let texts = self.strings(table, key)?;
        if table.get(key).and_then(Item::as_array).is_some_and(toml_edit::Array::is_empty) {
            let span = table.get(key).and_then(Item::span);
            let help = format!("add a value, as in `{key} = [\"{example}\"]`, or remove the key");
            self.problem(span, format!("`{key}` is empty"), Some(help));
        }
        let mut found = Vec::new();
        for (text, span) in texts {
            match parse(text) {
                Ok(value) => found.push(value),
                Err((message, help)) => self.problem(span, message, Some(help)),
            }
        }
        Some(found)
    }

    fn boolean(&mut self, table: &dyn TableLike, key: &str) -> Option<bool> {
        let item = table.get(key)?;
        let value = item.as_bool();
        if value.is_none() {
            self.expected(item, "a boolean");
        }
        value
    }

    /// A path in the directory of the file.
    fn path(&mut self, table: &dyn TableLike, key: &str) -> Option<Utf8PathBuf> {
        let (path, item) = self.string(table, key)?;
        if path.is_empty() {
            self.problem(item.span(), format!("`{key}` is empty"), Some("remove the key".to_owned()));
            return None;
        }
        Some(self.file.path.parent().map_or_else(|| path.into(), |directory| directory.join(path)))
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
                    let message = format!("expected strings in `{key}`, found {}", a(value.type_name()));
                    self.problem(value.span(), message, None);
                }
            }
        }
        Some(all)
    }

    fn expected(&mut self, item: &Item, what: &str) {
        let message = format!("expected {what}, found {}", a(item.type_name()));
        self.problem(item.span(), message, None);
    }

    fn problem(&mut self, span: Option<Range<usize>>, message: String, help: Option<String>) {
        self.add("invalid-setting", span, message, help);
    }

    fn add(&mut self, rule: &'static str, span: Option<Range<usize>>, message: String, help: Option<String>) {
        let location =
            Location { file: Arc::clone(self.file), span: span.unwrap_or(0..0), label: String::new() };
        self.diagnostics.push(Diagnostic {
            rule,
            severity: Severity::Error,
            message,
            places: vec![Place::File(location)],
            reason: String::new(),
            help: help.into_iter().collect(),
            meshes: Vec::new(),
        });
    }
}

fn key_span(table: &dyn TableLike, name: &str) -> Option<Range<usize>> {
    table.key(name).and_then(toml_edit::Key::span)
}

fn a(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}
