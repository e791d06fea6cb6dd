use clap::Args;

use crate::cli::args::{self, GlobalArgs, OutputArgs};
use crate::cli::package::PackageArgs;
use crate::cli::registry::{self, RegistryArgs};
use crate::context::Context;
use crate::error::{Error, Exit, Result, UsageError};
use crate::ops::pipeline::Outcome;
use crate::ops::publish::{self, PublishOptions, PushOptions};
use crate::reference::Tag;
use crate::report;
use crate::transport::Destination;

/// Build a filter, push its image, and print the reference that pins it
///
/// Builds like `build`, pushes the image to the repository that `image` names, and reads it back. If the tag of the
/// package's version already names a different image, the push fails unless --force is given; other tags are moved.
/// Credentials come from `docker login`, `podman login` or --username. Registries on this machine are accessed over
/// plain HTTP, all others over TLS.
#[derive(Debug, Args)]
#[command(after_help = args::examples("\
  Publish the package in the current directory and apply its resource to the cluster:
    cargo wasmplugin publish -o yaml | kubectl apply -f -
  Publish for Envoy Gateway:
    cargo wasmplugin publish --kind EnvoyExtensionPolicy -o yaml | kubectl apply -f -
  Also push a moving tag:
    cargo wasmplugin publish --tag 1.2.3 --tag latest
  Log in with a token in CI:
    cargo wasmplugin publish --username robot --password-stdin < token
  Write the image to a file, for a registry that this machine can't reach:
    cargo wasmplugin publish --to oci-archive:hello.tar"))]
pub(super) struct Publish {
    /// Tag of the image; can be repeated, and the resource uses the first [default: the version of the package]
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<Tag>,
    /// Write the image to oci-layout:DIR[:TAG] or oci-archive:FILE[:TAG] instead of pushing it
    #[arg(long, value_name = "PLACE", value_parser = local_destination, conflicts_with_all = [
        "force", "username", "password_stdin", "cacert", "cert", "insecure_skip_verify", "plain_http", "tls",
        "retry_for",
    ], help_heading = registry::HEADING)]
    to: Option<LocalDestination>,
    /// Replace the image that the version's tag names
    #[arg(long, help_heading = registry::HEADING)]
    force: bool,
    /// Do everything except push
    #[arg(long, help_heading = registry::HEADING)]
    dry_run: bool,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    package: PackageArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// The value of `--to`.
#[derive(Debug, Clone)]
struct LocalDestination {
    destination: Destination,
    tag: Option<Tag>,
}

impl Publish {
    pub(super) fn run(&self, ctx: &Context, global: &GlobalArgs) -> Result<Exit> {
        let format = self.output.format;
        match publish::publish(ctx, self.options(ctx, global)?)? {
            Outcome::Done(published) => {
                report::published(ctx, format, &published, self.dry_run).map(|()| Exit::Done)
            }
            Outcome::Refused(packages) => report::refused(ctx, format, &packages).map(|()| Exit::Findings),
        }
    }

    fn options(&self, ctx: &Context, global: &GlobalArgs) -> Result<PublishOptions> {
        let destination = match &self.to {
            None => Destination::Registry(self.registry.access(ctx)?),
            Some(to) => to.destination.clone(),
        };
        let local_tag = self.to.as_ref().and_then(|to| to.tag.as_ref());
        if let Some(tag) = local_tag.filter(|_| !self.tags.is_empty()) {
            return Err(two_tags(tag));
        }
        let mut tags = local_tag.into_iter().chain(&self.tags).cloned();
        let mut plan = self.package.options(ctx, global, tags.next());
        if self.to.is_none() {
            plan.flags.plain_http = self.registry.plain_http(ctx)?;
            plan.flags.cacert = self.registry.cacert(ctx)?;
        }
        Ok(PublishOptions {
            plan,
            push: PushOptions {
                destination,
                more_tags: tags.collect(),
                force: self.force,
                dry_run: self.dry_run,
            },
        })
    }
}

fn two_tags(tag: &Tag) -> Error {
    let message = format!("`--to` has the tag `{tag}`, so `--tag` can't be used");
    UsageError { message, help: vec!["remove the tag from `--to`, or remove `--tag`".to_owned()] }.into()
}

fn local_destination(text: &str) -> Result<LocalDestination, String> {
    let refused = || "expected oci-layout:DIR[:TAG] or oci-archive:FILE[:TAG]".to_owned();
    let (kind, path) = text.split_once(':').ok_or_else(refused)?;
    // A tag can't contain a slash, so text with a slash is part of the path.
    let (path, tag) = match path.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')) {
        Some((path, tag)) => (path, Some(tag.parse::<Tag>().map_err(|error| error.to_string())?)),
        None => (path, None),
    };
    let destination = match kind {
        "oci-layout" if !path.is_empty() => Destination::Layout(path.into()),
        "oci-archive" if !path.is_empty() => Destination::Archive(path.into()),
        _ => return Err(refused()),
    };
    Ok(LocalDestination { destination, tag })
}
