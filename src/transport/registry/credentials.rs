//! Who we are to a registry: what `docker login` and `podman login` left, or what was given.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use camino::Utf8PathBuf;
use docker_credential::{CredentialRetrievalError, DockerCredential};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::context::{Context, Env};
use crate::error::{Explain, Result};
use crate::reference::Repository;

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text in.
    pub fn new(text: String) -> Self {
        Secret(text)
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A name and a password.
#[derive(Debug, Clone)]
pub struct Login {
    /// The name.
    pub username: String,
    /// The password, or the token that stands for one.
    pub password: Secret,
}

/// What proves to a registry who we are, and where that was found.
#[derive(Debug, Clone)]
pub(super) struct Credential {
    pub(super) proof: Proof,
    pub(super) source: String,
}

#[derive(Debug, Clone)]
pub(super) enum Proof {
    Password(Login),
    /// A token that a registry exchanges for others.
    IdentityToken(Secret),
}

impl Credential {
    pub(super) fn given(login: Login) -> Self {
        Credential { proof: Proof::Password(login), source: "--username and --password-stdin".to_owned() }
    }

    /// Who a registry knows us as, and from where, to be read by a person.
    pub(super) fn who(&self) -> String {
        match &self.proof {
            Proof::Password(login) => format!("`{}`, of {}", login.username, self.source),
            Proof::IdentityToken(_) => format!("an identity token of {}", self.source),
        }
    }

    /// What must not be shown, should the registry send it back: also in the form of a header.
    pub(super) fn secrets(&self) -> Vec<String> {
        match &self.proof {
            Proof::Password(Login { username, password }) => {
                let header = STANDARD.encode(format!("{username}:{}", password.reveal()));
                vec![password.reveal().to_owned(), header]
            }
            Proof::IdentityToken(token) => vec![token.reveal().to_owned()],
        }
    }
}

/// Credentials are there and cannot be used. What is in them is not shown.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The file that the environment names is not there.
    #[error("REGISTRY_AUTH_FILE names `{0}`, which is not there")]
    Missing(Utf8PathBuf),
    /// A file is no JSON, or not of the shape that docker and podman write.
    #[error("`{0}` holds no credentials that can be read")]
    Unreadable(Utf8PathBuf),
    /// A program that keeps credentials failed.
    #[error("the credential helper `{helper}`, which `{file}` names, gave no credentials for `{server}`")]
    Helper {
        /// The program.
        helper: String,
        /// The file that names it.
        file: Utf8PathBuf,
        /// What it was asked for.
        server: String,
    },
}

impl Explain for CredentialError {
    fn help(&self) -> Vec<String> {
        match self {
            CredentialError::Missing(_) => {
                vec!["log in with `podman login`, or take the variable away".to_owned()]
            }
            CredentialError::Unreadable(_) => {
                vec!["log in again: `docker login` or `podman login` writes that file anew".to_owned()]
            }
            CredentialError::Helper { helper, server, .. } => vec![
                format!("see what it says: `echo {server} | {helper} get`"),
                "or give `--username NAME --password-stdin`".to_owned(),
            ],
        }
    }
}

/// The part of docker's config.json, and of podman's auth.json, that says whom they know.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Known {
    #[serde(default)]
    auths: Option<Map<String, Value>>,
    #[serde(default)]
    cred_helpers: Option<Map<String, Value>>,
    #[serde(default)]
    creds_store: Option<String>,
}

/// What the first file that knows the repository says; nothing where none does.
pub(super) fn find(ctx: &Context, repository: &Repository) -> Result<Option<Credential>> {
    for file in files(ctx)? {
        let bytes = match fs_err::read(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            bytes => bytes?,
        };
        let known = serde_json::from_slice(&bytes).map_err(|_| CredentialError::Unreadable(file.clone()))?;
        let Some(server) = server(&known, repository) else { continue };
        let proof = match docker_credential::get_credential_from_reader(&bytes[..], &server) {
            Ok(DockerCredential::UsernamePassword(username, password)) => {
                Proof::Password(Login { username, password: Secret(password) })
            }
            Ok(DockerCredential::IdentityToken(token)) => Proof::IdentityToken(Secret(token)),
            Err(CredentialRetrievalError::NoCredentialConfigured) => continue,
            Err(error) if is_unknown_to_helper(&error) => continue,
            Err(error) => return Err(failure(error, file, &known, server).into()),
        };
        return Ok(Some(Credential { proof, source: format!("`{}`", ctx.shown(&file)) }));
    }
    Ok(None)
}

/// A helper says on standard output, and by no exit code of its own, that it was never told.
fn is_unknown_to_helper(error: &CredentialRetrievalError) -> bool {
    matches!(error, CredentialRetrievalError::HelperFailure { stdout, .. } if stdout.contains("credentials not found"))
}

/// What a helper printed is left out: it may be a secret.
fn failure(
    error: CredentialRetrievalError,
    file: Utf8PathBuf,
    known: &Known,
    server: String,
) -> CredentialError {
    use CredentialRetrievalError as E;
    match error {
        E::HelperCommunicationError | E::MalformedHelperResponse | E::HelperFailure { .. } => {
            let named = known.cred_helpers.as_ref().and_then(|helpers| helpers.get(&server)?.as_str());
            let name = named.or(known.creds_store.as_deref()).unwrap_or_default();
            CredentialError::Helper { helper: format!("docker-credential-{name}"), file, server }
        }
        _ => CredentialError::Unreadable(file),
    }
}

