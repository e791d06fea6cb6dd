//! `build`: compile, optimize, check, package, and write the resource.

mod fresh;
mod package;

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::compile::{self, CargoOptions, Toolchain};
use crate::config::{Layer, Optimize, Settings};
use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Error, Exit, Explain, InvalidFile, Result};
use crate::findings::{Findings, Passed, Refused};
use crate::module::CompiledFile;
use crate::optimize::Optimizer;
use crate::project::{Plugin, Project, Selection, is_cargos_own};
use crate::reference::Tag;
use crate::resource::{Overrides, PulledImage, Resource, Template};

use package::Judged;

/// What is built, and how.
#[derive(Debug)]
pub struct BuildOptions {
    /// Where the modules come from.
    pub source: Source,
    /// The settings that the command line gives.
    pub flags: Layer,
    /// The tag of the image, where it is not the crate's version.
    pub tag: Option<Tag>,
    /// Annotations of the image, over those that Cargo.toml makes.
    pub annotations: Vec<(String, String)>,
    /// The optimizer, where it is not the one inside this program.
    pub wasm_opt: Option<Utf8PathBuf>,
    /// The fields of the resource that the command line sets, of every package.
    pub overrides: Overrides,
    /// Whether a warning of the checks stops the build.
    pub deny_warnings: bool,
    /// What a package must have before it is compiled.
    pub needs: Needs,
}

/// What a package must have for the use that is made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing more than it takes to package it.
    Nothing,
    /// A resource: it says what the mesh pulls, or knows.
    Resource,
    /// A repository and a tag, to be published.
    Reference,
    /// The same, and that it is the only one.
    OneReference,
    /// A repository: a manifest of others refers to its image.
    PulledImage,
}

/// Where the modules come from.
#[derive(Debug)]
pub enum Source {
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

/// A package that was built.
#[derive(Debug)]
pub struct Built {
    /// Its name.
    pub name: String,
    /// The folder with everything that was written.
    pub folder: Utf8PathBuf,
    /// The settings that it was built with.
    pub settings: Settings,
    /// The tag of its image.
    pub tag: Option<Tag>,
    /// The tag that its version makes; a module that another toolchain made has no version.
    pub version: Option<Tag>,
    /// What lies in the folder.
    pub packaged: Packaged,
    /// Its resource, where it is known what the mesh pulls.
    pub resource: Option<Resource>,
    /// What the checks found that did not stop the build.
    pub warnings: Findings,
    /// How long each stage took.
    pub times: Times,
}

impl Built {
    /// Its image as the mesh pulls it, where the settings name a repository.
    pub fn pulled_image(&self) -> Option<PulledImage> {
        package::pulled_image(&self.settings, self.tag.as_ref(), self.packaged.image)
    }
}

/// An image that was written, and the module in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Packaged {
    /// The digest of the image: that of its manifest.
    pub image: Digest,
    /// The layers of the image, in order.
    pub layers: Vec<LayerSummary>,
    /// The digest of the module as it is shipped.
    pub module: Digest,
    /// How large the module is.
    pub sizes: Sizes,
}

/// A layer, as a manifest describes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerSummary {
    /// What its bytes are.
    pub media_type: String,
    /// Their digest.
    pub digest: Digest,
    /// How many they are.
    pub size: usize,
}

/// The size of a module after each stage, in bytes.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Sizes {
    /// As the compiler left it.
    pub compiled: usize,
    /// As the optimizer left it, still with its names.
    pub optimized: usize,
    /// As it is shipped.
    pub stripped: usize,
}

/// How long each stage took. The crates are compiled in one go, so that time is everybody's.
#[derive(Debug, Clone, Copy, Default)]
pub struct Times {
    /// Cargo.
    pub compile: Duration,
    /// The optimizer.
    pub optimize: Duration,
    /// The checks.
    pub check: Duration,
    /// Image, resource and files.
    pub package: Duration,
}

