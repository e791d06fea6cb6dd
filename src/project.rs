//! What cargo knows of the project: its plugins, where they lie and where their output goes.

use std::collections::BTreeMap;
use std::ffi::OsString;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{Metadata, MetadataCommand, Package, PackageId};

use crate::config::{CargoToml, PartialSettings, Section, Settings};
use crate::context::Context;
use crate::error::{Error, Exit, Explain, Result};
use crate::process::{self, ProcessError};
use crate::reference::Tag;
use crate::text::nearest;

/// What the user selects, in cargo's own words.
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
    /// `--config`, `--locked`, `--offline`, `--frozen`: what cargo is given as it is.
    pub cargo_args: Vec<OsString>,
}

/// A workspace with the plugins that were selected in it.
#[derive(Debug)]
pub struct Project {
    /// Where the workspace begins.
    pub workspace_root: Utf8PathBuf,
    /// Where cargo writes to.
    pub target_dir: Utf8PathBuf,
    /// Where cargo puts what only it reads, where it says so.
    pub build_dir: Option<Utf8PathBuf>,
    /// The names of all members of the workspace.
    pub members: Vec<String>,
    /// Whether the workspace replaces crates by others.
    pub has_patches: bool,
    /// The path dependencies of members outside of the workspace: folder and package.
    pub outside: Vec<(Utf8PathBuf, String)>,
    /// Whether the workspace has a profile `wasmplugin` of its own.
    pub has_profile: bool,
    /// The crates that become plugins, at least one, in the order of their names.
    pub crates: Vec<Crate>,
    cargo_args: Vec<OsString>,
}

/// A crate that becomes a plugin.
#[derive(Debug)]
pub struct Crate {
    /// The name by which cargo tells it from others.
    pub id: PackageId,
    /// Its version.
    pub version: String,
    /// What becomes of its module.
    pub plugin: Plugin,
}

/// A module that is packaged: its name and what is to be done with it.
#[derive(Debug, Clone)]
pub struct Plugin {
    /// The name of the package in Cargo.toml, or of the file where another toolchain made the module.
    pub name: String,
    /// The tag of the image. A module of another toolchain has no version, and may have none.
    pub tag: Option<Tag>,
    /// The folder that wasmplugin.yaml is looked for in.
    pub root: Utf8PathBuf,
    /// What Cargo.toml tells people about it, as the annotations that the OCI image specification names.
    pub annotations: BTreeMap<String, String>,
    /// How it is built and packaged.
    pub settings: Settings,
}

