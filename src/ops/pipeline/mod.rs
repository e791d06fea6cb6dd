//! From a crate to its image: the stages that `build`, `publish` and `resolve` share.
//!
//! A [`Plan`] has everything about the packages except their modules. Each command makes a plan, checks its own
//! requirements on it, and then [`build`]s it.

mod built;
mod fresh;
mod judge;
mod outcome;
mod pack;
mod plan;
mod write;

use std::time::Instant;

use crate::compile;
use crate::context::Context;
use crate::error::Result;

use pack::{Packed, pack};
use plan::Modules;

pub use built::{Built, LayerSummary};
pub use outcome::{Outcome, PackageFindings};
pub use plan::{Origin, PackagePlan, Plan, PlanOptions, plan};
pub use write::OutputError;

/// Compiles, optimizes, judges and packages the planned packages. The result is in the order of their names. All packages
/// are judged before any output is written, so that the findings of all of them are reported together.
///
/// # Errors
///
/// If a stage fails. The output of earlier runs then stays unchanged. If writing fails, this is true only of the package
/// that failed and of those after it, because they are written one by one.
pub fn build(ctx: &Context, plan: Plan) -> Result<Outcome<Vec<Built>>> {
    let Plan { packages, modules, deny_warnings } = plan;
    if !packages.iter().all(|package| package.findings.pass(deny_warnings)) {
        return Ok(Outcome::Refused(packages.into_iter().map(PackagePlan::into_findings).collect()));
    }
    let started = Instant::now();
    let modules = match modules {
        Modules::Module(file) => vec![file],
        Modules::Crates { project, toolchain, cargo } => compile::compile(ctx, &project, &toolchain, &cargo)?,
    };
    let compile = started.elapsed();
    let judge = |(package, module)| judge::judge(ctx, package, module, compile);
    let judged = packages.into_iter().zip(modules).map(judge).collect::<Result<Vec<_>>>()?;
    let packed: Vec<_> = judged.into_iter().map(|judged| pack(ctx, judged, deny_warnings)).collect();
    if packed.iter().all(|packed| packed.as_ref().is_ok_and(|packed| packed.findings.pass(deny_warnings))) {
        let built = packed.into_iter().flatten().map(|packed| write::write(ctx, packed));
        return Ok(Outcome::Done(built.collect::<Result<_>>()?));
    }
    let verdict = |packed: std::result::Result<Packed, PackageFindings>| {
        packed.map_or_else(|findings| findings, Packed::into_findings)
    };
    Ok(Outcome::Refused(packed.into_iter().map(verdict).collect()))
}
