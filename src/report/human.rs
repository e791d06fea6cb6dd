//! The report for people.

use crate::config::{Choice as _, Optimize};
use crate::context::Context;
use crate::diagnostics::Severity;
use crate::ops::pipeline::{Built, PackageFindings};
use crate::ops::publish::Published;
use crate::shell::Verbosity;
use crate::text::count;

/// Prints a summary of a package on standard error.
pub(super) fn summary(ctx: &Context, built: &Built) {
    let shell = &ctx.shell;
    let directory = ctx.display_path(&built.directory);
    shell.status("Finished", format_args!("{} in {directory}", built.name));
    let sizes = built.packaged.sizes;
    // Both are without what isn't shipped, so that they can be compared.
    let optimized = match built.settings.optimize {
        Optimize::None => "not optimized".to_owned(),
        _ => format!("{} before optimizing", bytes(sizes.compiled.stripped)),
    };
    shell.detail(format_args!("module    {}, {optimized}", bytes(sizes.stripped)));
    let layers: Vec<String> = built.packaged.manifest.layers.iter().map(|layer| bytes(layer.size)).collect();
    shell.detail(format_args!(
        "image     {} variant, {}: {}",
        built.settings.variant.name(),
        count(layers.len(), "layer"),
        layers.join(" + ")
    ));
    shell.detail(format_args!("digest    {}", built.packaged.image));
    if built.resource.is_some() {
        shell.detail(format_args!("resource  {}", directory.join(built.settings.kind.file_name())));
    }
    if shell.verbosity() == Verbosity::Verbose {
        let times = built.times;
        shell.detail(format_args!(
            "time      compile {:.2?}, optimize {:.2?}, check {:.2?}, package {:.2?}",
            times.compile, times.optimize, times.check, times.package
        ));
    }
    if built.resource.is_none() {
        // Only a module of another toolchain has no version.
        let cure = match built.version {
            Some(_) => "set `image` under [package.metadata.wasmplugin], or pass `--image`",
            None => "pass `--image`",
        };
        shell.warn(format_args!("no {} was written for `{}`: {cure}", built.settings.kind, built.name));
    }
}

/// The pinned references of the packages, one per line.
pub(super) fn references(packages: &[Published]) -> String {
    let reference =
        |package: &Published| format!("{}@{}\n", package.repository, package.built.packaged.image);
    packages.iter().map(reference).collect()
}

/// One line that says why the packages are refused.
pub(super) fn refusal(packages: &[PackageFindings]) -> String {
    let found = |severity| packages.iter().map(|package| package.findings.count(severity)).sum();
    let (errors, warnings): (usize, usize) = (found(Severity::Error), found(Severity::Warning));
    match (errors, warnings) {
        (0, warnings) => {
            format!("the checks found {}, and `deny-warnings` is set", count(warnings, "warning"))
        }
        (errors, 0) => format!("the checks found {}", count(errors, "error")),
        (errors, warnings) => {
            format!("the checks found {} and {}", count(errors, "error"), count(warnings, "warning"))
        }
    }
}

/// Formats a size with a unit.
fn bytes(size: u64) -> String {
    match size {
        0..1000 => format!("{size} B"),
        1000..1_000_000 => format!("{:.1} kB", size as f64 / 1e3),
        _ => format!("{:.1} MB", size as f64 / 1e6),
    }
}