/// Builds the packages; they come in the order of their names.
///
/// # Errors
///
/// Where a stage fails, or the mesh would refuse a module. What was there of a package before is there
/// still, whole.
pub fn build(ctx: &Context, options: &BuildOptions) -> Result<Vec<Built>> {
    match &options.source {
        Source::Crates { selection, cargo } => {
            let (project, toolchain) = std::thread::scope(|scope| {
                let toolchain = scope.spawn(|| Toolchain::find(ctx));
                (Project::load(ctx, selection, &options.flags), toolchain.join())
            });
            let (project, toolchain) = (project?, toolchain.unwrap_or_else(|panic| resume_unwind(panic))?);
            let plugins = project.crates.iter().map(|krate| &krate.plugin);
            let jobs = jobs(ctx, options, &project.target_dir, plugins)?;
            let started = Instant::now();
            let modules = compile::compile(ctx, &project, &toolchain, cargo)?;
            package_all(ctx, options, jobs, modules, started.elapsed())
        }
        Source::Module { file, target_dir } => {
            let bytes = fs_err::read(ctx.cwd.join(file))
                .map_err(|source| ModuleError::Missing { file: file.clone(), source })?;
            let plugin = of_file(ctx, file, options)?;
            let jobs = jobs(ctx, options, target_dir, [&plugin])?;
            let module = CompiledFile { path: file.clone(), bytes };
            package_all(ctx, options, jobs, vec![module], Duration::ZERO)
        }
    }
}

/// A module that another toolchain made has no manifest: its file and the current folder say what there is.
fn of_file(ctx: &Context, file: &Utf8Path, options: &BuildOptions) -> Result<Plugin, ModuleError> {
    let name = file.file_stem().unwrap_or_default().to_owned();
    // The name is that of a folder, beside cargo's and our own; cargo lets no package have another one.
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(fits) {
        return Err(ModuleError::NoName(name));
    }
    if is_cargos_own(&name) {
        return Err(ModuleError::CargosOwn(name));
    }
    Ok(Plugin {
        tag: None,
        root: ctx.cwd.clone(),
        annotations: [("org.opencontainers.image.title".to_owned(), name.clone())].into(),
        settings: Settings::of(&[&options.flags]),
        name,
    })
}

/// A plugin with all that is known before its module is there.
struct Job<'p> {
    plugin: &'p Plugin,
    template: Template,
    /// Nothing where the module is to stay as it was compiled.
    optimizer: Option<Optimizer>,
    tag: Option<Tag>,
    annotations: BTreeMap<String, String>,
    /// The folder of all output, with one for each package in it.
    output: Utf8PathBuf,
}

impl Job<'_> {
    /// The folder that holds everything that is written of the package.
    fn folder(&self) -> Utf8PathBuf {
        self.output.join(&self.plugin.name)
    }
}

