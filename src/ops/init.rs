//! `init`: prepares an existing crate. Running it again changes nothing more.

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{Package, TargetKind};
use toml_edit::{Array, DocumentMut, Item, Table, TableLike, value};

use crate::check::levels::Levels;
use crate::context::Context;
use crate::error::{Exit, Explain, Result, UsageError};
use crate::fs;
use crate::ops::overrides;
use crate::project;
use crate::reference::Repository;
use crate::resource::{Draft, Overrides};
use crate::scaffold::{self, Answers};

const RESOURCE: &str = "wasmplugin.yaml";

/// The options of `init`.
#[derive(Debug)]
pub struct InitOptions {
    /// The directory of the package.
    pub path: Utf8PathBuf,
    pub image: Option<Repository>,
    /// The fields to set in the resource.
    pub overrides: Overrides,
}

/// The package can't be a plugin.
#[derive(Debug, thiserror::Error)]
enum InitError {
    #[error("`{0}` has no package")]
    NoPackage(Utf8PathBuf),
    #[error("package `{0}` has no library")]
    NoLibrary(String),
    #[error("package `{0}` is a procedural macro")]
    Macro(String),
    /// A part of the manifest has a form that isn't changed automatically.
    #[error("`{key}` in `{manifest}` is not a {expected}")]
    Form { manifest: Utf8PathBuf, key: &'static str, expected: &'static str },
}

impl Explain for InitError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn help(&self) -> Vec<String> {
        vec![match self {
            InitError::NoPackage(_) => "pass the directory of a member of the workspace".to_owned(),
            InitError::NoLibrary(_) => "move its code from `src/main.rs` to `src/lib.rs`".to_owned(),
            InitError::Macro(_) => "create a plugin with `cargo wasmplugin new PATH`".to_owned(),
            InitError::Form { key, expected, .. } => format!("write `{key}` as a {expected}"),
        }]
    }
}

/// Makes the library of a package a cdylib, and adds the settings and the resource, as far as they are missing.
///
/// # Errors
///
/// If there is no package with a library, an option contradicts what exists, or a file can't be written.
pub fn init(ctx: &Context, options: &InitOptions) -> Result<()> {
    let directory = ctx.cwd.join(&options.path);
    let manifest = directory.join("Cargo.toml");
    let members = project::members(ctx, &manifest)?;
    let is_it = |package: &&Package| same_file(&package.manifest_path, &manifest);
    let shown = || ctx.display_path(&manifest).to_owned();
    let package = members.iter().find(is_it).ok_or_else(|| InitError::NoPackage(shown()))?;
    let text = fs::read_text(&manifest)?;
    let mut document: DocumentMut = text.parse().map_err(|_| InitError::NoPackage(shown()))?;

    let form = |(key, expected)| InitError::Form { manifest: shown(), key, expected };
    let mut changes = Vec::new();
    changes.extend(add_crate_type(&mut document, package, &members, form)?);
    changes.extend(add_settings(&mut document, options.image.as_ref()).map_err(form)?);
    let resource = match directory.join(RESOURCE).exists() {
        false => Some(resource(package, options)?),
        true if options.overrides.is_empty() => None,
        true => return Err(resource_exists()),
    };

    if !changes.is_empty() {
        fs::write_atomically(&manifest, document.to_string().as_bytes())?;
    }
    for change in &changes {
        ctx.shell.status("Added", format_args!("{change} to {}", shown()));
    }
    if let Some(resource) = &resource {
        fs::write_new(&directory.join(RESOURCE), resource.as_bytes())?;
        ctx.shell.status("Created", ctx.display_path(&directory.join(RESOURCE)));
    }
    if changes.is_empty() && resource.is_none() {
        ctx.shell.status("Unchanged", format_args!("package `{}` is a plugin already", package.name));
    }
    if !project::depends_on_proxy_wasm(package, &members.iter().collect::<Vec<_>>()) {
        ctx.shell.note("`cargo add proxy-wasm` adds the SDK, if the crate doesn't use another one");
    }
    if !has_image(&document) {
        ctx.shell.note("set `image` in `[package.metadata.wasmplugin]`, unless the workspace sets it");
    }
    Ok(())
}

fn same_file(one: &Utf8Path, other: &Utf8Path) -> bool {
    one.canonicalize().ok().zip(other.canonicalize().ok()).is_some_and(|(one, other)| one == other)
}

