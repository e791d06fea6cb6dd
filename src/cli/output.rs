//! What a command tells of packages that it built: a summary for people, documents for programs.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::config::Choice as _;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::findings::{Finding, Findings, Refused};
use crate::ops::build::Built;
use crate::ops::publish::Published;
use crate::shell::Verbosity;

#[derive(Debug, Args)]
pub(super) struct Output {
    /// What to print on standard output
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// What people want: from `publish` the pinned references, from `build` nothing
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
        shell.detail(format_args!("resource  {}", folder.join(built.settings.kind.file_name())));
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
            "no {} was written for `{}`: set `image` under [package.metadata.wasmplugin], or give `--image`",
            built.settings.kind, built.name
        ));
    }
}

/// Writes what was asked for of a build to standard output.
pub(super) fn write(ctx: &Context, format: Format, built: &[Built]) -> Result<()> {
    match format {
        Format::Text => Ok(()),
        Format::Yaml => resources(ctx, built),
        Format::Json => report(ctx, built.iter().map(package).collect()),
    }
}

/// Writes what was asked for of a push to standard output.
pub(super) fn write_published(
    ctx: &Context,
    format: Format,
    published: &[Published],
    dry_run: bool,
) -> Result<()> {
    match format {
        Format::Text => {
            let reference =
                |package: &Published| format!("{}@{}\n", package.repository, package.built.packaged.image);
            Ok(ctx.shell.out(published.iter().map(reference).collect::<String>())?)
        }
        Format::Yaml => resources(ctx, published.iter().map(|package| &package.built)),
        Format::Json => {
            let document = |published: &Published| {
                let tags = published.tags.iter();
                let tags =
                    tags.map(|change| json!({ "tag": change.tag.as_str(), "digestBefore": change.before }));
                let mut document = package(&published.built);
                document["published"] = json!({
                    "dryRun": dry_run,
                    "tags": tags.collect::<Vec<_>>(),
                    "uploadedBytes": published.uploaded,
                });
                document
            };
            report(ctx, published.iter().map(document).collect())
        }
    }
}

fn resources<'b>(ctx: &Context, built: impl IntoIterator<Item = &'b Built>) -> Result<()> {
    let resources = built.into_iter().filter_map(|built| built.resource.as_ref());
    let documents: Vec<String> = resources.map(|resource| resource.to_yaml()).collect();
    Ok(ctx.shell.out(documents.join("---\n"))?)
}

/// What an operation gave. Where the checks forbade to go on, what they found is written first.
pub(super) fn unless_refused<T>(ctx: &Context, format: Format, result: Result<T>) -> Result<T> {
    if let Some(refused) = result.as_ref().err().and_then(Error::downcast_ref::<Refused>) {
        write_refusal(ctx, format, refused)?;
    }
    result
}

fn write_refusal(ctx: &Context, format: Format, refused: &Refused) -> Result<()> {
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