/// Reads the resources and looks for the optimizer first: what is wrong with them shall not cost a
/// compilation.
fn jobs<'p>(
    ctx: &Context,
    options: &BuildOptions,
    target_dir: &Utf8Path,
    plugins: impl IntoIterator<Item = &'p Plugin>,
) -> Result<Vec<Job<'p>>> {
    // A program of the user's is asked for its version, and once is enough for all packages.
    let mut optimizers: Vec<(Optimize, Option<Optimizer>)> = Vec::new();
    let mut optimizer = |optimize: Optimize| {
        if let Some((_, known)) = optimizers.iter().find(|(level, _)| *level == optimize) {
            return Ok::<_, Error>(known.clone());
        }
        let new = Optimizer::of(ctx, optimize, options.wasm_opt.as_deref())?;
        optimizers.push((optimize, new.clone()));
        Ok(new)
    };
    let job = |plugin: &'p Plugin| {
        let template = template(ctx, options, plugin)?.with(&options.overrides)?;
        let tag = options.tag.clone().or_else(|| plugin.tag.clone());
        let package = || plugin.name.clone();
        let is_published = matches!(options.needs, Needs::Reference | Needs::OneReference);
        if is_published && tag.is_none() {
            return Err(Unnamed::Tag(package()).into());
        }
        if plugin.settings.image.is_none() {
            match options.needs {
                Needs::Resource if template.needs_image(plugin.settings.kind) => {
                    return Err(Unnamed::Resource(package()).into());
                }
                Needs::PulledImage => return Err(Unnamed::PulledImage(package()).into()),
                _ if is_published => return Err(Unnamed::Image(package()).into()),
                _ => {}
            }
        }
        let optimizer = optimizer(plugin.settings.optimize)?;
        let mut annotations = plugin.annotations.clone();
        annotations.extend(options.annotations.iter().cloned());
        Ok(Job { plugin, template, optimizer, tag, annotations, output: target_dir.join("wasmplugin") })
    };
    let jobs = plugins.into_iter().map(job).collect::<Result<Vec<_>>>()?;
    if matches!(options.needs, Needs::Reference | Needs::OneReference | Needs::PulledImage) {
        each_has_a_reference_of_its_own(&jobs)?;
    }
    let one = (options.needs == Needs::OneReference).then_some("--to");
    if let Some(flag) = one.or(options.overrides.has_url().then_some("--url"))
        && jobs.len() > 1
    {
        let packages = jobs.iter().map(|job| format!("`{}`", job.plugin.name)).collect::<Vec<_>>().join(", ");
        return Err(NotOne { flag, packages }.into());
    }
    Ok(jobs)
}

