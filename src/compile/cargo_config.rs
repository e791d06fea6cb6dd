//! Cargo's configuration, as far as this program has to know it. Cargo itself applies it to the build.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use toml_edit::{DocumentMut, Item, Table};

use crate::context::Context;
use crate::fs;

/// Cargo's configuration for the current directory.
#[derive(Debug)]
pub(super) struct CargoConfig {
    /// The values of `--config`, the most important one first.
    arguments: Vec<Source>,
    /// The configuration files, the most important one first.
    files: Vec<Source>,
    /// Cargo's home directory.
    pub(super) home: Option<Utf8PathBuf>,
}

/// A file or an argument with configuration.
#[derive(Debug)]
struct Source {
    /// The name for messages.
    name: String,
    /// The directory that relative paths start from.
    base: Utf8PathBuf,
    table: Table,
}

/// A value, and where it is set.
#[derive(Debug)]
pub(super) struct Setting<'c> {
    pub(super) item: &'c Item,
    pub(super) origin: &'c str,
}

impl CargoConfig {
    /// Reads the configuration. Files that can't be read are left out, because cargo will refuse them.
    pub(super) fn load(ctx: &Context, arguments: &[String]) -> Self {
        let home = ctx.env.get("CARGO_HOME").or_else(|| ctx.env.get("HOME")).and_then(|home| home.to_str());
        let home = home.map(|home| match ctx.env.get("CARGO_HOME") {
            Some(_) => ctx.cwd.join(home),
            None => ctx.cwd.join(home).join(".cargo"),
        });
        let mut files = Files::default();
        for directory in ctx.cwd.ancestors().map(|directory| directory.join(".cargo")).chain(home.clone()) {
            // If both exist, cargo reads the one without an extension.
            let names = ["config", "config.toml"].map(|name| directory.join(name));
            if let Some(file) = names.iter().find(|file| file.is_file()) {
                files.add(file);
            }
        }
        let mut from_arguments = Files::default();
        for argument in arguments.iter().rev() {
            match argument.parse::<DocumentMut>() {
                Ok(document) if !ctx.cwd.join(argument).is_file() => from_arguments.sources.push(Source {
                    name: format!("--config {argument}"),
                    base: ctx.cwd.clone(),
                    table: document.as_table().clone(),
                }),
                _ => from_arguments.add(&ctx.cwd.join(argument)),
            }
        }
        CargoConfig { arguments: from_arguments.sources, files: files.sources, home }
    }

    /// All values of a key such as `build.rustflags` in arguments and files, the most important one first.
    pub(super) fn settings<'c>(&'c self, key: &'c [&str]) -> impl Iterator<Item = Setting<'c>> {
        self.arguments.iter().chain(&self.files).filter_map(move |source| source.setting(key))
    }

    /// Whether a key is set in an argument, a file or an environment variable.
    pub(super) fn is_set(&self, ctx: &Context, key: &[&str]) -> bool {
        self.settings(key).next().is_some() || ctx.env.get(&variable(key)).is_some()
    }

    /// Whether a key is set to `true`.
    pub(super) fn is_true(&self, ctx: &Context, key: &[&str]) -> bool {
        let of = |sources: &[Source]| Some(first(sources, key)?.1.as_bool() == Some(true));
        let in_env = || ctx.env.get(&variable(key)).map(|value| value == "true");
        of(&self.arguments).or_else(in_env).or_else(|| of(&self.files)).unwrap_or(false)
    }

    /// The program that a key such as `build.rustc` names: a path, or a name to look up in `PATH`. `None` if it isn't set
    /// or is empty.
    pub(super) fn program(&self, ctx: &Context, key: &[&str]) -> Option<Utf8PathBuf> {
        let of = |sources: &[Source]| {
            let (source, item) = first(sources, key)?;
            Some(program(&source.base, item.as_str()?))
        };
        let in_env = || Some(program(&ctx.cwd, ctx.env.get(&variable(key))?.to_str()?));
        let named = of(&self.arguments).or_else(in_env).or_else(|| of(&self.files))?;
        (!named.as_str().is_empty()).then_some(named)
    }
}

/// The path of a program. A name without a directory stays as it is.
pub(super) fn program(base: &Utf8Path, name: &str) -> Utf8PathBuf {
    if name.contains('/') { base.join(name) } else { name.into() }
}

fn first<'c>(sources: &'c [Source], key: &[&str]) -> Option<(&'c Source, &'c Item)> {
    sources.iter().find_map(|source| Some((source, source.setting(key)?.item)))
}

/// The environment variable of a key.
fn variable(key: &[&str]) -> String {
    format!("CARGO_{}", key.join("_").replace('-', "_").to_uppercase())
}

impl Source {
    fn setting(&self, key: &[&str]) -> Option<Setting<'_>> {
        let mut item = self.table.get(key.first()?)?;
        for name in key.get(1..)? {
            item = item.get(name)?;
        }
        Some(Setting { item, origin: &self.name })
    }
}

/// The files that were read, the most important one first.
#[derive(Default)]
struct Files {
    sources: Vec<Source>,
    read: BTreeSet<Utf8PathBuf>,
}

impl Files {
    /// Adds a file, and then those that it includes, because its own values have priority.
    fn add(&mut self, path: &Utf8Path) {
        if !self.read.insert(path.to_owned()) {
            return;
        }
        let Ok(text) = fs::read_text(path) else { return };
        let Ok(document) = text.parse::<DocumentMut>() else { return };
        let table = document.as_table().clone();
        let directory = path.parent().unwrap_or(path);
        // The last one that is included has priority over the others.
        let included: Vec<_> = included(&table).into_iter().rev().map(|name| directory.join(name)).collect();
        let base = directory.parent().unwrap_or(directory).to_owned();
        self.sources.push(Source { name: path.to_string(), base, table });
        for path in included {
            self.add(&path);
        }
    }
}

/// The paths in `include`: strings, or tables with a `path`.
fn included(table: &Table) -> Vec<String> {
    let path = |item: &toml_edit::Value| {
        let path = item.as_inline_table().and_then(|table| table.get("path")).unwrap_or(item);
        path.as_str().map(str::to_owned)
    };
    match table.get("include") {
        Some(Item::Value(toml_edit::Value::Array(paths))) => paths.iter().filter_map(path).collect(),
        Some(Item::ArrayOfTables(tables)) => {
            tables.iter().filter_map(|table| table.get("path")?.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    }
}
