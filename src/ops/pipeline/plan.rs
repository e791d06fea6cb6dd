//! Plans each package before anything is compiled: its settings, resource, optimizer, name and tags.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::panic::resume_unwind;

use camino::{Utf8Path, Utf8PathBuf};

use crate::check;
use crate::check::rule::ReferenceSubject;
use crate::compile::{CargoOptions, ModuleFile, Toolchain};
use crate::config::{Optimize, PartialSettings, Settings};
use crate::context::Context;
use crate::diagnostics::Diagnostic;
use crate::diagnostics::findings::Findings;
use crate::diagnostics::source::SourceFile;
use crate::digest::Digest;
use crate::error::{Error, Exit, Explain, FileError, Result};
use crate::fs::{self, TEXT_LIMIT};
use crate::ops::overrides;
use crate::ops::pipeline::module_name::{ModuleName, ModuleNameError};
use crate::ops::pipeline::outcome::PackageFindings;
use crate::optimize::Optimizer;
use crate::project::{Plugin, Project, Selection};
use crate::reference::{ReferenceError, Repository, RepositoryPattern, Tag};
use crate::resource::{Draft, Overrides, PulledImage, TargetRef};
use crate::target_dir;
use crate::text::quoted;

/// The directory of the image in the output directory of a package.
pub(super) const IMAGE: &str = "image";

/// What to build, and how.
#[derive(Debug)]
pub struct PlanOptions {
    pub origin: Origin,
    /// The settings on the command line.
    pub flags: PartialSettings,
    /// The repository to push to, instead of that in the settings.
    pub image: Option<RepositoryPattern>,
    /// The repository that the mesh pulls from, instead of that in the settings.
    pub pull_image: Option<RepositoryPattern>,
    /// The tag of the image. The default is the version of the package.
    pub tag: Option<Tag>,
    /// Annotations of the image. They override those from Cargo.toml.
    pub annotations: Vec<(String, String)>,
    /// The path of a wasm-opt. The default is the built-in optimizer.
    pub wasm_opt: Option<Utf8PathBuf>,
    /// The fields to set in the resource of every package.
    pub overrides: Overrides,
    /// The targets of the resource of every package.
    pub target_refs: Vec<TargetRef>,
}

/// The origin of the modules.
#[derive(Debug)]
pub enum Origin {
    /// Crates that cargo compiles.
    Crates { selection: Selection, cargo: CargoOptions },
    /// A module that another toolchain built.
    Module { file: Utf8PathBuf, name: Option<ModuleName>, target_dir: Utf8PathBuf },
}

/// The packages to build, in the order of their names.
#[derive(Debug)]
pub struct Plan {
    pub packages: Vec<PackagePlan>,
    /// Findings outside of the packages.
    pub other_findings: Findings,
    pub(super) modules: Modules,
    /// Whether the repository of all packages is that of `--image`.
    pub(super) has_image_flag: bool,
}

/// The source of the modules, in the order of the packages.
#[derive(Debug)]
pub(super) enum Modules {
    Crates { project: Box<Project>, toolchain: Box<Toolchain>, cargo: CargoOptions },
    Module(ModuleFile),
}

/// A package, before its module is compiled.
#[derive(Debug)]
pub struct PackagePlan {
    pub name: String,
    pub settings: Settings,
    /// The tag of the image.
    pub tag: Option<Tag>,
    /// The package's version as a tag. A module from another toolchain has none.
    pub version: Option<Tag>,
    /// The annotations of the image.
    pub annotations: BTreeMap<String, String>,
    pub draft: Draft,
    /// The findings about the draft.
    pub findings: Findings,
    /// `None` if the module isn't optimized.
    pub(super) optimizer: Option<Optimizer>,
    /// The directory that contains the output directories of all packages.
    pub(super) output: Utf8PathBuf,
}

