//! `build`: compile, optimize, check and package filters, and write their resources.

use crate::context::Context;
use crate::error::Result;
use crate::ops::pipeline::{self, Built, Outcome, PlanOptions};

/// The options of `build`.
#[derive(Debug)]
pub struct BuildOptions {
    pub plan: PlanOptions,
    /// Whether each package must have a resource.
    pub needs_resources: bool,
}

/// Builds the packages. The result is in the order of their names.
///
/// # Errors
///
/// If a stage fails. See [`pipeline::build`] for what is then left in the output directories.
pub fn build(ctx: &Context, options: BuildOptions) -> Result<Outcome<Vec<Built>>> {
    let plan = pipeline::plan(ctx, options.plan)?;
    plan.has_distinct_references()?;
    plan.has_distinct_resources()?;
    plan.has_distinct_targets()?;
    if options.needs_resources {
        for package in plan.packages.iter().filter(|package| package.draft.needs_image(package.settings.kind))
        {
            package.repository("has no resource")?;
        }
    }
    pipeline::build(ctx, plan)
}
