//! What is known of each package before anything is compiled: settings, resource, optimizer, names and tags.

use std::collections::BTreeMap;
use std::panic::resume_unwind;

use camino::{Utf8Path, Utf8PathBuf};

use crate::check;
use crate::compile::{CargoOptions, ModuleFile, Toolchain};
use crate::config::{Optimize, PartialSettings, Settings};
use crate::context::Context;
use crate::diagnostics::findings::Findings;
use crate::diagnostics::source::SourceFile;
use crate::digest::Digest;
use crate::error::{Error, Exit, Explain, FileError, Result};
use crate::ops::overrides;
use crate::ops::pipeline::outcome::PackageFindings;
use crate::optimize::Optimizer;
use crate::project::{Plugin, Project, Selection, is_reserved_by_cargo};
use crate::reference::{Repository, Tag};
use crate::resource::{Draft, Overrides, PulledImage};
use crate::text::quoted;

/// What is built, and how.
#[derive(Debug)]
pub struct PlanOptions {
    /// Where the modules come from.
    pub origin: Origin,
    /// The settings of the command line.
    pub flags: PartialSettings,
    /// The tag of the image, if it isn't the version of the crate.
    pub tag: Option<Tag>,
    /// Annotations of the image, over those that Cargo.toml makes.
    pub annotations: Vec<(String, String)>,
    /// The optimizer, if it isn't the one inside this program.
    pub wasm_opt: Option<Utf8PathBuf>,
    /// The fields that the command line sets in the resource of every package.
    pub overrides: Overrides,
    /// Whether the images are pushed.
    pub is_published: bool,
    /// Whether a warning of the checks stops the command.
    pub deny_warnings: bool,
}

/// Where modules come from.
#[derive(Debug)]
pub enum Origin {
    /// Crates that cargo compiles.
    Crates {
        /// Which.
        selection: Selection,
        /// How.
        cargo: CargoOptions,
    },
    /// A file that another toolchain made.
    Module {
        /// The file.
        file: Utf8PathBuf,
        /// Where the output goes.
        target_dir: Utf8PathBuf,
    },
}

/// Packages that can be built, in the order of their names.
#[derive(Debug)]
pub struct Plan {
    /// The packages.
    pub packages: Vec<PackagePlan>,
    pub(super) modules: Modules,
    pub(super) deny_warnings: bool,
}

/// Where the modules of the packages come from, in the order of the packages.
#[derive(Debug)]
pub(super) enum Modules {
    Crates { project: Project, toolchain: Toolchain, cargo: CargoOptions },
    Module(ModuleFile),
}

/// A package with all that is known before its module exists.
#[derive(Debug)]
pub struct PackagePlan {
    /// Its name.
    pub name: String,
    /// How it is built and packaged.
    pub settings: Settings,
    /// The tag of its image.
    pub tag: Option<Tag>,
    /// The tag that its version makes; a module of another toolchain has no version.
    pub version: Option<Tag>,
    /// The annotations of its image.
    pub annotations: BTreeMap<String, String>,
    /// Its resource.
    pub draft: Draft,
    /// What was found in its resource.
    pub findings: Findings,
    /// `None` if the module is to stay as it was compiled.
    pub(super) optimizer: Option<Optimizer>,
    /// The directory of all output, with one for each package in it.
    pub(super) output: Utf8PathBuf,
}

