//! Credentials for a registry: from `docker login`, `podman login`, or the command line.

use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::context::Context;
use crate::error::{Explain, Result};
use crate::fs::{self, TEXT_LIMIT};
use crate::process::{self, ProcessError};
use crate::reference::Repository;

/// A string that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
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

#[derive(Debug, Clone)]
pub struct Login {
    pub username: String,
    /// The password, or a token in place of one.
    pub password: Secret,
}

impl Login {
    /// Both, encoded for the `Authorization` header.
    pub(super) fn basic(&self) -> String {
        BASE64.encode(format!("{}:{}", self.username, self.password.0))
    }
}

/// What we authenticate with, and where it was found.
#[derive(Debug, Clone)]
pub(super) struct Credential {
    pub(super) proof: Proof,
    pub(super) source: String,
}

#[derive(Debug, Clone)]
pub(super) enum Proof {
    Password(Login),
    /// A token that the registry exchanges for others.
    IdentityToken(Secret),
}

impl Credential {
    pub(super) fn from_login(login: Login) -> Self {
        Credential { proof: Proof::Password(login), source: "`--username`".to_owned() }
    }

    /// The user and the source of the credential, for messages.
    pub(super) fn who(&self) -> String {
        match &self.proof {
            Proof::Password(login) => format!("`{}` (from {})", login.username, self.source),
            Proof::IdentityToken(_) => format!("an identity token (from {})", self.source),
        }
    }

    /// The end of a sentence that begins with "logging in".
    pub(super) fn as_whom(&self) -> String {
        let word = match &self.proof {
            Proof::Password(_) => "as",
            Proof::IdentityToken(_) => "with",
        };
        format!("{word} {}", self.who())
    }

    /// What must not be shown if the registry sends it back: the secret, and its form in a header.
    pub(super) fn secrets(&self) -> Vec<String> {
        match &self.proof {
            Proof::Password(login) => vec![login.password.0.clone(), login.basic()],
            Proof::IdentityToken(token) => vec![token.reveal().to_owned()],
        }
    }
}

/// Credentials exist but can't be used. The message doesn't show them.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The file in `REGISTRY_AUTH_FILE` doesn't exist.
    #[error("the file `{0}` in REGISTRY_AUTH_FILE doesn't exist")]
    Missing(Utf8PathBuf),
    /// A file is not in the format that docker and podman write.
    #[error("can't read the credentials in `{0}`")]
    Unreadable(Utf8PathBuf),
    #[error("the credential helper `{program}`, set in `{file}`, returned no credentials for `{server}`")]
    Helper {
        program: String,
        /// The file that names it.
        file: Utf8PathBuf,
        /// The server whose credentials were requested.
        server: String,
    },
}

impl Explain for CredentialError {
    fn help(&self) -> Vec<String> {
        match self {
            CredentialError::Missing(_) => {
                vec!["log in with `podman login`, or unset the variable".to_owned()]
            }
            CredentialError::Unreadable(_) => {
                vec!["log in again: `docker login` or `podman login` rewrites the file".to_owned()]
            }
            CredentialError::Helper { program, .. } => vec![
                format!("check whether it works: `{program} list`"),
                "or pass `--username NAME --password-stdin`".to_owned(),
            ],
        }
    }
}

/// The credentials in docker's config.json or podman's auth.json. An entry is parsed only when it is used, so that a
/// broken entry for another registry doesn't stop a push.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Logins {
    #[serde(deserialize_with = "null_is_none")]
    auths: Map<String, Value>,
    #[serde(deserialize_with = "null_is_none")]
    cred_helpers: Map<String, Value>,
    #[serde(deserialize_with = "null_is_none")]
    creds_store: String,
}

/// An entry of `auths`. An empty field means the same as a missing one.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    #[serde(deserialize_with = "null_is_none")]
    auth: String,
    #[serde(deserialize_with = "null_is_none")]
    username: String,
    #[serde(deserialize_with = "null_is_none")]
    password: String,
    #[serde(deserialize_with = "null_is_none")]
    identitytoken: String,
}

/// Docker reads null as a missing field.
fn null_is_none<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The output of a credential helper.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperOutput {
    username: String,
    secret: String,
}

/// The credential from the first file that has one for the repository.
pub(super) fn find(ctx: &Context, repository: &Repository) -> Result<Option<Credential>> {
    for file in files(ctx)? {
        let bytes = match fs::read(&file, TEXT_LIMIT) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
            bytes => bytes?,
        };
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let unreadable = || CredentialError::Unreadable(file.clone());
        let logins: Logins = serde_json::from_slice(&bytes).map_err(|_| unreadable())?;
        let from_helper = match helper(&logins, repository) {
            Some((program, server)) => ask(ctx, &file, &program, server)?,
            None => None,
        };
        let proof = match from_helper {
            Some(proof) => Some(proof),
            None => entry(&logins, repository).map_err(|NoEntry| unreadable())?,
        };
        if let Some(proof) = proof {
            return Ok(Some(Credential { proof, source: format!("`{}`", ctx.display_path(&file)) }));
        }
    }
    Ok(None)
}

