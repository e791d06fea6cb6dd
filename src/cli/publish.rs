use std::io::IsTerminal as _;
use std::time::Duration;

use camino::Utf8PathBuf;
use clap::Args;

use crate::cli::args::{self, GlobalArgs, OutputArgs};
use crate::cli::package::PackageArgs;
use crate::context::Context;
use crate::error::{Error, Exit, Result, UsageError};
use crate::fs::{self, TEXT_LIMIT};
use crate::ops::pipeline::Outcome;
use crate::ops::publish::{self, PublishOptions, PushOptions};
use crate::reference::Tag;
use crate::report;
use crate::transport::Destination;
use crate::transport::registry::{Access, Login, Protocol, Secret};

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
        "force", "username", "cacert", "plain_http", "tls", "retry_for",
    ], help_heading = "Registry")]
    to: Option<LocalDestination>,
    /// Replace the image that the version's tag names
    #[arg(long, help_heading = "Registry")]
    force: bool,
    /// Do everything except push
    #[arg(long, help_heading = "Registry")]
    dry_run: bool,
    /// Name to log in with
    #[arg(long, value_name = "NAME", requires = "password_stdin", help_heading = "Registry")]
    username: Option<String>,
    /// Read the password from standard input
    #[arg(long, requires = "username", help_heading = "Registry")]
    password_stdin: bool,
    /// File of additional trusted certificates, in PEM format
    #[arg(long, value_name = "FILE", help_heading = "Registry")]
    cacert: Option<Utf8PathBuf>,
    /// Use plain HTTP, which lets others on the network read and change the data
    #[arg(long, conflicts_with = "tls", help_heading = "Registry")]
    plain_http: bool,
    /// Use TLS even for a registry on this machine
    #[arg(long, help_heading = "Registry")]
    tls: bool,
    /// How long to retry a request that fails temporarily, at most 120
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(..=120),
        help_heading = "Registry")]
    retry_for: u64,
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
            None => Destination::Registry(self.access(ctx)?),
            Some(to) => to.destination.clone(),
        };
        let local_tag = self.to.as_ref().and_then(|to| to.tag.as_ref());
        if let Some(tag) = local_tag.filter(|_| !self.tags.is_empty()) {
            return Err(two_tags(tag));
        }
        let mut tags = local_tag.into_iter().chain(&self.tags).cloned();
        Ok(PublishOptions {
            plan: self.package.options(ctx, global, tags.next()),
            push: PushOptions {
                destination,
                more_tags: tags.collect(),
                force: self.force,
                dry_run: self.dry_run,
            },
        })
    }

    fn access(&self, ctx: &Context) -> Result<Access> {
        let login = |username: &String| {
            Ok::<_, Error>(Login { username: username.clone(), password: password(ctx)? })
        };
        let protocol = match (self.plain_http, self.tls || self.cacert.is_some()) {
            (true, _) => Protocol::Plain,
            (false, true) => Protocol::Tls,
            (false, false) => Protocol::Usual,
        };
        Ok(Access {
            login: self.username.as_ref().map(login).transpose()?,
            protocol,
            cacert: self.cacert.clone(),
            patience: Duration::from_secs(self.retry_for),
        })
    }
}

fn two_tags(tag: &Tag) -> Error {
    let message = format!("`--to` has the tag `{tag}`, so `--tag` can't be used");
    UsageError { message, help: vec!["remove the tag from `--to`, or remove `--tag`".to_owned()] }.into()
}

/// Reads the password from standard input. Doesn't prompt for it, because the terminal would show it.
fn password(ctx: &Context) -> Result<Secret> {
    let usage = |message: &str| UsageError {
        message: message.to_owned(),
        help: vec!["redirect it from a file or pipe it from a command: `--password-stdin < FILE`".to_owned()],
    };
    if std::io::stdin().is_terminal() {
        return Err(usage("the password can't be read from a terminal").into());
    }
    let text = ctx.interrupt.or_done(|| fs::read_all(std::io::stdin(), "<stdin>", TEXT_LIMIT))??;
    let text = String::from_utf8(text).map_err(|_| usage("the password on standard input is not UTF-8"))?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(usage("the password on standard input is empty").into());
    }
    Ok(Secret::new(password.to_owned()))
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