impl Project {
    /// Asks cargo for the project and lays the settings over each other, `flags` on top.
    ///
    /// # Errors
    ///
    /// Where there is no project, a setting is wrong, or nothing that was selected is a plugin.
    pub fn load(ctx: &Context, selection: &Selection, flags: &PartialSettings) -> Result<Self> {
        let metadata = metadata(ctx, selection)?;
        let selected = select(ctx, selection, &metadata)?;
        let workspace_manifest_path = metadata.workspace_root.join("Cargo.toml");
        let workspace_manifest = read_manifest(ctx, &workspace_manifest_path)?;

        let mut crates = Vec::new();
        let mut passed_over = Vec::new();
        for package in selected.packages {
            let is_root = package.manifest_path == workspace_manifest_path;
            let own = if is_root { None } else { Some(read_manifest(ctx, &package.manifest_path)?) };
            let manifest = own.as_ref().unwrap_or(&workspace_manifest);
            if !is_plugin(package, manifest, selected.by_name)? {
                passed_over.push(package.name.to_string());
                continue;
            }
            let own_settings = manifest.read(Section::Package, &package.name)?;
            let workspace_settings = workspace_manifest.read(Section::Workspace, &package.name)?;
            crates.push(of_package(package, Settings::of(&[flags, &own_settings, &workspace_settings]))?);
        }
        if crates.is_empty() {
            return Err(ProjectError::NoPlugin(passed_over).into());
        }
        crates.sort_by(|a, b| a.plugin.name.cmp(&b.plugin.name));
        Ok(Project {
            outside: outside(&metadata),
            members: metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect(),
            has_patches: workspace_manifest.replaces_crates(),
            build_dir: metadata.build_directory,
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

    /// Every package that a build for `target` may need, members or not. Cargo fetches and unpacks them; `talk`
    /// is how it tells of that.
    ///
    /// # Errors
    ///
    /// Where cargo cannot fetch one.
    pub fn packages<'a>(
        &self,
        ctx: &Context,
        target: &str,
        talk: impl Iterator<Item = &'a OsString>,
    ) -> Result<Vec<Package>> {
        let mut command = process::command(ctx, ctx.cargo());
        command.args(["metadata", "--format-version", "1", "--filter-platform", target]).args(talk);
        command.arg("--manifest-path").arg(self.workspace_root.join("Cargo.toml")).args(&self.cargo_args);
        let mut printed = String::new();
        process::stream(ctx, &mut command, |line| printed.push_str(line))?;
        Ok(parse_metadata(&printed)?.packages)
    }
}

/// Folders that cargo makes in the folder of a profile. Ours is called `wasmplugin`, as is the folder that
/// holds the output of each package.
const CARGOS_OWN: [&str; 4] = ["build", "deps", "examples", "incremental"];

/// Whether the output of a plugin of that name would lie where cargo has a folder.
pub fn is_cargos_own(name: &str) -> bool {
    CARGOS_OWN.contains(&name)
}

fn metadata(ctx: &Context, selection: &Selection) -> Result<Metadata> {
    let mut command = process::command(ctx, ctx.cargo());
    command.args(["metadata", "--format-version", "1", "--no-deps"]);
    if let Some(path) = &selection.manifest_path {
        command.arg("--manifest-path").arg(path);
    }
    command.args(&selection.cargo_args);
    let printed = process::output(ctx, &mut command, None).map_err(|error| match error {
        // Cargo says what is wrong with the project better than the failure of a child does.
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
        vec!["what `cargo metadata` printed cannot be read: is `CARGO` set to cargo?".to_owned()]
    }
}

struct Selected<'m> {
    packages: Vec<&'m Package>,
    /// Whether the user named them, so that passing one over would be a surprise.
    by_name: bool,
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
        return Err(ProjectError::ExcludeAlone.into());
    }
    for spec in &selection.exclude {
        if !members.iter().any(|package| matches(package, spec)) {
            ctx.shell.warn(unknown(spec));
        }
    }
    if selection.workspace {
        let excluded = |package: &&Package| !selection.exclude.iter().any(|spec| matches(package, spec));
        return Ok(Selected { packages: members.into_iter().filter(excluded).collect(), by_name: false });
    }
    if !selection.packages.is_empty() {
        for spec in &selection.packages {
            if !members.iter().any(|package| matches(package, spec)) {
                return Err(unknown(spec).into());
            }
        }
        let named = |package: &&Package| selection.packages.iter().any(|spec| matches(package, spec));
        return Ok(Selected { packages: members.into_iter().filter(named).collect(), by_name: true });
    }
    let current = current_manifest(ctx, selection);
    match members.iter().find(|package| Some(&package.manifest_path) == current.as_ref()) {
        Some(package) if package.manifest_path.parent() != Some(&metadata.workspace_root) => {
            Ok(Selected { packages: vec![package], by_name: true })
        }
        _ => {
            let packages = metadata.workspace_default_packages();
            Ok(Selected { by_name: packages.len() == 1, packages })
        }
    }
}

/// The manifest that cargo starts from: the one that was given, or the first at or above the folder.
fn current_manifest(ctx: &Context, selection: &Selection) -> Option<Utf8PathBuf> {
    let found = match &selection.manifest_path {
        Some(path) => ctx.cwd.join(path),
        None => ctx.cwd.ancestors().map(|dir| dir.join("Cargo.toml")).find(|path| path.is_file())?,
    };
    // Cargo's own paths have no `..` in them.
    found.canonicalize_utf8().ok()
}

/// Whether `package` is meant by `spec`: a name or a pattern with `*` and `?`, perhaps with a version or the
/// beginning of one.
fn matches(package: &Package, spec: &str) -> bool {
    let (name, version) = match spec.split_once('@') {
        Some((name, version)) => (name, Some(version)),
        None => (spec, None),
    };
    let name_fits = match glob::Pattern::new(name) {
        Ok(pattern) => pattern.matches(&package.name),
        Err(_) => *package.name == name,
    };
    let of_package = package.version.to_string();
    let version_fits =
        |version: &str| of_package == version || of_package.starts_with(&format!("{version}."));
    name_fits && version.is_none_or(version_fits)
}

/// Whether a package is to be built: a cdylib that was named, has settings, or depends on proxy-wasm.
fn is_plugin(package: &Package, manifest: &CargoToml, is_named: bool) -> Result<bool, ProjectError> {
    let is_meant = is_named || manifest.has_settings(Section::Package);
    let is_wanted = is_meant || depends_on_proxy_wasm(package);
    if is_wanted && is_cargos_own(&package.name) {
        return Err(ProjectError::CargosOwn(package.name.to_string()));
    }
    if is_meant && !is_cdylib(package) {
        return Err(ProjectError::NoCdylib(package.name.to_string()));
    }
    Ok(is_wanted && is_cdylib(package))
}

fn is_cdylib(package: &Package) -> bool {
    package.targets.iter().any(cargo_metadata::Target::is_cdylib)
}

fn depends_on_proxy_wasm(package: &Package) -> bool {
    package.dependencies.iter().any(|dependency| dependency.name == "proxy-wasm")
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
    Ok(Crate { id: package.id.clone(), version, plugin })
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
    Ok(CargoToml::parse(ctx.display_path(path), fs_err::read_to_string(path)?)?)
}

/// There is no project, what was selected is not in it, or it is no plugin.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// Cargo cannot read it, or there is none.
    #[error("{because}")]
    Unreadable {
        /// What cargo said.
        because: String,
    },
    /// No member has that name.
    #[error("no package `{spec}` is in this workspace")]
    Unknown {
        /// What was asked for.
        spec: String,
        /// A name near it.
        suggestion: Option<String>,
        /// The names that there are.
        members: Vec<String>,
    },
    /// As cargo has it.
    #[error("`--exclude` goes with `--workspace` alone")]
    ExcludeAlone,
    /// The folder of its output would be one of cargo's.
    #[error("a filter cannot be called `{0}`: cargo has a folder of that name where its output would be")]
    CargosOwn(String),
    /// The package makes no module.
    #[error("package `{0}` makes no module: its library is no cdylib")]
    NoCdylib(String),
    /// There is nothing to build.
    #[error("nothing here is a plugin{}", passed_over(.0))]
    NoPlugin(Vec<String>),
}