/// Plans the packages that `options` name, and reports what is wrong with their resources: that must not cost a
/// compilation.
///
/// # Errors
///
/// If there is no such package, a setting is wrong, or a file can't be read.
pub fn plan(ctx: &Context, options: PlanOptions) -> Result<Plan> {
    let PlanOptions { origin, flags, tag, annotations, wasm_opt, overrides, is_published, deny_warnings } =
        options;
    let (plugins, target_dir, modules) = match origin {
        Origin::Crates { selection, cargo } => {
            let (project, toolchain) = std::thread::scope(|scope| {
                let toolchain = scope.spawn(|| Toolchain::find(ctx));
                (Project::load(ctx, &selection, &flags), toolchain.join())
            });
            let (project, toolchain) = (project?, toolchain.unwrap_or_else(|panic| resume_unwind(panic))?);
            let plugins = project.crates.iter().map(|krate| krate.plugin.clone()).collect();
            (plugins, project.target_dir.clone(), Modules::Crates { project, toolchain, cargo })
        }
        Origin::Module { file, target_dir } => {
            let module = ModuleFile::open(&ctx.cwd.join(&file), &file)
                .map_err(|source| ModuleFileError::Unreadable { file: file.clone(), source })?;
            let plugin = of_file(ctx, &file, &flags)?;
            (vec![plugin], target_dir, Modules::Module(module))
        }
    };
    // A program of the user's is asked for its version, and once is enough for all packages.
    let mut optimizers: Vec<(Optimize, Option<Optimizer>)> = Vec::new();
    let mut optimizer = |optimize: Optimize| {
        if let Some((_, known)) = optimizers.iter().find(|(level, _)| *level == optimize) {
            return Ok::<_, Error>(known.clone());
        }
        let new = Optimizer::of(ctx, optimize, wasm_opt.as_deref())?;
        optimizers.push((optimize, new.clone()));
        Ok(new)
    };
    let package = |plugin: Plugin| {
        let Plugin { name, tag: version, root, annotations: mut own_annotations, settings } = plugin;
        let draft = draft(ctx, &root, &name)?;
        let judge = |draft: &Draft| {
            let found = check::resource(draft, settings.kind, &settings.meshes, is_published);
            settings.checks.apply(found)
        };
        let mut findings = judge(&draft);
        let draft = if findings.pass(false) { overrides::apply(draft, &overrides)? } else { draft };
        if findings.pass(false) {
            findings = judge(&draft);
        }
        for finding in findings.iter() {
            ctx.shell.diagnostic(&name, finding);
        }
        own_annotations.extend(annotations.iter().cloned());
        Ok(PackagePlan {
            tag: tag.clone().or_else(|| version.clone()),
            version,
            annotations: own_annotations,
            draft,
            findings,
            optimizer: optimizer(settings.optimize)?,
            output: target_dir.join("wasmplugin"),
            settings,
            name,
        })
    };
    let packages = plugins.into_iter().map(package).collect::<Result<Vec<_>>>()?;
    let plan = Plan { packages, modules, deny_warnings };
    if overrides.has_url() {
        plan.has_one_package("--url")?;
    }
    Ok(plan)
}

impl Plan {
    /// Checks that `flag`, which takes one package, gets one.
    ///
    /// # Errors
    ///
    /// If there are more.
    pub fn has_one_package(&self, flag: &'static str) -> Result<(), NotOne> {
        if self.packages.len() == 1 {
            return Ok(());
        }
        Err(NotOne { flag, packages: quoted(self.packages.iter().map(|package| package.name.as_str())) })
    }

    /// Checks that no two packages are one image: the second push would take the tag from the first.
    ///
    /// # Errors
    ///
    /// If two of them have the same repository and the same tag.
    pub fn has_distinct_references(&self) -> Result<(), SameReference> {
        for (index, package) in self.packages.iter().enumerate() {
            let is_same = |other: &&PackagePlan| {
                (&other.settings.image, &other.tag) == (&package.settings.image, &package.tag)
            };
            let other = self.packages[..index].iter().find(is_same);
            if let (Some(other), Some(image), Some(tag)) = (other, &package.settings.image, &package.tag) {
                return Err(SameReference {
                    packages: [other, package].map(|package| package.name.clone()),
                    reference: format!("{image}:{tag}"),
                });
            }
        }
        Ok(())
    }
}

impl PackagePlan {
    /// The directory that holds everything that is written of the package.
    pub fn directory(&self) -> Utf8PathBuf {
        self.output.join(&self.name)
    }

    /// The repository that its image is pushed to. `consequence` says what is impossible without one.
    ///
    /// # Errors
    ///
    /// If the settings name none.
    pub fn repository(&self, consequence: &'static str) -> Result<&Repository, NoRepository> {
        let missing = || NoRepository { package: self.name.clone(), consequence };
        self.settings.image.as_ref().ok_or_else(missing)
    }

