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
/// Writes the shipped module, the image as an OCI layout, its digest and the resource to
/// <target-dir>/wasmplugin.d/<package>. The resource is a WasmPlugin with `url` and `sha256` filled in, or the kind
/// that --kind selects. Nothing is pushed, and no network access is needed once the dependencies and the target are
/// installed.
#[derive(Debug, Args)]
#[command(after_help = args::examples("\
  Build the package in the current directory:
    cargo wasmplugin build
  Package as one plain layer, for a registry that rejects other media types:
    cargo wasmplugin build --variant compat
  Write the configuration of an Envoy that loads the filter, to try it:
    cargo wasmplugin build --kind envoy
  Build all plugins in the workspace and write their resources to one file:
    cargo wasmplugin build --workspace -o yaml > plugins.yaml
  Package a module that another toolchain built, with the resource in ./wasmplugin.yaml:
    cargo wasmplugin build --module build/main.wasm --image quay.io/acme/filter --tag 1.0.0"))]
pub(super) struct Build {
    /// Tag of the image [default: the version of the package]
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