/// Plans the packages that `options` selects, and reports the findings about their resources. The resources are judged
/// here so that errors in them show before the compilation.
///
/// # Errors
///
/// If a package doesn't exist, a setting is invalid, or a file can't be read.
pub fn plan(ctx: &Context, options: PlanOptions) -> Result<Plan> {
    let PlanOptions { origin, flags, image, pull_image, tag, annotations, wasm_opt, overrides, target_refs } =
        options;
    let (plugins, target_dir, modules) = match origin {
        Origin::Crates { selection, cargo } => {
            let (project, toolchain) = std::thread::scope(|scope| {
                let toolchain = scope.spawn(|| Toolchain::find(ctx, &cargo.config));
                (Project::load(ctx, &selection, &flags), toolchain.join())
            });
            let toolchain = toolchain.unwrap_or_else(|panic| resume_unwind(panic));
            let (project, toolchain) = (Box::new(project?), Box::new(toolchain?));
            let plugins = project.crates.iter().map(|krate| krate.plugin.clone()).collect();
            (plugins, project.target_dir.clone(), Modules::Crates { project, toolchain, cargo })
        }
        Origin::Module { file, name, target_dir } => {
            let module = ModuleFile::open(&ctx.cwd.join(&file), &file)
                .map_err(|source| ModuleFileError::Unreadable { file: file.clone(), source })?;
            let plugin =
                plugin_of_module(ctx, name.map_or_else(|| default_name(&file, image.as_ref()), Ok)?, &flags);
            (vec![plugin], target_dir, Modules::Module(module))
        }
    };
    // Finding an optimizer can run `wasm-opt --version`, so packages with the same level share it.
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
        let Plugin { name, tag: version, root, annotations: mut own_annotations, mut settings } = plugin;
        for (pattern, setting) in [(&image, &mut settings.image), (&pull_image, &mut settings.pull_image)] {
            if let Some(pattern) = pattern {
                *setting = Some(
                    pattern
                        .of_package(&name)
                        .map_err(|error| InvalidRepository { package: name.clone(), error })?,
                );
            }
        }
        let draft = draft(ctx, &root, &name)?;
        let draft = overrides::apply(draft, &overrides, &settings.checks)?;
        let draft = overrides::complete(draft, &target_refs, &settings);
        let mut found = check::resource(&draft);
        found.extend(check::conversion(&draft, settings.kind, &settings.meshes));
        let tag = tag.clone().or_else(|| version.clone());
        found.extend(check::reference(&ReferenceSubject {
            draft: &draft,
            kind: settings.kind,
            repository: settings.pulled_from(),
            tag: tag.as_ref(),
        }));
        let optimizer = optimizer(settings.optimize)?;
        // Running rustc takes time, so its version is only looked at if it matters.
        if let Modules::Crates { toolchain, .. } = &modules
            && optimizer.is_none()
            && let Some(finding) = check::not_optimized(&settings.meshes)
            && toolchain.uses_reference_types(ctx)?
        {
            found.push(finding);
        }
        own_annotations.extend(annotations.iter().cloned());
        let mut package = PackagePlan {
            tag,
            version,
            annotations: own_annotations,
            draft,
            findings: Findings::default(),
            optimizer,
            output: target_dir::output(&target_dir),
            settings,
            name,
        };
        package.findings = package.report(ctx, found);
        Ok(package)
    };
    let packages = plugins.into_iter().map(package).collect::<Result<Vec<_>>>()?;
    let plan =
        Plan { packages, modules, other_findings: Findings::default(), has_image_flag: image.is_some() };
    if overrides.has_url() {
        plan.has_one_package("--url")?;
    }
    Ok(plan)
}

impl Plan {
    /// Checks that there is only one package, as `flag` requires.
    ///
    /// # Errors
    ///
    /// If there are several packages.
    pub fn has_one_package(&self, flag: &'static str) -> Result<(), SeveralPackages> {
        if self.packages.len() == 1 {
            return Ok(());
        }
        Err(SeveralPackages {
            flag,
            packages: quoted(self.packages.iter().map(|package| package.name.as_str())),
        })
    }
}

impl PackagePlan {
    /// Adds the findings of rules that only the command needs.
    pub fn add_findings(&mut self, ctx: &Context, found: Vec<Diagnostic>) {
        self.findings = std::mem::take(&mut self.findings).and(self.report(ctx, found));
    }

    /// Applies the levels of the settings to findings, and shows the findings.
    pub(super) fn report(&self, ctx: &Context, found: Vec<Diagnostic>) -> Findings {
        let findings = self.settings.checks.apply(found);
        for finding in findings.iter() {
            ctx.shell.diagnostic(&self.name, finding);
        }
        findings
    }

    /// Whether these findings don't stop the command.
    pub(super) fn passes(&self, findings: &Findings) -> bool {
        findings.pass(self.settings.deny_warnings)
    }

    /// The output directory of the package.
    pub fn directory(&self) -> Utf8PathBuf {
        self.output.join(&self.name)
    }

    /// Whether the build writes a resource: the mesh pulls no image, or its repository is known.
    pub(super) fn has_resource(&self) -> bool {
        let Settings { image, pull_image, kind, .. } = &self.settings;
        image.is_some() || pull_image.is_some() || !self.draft.needs_image(*kind)
    }

    /// The repository to push the image to. The error says that the package, or the module of another toolchain,
    /// `consequence`.
    ///
    /// # Errors
    ///
    /// If the setting `image` is missing.
    pub fn repository(&self, consequence: &'static str) -> Result<&Repository, NoRepository> {
        // Only a module of another toolchain has no version.
        let is_module = self.version.is_none();
        let missing = || NoRepository { package: self.name.clone(), is_module, consequence };
        self.settings.image.as_ref().ok_or_else(missing)
    }

