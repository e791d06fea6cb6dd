//! Finds the credentials for a registry, as `docker login` and `podman login` store them.

use std::io::ErrorKind;
use std::time::Duration;

use camino::Utf8PathBuf;
use serde_json::{Map, Value};

use crate::context::Context;
use crate::error::{Explain, Result};
use crate::fs::{self, TEXT_LIMIT};
use crate::process::{self, ProcessError};
use crate::reference::Repository;
use crate::transport::registry::auth_file::{AuthFile, Malformed};
use crate::transport::registry::credential::{Credential, Login, Proof, Secret};
use crate::transport::registry::message::{one_line, short};

/// Credentials exist but can't be used. The message doesn't show them.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The file in `REGISTRY_AUTH_FILE` doesn't exist.
    #[error("the file `{0}` in REGISTRY_AUTH_FILE doesn't exist")]
    Missing(Utf8PathBuf),
    /// They are not in the format that docker and podman write.
    #[error("can't read the credentials in {0}")]
    Unreadable(String),
    #[error(transparent)]
    Helper(#[from] HelperError),
}

/// A credential helper failed.
#[derive(Debug, thiserror::Error)]
#[error(
    "the credential helper `{program}`, set in {place}, returned no credentials for `{server}`: {reason}"
)]
pub struct HelperError {
    program: String,
    /// The place that names it.
    place: String,
    /// The server whose credentials were requested.
    server: String,
    reason: String,
}

impl Explain for CredentialError {
    fn help(&self) -> Vec<String> {
        match self {
            CredentialError::Missing(_) => {
                vec!["log in with `podman login`, or unset the variable".to_owned()]
            }
            CredentialError::Unreadable(place) if place.contains(VARIABLE) => {
                vec!["set the variable to the content of docker's `config.json`".to_owned()]
            }
            CredentialError::Unreadable(_) => {
                vec!["log in again: `docker login` or `podman login` rewrites the file".to_owned()]
            }
            CredentialError::Helper(HelperError { program, .. }) => vec![
                format!("check whether it works: `{program} list`"),
                "or pass `--username NAME --password-stdin`".to_owned(),
            ],
        }
    }
}

/// The variable that contains logins itself, as GitLab and docker use it.
const VARIABLE: &str = "DOCKER_AUTH_CONFIG";

/// Where logins are stored.
enum Place {
    Variable,
    File(Utf8PathBuf),
}

impl Place {
    /// The logins; `None` if there are none.
    fn read(&self, ctx: &Context) -> Result<Option<AuthFile>> {
        let bytes = match self {
            Place::Variable => {
                ctx.env.get(VARIABLE).map(|value| value.as_encoded_bytes().to_vec()).unwrap_or_default()
            }
            Place::File(path) => match fs::read(path, TEXT_LIMIT) {
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                    return Ok(None);
                }
                bytes => bytes?,
            },
        };
        if bytes.trim_ascii().is_empty() {
            return Ok(None);
        }
        let read = match self {
            Place::File(path) if path.file_name() == Some(DOCKERCFG) => AuthFile::read_dockercfg,
            _ => AuthFile::read,
        };
        let file = read(&bytes).map_err(|Malformed| CredentialError::Unreadable(self.shown(ctx)))?;
        Ok(Some(file))
    }

    fn shown(&self, ctx: &Context) -> String {
        match self {
            Place::Variable => format!("`{VARIABLE}`"),
            Place::File(path) => format!("`{}`", ctx.display_path(path)),
        }
    }
}

/// The file of old versions of docker.
const DOCKERCFG: &str = ".dockercfg";

/// The credential from the first place that has one for the repository.
pub(super) fn find(ctx: &Context, repository: &Repository) -> Result<Option<Credential>> {
    for place in places(ctx)? {
        let Some(file) = place.read(ctx)? else { continue };
        let shown = place.shown(ctx);
        let from_helper = match file.helper(repository) {
            Some((program, server)) => ask(ctx, &shown, program, server)?,
            None => Answer::Nothing,
        };
        let entry = || file.entry(repository).map_err(|Malformed| CredentialError::Unreadable(shown.clone()));
        let proof = match from_helper {
            Answer::Proof(proof) => Some(proof),
            Answer::Nothing => entry()?,
            Answer::Failed(error) => match entry()? {
                None => return Err(CredentialError::Helper(error).into()),
                entry => {
                    ctx.shell.warn(error);
                    entry
                }
            },
        };
        if let Some(proof) = proof {
            return Ok(Some(Credential { proof, source: shown }));
        }
    }
    Ok(None)
}

