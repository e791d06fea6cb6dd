use std::io::IsTerminal as _;

use camino::Utf8PathBuf;
use clap::Args;

use crate::cli::args::{self, GlobalArgs, OutputArgs};
use crate::cli::package::PackageArgs;
use crate::context::Context;
use crate::error::{Error, Exit, Result, UsageError};
use crate::ops::pipeline::{Outcome, PlanOptions};
use crate::ops::publish::{self, PublishOptions, PushOptions};
use crate::reference::Tag;
use crate::report;
use crate::transport::Destination;
use crate::transport::registry::{Access, Login, Protocol, Secret};

/// Build a filter, push its image, and print the reference that pins it
///
/// Does what `build` does, pushes the image to the repository `image`, and reads it back. The tag of the crate's
/// version is never changed to another image unless --force is given; other tags move. Who you are is what
/// `docker login` or `podman login` left, or --username. With a registry on this machine plain HTTP is spoken,
/// with every other one TLS.
#[derive(Debug, Args)]
#[command(after_help = args::examples("\
  The package of the current folder, and its resource to the cluster:
    cargo wasmplugin publish -o yaml | kubectl apply -f -
  For Envoy Gateway:
    cargo wasmplugin publish --kind EnvoyExtensionPolicy -o yaml | kubectl apply -f -
  Also under a tag that moves:
    cargo wasmplugin publish --tag 1.2.3 --tag latest
  In CI, with a token as password:
    cargo wasmplugin publish --username robot --password-stdin < token
  To a file, for a registry that this machine cannot reach:
    cargo wasmplugin publish --to oci-archive:hello.tar"))]
pub(super) struct Publish {
    /// Tag of the image; may be given several times, and the resource names the first [default: the version
    /// of the crate]
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<Tag>,
    /// Write the image to oci-layout:DIR[:TAG] or oci-archive:FILE[:TAG] instead of the registry
    #[arg(long, value_name = "PLACE", value_parser = local_destination, conflicts_with_all = [
        "force", "username", "cacert", "plain_http", "tls",
    ], help_heading = "Registry")]
    to: Option<LocalDestination>,
    /// Replace the image that the tag of the version names
    #[arg(long, help_heading = "Registry")]
    force: bool,
    /// Do all but the push
    #[arg(long, help_heading = "Registry")]
    dry_run: bool,
    /// Name to log in with
    #[arg(long, value_name = "NAME", requires = "password_stdin", help_heading = "Registry")]
    username: Option<String>,
    /// Take the password from standard input
    #[arg(long, requires = "username", help_heading = "Registry")]
    password_stdin: bool,
    /// Trust the certificates in this file too, in PEM
    #[arg(long, value_name = "FILE", help_heading = "Registry")]
    cacert: Option<Utf8PathBuf>,
    /// Speak plain HTTP: everybody on the way can read and change what is sent
    #[arg(long, conflicts_with_all = ["tls", "cacert"], help_heading = "Registry")]
    plain_http: bool,
    /// Speak TLS with a registry on this machine too
    #[arg(long, help_heading = "Registry")]
    tls: bool,
    #[command(flatten)]
    package: PackageArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// What `--to` names.
#[derive(Debug, Clone)]
struct LocalDestination {
    path: Utf8PathBuf,
    is_archive: bool,
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
            Some(LocalDestination { path, is_archive: true, .. }) => Destination::Archive(path.clone()),
            Some(LocalDestination { path, is_archive: false, .. }) => Destination::Layout(path.clone()),
        };
        let local_tag = self.to.as_ref().and_then(|to| to.tag.as_ref());
        if let Some(tag) = local_tag.filter(|_| !self.tags.is_empty()) {
            return Err(two_tags(tag));
        }
        let mut tags = local_tag.into_iter().chain(&self.tags).cloned();
        let plan = self.package.options(ctx, global, tags.next());
        Ok(PublishOptions {
            plan: PlanOptions { is_published: true, ..plan },
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
        let protocol = match &self.cacert {
            Some(file) => Protocol::Tls { cacert: Some(file.clone()) },
            None if self.tls => Protocol::Tls { cacert: None },
            None if self.plain_http => Protocol::Plain,
            None => Protocol::Usual,
        };
        Ok(Access { login: self.username.as_ref().map(login).transpose()?, protocol })
    }
}

fn two_tags(tag: &Tag) -> Error {
    let message = format!("`--to` names the tag `{tag}`, and `--tag` another one");
    UsageError { message, help: vec!["give tags in one of the two places".to_owned()] }.into()
}

/// All of standard input but the line's end. Nobody is asked, for what is typed would be seen.
fn password(ctx: &Context) -> Result<Secret> {
    let usage = |message: &str| UsageError {
        message: message.to_owned(),
        help: vec!["give it from a file or a program: `--password-stdin < FILE`".to_owned()],
    };
    if std::io::stdin().is_terminal() {
        return Err(usage("no password is on standard input, which is a terminal").into());
    }
    let text = ctx.interrupt.or_done(|| std::io::read_to_string(std::io::stdin()))??;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(usage("the password on standard input is empty").into());
    }
    Ok(Secret::new(password.to_owned()))
}

fn local_destination(text: &str) -> Result<LocalDestination, String> {
    let refused = || "expected oci-layout:DIR[:TAG] or oci-archive:FILE[:TAG]".to_owned();
    let (kind, path) = text.split_once(':').ok_or_else(refused)?;
    // A tag has no slash, so what has one belongs to the path.
    let (path, tag) = match path.rsplit_once(':').filter(|(_, tag)| !tag.contains(['/', '\\'])) {
        Some((path, tag)) => (path, Some(tag.parse::<Tag>().map_err(|error| error.to_string())?)),
        None => (path, None),
    };
    match kind {
        "oci-layout" if !path.is_empty() => {
            Ok(LocalDestination { path: path.into(), is_archive: false, tag })
        }
        "oci-archive" if !path.is_empty() => {
            Ok(LocalDestination { path: path.into(), is_archive: true, tag })
        }
        _ => Err(refused()),
    }
}
