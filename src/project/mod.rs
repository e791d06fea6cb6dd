//! The project according to cargo: its plugins, their directories and the directory for the output.

mod error;

use std::collections::BTreeMap;
use std::ffi::OsString;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

use crate::config::{CargoToml, PartialSettings, Section, Settings};
use crate::context::Context;
use crate::error::{Error, Explain, Result};
use crate::fs;
use crate::process::{self, ProcessError};
use crate::reference::Tag;

use crate::text::nearest;
use error::ProjectError;

/// The packages that the user selects, with cargo's own options.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// `--manifest-path`
    pub manifest_path: Option<Utf8PathBuf>,
    /// `-p`
    pub packages: Vec<String>,
    /// `--workspace`
    pub workspace: bool,
    /// `--exclude`
    pub exclude: Vec<String>,
    /// `--target-dir`
    pub target_dir: Option<Utf8PathBuf>,
    /// Options that are passed on to cargo: `--config`, `--locked`, `--offline`, `--frozen`.
    pub cargo_args: Vec<OsString>,
}

/// A workspace and its selected plugins.
#[derive(Debug)]
pub struct Project {
    /// The root directory of the workspace.
    pub workspace_root: Utf8PathBuf,
    /// The directory for cargo's output.
    pub target_dir: Utf8PathBuf,
    /// Whether cargo supports a separate directory for intermediate artifacts.
    pub has_build_dir: bool,
    /// All members of the workspace.
    pub members: Vec<Package>,
    /// Whether all members of the workspace are selected.
    pub is_whole: bool,
    /// Whether the workspace has `[patch]` or `[replace]`.
    pub has_patches: bool,
    /// The path dependencies outside the workspace: directory and package name.
    pub outside: Vec<(Utf8PathBuf, String)>,
    /// Whether the workspace defines the profile `wasmplugin`.
    pub has_profile: bool,
    /// The crates that are plugins, sorted by name; at least one.
    pub crates: Vec<Crate>,
    cargo_args: Vec<OsString>,
}

/// A crate that is a plugin.
#[derive(Debug)]
pub struct Crate {
    pub package: Package,
    pub plugin: Plugin,
}

/// A module that is to be packaged: its name and its settings.
#[derive(Debug, Clone)]
pub struct Plugin {
    /// The name of the package in Cargo.toml, or of the file if the module comes from another toolchain.
    pub name: String,
    /// The tag of the image. A module from another toolchain may have none, because it has no version.
    pub tag: Option<Tag>,
    /// The directory that may contain wasmplugin.yaml.
    pub root: Utf8PathBuf,
    /// The metadata from Cargo.toml, as annotations of the OCI image specification.
    pub annotations: BTreeMap<String, String>,
    pub settings: Settings,
}

impl Project {
    /// Loads the project with `cargo metadata`, and merges the settings. `flags` have the highest priority.
    ///
    /// # Errors
    ///
    /// If there is no project, a setting is invalid, or no selected package is a plugin.
    pub fn load(ctx: &Context, selection: &Selection, flags: &PartialSettings) -> Result<Self> {
        let metadata = metadata(ctx, selection)?;
        let selected = select(ctx, selection, &metadata)?;
        let workspace_manifest_path = metadata.workspace_root.join("Cargo.toml");
        let workspace_manifest = read_manifest(ctx, &workspace_manifest_path)?;
        let profile_settings =
            PartialSettings { optimize: workspace_manifest.optimize(), ..PartialSettings::default() };

        let members = metadata.workspace_packages();
        let is_whole = selected.packages.len() == metadata.workspace_members.len();
        let mut crates = Vec::new();
        let mut skipped = Vec::new();
        for package in selected.packages {
            let is_root = package.manifest_path == workspace_manifest_path;
            let own = if is_root { None } else { Some(read_manifest(ctx, &package.manifest_path)?) };
            let manifest = own.as_ref().unwrap_or(&workspace_manifest);
            let not_a_cdylib = || ProjectError::NoCdylib {
                package: package.name.to_string(),
                has_library: package.targets.iter().any(|target| target.is_lib() || target.is_rlib()),
                plugins: likely_plugins(&metadata),
            };
            if !is_plugin(package, &members, manifest, selected.by_name).ok_or_else(not_a_cdylib)? {
                skipped.push(package.name.to_string());
                continue;
            }
            let own_settings = manifest.read(Section::Package, &package.name)?;
            let workspace_settings = workspace_manifest.read(Section::Workspace, &package.name)?;
            let sources = [flags, &own_settings, &workspace_settings, &profile_settings];
            crates.push(of_package(package, Settings::of(&sources))?);
        }
        if crates.is_empty() {
            return Err(ProjectError::NoPlugin { skipped, excluded: selected.excluded }.into());
        }
        crates.sort_by(|a, b| a.plugin.name.cmp(&b.plugin.name));
        Ok(Project {
            outside: outside(&metadata),
            members: metadata.workspace_packages().into_iter().cloned().collect(),
            is_whole,
            has_patches: workspace_manifest.replaces_crates(),
            has_build_dir: metadata.build_directory.is_some(),
            cargo_args: selection.cargo_args.clone(),
            has_profile: workspace_manifest.defines_profile("wasmplugin"),
            target_dir: selection
                .target_dir
                .as_ref()
                .map_or_else(|| metadata.target_directory.clone(), |dir| ctx.cwd.join(dir)),
            workspace_root: metadata.workspace_root,
            crates,
        })
    }