/// The files that may contain credentials, in order of precedence.
fn files(ctx: &Context) -> Result<Vec<Utf8PathBuf>, CredentialError> {
    let env = |name| Some(ctx.cwd.join(ctx.env.get(name)?.to_str()?));
    if let Some(file) = env("REGISTRY_AUTH_FILE") {
        return if file.exists() { Ok(vec![file]) } else { Err(CredentialError::Missing(file)) };
    }
    let home = env("HOME");
    let below_home = |directory: &str| Some(home.as_ref()?.join(directory));
    let below = |directory: Option<Utf8PathBuf>, file: &str| Some(directory?.join(file));
    let runtime = below(env("XDG_RUNTIME_DIR"), "containers/auth.json").unwrap_or_else(runtime_file);
    let config = env("XDG_CONFIG_HOME").or_else(|| below_home(".config"));
    let config = below(config, "containers/auth.json");
    let files = match env("DOCKER_CONFIG") {
        Some(directory) => [below(Some(directory), "config.json"), Some(runtime), config],
        None => [Some(runtime), config, below(below_home(".docker"), "config.json")],
    };
    Ok(files.into_iter().flatten().collect())
}

/// The file that podman and skopeo write to if XDG_RUNTIME_DIR is not set, as in a container.
fn runtime_file() -> Utf8PathBuf {
    format!("/run/containers/{}/auth.json", rustix::process::getuid()).into()
}

const DOCKER_HUB: &[&str] =
    &["https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io"];

/// The credential helper for a registry, and the registry's name in that helper.
fn helper<'r>(logins: &Logins, repository: &'r Repository) -> Option<(String, &'r str)> {
    let (registry, _) = repository.parts();
    // Docker's own name for its registry comes first.
    let names = if registry == "docker.io" { DOCKER_HUB } else { &[registry] };
    let of_registry = names.iter().find_map(|name| {
        let program = logins.cred_helpers.get(*name)?.as_str().filter(|program| !program.is_empty())?;
        Some((program, *name))
    });
    let of_all = (!logins.creds_store.is_empty()).then_some((logins.creds_store.as_str(), names[0]));
    let (program, server) = of_registry.or(of_all)?;
    Some((format!("docker-credential-{program}"), server))
}

/// The credential that a helper returns for a server, if it has one.
fn ask(ctx: &Context, file: &Utf8Path, program: &str, server: &str) -> Result<Option<Proof>> {
    let failed = || CredentialError::Helper {
        program: program.to_owned(),
        file: file.to_owned(),
        server: server.to_owned(),
    };
    let mut command = process::command(ctx, program);
    let answer = match process::answer(ctx, command.arg("get"), server.as_bytes(), Some(HELPER_LIMIT)) {
        Ok(answer) => answer,
        Err(ProcessError::Interrupted(interrupted)) => return Err(interrupted.into()),
        // Configuration files are often copied into containers or to other machines without the helper.
        Err(ProcessError::Start { source, .. }) if source.kind() == ErrorKind::NotFound => {
            ctx.shell.warn(format_args!(
                "the credential helper `{program}`, set in `{}`, was not found",
                ctx.display_path(file)
            ));
            return Ok(None);
        }
        // A helper without credentials has no exit code of its own for that. It prints this message.
        Err(ProcessError::Failed { stdout, .. }) if contains(&stdout, b"credentials not found") => {
            return Ok(None);
        }
        // The output is not shown because it may contain a secret.
        Err(_) => return Err(failed().into()),
    };
    let HelperOutput { username, secret } = serde_json::from_slice(&answer).map_err(|_| failed())?;
    Ok(match (username.as_str(), secret) {
        (_, secret) if secret.is_empty() => None,
        ("<token>", token) => Some(Proof::IdentityToken(Secret(token))),
        (_, password) => Some(Proof::Password(Login { username, password: Secret(password) })),
    })
}

/// Some helpers ask the user to unlock their store.
const HELPER_LIMIT: Duration = Duration::from_secs(120);

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// The credential in the entries of a file. The longest key that covers the repository takes precedence.
fn entry(logins: &Logins, repository: &Repository) -> Result<Option<Proof>, NoEntry> {
    let covers = |key: &str| {
        let rest = repository.as_str().strip_prefix(&normal(key))?;
        (rest.is_empty() || rest.starts_with('/')).then_some(repository.as_str().len() - rest.len())
    };
    let entries = logins.auths.iter().filter_map(|(key, entry)| Some((covers(key)?, entry)));
    let mut entries: Vec<_> = entries.filter(|(_, entry)| !entry.is_null()).collect();
    entries.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
    for (_, entry) in entries {
        if let Some(proof) = Entry::deserialize(entry).map_err(|_| NoEntry)?.proof()? {
            return Ok(Some(proof));
        }
    }
    Ok(None)
}

/// An entry is not in the format that docker and podman write.
#[derive(Debug)]
struct NoEntry;