fn passed_over(names: &[String]) -> String {
    match names {
        [] => ": the workspace has no packages that were selected".to_owned(),
        [name] => format!(": `{name}` is no cdylib that depends on proxy-wasm"),
        names => format!(": none of `{}` is a cdylib that depends on proxy-wasm", names.join("`, `")),
    }
}

impl Explain for ProjectError {
    fn package(&self) -> Option<&str> {
        match self {
            ProjectError::Unknown { spec: name, .. }
            | ProjectError::CargosOwn(name)
            | ProjectError::NoCdylib(name) => Some(name),
            ProjectError::Unreadable { .. } | ProjectError::ExcludeAlone | ProjectError::NoPlugin(_) => None,
        }
    }

    fn exit(&self) -> Exit {
        match self {
            ProjectError::Unknown { .. } | ProjectError::ExcludeAlone => Exit::Usage,
            ProjectError::Unreadable { .. }
            | ProjectError::CargosOwn(_)
            | ProjectError::NoCdylib(_)
            | ProjectError::NoPlugin(_) => Exit::Failure,
        }
    }

    fn help(&self) -> Vec<String> {
        match self {
            ProjectError::Unknown { suggestion: Some(name), .. } => {
                vec![format!("a package with a similar name exists: `{name}`")]
            }
            ProjectError::Unknown { members, .. } => {
                let verb = if members.len() == 1 { "is" } else { "are" };
                vec![format!("there {verb} `{}`", members.join("`, `"))]
            }
            ProjectError::ExcludeAlone => vec!["add `--workspace`".to_owned()],
            ProjectError::Unreadable { because } if because.contains("could not find `Cargo.toml`") => vec![
                "change into the folder of a filter crate, or name it with `--manifest-path`".to_owned(),
                "make a new one with `cargo wasmplugin new PATH`".to_owned(),
            ],
            ProjectError::Unreadable { .. } => Vec::new(),
            ProjectError::CargosOwn(name) => vec![format!("call the package `{name}-filter`")],
            ProjectError::NoCdylib(_) => {
                vec!["add to its Cargo.toml:\n\n    [lib]\n    crate-type = [\"cdylib\"]".to_owned()]
            }
            ProjectError::NoPlugin(_) => vec![
                "make a new one with `cargo wasmplugin new PATH`".to_owned(),
                "or add `crate-type = [\"cdylib\"]` and a `[package.metadata.wasmplugin]` to a crate"
                    .to_owned(),
            ],
        }
    }
}