    /// All packages that a build for `target` may need. Cargo downloads and unpacks them; `output_options` control what
    /// it prints.
    ///
    /// # Errors
    ///
    /// If cargo can't download a package.
    pub fn packages<'a>(
        &self,
        ctx: &Context,
        target: &str,
        output_options: impl Iterator<Item = &'a OsString>,
    ) -> Result<Vec<Package>> {
        let mut command = process::command(ctx, ctx.cargo());
        command.args(["metadata", "--format-version", "1", "--filter-platform", target]).args(output_options);
        command.arg("--manifest-path").arg(self.workspace_root.join("Cargo.toml")).args(&self.cargo_args);
        let mut printed = String::new();
        process::stream(ctx, &mut command, |line| printed.push_str(line))?;
        Ok(parse_metadata(&printed)?.packages)
    }

    /// What `cargo tree` prints for these arguments.
    ///
    /// # Errors
    ///
    /// If cargo can't resolve the dependencies.
    pub fn tree(&self, ctx: &Context, args: &[String]) -> Result<String> {
        let mut command = process::command(ctx, ctx.cargo());
        command.arg("tree").args(args).args(&self.cargo_args);
        command.arg("--manifest-path").arg(self.workspace_root.join("Cargo.toml"));
        let printed = process::output(ctx, &mut command, None)?;
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }
}

/// The members of the workspace of a package.
///
/// # Errors
///
/// If cargo can't read the manifest.
pub fn members(ctx: &Context, manifest: &Utf8Path) -> Result<Vec<Package>> {
    let selection = Selection { manifest_path: Some(manifest.to_owned()), ..Selection::default() };
    Ok(metadata(ctx, &selection)?.workspace_packages().into_iter().cloned().collect())
}

fn metadata(ctx: &Context, selection: &Selection) -> Result<Metadata> {
    let mut command = process::command(ctx, ctx.cargo());
    command.args(["metadata", "--format-version", "1", "--no-deps"]);
    if let Some(path) = &selection.manifest_path {
        command.arg("--manifest-path").arg(path);
    }
    command.args(&selection.cargo_args);
    let printed = process::output(ctx, &mut command, None).map_err(|error| match error {
        // Cargo's own message is better than the failure of a child process.
        ProcessError::Failed { stderr, .. } => Error::from(ProjectError::Unreadable {
            because: stderr.trim().trim_start_matches("error: ").to_owned(),
        }),
        error => error.into(),
    })?;
    Ok(parse_metadata(&String::from_utf8_lossy(&printed))?)
}

fn parse_metadata(printed: &str) -> cargo_metadata::Result<Metadata> {
    MetadataCommand::parse(printed.lines().find(|line| line.starts_with('{')).unwrap_or_default())
}

