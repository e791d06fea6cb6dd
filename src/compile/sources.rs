//! The directories outside the workspace that hold sources of a build, and the neutral names that replace them, so
//! that no module contains paths of this machine.

use std::collections::HashMap;
use std::ffi::OsString;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::Package;
use toml_edit::{Document, Table};

use crate::compile::batch;
use crate::compile::options::CargoOptions;
use crate::compile::toolchain::Toolchain;
use crate::config::Target;
use crate::context::Context;
use crate::error::{Error, Exit, Result};
use crate::fs;
use crate::project::Project;

/// The directories with sources outside the workspace.
pub(super) struct Outside {
    /// Each with its neutral name.
    pub(super) directories: Vec<(Utf8PathBuf, String)>,
    /// The names of the cdylibs among them.
    pub(super) libraries: Vec<String>,
    /// Whether Cargo.lock and the manifests of the workspace determine all sources.
    pub(super) is_locked: bool,
    /// Why cargo can't list the sources of all crates, so that some directories may be missing. Cargo has printed it.
    pub(super) unlisted: Option<Error>,
}

/// The directories that crates come from, and their neutral names. A crate from a registry has the same name regardless
/// of whether it was unpacked or vendored.
///
/// # Errors
///
/// If cargo's directories can't be read.
pub(super) fn outside_workspace(
    ctx: &Context,
    project: &Project,
    toolchain: &Toolchain,
    options: &CargoOptions,
    target: Target,
) -> Result<Outside> {
    let unpacked = || match &toolchain.config.home {
        // The name of each of these directories contains a hash, which changes with a mirror of the registry.
        Some(home) => directories(&home.join("registry/src")),
        None => Ok(Vec::new()),
    };
    let usual = project.outside.is_empty()
        && !project.has_patches
        && !["source", "paths", "patch"].iter().any(|key| toolchain.config.is_set(ctx, &[key]))
        && options.config.is_empty()
        && lock_is_usual(project, &unpacked()?);
    // This also unpacks the crates, so that `unpacked` finds their directory below.
    let packages = if usual || must_fail(project, options) {
        Ok(Vec::new())
    } else {
        project.packages(ctx, target.triple(), output_options(options))
    };
    let (packages, unlisted) = match packages {
        Ok(packages) => (packages, None),
        Err(error) if error.exit() == Exit::Interrupted => return Err(error),
        Err(error) => (Vec::new(), Some(error)),
    };
    let mut outside: Vec<_> =
        project.outside.iter().map(|(at, name)| (at.clone(), format!("/{name}"))).collect();
    let home = toolchain.config.home.as_deref();
    outside.extend(packages.iter().filter_map(|package| of_package(package, &project.workspace_root, home)));
    outside.sort();
    outside.dedup();
    if let Some(home) = home {
        outside.insert(0, (home.to_owned(), "/cargo".to_owned()));
    }
    outside.extend(unpacked()?.into_iter().map(|dir| (dir, REGISTRY.to_owned())));
    let local = packages.iter().filter(|package| package.source.is_none());
    let local = local.filter(|package| project.members.iter().all(|member| member.id != package.id));
    let libraries = local.filter_map(batch::library).map(str::to_owned).collect();
    Ok(Outside { directories: outside, libraries, is_locked: usual, unlisted })
}

/// Whether the compilation will fail because Cargo.lock must not be created. Listing the crates would print the same
/// error before.
fn must_fail(project: &Project, options: &CargoOptions) -> bool {
    let is_locked = options.args.iter().any(|arg| arg == "--locked" || arg == "--frozen");
    is_locked && !project.workspace_root.join("Cargo.lock").exists()
}

/// The options that control how much cargo prints, and in which colours.
fn output_options(options: &CargoOptions) -> impl Iterator<Item = &OsString> {
    options.args.iter().filter(|arg| *arg == "--quiet" || arg.to_string_lossy().starts_with("--color="))
}

const REGISTRY: &str = "/cargo/registry";

/// The directory of a package that is neither in the workspace nor in cargo's home directory, and its neutral name.
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

/// Whether all crates come from the workspace and from registries that have a directory already. Reading Cargo.lock is
/// much faster than running `cargo metadata`.
fn lock_is_usual(project: &Project, unpacked: &[Utf8PathBuf]) -> bool {
    let read = || {
        let text = fs::read_text(project.workspace_root.join("Cargo.lock")).ok()?;
        let lock = Document::parse(text).ok()?;
        let packages = lock.get("package")?.as_array_of_tables()?;
        let mut registries: HashMap<&str, bool> = HashMap::new();
        for package in packages {
            let name = text_of(package, "name")?;
            match text_of(package, "source") {
                None if !project.members.iter().any(|member| *member.name == name) => return Some(false),
                Some(source) if is_registry(source) => {
                    let seen = registries.entry(source).or_default();
                    let dir = format!("{name}-{}", text_of(package, "version")?);
                    *seen = *seen || unpacked.iter().any(|parent| parent.join(&dir).is_dir());
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

fn directories(parent: &Utf8Path) -> Result<Vec<Utf8PathBuf>> {
    if !parent.exists() {
        return Ok(Vec::new());
    }
    let mut directories = Vec::new();
    for entry in fs_err::read_dir(parent)? {
        if let Ok(path) = Utf8PathBuf::try_from(entry?.path()) {
            directories.push(path);
        }
    }
    directories.sort();
    Ok(directories)
}
