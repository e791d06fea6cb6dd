//! Where the sources of a build lie, as far as that is outside of its workspace, and what these places are
//! called instead, so that no module tells of them.

use std::collections::HashMap;
use std::ffi::OsString;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::Package;
use toml_edit::{Document, Table};

use crate::compile::options::CargoOptions;
use crate::compile::toolchain::Toolchain;
use crate::config::Target;
use crate::context::Context;
use crate::error::Result;
use crate::project::Project;

/// Folders that crates come from, and their neutral names. A crate of a registry has the same name wherever
/// it was unpacked or vendored.
///
/// # Errors
///
/// Where folders of cargo's cannot be read.
pub(super) fn elsewhere(
    ctx: &Context,
    project: &Project,
    toolchain: &Toolchain,
    options: &CargoOptions,
    target: Target,
) -> Result<Vec<(Utf8PathBuf, String)>> {
    let unpacked = || match &toolchain.cargo_home {
        // The name of each of these folders holds a hash that a mirror of the registry changes.
        Some(home) => folders(&home.join("registry/src")),
        None => Ok(Vec::new()),
    };
    let usual = project.outside.is_empty()
        && !project.has_patches
        && toolchain.config.source.is_empty()
        && options.config.is_empty()
        && lock_is_usual(project, &unpacked()?);
    // This unpacks the crates too, so that their folder is there when it is looked for.
    let packages = if usual { Ok(Vec::new()) } else { project.packages(ctx, target.triple(), talk(options)) };
    let packages = packages.or_else(|error| match error.exit() {
        crate::error::Exit::Interrupted => Err(error),
        _ => {
            ctx.shell.warn(format_args!(
                "paths of this machine may get into the module: cargo does not tell where all crates lie ({error})"
            ));
            Ok(Vec::new())
        }
    })?;
    let mut elsewhere: Vec<_> =
        project.outside.iter().map(|(at, name)| (at.clone(), format!("/{name}"))).collect();
    let home = toolchain.cargo_home.as_deref();
    elsewhere
        .extend(packages.iter().filter_map(|package| of_package(package, &project.workspace_root, home)));
    elsewhere.sort();
    elsewhere.dedup();
    if let Some(home) = home {
        elsewhere.insert(0, (home.to_owned(), "/cargo".to_owned()));
    }
    elsewhere.extend(unpacked()?.into_iter().map(|folder| (folder, REGISTRY.to_owned())));
    Ok(elsewhere)
}

/// The options that say how much cargo tells, and in which colours.
fn talk(options: &CargoOptions) -> impl Iterator<Item = &OsString> {
    options.args.iter().filter(|arg| *arg == "--quiet" || arg.to_string_lossy().starts_with("--color="))
}

const REGISTRY: &str = "/cargo/registry";

/// The place of a package that lies neither in the workspace nor where cargo puts what it has fetched.
fn of_package(
    package: &Package,
    workspace: &Utf8Path,
    cargo_home: Option<&Utf8Path>,
) -> Option<(Utf8PathBuf, String)> {
    let root = package.manifest_path.parent()?;
    if cargo_home.is_some_and(|home| root.starts_with(home)) {
        return None;
    }
    let of_registry = package.source.as_ref().is_some_and(|source| is_registry(&source.repr));
    if of_registry {
        return Some((root.to_owned(), format!("{REGISTRY}/{}-{}", package.name, package.version)));
    }
    (!root.starts_with(workspace)).then(|| (root.to_owned(), format!("/{}", package.name)))
}

fn is_registry(source: &str) -> bool {
    source.starts_with("registry+") || source.starts_with("sparse+")
}

/// Whether all crates come from the workspace and from registries that have a folder already. This is known
/// much sooner than what cargo knows.
fn lock_is_usual(project: &Project, unpacked: &[Utf8PathBuf]) -> bool {
    let read = || {
        let text = fs_err::read_to_string(project.workspace_root.join("Cargo.lock")).ok()?;
        let lock = Document::parse(text).ok()?;
        let packages = lock.get("package")?.as_array_of_tables()?;
        let mut registries: HashMap<&str, bool> = HashMap::new();
        for package in packages {
            let name = text_of(package, "name")?;
            match text_of(package, "source") {
                None if !project.members.iter().any(|member| member == name) => return Some(false),
                Some(source) if is_registry(source) => {
                    let seen = registries.entry(source).or_default();
                    let folder = format!("{name}-{}", text_of(package, "version")?);
                    *seen = *seen || unpacked.iter().any(|parent| parent.join(&folder).is_dir());
                }
                _ => {}
            }
        }
        Some(registries.into_values().all(|seen| seen))
    };
    read().unwrap_or(false)
}

fn text_of<'t>(table: &'t Table, key: &str) -> Option<&'t str> {
    table.get(key)?.as_str()
}

fn folders(parent: &Utf8Path) -> Result<Vec<Utf8PathBuf>> {
    if !parent.exists() {
        return Ok(Vec::new());
    }
    let mut folders = Vec::new();
    for entry in fs_err::read_dir(parent)? {
        if let Ok(folder) = Utf8PathBuf::try_from(entry?.path()) {
            folders.push(folder);
        }
    }
    folders.sort();
    Ok(folders)
}
