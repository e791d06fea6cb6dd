use std::io::{IsTerminal as _, Read as _};

use camino::Utf8PathBuf;
use clap::Args;

use crate::cli::args::{self, Global};
use crate::cli::output;
use crate::cli::packaging::Packaging;
use crate::context::Context;
use crate::error::{Result, UsageError};
use crate::ops::build::Needs;
use crate::ops::publish::{self, Destination, PublishOptions};
use crate::reference::Tag;
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
    /// Write the image to oci-layout:DIR[:TAG] or oci-archive:FILE instead of the registry
    #[arg(long, value_name = "PLACE", value_parser = place, conflicts_with_all = [
        "force", "username", "cacert", "plain_http", "tls",
    ], help_heading = "Registry")]
    to: Option<Place>,
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
    packaging: Packaging,
    #[command(flatten)]
    output: output::Output,
}

/// What `--to` names.
#[derive(Debug, Clone)]
enum Place {
    Layout(Utf8PathBuf, Option<Tag>),
    Archive(Utf8PathBuf),
}

impl Publish {
    pub(super) fn run(&self, ctx: &Context, global: &Global) -> Result<()> {
        let format = self.output.format;
        let options = self.options(ctx, global)?;
        let published = output::unless_refused(ctx, format, publish::publish(ctx, &options))?;
        for package in &published {
            output::summary(ctx, &package.built);
        }
        output::write_published(ctx, format, &published, self.dry_run)
    }

    fn options(&self, ctx: &Context, global: &Global) -> Result<PublishOptions> {
        let needs = if self.to.is_some() { Needs::OneReference } else { Needs::Reference };
        let (destination, tags) = match &self.to {
            None => (Destination::Registry(self.access()?), self.tags.clone()),
            Some(Place::Archive(file)) => (Destination::Archive(file.clone()), self.tags.clone()),
            Some(Place::Layout(folder, None)) => (Destination::Layout(folder.clone()), self.tags.clone()),
            Some(Place::Layout(folder, Some(tag))) => {
                if !self.tags.is_empty() {
                    return Err(two_tags(tag));
                }
                (Destination::Layout(folder.clone()), vec![tag.clone()])
            }
        };
        let mut tags = tags.into_iter();
        Ok(PublishOptions {
            build: self.packaging.options(ctx, global, tags.next(), needs)?,
            destination,
            more_tags: tags.collect(),
            force: self.force,
            dry_run: self.dry_run,
        })
    }

    fn access(&self) -> Result<Access> {
        let login = |username: &String| {
            Ok::<_, crate::error::Error>(Login { username: username.clone(), password: password()? })
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

fn two_tags(tag: &Tag) -> crate::error::Error {
    let message = format!("`--to` names the tag `{tag}`, and `--tag` another one");
    UsageError { message, help: vec!["give tags in one of the two places".to_owned()] }.into()
}

/// The first line of standard input; nobody is asked, for what is typed would be seen.
fn password() -> Result<Secret> {
    let usage = |message: &str| UsageError {
        message: message.to_owned(),
        help: vec!["give it from a file or a program: `--password-stdin < FILE`".to_owned()],
    };
    if std::io::stdin().is_terminal() {
        return Err(usage("no password is on standard input, which is a terminal").into());
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(usage("the password on standard input is empty").into());
    }
    Ok(Secret::new(password.to_owned()))
}

fn place(text: &str) -> Result<Place, String> {
    let refused = || "expected oci-layout:DIR, oci-layout:DIR:TAG or oci-archive:FILE".to_owned();
    let (kind, path) = text.split_once(':').filter(|(_, path)| !path.is_empty()).ok_or_else(refused)?;
    match kind {
        "oci-archive" => Ok(Place::Archive(path.into())),
        "oci-layout" => Ok(match path.rsplit_once(':').map(|(folder, tag)| (folder, tag.parse::<Tag>())) {
            Some((folder, Ok(tag))) if !folder.is_empty() => Place::Layout(folder.into(), Some(tag)),
            _ => Place::Layout(path.into(), None),
        }),
        _ => Err(refused()),
    }
}