impl Entry {
    fn proof(self) -> Result<Option<Proof>, NoEntry> {
        if !self.identitytoken.is_empty() {
            return Ok(Some(Proof::IdentityToken(Secret(self.identitytoken))));
        }
        let (username, password) = if self.auth.is_empty() {
            (self.username, self.password)
        } else {
            let decoded = BASE64.decode(&self.auth).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let (username, password) =
                decoded.as_deref().and_then(|text| text.split_once(':')).ok_or(NoEntry)?;
            // Some passwords end with the NUL of a C string. Docker removes it too.
            (username.to_owned(), password.trim_end_matches('\0').to_owned())
        };
        let is_complete = !username.is_empty() && !password.is_empty();
        Ok(is_complete.then_some(Proof::Password(Login { username, password: Secret(password) })))
    }
}

/// Accepts base64 with or without padding, because tools write both.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A key of `auths` as a prefix of a repository's name. Docker writes URLs, podman doesn't.
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
    use serde_json::{Value, json};

    use super::{Logins, NoEntry, Proof, entry, helper};

    fn logins(config: Value) -> Logins {
        serde_json::from_value(config).unwrap()
    }

    /// The username in the entry for the repository.
    fn name(config: &Value, repository: &str) -> Option<String> {
        match entry(&logins(config.clone()), &repository.parse().unwrap()).unwrap()? {
            Proof::Password(login) => Some(login.username),
            Proof::IdentityToken(token) => Some(format!("token {}", token.reveal())),
        }
    }

    fn named(name: &str) -> Value {
        json!({ "username": name, "password": "p" })
    }

    #[test]
    fn the_longest_entry_takes_precedence() {
        let config = json!({ "auths": {
            "quay.io": named("a"), "quay.io/acme": named("b"), "quay.io/acme/hell": named("c"), "other.io": null,
        } });
        assert_eq!(name(&config, "quay.io/acme/hello").as_deref(), Some("b"));
        assert_eq!(name(&config, "quay.io/acme/hell").as_deref(), Some("c"));
        assert_eq!(name(&config, "quay.io/b/c").as_deref(), Some("a"));
        assert_eq!(name(&config, "quay.io:8443/b/c"), None);
        assert_eq!(name(&config, "other.io/b/c"), None);
    }

    #[test]
    fn all_names_of_docker_hub_are_recognized() {
        for key in ["https://index.docker.io/v1/", "docker.io", "index.docker.io", "docker.io/acme"] {
            let config = json!({ "auths": { key: named("a") } });
            for repository in ["acme/hello", "index.docker.io/acme/hello"] {
                assert_eq!(name(&config, repository).as_deref(), Some("a"), "{key} {repository}");
            }
        }
    }

    #[test]
    fn entries_are_read_as_docker_reads_them() {
        // `a:p` and `a:pq`, with and without padding, and with the NUL of a C string.
        for auth in ["YTpw", "YTpwcQ==", "YTpwcQ", "YTpwAAA="] {
            assert_eq!(
                name(&json!({ "auths": { "q.io": { "auth": auth } } }), "q.io/x").as_deref(),
                Some("a")
            );
        }
        let config = json!({ "auths": { "q.io": { "auth": "YTpw", "identitytoken": "t", "email": 7 } } });
        assert_eq!(name(&config, "q.io/x").as_deref(), Some("token t"));
        let config =
            json!({ "auths": { "q.io": { "auth": "YTpw", "identitytoken": "", "username": "other" } } });
        assert_eq!(name(&config, "q.io/x").as_deref(), Some("a"));
        let nulls = json!({ "auths": null, "credHelpers": null, "credsStore": null });
        assert_eq!(name(&nulls, "q.io/x"), None);
        for nothing in
            [json!({}), json!({ "auth": "" }), json!({ "username": "a", "password": null }), json!(null)]
        {
            assert_eq!(name(&json!({ "auths": { "q.io": nothing } }), "q.io/x"), None);
        }
        for wrong in [json!({ "auth": "%" }), json!({ "auth": "YQ==" }), json!([1]), json!({ "auth": 7 })] {
            let logins = logins(json!({ "auths": { "q.io": wrong } }));
            assert!(matches!(entry(&logins, &"q.io/x".parse().unwrap()), Err(NoEntry)), "{wrong}");
        }
    }

    #[test]
    fn helpers_are_asked_for_a_registry() {
        let asked = |config: Value, repository: &str| {
            let repository = repository.parse().unwrap();
            helper(&logins(config), &repository).map(|(program, server)| format!("{program} {server}"))
        };
        let of = |config: Value| asked(config, "quay.io/acme/hello").unwrap_or_default();
        assert_eq!(
            of(json!({ "credHelpers": { "quay.io": "a" }, "credsStore": "b" })),
            "docker-credential-a quay.io"
        );
        assert_eq!(
            of(json!({ "credHelpers": { "quay.io": "" }, "credsStore": "b" })),
            "docker-credential-b quay.io"
        );
        assert_eq!(of(json!({ "credHelpers": { "quay.io/acme": "a" } })), "");
        let hub = asked(json!({ "credsStore": "b" }), "acme/hello");
        assert_eq!(hub.as_deref(), Some("docker-credential-b https://index.docker.io/v1/"));
    }
}