/// The places that may contain credentials, in order of precedence.
fn places(ctx: &Context) -> Result<Vec<Place>, CredentialError> {
    let env = |name| Some(ctx.cwd.join(ctx.env.get(name)?.to_str()?));
    if let Some(file) = env("REGISTRY_AUTH_FILE") {
        let places = vec![Place::Variable, Place::File(file.clone())];
        return if file.exists() { Ok(places) } else { Err(CredentialError::Missing(file)) };
    }
    let home = env("HOME");
    let below_home = |path: &str| Some(home.as_ref()?.join(path));
    let below = |directory: Option<Utf8PathBuf>, file: &str| Some(directory?.join(file));
    let runtime = below(env("XDG_RUNTIME_DIR"), "containers/auth.json").unwrap_or_else(runtime_file);
    let config = env("XDG_CONFIG_HOME").or_else(|| below_home(".config"));
    let config = below(config, "containers/auth.json");
    let files = match env("DOCKER_CONFIG") {
        Some(directory) => [below(Some(directory), "config.json"), Some(runtime), config, None],
        None => [Some(runtime), config, below_home(".docker/config.json"), below_home(DOCKERCFG)],
    };
    Ok([Place::Variable].into_iter().chain(files.into_iter().flatten().map(Place::File)).collect())
}

/// The file that podman and skopeo write to if XDG_RUNTIME_DIR is not set, as in a container.
fn runtime_file() -> Utf8PathBuf {
    format!("/run/containers/{}/auth.json", rustix::process::getuid()).into()
}

/// What a credential helper says.
enum Answer {
    Proof(Proof),
    Nothing,
    Failed(HelperError),
}

/// Asks a helper for the credential for a server.
fn ask(ctx: &Context, place: &str, program: String, server: &str) -> Result<Answer> {
    let mut command = process::command(ctx, &program);
    let answer = process::answer(ctx, command.arg("get"), server.as_bytes(), Some(HELPER_LIMIT));
    let reason = match answer {
        Ok(answer) => match proof(&answer) {
            Some(proof) => return Ok(proof.map_or(Answer::Nothing, Answer::Proof)),
            // It is not shown because it may contain a secret.
            None => "its output is not the JSON of a credential helper".to_owned(),
        },
        Err(ProcessError::Interrupted(interrupted)) => return Err(interrupted.into()),
        // Configuration files are often copied into containers or to other machines without the helper.
        Err(ProcessError::Start { source, .. }) if source.kind() == ErrorKind::NotFound => {
            ctx.shell.warn(format_args!("the credential helper `{program}`, set in {place}, was not found"));
            return Ok(Answer::Nothing);
        }
        Err(ProcessError::Failed { stdout, stderr, status, .. }) => {
            let said = one_line(&format!("{} {stderr}", String::from_utf8_lossy(&stdout)));
            // A helper without credentials has no exit code of its own for that. It prints this message.
            if said.to_lowercase().contains("credentials not found") {
                return Ok(Answer::Nothing);
            }
            // Braces are from JSON, which may contain a secret.
            if said.is_empty() || said.contains('{') { status.to_string() } else { short(&said) }
        }
        Err(error) => error.to_string(),
    };
    let (place, server) = (place.to_owned(), server.to_owned());
    Ok(Answer::Failed(HelperError { program, place, server, reason }))
}

/// Some helpers ask the user to unlock their store.
const HELPER_LIMIT: Duration = Duration::from_secs(120);

/// The credential in the output of a helper, if it has one. Returns `None` if the output is not valid. The names are
/// compared as in Go, without regard to case.
fn proof(output: &[u8]) -> Option<Option<Proof>> {
    let fields: Map<String, Value> = serde_json::from_slice(output).ok()?;
    let field = |wanted: &str| {
        let (_, value) = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
        Some(value.as_str()?.to_owned())
    };
    let (username, secret) = (field("Username")?, field("Secret")?);
    Some(match (username.as_str(), secret) {
        (_, secret) if secret.is_empty() => None,
        ("<token>", token) => Some(Proof::IdentityToken(Secret::new(token))),
        (_, password) => Some(Proof::Password(Login { username, password: Secret::new(password) })),
    })
}