/// Makes the library a cdylib. It stays usable for other crates and for the other targets of its package.
fn add_crate_type(
    document: &mut DocumentMut,
    package: &Package,
    members: &[Package],
    form: impl Fn((&'static str, &'static str)) -> InitError,
) -> Result<Option<String>, InitError> {
    let kinds = || package.targets.iter().flat_map(|target| &target.kind);
    if kinds().any(|kind| *kind == TargetKind::CDyLib) {
        return Ok(None);
    }
    if kinds().any(|kind| *kind == TargetKind::ProcMacro) {
        return Err(InitError::Macro(package.name.to_string()));
    }
    let library = package.targets.iter().find(|target| {
        let kinds = [TargetKind::Lib, TargetKind::RLib, TargetKind::DyLib, TargetKind::StaticLib];
        target.kind.iter().any(|kind| kinds.contains(kind))
    });
    let library = library.ok_or_else(|| InitError::NoLibrary(package.name.to_string()))?;

    let package_position = document.get("package").and_then(Item::as_table).and_then(Table::position);
    let lib = document.entry("lib").or_insert_with(|| {
        let mut table = Table::new();
        // Tables with the same position stay in the order of their insertion.
        table.set_position(package_position);
        Item::Table(table)
    });
    let lib = lib.as_table_like_mut().ok_or_else(|| form(("lib", "table")))?;
    match lib.get_mut("crate-type") {
        Some(types) => types.as_array_mut().ok_or_else(|| form(("lib.crate-type", "list")))?.push("cdylib"),
        None => {
            let root = package.manifest_path.parent();
            let is_dependency = members
                .iter()
                .flat_map(|member| &member.dependencies)
                .any(|dependency| dependency.path.is_some() && dependency.path.as_deref() == root);
            let has_others =
                package.targets.iter().any(|target| target.name != library.name || target.is_bin());
            let others = (is_dependency || has_others).then_some("rlib");
            let types: Array = ["cdylib"].into_iter().chain(others).collect();
            lib.insert("crate-type", value(types));
        }
    }
    let types = lib.get("crate-type").map(ToString::to_string).unwrap_or_default();
    Ok(Some(format!("`lib.crate-type = {}`", types.trim())))
}

/// Adds the table of settings, and the image if it isn't set.
fn add_settings(
    document: &mut DocumentMut,
    image: Option<&Repository>,
) -> Result<Option<String>, (&'static str, &'static str)> {
    fn table<'t>(parent: &'t mut dyn TableLike, key: &'static str, is_implicit: bool) -> &'t mut Item {
        parent.entry(key).or_insert_with(|| {
            let mut table = Table::new();
            table.set_implicit(is_implicit);
            Item::Table(table)
        })
    }
    let is_new = settings(document).is_none();
    let package = document["package"].as_table_like_mut().ok_or(("package", "table"))?;
    let metadata = table(package, "metadata", true);
    let metadata = metadata.as_table_like_mut().ok_or(("package.metadata", "table"))?;
    let settings = table(metadata, "wasmplugin", false);
    let settings = settings.as_table_like_mut().ok_or(("package.metadata.wasmplugin", "table"))?;
    match image.filter(|_| !settings.contains_key("image")) {
        Some(image) => {
            settings.insert("image", value(image.as_str()));
            Ok(Some(format!("`package.metadata.wasmplugin.image = \"{image}\"`")))
        }
        None => Ok(is_new.then(|| "`[package.metadata.wasmplugin]`".to_owned())),
    }
}

fn settings(document: &DocumentMut) -> Option<&Item> {
    document.get("package")?.get("metadata")?.get("wasmplugin")
}

fn has_image(document: &DocumentMut) -> bool {
    settings(document).is_some_and(|settings| settings.get("image").is_some())
}

/// The resource, with comments about each field.
fn resource(package: &Package, options: &InitOptions) -> Result<String> {
    let name = package.name.to_string();
    overrides::apply(Draft::minimal(&name), &options.overrides, &Levels::default())?;
    let image = options.image.as_ref().map(ToString::to_string);
    let answers = Answers { name, image, overrides: options.overrides.clone(), meshes: Vec::new() };
    Ok(scaffold::render_resource(&answers)?)
}

fn resource_exists() -> crate::error::Error {
    UsageError {
        message: format!("`{RESOURCE}` exists, so flags can't set its fields"),
        help: vec!["leave out the flags, and edit the file".to_owned()],
    }
    .into()
}