/// The files that may know a registry, the strongest first.
fn files(ctx: &Context) -> Result<Vec<Utf8PathBuf>, CredentialError> {
    let env = |env: &Env, name| Some(ctx.cwd.join(env.get(name)?.to_str()?));
    if let Some(file) = env(&ctx.env, "REGISTRY_AUTH_FILE") {
        return if file.exists() { Ok(vec![file]) } else { Err(CredentialError::Missing(file)) };
    }
    let home = env(&ctx.env, "HOME").or_else(|| env(&ctx.env, "USERPROFILE"));
    let docker = env(&ctx.env, "DOCKER_CONFIG");
    let docker_is_named = docker.is_some();
    let docker =
        docker.or_else(|| Some(home.as_ref()?.join(".docker"))).map(|folder| folder.join("config.json"));
    let runtime = env(&ctx.env, "XDG_RUNTIME_DIR");
    let config = env(&ctx.env, "XDG_CONFIG_HOME").or_else(|| Some(home.as_ref()?.join(".config")));
    let podman = [runtime, config].into_iter().flatten().map(|folder| folder.join("containers/auth.json"));
    let mut files: Vec<_> = podman.chain(docker).collect();
    if docker_is_named {
        files.rotate_right(1);
    }
    Ok(files)
}

/// Under which of its names a file knows the repository. A helper is asked for a whole registry; an entry may
/// be for a part of one, and the longest counts.
fn server(known: &Known, repository: &Repository) -> Option<String> {
    let (registry, _) = repository.parts();
    let names = registry_names(registry);
    let helper =
        names.iter().find(|name| known.cred_helpers.iter().any(|helpers| helpers.contains_key(**name)));
    if let Some(name) = helper {
        return Some((*name).to_owned());
    }
    let covers = |key: &str| {
        let rest = repository.as_str().strip_prefix(&normal(key))?;
        (rest.is_empty() || rest.starts_with('/')).then_some(repository.as_str().len() - rest.len())
    };
    let entries = known.auths.iter().flat_map(Map::keys);
    let entry = entries.filter_map(|key| Some((covers(key)?, key))).max_by_key(|(length, _)| *length);
    match entry {
        Some((_, key)) => Some(key.clone()),
        None => known.creds_store.is_some().then(|| names[0].to_owned()),
    }
}

const DOCKER_HUB: &[&str] =
    &["https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io"];

/// The names that docker and podman have for a registry, docker's first.
fn registry_names(registry: &str) -> Vec<&str> {
    if registry == "docker.io" { DOCKER_HUB.to_vec() } else { vec![registry] }
}

/// A key of `auths` as the beginning of a repository's name. Docker writes urls, podman does not.
fn normal(key: &str) -> String {
    let host = match key.split_once("://") {
        Some((_, rest)) => rest.split('/').next().unwrap_or_default(),
        None => key,
    };
    let (registry, path) = host.split_once('/').unwrap_or((host, ""));
    let registry = if DOCKER_HUB.contains(&registry) { "docker.io" } else { registry };
    if path.is_empty() { registry.to_owned() } else { format!("{registry}/{path}") }
}

#[cfg(test)]
mod tests {
    use super::{Known, server};

    fn found(config: &str, repository: &str) -> Option<String> {
        let known: Known = serde_json::from_str(config).unwrap();
        server(&known, &repository.parse().unwrap())
    }

    #[test]
    fn the_longest_entry_counts() {
        let config =
            r#"{"auths": {"quay.io": {}, "quay.io/acme": {}, "quay.io/acme/hell": {}, "other.io": {}}}"#;
        assert_eq!(found(config, "quay.io/acme/hello").as_deref(), Some("quay.io/acme"));
        assert_eq!(found(config, "quay.io/acme/hell").as_deref(), Some("quay.io/acme/hell"));
        assert_eq!(found(config, "quay.io/b/c").as_deref(), Some("quay.io"));
        assert_eq!(found(config, "quay.io:8443/b/c"), None);
    }

    #[test]
    fn docker_hub_is_known_by_all_its_names() {
        for key in ["https://index.docker.io/v1/", "docker.io", "index.docker.io", "docker.io/acme"] {
            let config = format!(r#"{{"auths": {{"{key}": {{}}}}}}"#);
            assert_eq!(found(&config, "acme/hello").as_deref(), Some(key));
        }
        let store = r#"{"credsStore": "desktop"}"#;
        assert_eq!(found(store, "acme/hello").as_deref(), Some("https://index.docker.io/v1/"));
        assert_eq!(found(store, "quay.io/acme/hello").as_deref(), Some("quay.io"));
    }

    #[test]
    fn a_helper_of_the_registry_comes_first() {
        let config = r#"{"auths": {"quay.io/acme": {}}, "credHelpers": {"quay.io": "x"}}"#;
        assert_eq!(found(config, "quay.io/acme/hello").as_deref(), Some("quay.io"));
        assert_eq!(found("{}", "quay.io/acme/hello"), None);
    }
}
