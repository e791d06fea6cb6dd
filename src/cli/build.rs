use clap::Args;

use crate::cli::args::{self, Global};
use crate::cli::output::{self, Format};
use crate::cli::packaging::Packaging;
use crate::context::Context;
use crate::error::Result;
use crate::ops::build::{self, Needs};
use crate::reference::Tag;

/// Compile, optimize, check and package a filter, and write its WasmPlugin
///
/// Writes to <target-dir>/wasmplugin/<package>: the module as it is shipped, the image as an OCI layout, its
/// digest, and the WasmPlugin resource with url and sha256 filled in, or another kind of document that is made of
/// it. Nothing is pushed, and no network is needed once the dependencies and the target are there.
#[derive(Debug, Args)]
#[command(after_help = args::examples("\
  The package of the current folder:
    cargo wasmplugin build
  As one plain layer, for a registry that takes no other media types:
    cargo wasmplugin build --variant compat
  With the configuration of an Envoy that loads it, to try it:
    cargo wasmplugin build --kind envoy
  Every plugin of the workspace, as resources in one file:
    cargo wasmplugin build --workspace -o yaml > plugins.yaml
  A module that another toolchain made:
    cargo wasmplugin build --module build/filter.wasm --image quay.io/acme/filter --tag 1.0.0"))]
pub(super) struct Build {
    /// Tag of the image [default: the version of the crate]
    #[arg(long, value_name = "TAG")]
    tag: Option<Tag>,
    #[command(flatten)]
    packaging: Packaging,
    #[command(flatten)]
    output: output::Output,
}

impl Build {
    pub(super) fn run(&self, ctx: &Context, global: &Global) -> Result<()> {
        let format = self.output.format;
        let needs = if format == Format::Yaml { Needs::Resource } else { Needs::Nothing };
        let options = self.packaging.options(ctx, global, self.tag.clone(), needs);
        let built = output::unless_refused(ctx, format, build::build(ctx, &options))?;
        for package in &built {
            output::summary(ctx, package);
        }
        output::write(ctx, format, &built)
    }
}
