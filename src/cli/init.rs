use camino::Utf8PathBuf;
use clap::Args;

use crate::cli::args;
use crate::cli::package::repository;
use crate::context::Context;
use crate::error::Result;
use crate::ops::init::{self, InitOptions};
use crate::reference::Repository;
use crate::resource::Overrides;

/// Prepare an existing crate
///
/// Makes its library a cdylib, adds `[package.metadata.wasmplugin]` to its Cargo.toml, and creates a wasmplugin.yaml.
/// Changes nothing that exists already.
#[derive(Debug, Args)]
#[command(after_help = args::examples("\
  Prepare the crate in the current directory:
    cargo wasmplugin init --image quay.io/acme/hello"))]
pub(super) struct Init {
    /// Directory of the crate
    #[arg(default_value = ".", hide_default_value = true)]
    path: Utf8PathBuf,
    /// Image repository, without a tag
    #[arg(long, value_name = "REPOSITORY", value_parser = repository::<Repository>)]
    image: Option<Repository>,
    #[command(flatten)]
    overrides: Overrides,
}

impl Init {
    pub(super) fn run(&self, ctx: &Context) -> Result<()> {
        let options = InitOptions {
            path: self.path.clone(),
            image: self.image.clone(),
            overrides: self.overrides.clone(),
        };
        init::init(ctx, &options)?;
        ctx.shell.note("next, run `cargo wasmplugin build`");
        Ok(())
    }
}
