//! `build`: compile, optimize, check, package, and write the resource.

use std::panic::resume_unwind;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};

use crate::check;
use crate::compile::{self, CargoOptions, Toolchain};
use crate::config::{Layer, Settings};
use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Explain, Result};
use crate::findings::{Findings, Passed, Refused};
use crate::fs::{Lock, StagedFolder};
use crate::image::{Image, MODULE_FILE, RUNTIME_CONFIG_FILE, RuntimeConfig};
use crate::module::{CompiledModule, OptimizedModule};
use crate::optimize::{self, Optimizer};
use crate::project::{Plugin, Project, Selection};
use crate::reference::Tag;
use crate::resource::{PulledImage, Resource, Template};
use crate::transport::layout;

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
    /// Whether a warning of the checks stops the build.
    pub deny_warnings: bool,
    /// Whether a package without a resource is an error.
    pub needs_resource: bool,
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
    /// Its image.
    pub image: Image,
    /// Its resource, where it is known what the mesh pulls.
    pub resource: Option<Resource>,
    /// The module as it is shipped.
    pub module_digest: Digest,
    /// How large the module is.
    pub sizes: Sizes,
    /// What the checks found that did not stop the build.
    pub warnings: Findings,
    /// How long each stage took.
    pub times: Times,
}

/// The size of a module after each stage, in bytes.
#[derive(Debug, Clone, Copy)]
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
            let plugins: Vec<&Plugin> = project.crates.iter().map(|krate| &krate.plugin).collect();
            let templates = templates(ctx, options, &plugins)?;
            let started = Instant::now();
            let modules = {
                // Another run of ours must not write the modules between cargo's end and our reading.
                let _lock =
                    Lock::take(ctx, &output(&project.target_dir).join(".compile.lock"), "the compiler")?;
                compile::compile(ctx, &project, &toolchain, cargo)?
            };
            package_all(ctx, options, &project.target_dir, &plugins, templates, modules, started.elapsed())
        }
        Source::Module { file, target_dir } => {
            let plugin = of_file(ctx, file, options);
            let templates = templates(ctx, options, &[&plugin])?;
            let module = CompiledModule::read(file.clone(), fs_err::read(ctx.cwd.join(file))?)?;
            package_all(ctx, options, target_dir, &[&plugin], templates, vec![module], Duration::ZERO)
        }
    }
}

/// The folder below which every package has its own.
fn output(target_dir: &Utf8Path) -> Utf8PathBuf {
    target_dir.join("wasmplugin")
}

/// A module that another toolchain made has no manifest: its file and the current folder say what there is.
fn of_file(ctx: &Context, file: &Utf8Path, options: &BuildOptions) -> Plugin {
    let name = file.file_stem().unwrap_or("plugin").to_owned();
    Plugin {
        tag: None,
        root: ctx.cwd.clone(),
        annotations: [("org.opencontainers.image.title".to_owned(), name.clone())].into(),
        settings: Settings::of(&[&options.flags]),
        name,
    }
}

/// Reads the resources first: what is wrong in them shall not cost a compilation.
fn templates(ctx: &Context, options: &BuildOptions, plugins: &[&Plugin]) -> Result<Vec<Template>> {
    let read = |plugin: &&Plugin| {
        let path = plugin.root.join("wasmplugin.yaml");
        let template = if path.exists() {
            let (text, shown) = (fs_err::read_to_string(&path)?, ctx.shown(&path));
            let (template, warnings) = Template::read(shown, text.clone(), &plugin.name)?;
            for warning in &warnings {
                ctx.shell.warn_in_file(shown, &text, warning);
            }
            template
        } else {
            Template::minimal(&plugin.name)
        };
        if options.needs_resource && plugin.settings.image.is_none() && template.needs_image() {
            return Err(NoImage { package: plugin.name.clone() }.into());
        }
        Ok(template)
    };
    plugins.iter().map(read).collect()
}

/// A module that was judged, and is not packaged yet.
struct Judged {
    module: OptimizedModule,
    compiled_size: usize,
    findings: Findings,
    times: Times,
}

/// Judges all modules before it packages one: whoever has two plugins to mend learns of both at once.
fn package_all(
    ctx: &Context,
    options: &BuildOptions,
    target_dir: &Utf8Path,
    plugins: &[&Plugin],
    templates: Vec<Template>,
    modules: Vec<CompiledModule>,
    compile_time: Duration,
) -> Result<Vec<Built>> {
    let output = output(target_dir);
    let optimizer = Optimizer::find(ctx, options.wasm_opt.as_deref())?;
    let mut judged = Vec::new();
    for (plugin, module) in plugins.iter().zip(modules) {
        judged.push(judge(ctx, plugin, &optimizer, &output, &module, compile_time)?);
    }
    let passed = pass(&judged, options.deny_warnings)?;
    let mut packaged = Vec::new();
    for (((plugin, template), judged), passed) in plugins.iter().zip(templates).zip(judged).zip(passed) {
        packaged.push(package(ctx, options, &output, plugin, &template, judged, passed)?);
    }
    Ok(packaged)
}

