use clap::Args;
use clap::builder::{NonEmptyStringValueParser, TypedValueParser as _};

use crate::cli::args::{self, CargoArgs, GlobalArgs};
use crate::cli::package::ImageArgs;
use crate::context::Context;
use crate::error::{Exit, Result};
use crate::ops::pipeline::{Origin, Outcome};
use crate::ops::resolve::{self, Input, ResolveOptions};
use crate::reference::Tag;
use crate::report::{self, Format};

/// Fill digests into existing manifests
///
/// Builds each package that a url `wasmplugin://PACKAGE` refers to, and fills in the url and sha256 that pin its image.
/// The url can be in a WasmPlugin (also of Higress), a TrafficExtension or an EnvoyExtensionPolicy. Prints all manifests as one stream, with
/// everything else unchanged. Doesn't push anything: run `publish` before or after with the same settings, because the
/// same sources have the same digest.
#[derive(Debug, Args)]
#[command(after_help = args::examples("\
  Apply a directory of manifests to the cluster:
    cargo wasmplugin resolve -f manifests | kubectl apply -f -
  Resolve the output of kustomize:
    kubectl kustomize overlays/production | cargo wasmplugin resolve -f - > production.yaml
  Push the packages first, in CI:
    cargo wasmplugin publish --workspace --locked
    cargo wasmplugin resolve --locked -f plugins.yaml -f gateway.yaml > pinned.yaml"))]
pub(super) struct Resolve {
    /// File of manifests, directory with `*.yaml`, `*.yml` and `*.json` files, or `-` for standard input; can be repeated
    #[arg(
        short = 'f', long = "filename", value_name = "FILE|DIR|-", required = true,
        value_parser = NonEmptyStringValueParser::new().map(|text| Input::from(text.as_str()))
    )]
    inputs: Vec<Input>,
    /// Tag of the images [default: the version of each package]
    #[arg(long, value_name = "TAG")]
    tag: Option<Tag>,
    #[command(flatten)]
    image: ImageArgs,
    #[command(flatten)]
    cargo: CargoArgs,
}

impl Resolve {
    pub(super) fn run(&self, ctx: &Context, global: &GlobalArgs) -> Result<Exit> {
        let origin =
            Origin::Crates { selection: self.cargo.project(), cargo: self.cargo.options(ctx, global) };
        let options = ResolveOptions {
            inputs: self.inputs.clone(),
            plan: self.image.options(origin, self.tag.clone()),
        };
        match resolve::resolve(ctx, options)? {
            Outcome::Done(stream) => {
                ctx.shell.out(stream)?;
                Ok(Exit::Done)
            }
            Outcome::Refused(packages) => {
                report::refused(ctx, Format::Yaml, &packages).map(|()| Exit::Findings)
            }
        }
    }
}
