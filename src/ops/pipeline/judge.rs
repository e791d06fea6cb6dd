//! Optimizes and judges a compiled module.

use std::time::{Duration, Instant};

use crate::check;
use crate::compile::ModuleFile;
use crate::context::Context;
use crate::diagnostics::findings::Findings;
use crate::digest::Digest;
use crate::error::{Exit, Result};
use crate::module::{CompiledModule, OptimizedModule};
use crate::ops::pipeline::built::{CompiledSizes, Packaged, Times};
use crate::ops::pipeline::fresh::Stamp;
use crate::ops::pipeline::output_error::not_written;
use crate::ops::pipeline::plan::PackagePlan;
use crate::target_dir;
use crate::transport::OpenedImage;

/// A package with its judged module.
pub(super) struct Judged {
    pub(super) package: PackagePlan,
    pub(super) stamp: Stamp,
    pub(super) module: JudgedModule,
    pub(super) findings: Findings,
    pub(super) times: Times,
}

pub(super) enum JudgedModule {
    /// The module was packaged before without findings, and the output is still up to date.
    Fresh(Packaged, OpenedImage),
    /// The findings forbid packaging the module.
    Refused,
    /// The module has to be packaged. It is `clean` if it has no findings.
    New { module: OptimizedModule, compiled: CompiledSizes, clean: bool },
}

/// Optimizes and checks a module, and reports the findings. Optimizing takes long, so everything that it can't change is
/// checked before.
pub(super) fn judge(
    ctx: &Context,
    mut package: PackagePlan,
    mut file: ModuleFile,
    compile: Duration,
) -> Result<Judged> {
    let mut times = Times { compile, ..Times::default() };
    let findings = std::mem::take(&mut package.findings);
    let stamp = Stamp::of(&package, file.digest()?);
    if let Some((packaged, image)) = stamp.fresh(ctx, &package) {
        return Ok(Judged { package, stamp, module: JudgedModule::Fresh(packaged, image), findings, times });
    }
    let file = file.read()?;
    // Another process may have changed the file since it was hashed.
    let stamp = Stamp::of(&package, Digest::of(&file.bytes));
    let whole = file.bytes.len() as u64;
    let compiled = CompiledModule::read(file)?;
    let sizes = CompiledSizes { whole, stripped: compiled.stripped_size(package.settings.names) };
    // Proxies refuse a module with a damaged name section. The shipped module has no name section, so only
    // plugin.debug.wasm loses its names.
    let repaired = compiled.info.has_damaged_names.then(check::repaired_names);
    let compiled = if repaired.is_some() { compiled.without_names()? } else { compiled };
    let checking = Instant::now();
    let found = check::exports(&compiled.info, &package.settings.meshes);
    let found = package.report(ctx, repaired.into_iter().chain(found).collect());
    times.check = checking.elapsed();
    let clean = found.is_empty();
    let findings = findings.and(found);
    if !package.passes(&findings) {
        return Ok(Judged { package, stamp, module: JudgedModule::Refused, findings, times });
    }
    let check = |module: &OptimizedModule| check::module(&module.info, &package.settings.meshes);
    let cache = package.output.join(".optimized").join(&package.name);
    if package.optimizer.is_some() {
        target_dir::create(&package.output);
    }
    let optimizing = Instant::now();
    let module = match package.optimizer.as_ref().map(|optimizer| optimizer.optimize(ctx, &compiled, &cache))
    {
        None => OptimizedModule::untouched(compiled),
        Some(Ok(module)) => module,
        Some(Err(error)) => {
            // The errors of the checks are more useful than the optimizer's message about the same problem.
            let module = OptimizedModule::untouched(compiled);
            let passes = package.settings.checks.apply(check(&module)).pass(false);
            if error.exit() == Exit::Interrupted || passes {
                return Err(not_written(&package, error));
            }
            module
        }
    };
    times.optimize = optimizing.elapsed();
    let checking = Instant::now();
    let found = package.report(ctx, check(&module));
    times.check += checking.elapsed();
    let clean = clean && found.is_empty();
    let module = JudgedModule::New { module, compiled: sizes, clean };
    Ok(Judged { package, stamp, module, findings: findings.and(found), times })
}