fn judge(
    ctx: &Context,
    plugin: &Plugin,
    optimizer: &Optimizer,
    output: &Utf8Path,
    module: &CompiledModule,
    compile: Duration,
) -> Result<Judged> {
    let started = Instant::now();
    let optimized = match optimize::level(plugin.settings.optimize) {
        Some(level) => {
            optimizer.optimize(ctx, module, level, &output.join(".optimized").join(&plugin.name))?
        }
        None => OptimizedModule::untouched(module),
    };
    let optimize = started.elapsed();
    let findings = check::module(&optimized.info, &plugin.settings.meshes);
    for finding in findings.iter() {
        ctx.shell.finding(&plugin.name, finding);
    }
    let times = Times { compile, optimize, check: started.elapsed() - optimize, package: Duration::ZERO };
    Ok(Judged { module: optimized, compiled_size: module.bytes.len(), findings, times })
}

fn pass(judged: &[Judged], deny_warnings: bool) -> Result<Vec<Passed>, Refused> {
    let (mut passed, mut refused) = (Vec::new(), Vec::new());
    for judged in judged {
        match judged.findings.clone().pass(deny_warnings) {
            Ok(pass) => passed.push(pass),
            Err(refusal) => refused.extend(refusal.findings.iter().cloned()),
        }
    }
    if refused.is_empty() { Ok(passed) } else { Err(Refused { findings: refused.into_iter().collect() }) }
}

fn package(
    ctx: &Context,
    options: &BuildOptions,
    output: &Utf8Path,
    plugin: &Plugin,
    template: &Template,
    judged: Judged,
    passed: Passed,
) -> Result<Built> {
    let started = Instant::now();
    let Settings { image: repository, pull_image, variant, root_ids, .. } = &plugin.settings;
    let module = judged.module.strip(&passed);
    let runtime_config = RuntimeConfig::new(check::abi(&judged.module.info), root_ids);
    let mut annotations = plugin.annotations.clone();
    annotations.extend(options.annotations.iter().cloned());
    let image = Image::assemble(&module, &passed, &runtime_config, *variant, annotations);
    let tag = options.tag.clone().or_else(|| plugin.tag.clone());
    let module_digest = Digest::of(module.bytes());
    let pulled = pull_image.as_ref().or(repository.as_ref()).map(|repository| PulledImage {
        repository: repository.clone(),
        tag: tag.clone(),
        manifest: image.digest(),
    });
    let resource = template.pin(pulled.as_ref(), module_digest)?;

    let folder = output.join(&plugin.name);
    let _lock =
        Lock::take(ctx, &output.join(format!(".{}.lock", plugin.name)), &format!("package {}", plugin.name))?;
    let staged = StagedFolder::beside(&folder)?;
    let place = staged.path();
    fs_err::write(place.join(MODULE_FILE), module.bytes())?;
    fs_err::write(place.join("plugin.debug.wasm"), &judged.module.bytes)?;
    fs_err::write(place.join(RUNTIME_CONFIG_FILE), runtime_config.to_bytes())?;
    layout::write(&place.join("image"), &image, tag.as_ref())?;
    fs_err::write(place.join("digest"), format!("{}\n", image.digest()))?;
    if let Some(resource) = &resource {
        fs_err::write(place.join("wasmplugin.yaml"), resource.to_yaml())?;
    }
    ctx.interrupt.check()?;
    staged.swap()?;

    Ok(Built {
        name: plugin.name.clone(),
        folder,
        settings: plugin.settings.clone(),
        tag,
        resource,
        module_digest,
        sizes: Sizes {
            compiled: judged.compiled_size,
            optimized: judged.module.bytes.len(),
            stripped: module.bytes().len(),
        },
        warnings: passed.warnings().clone(),
        times: Times { package: started.elapsed(), ..judged.times },
        image,
    })
}

/// A resource was asked for, and what it pulls is not known.
#[derive(Debug, thiserror::Error)]
#[error("package `{package}` has no resource: nothing says where its image is")]
struct NoImage {
    package: String,
}

impl Explain for NoImage {
    fn help(&self) -> Vec<String> {
        vec![
            "set it in Cargo.toml:\n\n    [package.metadata.wasmplugin]\n    image = \"quay.io/acme/hello\""
                .to_owned(),
            "or give it with `--image`".to_owned(),
        ]
    }
}
