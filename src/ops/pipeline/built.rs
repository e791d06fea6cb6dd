//! What is known of a package that was built.

use std::time::Duration;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::config::Settings;
use crate::diagnostics::findings::Findings;
use crate::digest::Digest;
use crate::image::{Blob, Image};
use crate::module::{OptimizedModule, ShippedModule};
use crate::reference::Tag;
use crate::resource::{PulledImage, Resource};

/// A package that was built.
#[derive(Debug)]
pub struct Built {
    /// Its name.
    pub name: String,
    /// The directory with everything that was written.
    pub directory: Utf8PathBuf,
    /// The settings that it was built with.
    pub settings: Settings,
    /// The tag of its image.
    pub tag: Option<Tag>,
    /// The tag that its version makes; a module of another toolchain has no version.
    pub version: Option<Tag>,
    /// What is in the directory.
    pub packaged: Packaged,
    /// Its image as the mesh pulls it, if the settings name a repository.
    pub pulled_image: Option<PulledImage>,
    /// Its resource, if it is known what the mesh loads.
    pub resource: Option<Resource>,
    /// What was found that didn't stop the build.
    pub findings: Findings,
    /// How long each stage took.
    pub times: Times,
}

/// An image that was written, and the module in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Packaged {
    /// The digest of the image: that of its manifest.
    pub image: Digest,
    /// The layers of the image, in order.
    pub layers: Vec<LayerSummary>,
    /// The digest of the module as it is shipped.
    pub module: Digest,
    /// How large the module is.
    pub sizes: Sizes,
}

/// A layer, as a manifest describes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LayerSummary {
    /// The media type.
    pub media_type: String,
    /// The digest.
    pub digest: Digest,
    /// The size in bytes.
    pub size: usize,
}

/// The size of a module after each stage, in bytes.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Sizes {
    /// As the compiler left it.
    pub compiled: usize,
    /// As the optimizer left it, with its names.
    pub optimized: usize,
    /// As it is shipped.
    pub stripped: usize,
}

/// How long each stage took. The crates are compiled in one go, so they all have that time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Times {
    /// Cargo.
    pub compile: Duration,
    /// The optimizer.
    pub optimize: Duration,
    /// The checks.
    pub check: Duration,
    /// Image, resource and files.
    pub package: Duration,
}

impl Packaged {
    pub(super) fn of(
        image: &Image,
        shipped: &ShippedModule,
        optimized: &OptimizedModule,
        compiled_size: usize,
    ) -> Self {
        let layer = |layer: &Blob| LayerSummary {
            media_type: layer.descriptor.media_type.to_string(),
            digest: layer.descriptor.digest,
            size: layer.bytes.len(),
        };
        Packaged {
            image: image.digest(),
            layers: image.layers.iter().map(layer).collect(),
            module: Digest::of(shipped.bytes()),
            sizes: Sizes {
                compiled: compiled_size,
                optimized: optimized.bytes.len(),
                stripped: shipped.bytes().len(),
            },
        }
    }
}