    /// Its image as the mesh pulls it, if the settings name a repository.
    pub(super) fn pulled_image(&self, manifest: Digest) -> Option<PulledImage> {
        let repository = self.settings.pull_image.as_ref().or(self.settings.image.as_ref())?.clone();
        Some(PulledImage { repository, tag: self.tag.clone(), manifest })
    }

    pub(super) fn into_findings(self) -> PackageFindings {
        PackageFindings { name: self.name, findings: self.findings }
    }
}

/// A module of another toolchain has no Cargo.toml: its file and the current directory say what there is.
fn of_file(ctx: &Context, file: &Utf8Path, flags: &PartialSettings) -> Result<Plugin, ModuleFileError> {
    let name = file.file_stem().unwrap_or_default().to_owned();
    // The name is that of a directory, beside cargo's and our own; cargo lets no package have another one.
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(fits) {
        return Err(ModuleFileError::InvalidName(name));
    }
    if is_reserved_by_cargo(&name) {
        return Err(ModuleFileError::CargosOwn(name));
    }
    Ok(Plugin {
        tag: None,
        root: ctx.cwd.clone(),
        annotations: [("org.opencontainers.image.title".to_owned(), name.clone())].into(),
        settings: Settings::of(&[flags]),
        name,
    })
}

fn draft(ctx: &Context, root: &Utf8Path, package: &str) -> Result<Draft> {
    let path = root.join("wasmplugin.yaml");
    if !path.exists() {
        return Ok(Draft::minimal(package));
    }
    let bytes = fs_err::read(&path)?;
    let file =
        SourceFile::from_bytes(ctx.display_path(&path).to_owned(), bytes).map_err(FileError::not_utf8)?;
    Ok(Draft::read(file, package)?)
}

/// The settings name no repository for the image of a package.
#[derive(Debug, thiserror::Error)]
#[error("package `{package}` {consequence}: nothing names its image")]
pub struct NoRepository {
    package: String,
    consequence: &'static str,
}

impl Explain for NoRepository {
    fn package(&self) -> Option<&str> {
        Some(&self.package)
    }

    fn help(&self) -> Vec<String> {
        vec![
            "set it in Cargo.toml:\n\n    [package.metadata.wasmplugin]\n    image = \"quay.io/acme/hello\""
                .to_owned(),
            "or give it with `--image`".to_owned(),
        ]
    }
}

/// Two packages would be one image.
#[derive(Debug, thiserror::Error)]
#[error("`{}` and `{}` would both be pushed to `{reference}`", packages[0], packages[1])]
pub struct SameReference {
    packages: [String; 2],
    reference: String,
}

impl Explain for SameReference {
    fn help(&self) -> Vec<String> {
        vec![
            "give each its own image; `[workspace.metadata.wasmplugin]` replaces `{name}` by the name of the package: `image = \"quay.io/acme/{name}\"`"
                .to_owned(),
        ]
    }
}

/// There are several packages, and room for one.
#[derive(Debug, thiserror::Error)]
#[error("`{flag}` takes one package, but there are more: {packages}")]
pub struct NotOne {
    flag: &'static str,
    packages: String,
}

impl Explain for NotOne {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn help(&self) -> Vec<String> {
        vec![format!("choose one with `-p`, and give each its own `{}`", self.flag)]
    }
}

/// The file of another toolchain can't be used.
#[derive(Debug, thiserror::Error)]
enum ModuleFileError {
    #[error("could not read the module `{file}`")]
    Unreadable { file: Utf8PathBuf, source: std::io::Error },
    #[error("a module can't be called `{0}`: cargo has a directory of that name where its output would be")]
    CargosOwn(String),
    #[error(
        "a module can't be called `{0}`: its name names the output, and has only letters, digits, `_` and `-`"
    )]
    InvalidName(String),
}

impl Explain for ModuleFileError {
    fn help(&self) -> Vec<String> {
        match self {
            ModuleFileError::Unreadable { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                vec!["build it first: `--module` takes the .wasm file that another toolchain made".to_owned()]
            }
            ModuleFileError::Unreadable { .. } => Vec::new(),
            ModuleFileError::CargosOwn(name) => vec![format!("rename the file: `{name}-filter.wasm`")],
            ModuleFileError::InvalidName(_) => {
                vec!["name the file after the filter: `hello.wasm`".to_owned()]
            }
        }
    }
}