/// Of two packages under one name, the second push would take the tag from the first.
fn each_has_a_reference_of_its_own(jobs: &[Job<'_>]) -> Result<(), SameReference> {
    for (index, job) in jobs.iter().enumerate() {
        let other = jobs[..index].iter().find(|other| {
            (&other.plugin.settings.image, &other.tag) == (&job.plugin.settings.image, &job.tag)
        });
        if let (Some(other), Some(image), Some(tag)) = (other, &job.plugin.settings.image, &job.tag) {
            return Err(SameReference {
                packages: [other, job].map(|job| job.plugin.name.clone()),
                reference: format!("{image}:{tag}"),
            });
        }
    }
    Ok(())
}

/// Two packages would be one image.
#[derive(Debug, thiserror::Error)]
#[error("`{}` and `{}` would both be pushed to `{reference}`", packages[0], packages[1])]
struct SameReference {
    packages: [String; 2],
    reference: String,
}

impl Explain for SameReference {
    fn help(&self) -> Vec<String> {
        vec![
            "give each an image of its own; `[workspace.metadata.wasmplugin]` takes `{name}` for the package's name: `image = \"quay.io/acme/{name}\"`"
                .to_owned(),
        ]
    }
}

fn template(ctx: &Context, options: &BuildOptions, plugin: &Plugin) -> Result<Template> {
    let path = plugin.root.join("wasmplugin.yaml");
    if !path.exists() {
        return Ok(Template::minimal(&plugin.name));
    }
    let shown = ctx.shown(&path);
    let text =
        String::from_utf8(fs_err::read(&path)?).map_err(|error| InvalidFile::not_utf8(shown, &error))?;
    let (template, warnings) = Template::read(shown, text, &plugin.name)?;
    for warning in &warnings {
        ctx.shell.warn_in_file(template.path(), template.text(), warning);
    }
    if options.deny_warnings && !warnings.is_empty() {
        return Err(DeniedWarnings { path: template.path().to_owned() }.into());
    }
    Ok(template)
}

/// A resource is doubtful, and that was to be an error.
#[derive(Debug, thiserror::Error)]
#[error("`{path}` has warnings, and warnings are denied")]
struct DeniedWarnings {
    path: Utf8PathBuf,
}

impl Explain for DeniedWarnings {
    fn exit(&self) -> Exit {
        Exit::Findings
    }
}

/// Judges all modules before it packages one: whoever has two plugins to mend learns of both at once.
fn package_all(
    ctx: &Context,
    options: &BuildOptions,
    jobs: Vec<Job<'_>>,
    modules: Vec<CompiledFile>,
    compile_time: Duration,
) -> Result<Vec<Built>> {
    let judge = |(job, module)| package::judge(ctx, job, module, compile_time);
    let judged = jobs.into_iter().zip(modules).map(judge).collect::<Result<Vec<_>>>()?;
    let passed = pass(&judged, options.deny_warnings)?;
    let package = |(judged, passed)| package::package(ctx, judged, passed);
    judged.into_iter().zip(passed).map(package).collect()
}

fn pass(judged: &[Judged<'_>], deny_warnings: bool) -> Result<Vec<Passed>, Refused> {
    let pass = |judged: &Judged<'_>| judged.findings.clone().pass(deny_warnings);
    judged.iter().map(pass).collect::<Result<_, _>>().map_err(|_| Refused {
        packages: judged.iter().map(|judged| (judged.name().to_owned(), judged.findings.clone())).collect(),
    })
}

/// Nothing says under which name the image of a package is to be found.
#[derive(Debug, thiserror::Error)]
pub enum Unnamed {
    /// It has no repository, and a resource needs one.
    #[error("package `{0}` has no resource: nothing says where its image is")]
    Resource(String),
    /// It has no repository to be pushed to.
    #[error("package `{0}` cannot be published: its image has no name")]
    Image(String),
    /// It has no tag to be pushed under.
    #[error("package `{0}` cannot be published: it has no version that would make a tag")]
    Tag(String),
    /// It has no repository, and a manifest refers to its image.
    #[error("package `{0}` cannot be referred to: nothing says where its image is")]
    PulledImage(String),
}

impl Unnamed {
    /// The package.
    pub fn package(&self) -> &str {
        match self {
            Unnamed::Resource(name)
            | Unnamed::Image(name)
            | Unnamed::Tag(name)
            | Unnamed::PulledImage(name) => name,
        }
    }
}

impl Explain for Unnamed {
    fn exit(&self) -> Exit {
        if matches!(self, Unnamed::Tag(_)) { Exit::Usage } else { Exit::Failure }
    }

    fn help(&self) -> Vec<String> {
        if let Unnamed::Tag(_) = self {
            return vec!["give one with `--tag`".to_owned()];
        }
        vec![
            "set it in Cargo.toml:\n\n    [package.metadata.wasmplugin]\n    image = \"quay.io/acme/hello\""
                .to_owned(),
            "or give it with `--image`".to_owned(),
        ]
    }
}

/// Several packages are to go where there is place for one.
#[derive(Debug, thiserror::Error)]
#[error("`{flag}` takes one package, and there are more: {packages}")]
struct NotOne {
    flag: &'static str,
    packages: String,
}

impl Explain for NotOne {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn help(&self) -> Vec<String> {
        vec!["choose one with `-p`, and give each a place of its own".to_owned()]
    }
}

/// The file of another toolchain cannot be taken.
#[derive(Debug, thiserror::Error)]
enum ModuleError {
    #[error("there is no module `{file}`")]
    Missing { file: Utf8PathBuf, source: std::io::Error },
    #[error("a module cannot be called `{0}`: cargo has a folder of that name where its output would be")]
    CargosOwn(String),
    #[error("a module cannot be called `{0}`: letters, digits, `_` and `-` make the name of its output")]
    NoName(String),
}

impl Explain for ModuleError {
    fn help(&self) -> Vec<String> {
        vec![match self {
            ModuleError::Missing { .. } => {
                "build it first: `--module` takes the .wasm file that another toolchain has made".to_owned()
            }
            ModuleError::CargosOwn(name) => format!("call the file `{name}-filter.wasm`"),
            ModuleError::NoName(_) => "call the file as the filter, `hello.wasm`".to_owned(),
        }]
    }
}
