//! From a crate to its image: the stages that `build`, `publish` and `resolve` share.
//!
//! A [`Plan`] has everything about the packages except their modules. Each command makes a plan, checks its own
//! requirements on it, and then [`build`]s it.

mod built;
mod clashes;
mod fresh;
mod judge;
mod module_name;
mod outcome;
mod output_error;
mod pack;
mod plan;
mod write;

use std::time::Instant;

use crate::check;
use crate::check::levels::{LevelOrigin, Levels};
use crate::compile;
use crate::context::Context;
use crate::diagnostics::findings::Findings;
use crate::error::Result;

use pack::{Packed, pack};
use plan::Modules;

pub use built::Built;
pub use module_name::ModuleName;
pub use outcome::{Outcome, PackageFindings};
pub use output_error::OutputError;
pub use plan::{Origin, PackagePlan, Plan, PlanOptions, plan};

/// Compiles, optimizes, judges and packages the planned packages. The result is in the order of their names. All packages
/// are judged before any output is written, so that the findings of all of them are reported together.
///
/// # Errors
///
/// If a stage fails. The output of earlier runs then stays unchanged. If writing fails, this is true only of the package
/// that failed and of those after it, because they are written one by one.
pub fn build(ctx: &Context, plan: Plan) -> Result<Outcome<Vec<Built>>> {
    let Plan { packages, modules, other_findings, .. } = plan;
    if !packages.iter().all(|package| package.passes(&package.findings)) {
        return Ok(Outcome::Refused(packages.into_iter().map(PackagePlan::into_findings).collect()));
    }
    let started = Instant::now();
    let (modules, is_whole) = match modules {
        Modules::Module(file) => (vec![file], true),
        Modules::Crates { project, toolchain, cargo } => {
            (compile::compile(ctx, &project, &toolchain, &cargo)?, project.is_whole)
        }
    };
    let compile = started.elapsed();
    let judge = |(package, module)| judge::judge(ctx, package, module, compile);
    let judged = packages.into_iter().zip(modules).map(judge).collect::<Result<Vec<_>>>()?;
    let mut packed = Vec::new();
    let mut all = Vec::new();
    for judged in judged {
        match pack(ctx, judged) {
            Ok(package) => packed.push(package),
            Err(refused) => all.push(refused),
        }
    }
    if all.is_empty() {
        judge_levels(ctx, &mut packed, &other_findings, is_whole);
        if packed.iter().all(|packed| packed.package.passes(&packed.findings)) {
            let built = packed.into_iter().map(|package| write::write(ctx, package));
            return Ok(Outcome::Done(built.collect::<Result<_>>()?));
        }
    }
    all.extend(packed.into_iter().map(Packed::into_findings));
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Outcome::Refused(all))
}

/// Judges the levels of the packages, after all their findings are known. A level that several packages share is judged
/// once, with the findings of all of them, and reported with the first.
fn judge_levels(ctx: &Context, packages: &mut [Packed], other_findings: &Findings, is_whole: bool) {
    let mut found: Vec<_> = packages
        .iter()
        .map(|Packed { package, findings, .. }| {
            let own = package.settings.checks.filter(|origin| matches!(origin, LevelOrigin::Package(_)));
            check::settings(&own, &[findings])
        })
        .collect();
    let is_shared = |origin: &LevelOrigin| match origin {
        LevelOrigin::Flag => true,
        // A member that isn't built may need the level.
        LevelOrigin::Workspace(_) => is_whole,
        LevelOrigin::Package(_) => false,
    };
    let mut shared = Levels::default();
    for package in packages.iter() {
        shared.merge(package.package.settings.checks.filter(is_shared));
    }
    let all: Vec<_> = packages.iter().map(|package| &package.findings).chain([other_findings]).collect();
    if let Some(first) = found.first_mut() {
        first.extend(check::settings(&shared, &all));
    }
    for (package, found) in packages.iter_mut().zip(found) {
        package.findings = std::mem::take(&mut package.findings).and(package.package.report(ctx, found));
    }
}
