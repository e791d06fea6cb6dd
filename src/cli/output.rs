//! What a command tells of packages that it built: a summary for people, documents for programs.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::config::Choice as _;
use crate::context::Context;
use crate::error::Result;
use crate::findings::{Finding, Findings, Refused};
use crate::ops::build::Built;
use crate::shell::Verbosity;

#[derive(Debug, Args)]
pub(super) struct Output {
    /// What to print on standard output
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Nothing
    Text,
    /// The resources, a document each
    Yaml,
    /// Everything, as documented in docs/json.md
    Json,
}

/// Tells on standard error what was made of a package.
pub(super) fn summary(ctx: &Context, built: &Built) {
    let shell = &ctx.shell;
    let folder = ctx.shown(&built.folder);
    shell.status("Finished", format_args!("{} in {folder}", built.name));
    let sizes = built.packaged.sizes;
    let optimized = match built.settings.optimize {
        crate::config::Optimize::None => "not optimized".to_owned(),
        _ => format!("{} optimized", bytes(sizes.optimized)),
    };
    shell.detail(format_args!(
        "module    {} compiled, {optimized}, {} stripped",
        bytes(sizes.compiled),
        bytes(sizes.stripped)
    ));
    let layers: Vec<String> = built.packaged.layers.iter().map(|layer| bytes(layer.size)).collect();
    let plural = if layers.len() == 1 { "" } else { "s" };
    shell.detail(format_args!(
        "image     {} variant, {} layer{plural}: {}",
        built.settings.variant.name(),
        layers.len(),
        layers.join(" + ")
    ));
    shell.detail(format_args!("digest    {}", built.packaged.image));
    if built.resource.is_some() {
        shell.detail(format_args!("resource  {}", folder.join("wasmplugin.yaml")));
    }
    if shell.verbosity() == Verbosity::Verbose {
        let times = built.times;
        shell.detail(format_args!(
            "time      compile {:.2?}, optimize {:.2?}, check {:.2?}, package {:.2?}",
            times.compile, times.optimize, times.check, times.package
        ));
    }
    if built.resource.is_none() {
        shell.warn(format_args!(
            "no WasmPlugin was written for `{}`: set `image` under [package.metadata.wasmplugin], or give `--image`",
            built.name
        ));
    }
}

/// Writes what was asked for to standard output.
pub(super) fn write(ctx: &Context, format: Format, built: &[Built]) -> Result<()> {
    match format {
        Format::Text => {}
        Format::Yaml => {
            let documents: Vec<String> = built
                .iter()
                .filter_map(|built| built.resource.as_ref())
                .map(|resource| resource.to_yaml())
                .collect();
            ctx.shell.out(documents.join("---\n"))?;
        }
        Format::Json => {
            report(ctx, built.iter().map(package).collect())?;
        }
    }
    Ok(())
}

/// Writes what the checks found, where that forbids to go on.
pub(super) fn write_refusal(ctx: &Context, format: Format, refused: &Refused) -> Result<()> {
    let found = |(name, findings): &(String, Findings)| json!({ "name": name, "findings": listed(findings) });
    match format {
        Format::Text | Format::Yaml => Ok(()),
        Format::Json => report(ctx, refused.packages.iter().map(found).collect()),
    }
}

fn report(ctx: &Context, packages: Vec<Value>) -> Result<()> {
    let report = json!({ "schema": 1, "packages": packages });
    Ok(ctx.shell.out(format_args!("{report:#}\n"))?)
}

fn listed(findings: &Findings) -> Vec<&Finding> {
    findings.iter().collect()
}

fn package(built: &Built) -> Value {
    let repository = built.settings.image.as_ref().map(ToString::to_string);
    json!({
        "name": built.name,
        "folder": built.folder,
        "image": {
            "repository": repository,
            "tag": built.tag.as_ref().map(ToString::to_string),
            "digest": built.packaged.image,
            "reference": repository.map(|repository| format!("{repository}@{}", built.packaged.image)),
            "variant": built.settings.variant.name(),
            "layers": built.packaged.layers,
        },
        "module": {
            "digest": built.packaged.module,
            "size": built.packaged.sizes.stripped,
            "compiledSize": built.packaged.sizes.compiled,
            "optimizedSize": built.packaged.sizes.optimized,
            "optimize": built.settings.optimize.name(),
        },
        "resource": built.resource.as_ref().map(|resource| resource.to_json()),
        "findings": listed(&built.warnings),
    })
}

/// A size as people read it.
fn bytes(size: usize) -> String {
    match size {
        0..1000 => format!("{size} B"),
        1000..1_000_000 => format!("{:.1} kB", size as f64 / 1e3),
        _ => format!("{:.1} MB", size as f64 / 1e6),
    }
}
