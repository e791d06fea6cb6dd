//! Packs a judged module into an image.

use std::time::Instant;

use crate::check;
use crate::check::rule::{ImageSubject, TogetherSubject};
use crate::config::Settings;
use crate::context::Context;
use crate::diagnostics::Diagnostic;
use crate::diagnostics::findings::{Findings, Passed};
use crate::image::{Image, RuntimeConfig};
use crate::module::{OptimizedModule, ShippedModule};
use crate::ops::pipeline::built::{Packaged, Times};
use crate::ops::pipeline::fresh::Stamp;
use crate::ops::pipeline::judge::{Judged, JudgedModule};
use crate::ops::pipeline::outcome::PackageFindings;
use crate::ops::pipeline::plan::PackagePlan;
use crate::transport::OpenedImage;

/// A package with its image. Nothing is written yet.
pub(super) struct Packed {
    pub(super) package: PackagePlan,
    pub(super) stamp: Stamp,
    pub(super) packaged: Packaged,
    pub(super) output: Output,
    pub(super) findings: Findings,
    pub(super) times: Times,
}

/// The output of a package.
pub(super) enum Output {
    /// It exists and is up to date.
    Fresh(OpenedImage),
    /// It has to be written.
    New(Box<NewOutput>),
}

/// The output of a package, to be written.
pub(super) struct NewOutput {
    pub(super) optimized: OptimizedModule,
    pub(super) shipped: ShippedModule,
    pub(super) runtime_config: RuntimeConfig,
    pub(super) image: Image,
    /// Whether nothing was found in the module.
    pub(super) clean: bool,
}

impl Packed {
    pub(super) fn into_findings(self) -> PackageFindings {
        PackageFindings { name: self.package.name, findings: self.findings }
    }
}

/// Packs a module that passed, and judges the image and the resource.
///
/// # Errors
///
/// If the findings forbid packing the module.
pub(super) fn pack(ctx: &Context, judged: Judged) -> Result<Packed, PackageFindings> {
    let started = Instant::now();
    let Judged { package, stamp, module, findings, mut times } = judged;
    let (packaged, output, findings) = match module {
        JudgedModule::Refused => return Err(PackageFindings { name: package.name, findings }),
        JudgedModule::Fresh(packaged, image) => (packaged, Output::Fresh(image), findings),
        JudgedModule::New { module, compiled, clean } => {
            let passed = match Passed::judged(module, findings, package.settings.deny_warnings) {
                Ok(passed) => passed,
                Err(findings) => return Err(PackageFindings { name: package.name, findings }),
            };
            ctx.shell.status("Packaging", &package.name);
            let Settings { variant, root_ids, names, .. } = &package.settings;
            let shipped = passed.strip(*names);
            let runtime_config = RuntimeConfig::new(check::abi(&passed.subject().info), root_ids);
            let annotations = package.annotations.clone();
            let image = variant.pack(&shipped, &runtime_config, annotations);
            let (optimized, findings) = passed.into_parts();
            let packaged = Packaged::of(&image, &shipped, &optimized, compiled);
            let output = NewOutput { optimized, shipped, runtime_config, image, clean };
            (packaged, Output::New(Box::new(output)), findings)
        }
    };
    let found = package.report(ctx, judge(&package, &packaged));
    times.package = started.elapsed();
    Ok(Packed { package, stamp, packaged, output, findings: findings.and(found), times })
}

fn judge(package: &PackagePlan, packaged: &Packaged) -> Vec<Diagnostic> {
    let image = package.pulled_image(packaged.image);
    let subject = TogetherSubject { draft: &package.draft, image: image.as_ref(), module: packaged.module };
    let mut found = check::together(&subject);
    let image = ImageSubject { manifest: &packaged.manifest, module_size: packaged.sizes.stripped };
    found.extend(check::image(&image));
    found
}
