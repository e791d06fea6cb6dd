use clap::Args;

use crate::cli::args::{self, GlobalArgs, OutputArgs};
use crate::cli::package::PackageArgs;
use crate::context::Context;
use crate::error::{Exit, Result};
use crate::ops::build::{self, BuildOptions};
use crate::ops::pipeline::Outcome;
use crate::reference::Tag;
use crate::report::{self, Format};

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
    package: PackageArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl Build {
    pub(super) fn run(&self, ctx: &Context, global: &GlobalArgs) -> Result<Exit> {
        let format = self.output.format;
        let options = BuildOptions {
            plan: self.package.options(ctx, global, self.tag.clone()),
            needs_resources: format == Format::Yaml,
        };
        match build::build(ctx, options)? {
            Outcome::Done(built) => report::built(ctx, format, &built).map(|()| Exit::Done),
            Outcome::Refused(packages) => report::refused(ctx, format, &packages).map(|()| Exit::Findings),
        }
    }
}
