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
/// Where a WasmPlugin, a TrafficExtension or an EnvoyExtensionPolicy has `wasmplugin://PACKAGE` as the url of its
/// image, the package is built, and url and sha256 pin its image. All manifests come out as one stream, in which
/// nothing else has changed. Nothing is pushed: run `publish` before or after, with the same settings, for the same
/// sources give the same digest.
#[derive(Debug, Args)]
#[command(after_help = args::examples("\
  A folder of manifests, to the cluster:
    cargo wasmplugin resolve -f manifests | kubectl apply -f -
  What kustomize makes:
    kubectl kustomize overlays/production | cargo wasmplugin resolve -f - > production.yaml
  In CI, with the packages pushed first:
    cargo wasmplugin publish --workspace --locked
    cargo wasmplugin resolve --locked -f plugins.yaml -f gateway.yaml > pinned.yaml"))]
pub(super) struct Resolve {
    /// File of manifests, folder of files `*.yaml` and `*.yml`, or `-` for standard input; may be given several
    /// times
    #[arg(
        short = 'f', long = "filename", value_name = "FILE|DIR|-", required = true,
        value_parser = NonEmptyStringValueParser::new().map(|text| Input::from(text.as_str()))
    )]
    inputs: Vec<Input>,
    /// Tag of the images [default: the version of each crate]
    #[arg(long, value_name = "TAG")]
    tag: Option<Tag>,
    #[command(flatten)]
    image: ImageArgs,
    #[command(flatten)]
    cargo: CargoArgs,
}

impl Resolve {
    pub(super) fn run(&self, ctx: &Context, global: &GlobalArgs) -> Result<Exit> {
        let origin = Origin::Crates { selection: self.cargo.project(), cargo: self.cargo.options(global) };
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