    /// The image as the mesh pulls it, if the settings name a repository.
    pub(super) fn pulled_image(&self, manifest: Digest) -> Option<PulledImage> {
        let repository = self.settings.pulled_from()?.clone();
        Some(PulledImage { repository, tag: self.tag.clone(), manifest })
    }

    pub(super) fn into_findings(self) -> PackageFindings {
        PackageFindings { name: self.name, findings: self.findings }
    }
}

/// Describes a module from another toolchain. It has no Cargo.toml, so the directory of the plugin is the current
/// directory.
fn plugin_of_module(ctx: &Context, ModuleName(name): ModuleName, flags: &PartialSettings) -> Plugin {
    Plugin {
        tag: None,
        root: ctx.cwd.clone(),
        annotations: [("org.opencontainers.image.title".to_owned(), name.clone())].into(),
        settings: Settings::of(&[flags]),
        name,
    }
}

/// The name of a module whose user didn't choose one. Other toolchains give every module the same file name, so the image
/// is what distinguishes them.
fn default_name(file: &Utf8Path, image: Option<&RepositoryPattern>) -> Result<ModuleName, ModuleFileError> {
    let name = match image.and_then(RepositoryPattern::fixed) {
        Some(repository) => repository.name().to_owned(),
        None => file.file_stem().unwrap_or_default().to_owned(),
    };
    let (file, invalid) = (file.to_owned(), name.clone());
    name.parse().map_err(|source| ModuleFileError::InvalidName { file, name: invalid, source })
}

fn draft(ctx: &Context, root: &Utf8Path, package: &str) -> Result<Draft> {
    let path = root.join("wasmplugin.yaml");
    // Only a missing file is optional. A link to a missing file is a mistake.
    if path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Ok(Draft::minimal(package));
    }
    let bytes = fs::read(&path, TEXT_LIMIT)?;
    let file =
        SourceFile::from_bytes(ctx.display_path(&path).to_owned(), bytes).map_err(FileError::not_utf8)?;
    Ok(Draft::read(file, package)?)
}

/// The repository of an image isn't known.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} `{package}` {consequence}: {}",
    if *is_module { "module" } else { "package" },
    if *is_module { "it has no image repository" } else { "`image` is not set" }
)]
pub struct NoRepository {
    package: String,
    /// Whether it comes from another toolchain, so that no Cargo.toml is read.
    is_module: bool,
    consequence: &'static str,
}

impl Explain for NoRepository {
    fn package(&self) -> Option<&str> {
        Some(&self.package)
    }

    fn help(&self) -> Vec<String> {
        if self.is_module {
            return vec!["pass `--image`".to_owned()];
        }
        vec![
            "set `image` in Cargo.toml:\n\n    [package.metadata.wasmplugin]\n    image = \"quay.io/acme/hello\""
                .to_owned(),
            "or pass `--image`".to_owned(),
        ]
    }
}

/// The name of a package can't be a part of its repository.
#[derive(Debug, thiserror::Error)]
#[error("`{package}` can't replace `{{name}}` in a repository: {error}")]
struct InvalidRepository {
    package: String,
    error: ReferenceError,
}

impl Explain for InvalidRepository {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn help(&self) -> Vec<String> {
        vec![format!("publish `{}` separately with `-p`, and write its repository", self.package)]
    }
}

/// A flag that requires a single package is used with several.
#[derive(Debug, thiserror::Error)]
#[error("`{flag}` can only be used with one package, but several are selected: {packages}")]
pub struct SeveralPackages {
    flag: &'static str,
    packages: String,
}

impl Explain for SeveralPackages {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn help(&self) -> Vec<String> {
        vec![format!("select one with `-p`, and use a different `{}` for each", self.flag)]
    }
}

/// A module from another toolchain can't be used.
#[derive(Debug, thiserror::Error)]
enum ModuleFileError {
    #[error("could not read the module `{file}`")]
    Unreadable { file: Utf8PathBuf, source: std::io::Error },
    #[error("the module `{file}` can't be named `{name}`")]
    InvalidName { file: Utf8PathBuf, name: String, source: ModuleNameError },
}

impl Explain for ModuleFileError {
    fn help(&self) -> Vec<String> {
        match self {
            ModuleFileError::Unreadable { source, .. } if source.kind() == ErrorKind::NotFound => {
                vec!["build the module first: `--module` takes the path of an existing .wasm file".to_owned()]
            }
            ModuleFileError::Unreadable { .. } => Vec::new(),
            ModuleFileError::InvalidName { .. } => {
                vec!["pass the name of the filter with `--name`".to_owned()]
            }
        }
    }
}
