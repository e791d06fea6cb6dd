//! Arguments about the access to registries. CI can set some of them by environment variables.

use std::io::IsTerminal as _;
use std::time::Duration;

use camino::Utf8PathBuf;
use clap::Args;

use crate::context::{Context, PASSWORD_VARIABLE};
use crate::error::{Result, UsageError};
use crate::fs::{self, TEXT_LIMIT};
use crate::transport::registry::{Access, CertificateFiles, Credential, Login, Secret};

/// The section of the help.
pub(super) const HEADING: &str = "Registry";

const USERNAME: &str = "CARGO_WASMPLUGIN_USERNAME";
const CACERT: &str = "CARGO_WASMPLUGIN_CACERT";
const PLAIN_HTTP: &str = "CARGO_WASMPLUGIN_PLAIN_HTTP";

#[derive(Debug, Args)]
pub(super) struct RegistryArgs {
    /// Name to log in with [env: CARGO_WASMPLUGIN_USERNAME]
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    username: Option<String>,
    /// Read the password from standard input instead of CARGO_WASMPLUGIN_PASSWORD
    #[arg(long, help_heading = HEADING)]
    password_stdin: bool,
    /// File of additional trusted certificates, in PEM format [env: CARGO_WASMPLUGIN_CACERT]
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    cacert: Option<Utf8PathBuf>,
    /// Client certificate, in PEM format
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    cert: Option<Utf8PathBuf>,
    /// Private key of the client certificate, in PEM format [default: the file of --cert]
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = HEADING)]
    key: Option<Utf8PathBuf>,
    /// Accept every certificate, which lets others on the network read and change the data
    #[arg(long, help_heading = HEADING)]
    insecure_skip_verify: bool,
    /// Use plain HTTP, which lets others on the network read and change the data [env: CARGO_WASMPLUGIN_PLAIN_HTTP]
    #[arg(long, conflicts_with = "tls", help_heading = HEADING)]
    plain_http: bool,
    /// Use TLS even for a registry on this machine
    #[arg(long, help_heading = HEADING)]
    tls: bool,
    /// How long to retry a request that fails temporarily, at most 120
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(..=120), help_heading = HEADING)]
    retry_for: u64,
}

impl RegistryArgs {
    pub(super) fn access(&self, ctx: &Context) -> Result<Access> {
        if self.insecure_skip_verify {
            ctx.shell.warn(
                "certificates are not verified: others on the network can read the login and replace the image",
            );
        }
        let certificate = self.cert.as_ref().map(|certificate| CertificateFiles {
            certificate: certificate.clone(),
            key: self.key.as_ref().unwrap_or(certificate).clone(),
        });
        Ok(Access {
            login: self.login(ctx)?,
            certificate,
            skips_verification: self.insecure_skip_verify,
            patience: Duration::from_secs(self.retry_for),
        })
    }

    fn login(&self, ctx: &Context) -> Result<Option<Credential>> {
        let variable = |name| ctx.env.get(name).map(|value| text(name, value)).transpose();
        let (username, source) = match &self.username {
            Some(username) => (Some(username.clone()), "`--username`"),
            None => (variable(USERNAME)?, USERNAME),
        };
        let password = match self.password_stdin {
            true => Some(password_from_stdin(ctx)?),
            false => variable(PASSWORD_VARIABLE)?,
        };
        match (username, password) {
            (None, None) => Ok(None),
            (Some(username), Some(password)) => {
                let password = Secret::new(password.trim_end_matches(['\r', '\n']).to_owned());
                Ok(Some(Credential::given(Login { username, password }, source)))
            }
            (Some(_), None) => Err(UsageError {
                message: format!("the login from {source} has no password"),
                help: vec![format!("pass `--password-stdin`, or set {PASSWORD_VARIABLE}")],
            }
            .into()),
            (None, Some(_)) => {
                let source = if self.password_stdin { "standard input" } else { PASSWORD_VARIABLE };
                Err(UsageError {
                    message: format!("the login with the password from {source} has no name"),
                    help: vec![format!("pass `--username NAME`, or set {USERNAME}")],
                }
                .into())
            }
        }
    }

    /// Whether to use plain HTTP or TLS, if that was given.
    pub(super) fn plain_http(&self, ctx: &Context) -> Result<Option<bool>> {
        if self.plain_http || self.tls {
            return Ok(Some(self.plain_http));
        }
        let Some(value) = ctx.env.get(PLAIN_HTTP) else { return Ok(None) };
        match value.to_str() {
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            _ => Err(UsageError {
                message: format!("invalid value `{}` of {PLAIN_HTTP}", value.display()),
                help: vec!["set it to `true` or `false`".to_owned()],
            }
            .into()),
        }
    }

    pub(super) fn cacert(&self, ctx: &Context) -> Result<Option<Utf8PathBuf>> {
        let variable = || ctx.env.get(CACERT).map(|value| text(CACERT, value)).transpose();
        Ok(self
            .cacert
            .clone()
            .map_or_else(variable, |file| Ok(Some(file.into_string())))?
            .map(Utf8PathBuf::from))
    }
}

/// The value of a variable.
fn text(name: &str, value: &std::ffi::OsStr) -> Result<String, UsageError> {
    let text = value.to_str().map(str::to_owned);
    text.ok_or_else(|| UsageError { message: format!("the value of {name} is not UTF-8"), help: Vec::new() })
}

/// Reads the password from standard input. Doesn't prompt for it, because the terminal would show it.
fn password_from_stdin(ctx: &Context) -> Result<String> {
    let usage = |message: &str| UsageError {
        message: message.to_owned(),
        help: vec!["redirect it from a file or pipe it from a command: `--password-stdin < FILE`".to_owned()],
    };
    if std::io::stdin().is_terminal() {
        return Err(usage("the password can't be read from a terminal").into());
    }
    let bytes = ctx.interrupt.or_done(|| fs::read_all(std::io::stdin(), "<stdin>", TEXT_LIMIT))??;
    let text = String::from_utf8(bytes).map_err(|_| usage("the password on standard input is not UTF-8"))?;
    if text.trim_end_matches(['\r', '\n']).is_empty() {
        return Err(usage("the password on standard input is empty").into());
    }
    Ok(text)
}
