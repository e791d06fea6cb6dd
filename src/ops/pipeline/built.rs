//! A package that was built.

use std::time::Duration;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::config::Settings;
use crate::diagnostics::findings::Findings;
use crate::digest::Digest;
use crate::image::{Image, Manifest};
use crate::module::{OptimizedModule, ShippedModule};
use crate::reference::Tag;
use crate::resource::{PulledImage, Resource};
use crate::transport::OpenedImage;

#[derive(Debug)]
pub struct Built {
    pub name: String,
    /// The output directory of the package.
    pub directory: Utf8PathBuf,
    pub settings: Settings,
    /// The tag of the image.
    pub tag: Option<Tag>,
    /// The package's version as a tag. A module from another toolchain has none.
    pub version: Option<Tag>,
    pub packaged: Packaged,
    /// The image in the output directory.
    pub image: OpenedImage,
    /// The image as the mesh pulls it, if the settings name a repository.
    pub pulled_image: Option<PulledImage>,
    /// The resource. `None` if neither the settings nor the draft say where the mesh gets the module.
    pub resource: Option<Resource>,
    /// The findings, which didn't stop the build.
    pub findings: Findings,
    pub times: Times,
}

/// An image that was written, and the module in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Packaged {
    /// The digest of the image's manifest.
    pub image: Digest,
    pub manifest: Manifest,
    /// The digest of the shipped module.
    pub module: Digest,
    pub sizes: Sizes,
}

/// The size of a module after each stage, in bytes.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Sizes {
    /// After the compiler.
    pub compiled: CompiledSizes,
    /// After the optimizer, with the name section.
    pub optimized: u64,
    /// As it is shipped.
    pub stripped: u64,
}

/// The size of a module after the compiler, in bytes.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct CompiledSizes {
    /// As the compiler wrote it.
    pub whole: u64,
    /// If it were shipped without optimizing.
    pub stripped: u64,
}

/// How long each stage took. All packages have the same compile time, because one cargo command compiles them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Times {
    pub compile: Duration,
    pub optimize: Duration,
    pub check: Duration,
    /// Packing the image, and writing the output.
    pub package: Duration,
}

impl Packaged {
    pub(super) fn of(
        image: &Image,
        shipped: &ShippedModule,
        optimized: &OptimizedModule,
        compiled: CompiledSizes,
    ) -> Self {
        Packaged {
            image: image.digest(),
            manifest: Manifest::read(&image.manifest.bytes).expect("a packed image has a manifest"),
            module: Digest::of(shipped.bytes()),
            sizes: Sizes {
                compiled,
                optimized: optimized.bytes.len() as u64,
                stripped: shipped.bytes().len() as u64,
            },
        }
    }
}
