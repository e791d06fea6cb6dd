//! The reports of commands about packages: a summary for people on standard error, and documents for programs on
//! standard output. Each format has a file.

mod human;
mod json;

use crate::context::Context;
use crate::error::Result;
use crate::ops::pipeline::{Built, PackageFindings};
use crate::ops::publish::Published;
use crate::shell::Verbosity;

/// The format of standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For `publish`, the pinned references. For `build`, nothing.
    Text,
    /// The resources, one YAML document each.
    Yaml,
    /// Everything about the packages, as one JSON document.
    Json,
}

/// All formats, with their names and their descriptions in `--help`.
pub const FORMATS: &[(&str, Format, &str)] = &[
    ("text", Format::Text, "The pinned references for `publish`, nothing for `build`"),
    ("yaml", Format::Yaml, "The resources, one YAML document each"),
    ("json", Format::Json, "Everything, as one JSON document (see docs/json.md)"),
];

/// Reports packages that were built.
///
/// # Errors
///
/// If standard output can't be written.
pub fn built(ctx: &Context, format: Format, packages: &[Built]) -> Result<()> {
    for package in packages {
        human::summary(ctx, package);
    }
    match format {
        Format::Text => Ok(()),
        Format::Yaml => resources(ctx, packages),
        Format::Json => Ok(ctx.shell.out(json::Report::of_built(packages))?),
    }
}

/// Reports packages that were published.
///
/// # Errors
///
/// If standard output can't be written.
pub fn published(ctx: &Context, format: Format, packages: &[Published], dry_run: bool) -> Result<()> {
    for package in packages {
        human::summary(ctx, &package.built);
        if ctx.shell.verbosity() == Verbosity::Verbose {
            ctx.shell.detail(format_args!("time      push {:.2?}", package.time));
        }
    }
    match format {
        Format::Text => Ok(ctx.shell.out(human::references(packages))?),
        Format::Yaml => resources(ctx, packages.iter().map(|package| &package.built)),
        Format::Json => Ok(ctx.shell.out(json::Report::of_published(packages, dry_run))?),
    }
}

/// Reports that the checks refuse packages. The findings themselves were reported when they were found.
///
/// # Errors
///
/// If standard output can't be written.
pub fn refused(ctx: &Context, format: Format, packages: &[PackageFindings]) -> Result<()> {
    if format == Format::Json {
        ctx.shell.out(json::Report::of_refused(packages))?;
    }
    ctx.shell.fail(human::refusal(packages));
    Ok(())
}

fn resources<'b>(ctx: &Context, packages: impl IntoIterator<Item = &'b Built>) -> Result<()> {
    let resources = packages.into_iter().filter_map(|package| package.resource.as_ref());
    let documents: Vec<String> = resources.map(|resource| resource.to_yaml()).collect();
    Ok(ctx.shell.out(documents.join("---\n"))?)
}
