//! From a compiled module to the folder with everything in it.

use std::time::{Duration, Instant};

use crate::check;
use crate::compile::ModuleFile;
use crate::config::Settings;
use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Exit, Result};
use crate::findings::{Findings, Passed, Severity};
use crate::fs::{Lock, StagedFolder};
use crate::image::{Blob, MODULE_FILE, RUNTIME_CONFIG_FILE, RuntimeConfig};
use crate::module::{CompiledModule, OptimizedModule};
use crate::ops::build::fresh::Stamp;
use crate::ops::build::{Built, Job, LayerSummary, Packaged, Sizes, Times};
use crate::reference::Tag;
use crate::resource::{Artifact, PulledImage, Resource};
use crate::transport::{Layout, Sink as _, Transfer};

/// A plugin whose module was judged, and is not packaged yet.
pub(super) struct Judged<'p> {
    job: Job<'p>,
    stamp: Stamp,
    state: State,
    pub(super) findings: Findings,
    times: Times,
}

impl Judged<'_> {
    pub(super) fn name(&self) -> &str {
        &self.job.plugin.name
    }
}

enum State {
    /// The same was built before, nothing was found, and all of it is still there.
    Fresh(Packaged),
    /// It is to be packaged.
    Optimized { module: OptimizedModule, compiled_size: usize },
}

/// Optimizes and checks a module, judges its resource, and tells what was found.
pub(super) fn judge<'p>(
    ctx: &Context,
    job: Job<'p>,
    mut file: ModuleFile,
    compile: Duration,
) -> Result<Judged<'p>> {
    let mut times = Times { compile, ..Times::default() };
    let stamp = Stamp::of(&job, file.digest()?);
    if let Some(packaged) = stamp.fresh(&job) {
        return Ok(Judged {
            job,
            stamp,
            state: State::Fresh(packaged),
            findings: Findings::default(),
            times,
        });
    }
    let started = Instant::now();
    let file = file.read()?;
    // Another program may have written to the file meanwhile.
    let stamp = Stamp::of(&job, Digest::of(&file.bytes));
    let compiled_size = file.bytes.len();
    let compiled = readable(ctx, CompiledModule::read(file)?)?;
    let check = |module: &OptimizedModule| check::module(&module.info, &job.plugin.settings.meshes);
    let cache = job.output.join(".optimized").join(&job.plugin.name);
    let module = match job.optimizer.as_ref().map(|optimizer| optimizer.optimize(ctx, &compiled, &cache)) {
        None => OptimizedModule::untouched(&compiled),
        Some(Ok(module)) => module,
        Some(Err(error)) => {
            // What the mesh refuses tells the author more than what the optimizer cannot read.
            let module = OptimizedModule::untouched(&compiled);
            if error.exit() == Exit::Interrupted || check(&module).count(Severity::Error) == 0 {
                return Err(error);
            }
            module
        }
    };
    times.optimize = started.elapsed();
    let settings = &job.plugin.settings;
    let resource = check::resource(&job.template, settings.kind, &settings.meshes);
    let findings: Findings = check(&module).into_iter().chain(resource).collect();
    for finding in findings.iter() {
        ctx.shell.finding(&job.plugin.name, finding);
    }
    times.check = started.elapsed() - times.optimize;
    let state = State::Optimized { module, compiled_size };
    Ok(Judged { job, stamp, state, findings, times })
}

/// Proxies refuse a module whose name section is damaged. What is shipped has none, so all that is lost is
/// what the names would have told.
fn readable(ctx: &Context, module: CompiledModule) -> Result<CompiledModule> {
    if !module.info.has_damaged_names {
        return Ok(module);
    }
    ctx.shell.warn(format_args!("the names in `{}` cannot be read, and are left out", module.path));
    Ok(module.without_names()?)
}