impl Explain for cargo_metadata::Error {
    fn help(&self) -> Vec<String> {
        vec![
            "check the environment variable `CARGO`: the output of `cargo metadata` can't be read".to_owned(),
        ]
    }
}

struct Selected<'m> {
    packages: Vec<&'m Package>,
    /// Whether the user selected them explicitly, so that none of them can be skipped.
    by_name: bool,
    /// Whether `--exclude` left out a package.
    excluded: bool,
}

fn select<'m>(ctx: &Context, selection: &Selection, metadata: &'m Metadata) -> Result<Selected<'m>> {
    let members = metadata.workspace_packages();
    let names = || members.iter().map(|package| package.name.as_str());
    let unknown = |spec: &str| ProjectError::Unknown {
        spec: spec.to_owned(),
        suggestion: nearest(spec, names()).map(str::to_owned),
        members: names().map(str::to_owned).collect(),
    };
    if !selection.exclude.is_empty() && !selection.workspace {
        return Err(ProjectError::ExcludeWithoutWorkspace.into());
    }
    for spec in &selection.exclude {
        if !members.iter().any(|package| matches(package, spec)) {
            ctx.shell.warn(unknown(spec));
        }
    }
    if selection.workspace {
        let is_kept = |package: &&Package| !selection.exclude.iter().any(|spec| matches(package, spec));
        let all = members.len();
        let packages: Vec<_> = members.into_iter().filter(is_kept).collect();
        return Ok(Selected { excluded: packages.len() < all, packages, by_name: false });
    }
    if !selection.packages.is_empty() {
        for spec in &selection.packages {
            if !members.iter().any(|package| matches(package, spec)) {
                return Err(unknown(spec).into());
            }
        }
        let named = |package: &&Package| selection.packages.iter().any(|spec| matches(package, spec));
        return Ok(Selected {
            packages: members.into_iter().filter(named).collect(),
            by_name: true,
            excluded: false,
        });
    }
    let current = current_manifest(ctx, selection);
    match members.iter().find(|package| Some(&package.manifest_path) == current.as_ref()) {
        Some(package) if package.manifest_path.parent() != Some(&metadata.workspace_root) => {
            Ok(Selected { packages: vec![package], by_name: true, excluded: false })
        }
        _ => {
            let packages = metadata.workspace_default_packages();
            Ok(Selected { by_name: packages.len() == 1, packages, excluded: false })
        }
    }
}

/// The manifest that cargo uses: `--manifest-path`, or the first one in the current directory and its parents.
fn current_manifest(ctx: &Context, selection: &Selection) -> Option<Utf8PathBuf> {
    let found = match &selection.manifest_path {
        Some(path) => ctx.cwd.join(path),
        None => ctx.cwd.ancestors().map(|dir| dir.join("Cargo.toml")).find(|path| path.is_file())?,
    };
    // The paths from cargo contain no `..`.
    found.canonicalize_utf8().ok()
}

/// Whether `spec` matches `package`. It is a name or a pattern with `*` and `?`, optionally with `@` and a version or the
/// beginning of one, or a package id with a url, as `cargo pkgid` prints it.
fn matches(package: &Package, spec: &str) -> bool {
    if spec.contains("://") {
        return matches_id(package, spec);
    }
    let (name, version) = match spec.split_once('@') {
        Some((name, version)) => (name, Some(version)),
        None => (spec, None),
    };
    let name_matches = match glob::Pattern::new(name) {
        Ok(pattern) => pattern.matches(&package.name),
        Err(_) => *package.name == name,
    };
    let full = package.version.to_string();
    let version_matches = |version: &str| full == version || full.starts_with(&format!("{version}."));
    name_matches && version.is_none_or(version_matches)
}

/// `[KIND+]URL[#[NAME@]VERSION]` or `[KIND+]URL#NAME`.
fn matches_id(package: &Package, spec: &str) -> bool {
    let parts = |text: &str| {
        let (url, fragment) = text.split_once('#').unwrap_or((text, ""));
        let url = url.split_once('+').filter(|(kind, _)| !kind.contains(':')).map_or(url, |(_, url)| url);
        (url.trim_end_matches('/').to_owned(), fragment.to_owned())
    };
    let (url, fragment) = parts(spec);
    let (own_url, _) = parts(&package.id.repr);
    let (name, version) = (package.name.as_str(), package.version.to_string());
    url == own_url
        && (fragment.is_empty()
            || fragment == name
            || fragment == version
            || fragment == format!("{name}@{version}"))
}

