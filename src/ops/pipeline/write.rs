//! Writes the output directory of a package.

use std::time::Instant;

use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Explain, Result};
use crate::fs::{self, Lock, StagedDirectory};
use crate::image::{MODULE_FILE, RUNTIME_CONFIG_FILE};
use crate::ops::pipeline::built::{Built, Packaged};
use crate::ops::pipeline::fresh::Stamp;
use crate::ops::pipeline::output_error::not_written;
use crate::ops::pipeline::pack::{NewOutput, Output, Packed};
use crate::ops::pipeline::plan::{IMAGE, PackagePlan};
use crate::resource::{Artifact, KINDS, Kind};
use crate::target_dir;
use crate::transport::{Layout, OpenedImage, Sink as _, Transfer};

/// Writes the output of a package, unless it is up to date.
pub(super) fn write(ctx: &Context, packed: Packed) -> Result<Built> {
    let started = Instant::now();
    let Packed { package, stamp, packaged, output, findings, mut times } = packed;
    let pulled_image = package.pulled_image(packaged.image);
    let artifact = Artifact {
        image: pulled_image.clone(),
        module: packaged.module,
        file: package.directory().join(MODULE_FILE),
    };
    let resource = package.draft.pin(package.settings.kind, &artifact);
    let image = match output {
        Output::Fresh(image) => image,
        Output::New(output) => {
            // A module with findings gets no record, so that the next run reports them again.
            let record = output.clean.then_some((stamp, &packaged));
            let others = other_resources(&package, &artifact);
            let resources = resource.iter().map(|it| (package.settings.kind, it.to_yaml())).chain(others);
            let written = replace(ctx, &package, &output, resources.collect(), record);
            written.map_err(|error| not_written(&package, error))?
        }
    };
    times.package += started.elapsed();
    Ok(Built {
        directory: package.directory(),
        name: package.name,
        settings: package.settings,
        tag: package.tag,
        version: package.version,
        packaged,
        image,
        pulled_image,
        resource,
        findings,
        times,
    })
}

/// The resources of other kinds that earlier runs have written and that would be the same now.
fn other_resources(package: &PackagePlan, artifact: &Artifact) -> Vec<(Kind, String)> {
    let others = KINDS.iter().map(|(_, kind)| *kind).filter(|kind| *kind != package.settings.kind);
    let current = |kind: Kind| {
        let text = package.draft.pin(kind, artifact)?.to_yaml();
        let existing = fs::read_text(package.directory().join(kind.file_name())).ok()?;
        (existing == text).then_some((kind, text))
    };
    others.filter_map(current).collect()
}

/// Replaces the output directory of a package atomically. The record is written under the same lock, because the record
/// of one run must not describe the files of another. The image is opened under it too.
fn replace(
    ctx: &Context,
    package: &PackagePlan,
    output: &NewOutput,
    resources: Vec<(Kind, String)>,
    record: Option<(Stamp, &Packaged)>,
) -> Result<OpenedImage> {
    let name = &package.name;
    target_dir::create(&package.output);
    let lock = package.output.join(format!(".{name}.lock"));
    let _lock = Lock::take(ctx, &lock, &format!("package {name}"))?;
    let staged = StagedDirectory::beside(&package.directory())?;
    let directory = staged.path();
    fs_err::write(directory.join(MODULE_FILE), output.shipped.bytes())?;
    fs_err::write(directory.join("plugin.debug.wasm"), &output.optimized.bytes)?;
    fs_err::write(directory.join(RUNTIME_CONFIG_FILE), output.runtime_config.to_bytes())?;
    let image = &output.image;
    let blobs: Vec<_> = image.blobs().map(|blob| blob.descriptor.clone()).collect();
    let tags = package.tag.as_slice();
    let transfer = Transfer { source: image, manifest: &image.manifest, blobs: &blobs, tags };
    Layout::at(directory.join(IMAGE)).write(ctx, &transfer)?;
    fs_err::write(directory.join("digest"), format!("{}\n", image.digest()))?;
    for (kind, text) in resources {
        fs_err::write(directory.join(kind.file_name()), text)?;
    }
    ctx.interrupt.check()?;
    staged.swap()?;
    if let Some((stamp, packaged)) = record {
        stamp.record(package, packaged)?;
    }
    let layout = Layout::at(package.directory().join(IMAGE));
    let opened = OpenedImage::open(ctx, &layout, image.digest())?;
    Ok(opened.ok_or_else(|| ImageGone(image.digest()))?)
}

/// The image that was just written doesn't exist.
#[derive(Debug, thiserror::Error)]
#[error("the image {0} was removed while it was written")]
struct ImageGone(Digest);

impl Explain for ImageGone {
    fn help(&self) -> Vec<String> {
        vec!["run the command again".to_owned()]
    }
}