/// Packages a module that has passed, unless it is packaged already.
pub(super) fn package(ctx: &Context, judged: Judged<'_>, passed: Passed) -> Result<Built> {
    let started = Instant::now();
    let Judged { job, stamp, state, mut times, .. } = judged;
    let (packaged, resource) = match state {
        State::Fresh(packaged) => {
            let resource = resource(&job, packaged.image, packaged.module, &passed)?;
            (packaged, resource)
        }
        State::Optimized { module, compiled_size } => {
            write(ctx, &job, stamp, module, compiled_size, &passed)?
        }
    };
    times.package = started.elapsed();
    Ok(Built {
        name: job.plugin.name.clone(),
        folder: job.folder(),
        settings: job.plugin.settings.clone(),
        tag: job.tag,
        version: job.plugin.tag.clone(),
        packaged,
        resource,
        warnings: passed.warnings().clone(),
        times,
    })
}

fn write(
    ctx: &Context,
    job: &Job<'_>,
    stamp: Stamp,
    optimized: OptimizedModule,
    compiled_size: usize,
    passed: &Passed,
) -> Result<(Packaged, Option<Resource>)> {
    let Settings { variant, root_ids, .. } = &job.plugin.settings;
    ctx.shell.status("Packaging", &job.plugin.name);
    let folder = job.folder();
    let name = &job.plugin.name;
    let lock = job.output.join(format!(".{name}.lock"));
    let _lock = Lock::take(ctx, &lock, &format!("package {name}"))?;
    let staged = StagedFolder::beside(&folder)?;
    let place = staged.path();
    let optimized_size = optimized.bytes.len();
    fs_err::write(place.join("plugin.debug.wasm"), &optimized.bytes)?;
    let runtime_config = RuntimeConfig::new(check::abi(&optimized.info), root_ids);
    // A module may be large: the one with names goes before the other one is packed.
    let module = optimized.strip(passed);
    let image = variant.pack(&module, passed, &runtime_config, job.annotations.clone());
    let module_digest = Digest::of(module.bytes());
    let resource = resource(job, image.digest(), module_digest, passed)?;

    fs_err::write(place.join(MODULE_FILE), module.bytes())?;
    fs_err::write(place.join(RUNTIME_CONFIG_FILE), runtime_config.to_bytes())?;
    let blobs: Vec<_> = image.blobs().map(|blob| blob.descriptor.clone()).collect();
    let transfer =
        Transfer { source: &image, manifest: &image.manifest, blobs: &blobs, tags: job.tag.as_slice() };
    Layout::at(place.join("image")).write(ctx, &transfer)?;
    fs_err::write(place.join("digest"), format!("{}\n", image.digest()))?;
    if let Some(resource) = &resource {
        fs_err::write(place.join(job.plugin.settings.kind.file_name()), resource.to_yaml())?;
    }
    ctx.interrupt.check()?;
    staged.swap()?;

    let layer = |layer: &Blob| LayerSummary {
        media_type: layer.descriptor.media_type.to_string(),
        digest: layer.descriptor.digest,
        size: layer.bytes.len(),
    };
    let packaged = Packaged {
        image: image.digest(),
        layers: image.layers.iter().map(layer).collect(),
        module: module_digest,
        sizes: Sizes { compiled: compiled_size, optimized: optimized_size, stripped: module.bytes().len() },
    };
    if passed.warnings().iter().next().is_none() {
        stamp.record(job, &packaged)?;
    }
    Ok((packaged, resource))
}

/// The resource of an image and of the module in it.
fn resource(job: &Job<'_>, manifest: Digest, module: Digest, passed: &Passed) -> Result<Option<Resource>> {
    let settings = &job.plugin.settings;
    let image = pulled_image(settings, job.tag.as_ref(), manifest);
    job.template.pin(settings.kind, &Artifact { image, module, file: job.folder().join(MODULE_FILE) }, passed)
}

/// The image as the mesh pulls it, where the settings name its repository.
pub(super) fn pulled_image(settings: &Settings, tag: Option<&Tag>, manifest: Digest) -> Option<PulledImage> {
    let repository = settings.pull_image.as_ref().or(settings.image.as_ref())?.clone();
    Some(PulledImage { repository, tag: tag.cloned(), manifest })
}