/// Whether to build a package: a cdylib that was selected explicitly, has settings, or depends on proxy-wasm. `None` if it
/// is not a cdylib, but selected explicitly.
fn is_plugin(package: &Package, members: &[&Package], manifest: &CargoToml, is_named: bool) -> Option<bool> {
    let is_explicit = is_named || manifest.has_settings(Section::Package);
    let is_candidate = is_explicit || depends_on_proxy_wasm(package, members);
    if is_explicit && !is_cdylib(package) {
        return None;
    }
    Some(is_candidate && is_cdylib(package))
}

/// The members that look like plugins, for a message.
fn likely_plugins(metadata: &Metadata) -> Vec<String> {
    let members = metadata.workspace_packages();
    let is_likely = |package: &&Package| {
        is_cdylib(package)
            && (depends_on_proxy_wasm(package, &members) || package.metadata.get("wasmplugin").is_some())
    };
    members.iter().copied().filter(is_likely).map(|package| package.name.to_string()).collect()
}

fn is_cdylib(package: &Package) -> bool {
    package.targets.iter().any(cargo_metadata::Target::is_cdylib)
}

/// Whether a package depends on proxy-wasm, directly or through other members, such as an SDK of the workspace.
pub fn depends_on_proxy_wasm(package: &Package, members: &[&Package]) -> bool {
    let mut found = vec![package];
    let mut next = 0;
    while let Some(package) = found.get(next) {
        next += 1;
        if package.dependencies.iter().any(|dependency| dependency.name == "proxy-wasm") {
            return true;
        }
        let linked =
            package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        let paths: Vec<_> = linked.filter_map(|dependency| dependency.path.as_deref()).collect();
        for &member in members {
            let is_linked = member.manifest_path.parent().is_some_and(|root| paths.contains(&root));
            if is_linked && !found.iter().any(|other| other.id == member.id) {
                found.push(member);
            }
        }
    }
    false
}

fn of_package(package: &Package, settings: Settings) -> Result<Crate> {
    let version = package.version.to_string();
    let plugin = Plugin {
        name: package.name.to_string(),
        tag: Some(Tag::of_version(&version)?),
        root: package.manifest_path.parent().unwrap_or(Utf8Path::new("/")).to_owned(),
        annotations: annotations(package),
        settings,
    };
    Ok(Crate { package: package.clone(), plugin })
}

fn annotations(package: &Package) -> BTreeMap<String, String> {
    let authors = (!package.authors.is_empty()).then(|| package.authors.join(", "));
    let version = package.version.to_string();
    let known = [
        ("title", Some(package.name.as_str())),
        ("version", Some(version.as_str())),
        ("authors", authors.as_deref()),
        ("description", package.description.as_deref()),
        ("documentation", package.documentation.as_deref()),
        ("licenses", package.license.as_deref()),
        ("source", package.repository.as_deref()),
        ("url", package.homepage.as_deref()),
    ];
    let annotation = |(key, value): (&str, Option<&str>)| {
        Some((format!("org.opencontainers.image.{key}"), value?.trim().to_owned()))
    };
    known.into_iter().filter_map(annotation).collect()
}

fn outside(metadata: &Metadata) -> Vec<(Utf8PathBuf, String)> {
    let dependencies = metadata.packages.iter().flat_map(|package| &package.dependencies);
    let mut outside: Vec<_> = dependencies
        .filter_map(|dependency| Some((dependency.path.clone()?, dependency.name.clone())))
        .filter(|(path, _)| !path.starts_with(&metadata.workspace_root))
        .collect();
    outside.sort();
    outside.dedup();
    outside
}

fn read_manifest(ctx: &Context, path: &Utf8Path) -> Result<CargoToml> {
    Ok(CargoToml::parse(ctx.display_path(path), fs::read_text(path)?)?)
}
