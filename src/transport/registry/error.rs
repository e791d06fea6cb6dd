//! What a registry answered where it did not do what it was asked, and what to do about it.

use std::error::Error as StdError;

use oci_client::errors::{OciDistributionError, OciEnvelope};

use crate::digest::Digest;
use crate::error::Explain;
use crate::image::Variant;
use crate::reference::{Repository, Tag};

/// A registry did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("could not {task} `{name}`")]
pub struct RegistryError {
    pub(super) task: Task,
    /// What it was to be done to: a repository, or one with a tag.
    pub(super) name: String,
    pub(super) repository: Repository,
    /// Who we said that we are.
    pub(super) who: Option<String>,
    /// The variant of what was pushed, where that may be the reason.
    pub(super) variant: Option<Variant>,
    #[source]
    pub(super) answer: Answer,
}

/// What a registry was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Connect,
    Read,
    Upload,
    Tag,
}

impl std::fmt::Display for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Task::Connect => "connect to the registry of",
            Task::Read => "read",
            Task::Upload => "upload a blob to",
            Task::Tag => "write the manifest of",
        })
    }
}

/// What a request came to.
#[derive(Debug, thiserror::Error)]
#[error("`{request}` {outcome}")]
pub(super) struct Answer {
    /// The method and the url, without its query.
    pub(super) request: String,
    pub(super) outcome: Outcome,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Outcome {
    #[error("was answered with {}{}", status(*code), quoted(said))]
    Status { code: u16, said: String },
    #[error("was not answered: {reason}")]
    NoAnswer { fault: Fault, reason: String },
    #[error("was answered with something that no registry answers: {0}")]
    NoRegistry(String),
    #[error("cannot be made: {0}")]
    NotSent(String),
}

/// Why there was no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// There is no way to the registry, or nobody at its end.
    Unreachable,
    /// The certificate is not one that we trust.
    Certificate,
    /// TLS was spoken to somebody who does not speak it.
    NoTls,
    /// It broke on the way.
    Broken,
}

/// What is read back is not what was pushed.
#[derive(Debug, thiserror::Error)]
#[error("`{repository}:{tag}` is {}, and {pushed} was pushed", found.map_or("not there".to_owned(), |digest| digest.to_string()))]
pub struct Altered {
    pub(super) repository: Repository,
    pub(super) tag: Tag,
    pub(super) pushed: Digest,
    pub(super) found: Option<Digest>,
}

impl Explain for Altered {
    fn help(&self) -> Vec<String> {
        vec![
            "somebody else may have pushed to that tag at the same time: run the command again".to_owned(),
            "a registry that changes manifests cannot be used: the mesh would refuse the digest".to_owned(),
        ]
    }
}

fn status(code: u16) -> String {
    let reason = reqwest::StatusCode::from_u16(code).ok().and_then(|status| status.canonical_reason());
    reason.map_or(code.to_string(), |reason| format!("{code} {reason}"))
}

fn quoted(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

impl Answer {
    pub(super) fn new(request: String, outcome: Outcome) -> Self {
        Answer { request, outcome }
    }

    /// The status of a response that is not the expected one, and what its body says.
    pub(super) async fn of_response(request: String, response: reqwest::Response) -> Self {
        let code = response.status().as_u16();
        let said = said(&response.text().await.unwrap_or_default());
        Answer::new(request, Outcome::Status { code, said })
    }

    /// What the client of registries tells. The request of an upload is known to it alone.
    pub(super) fn of(request: String, error: OciDistributionError) -> Self {
        match error {
            OciDistributionError::ServerError { code, url, message } => {
                let request = upload_request(&url).unwrap_or(request);
                Answer::new(request, Outcome::Status { code, said: said(&message) })
            }
            OciDistributionError::RequestError(error) => {
                let told = error.url().and_then(|url| upload_request(url.as_str()));
                Answer::of_client(told.unwrap_or(request), error)
            }
            other => Answer::new(request, Outcome::NoRegistry(tame(&other.to_string()))),
        }
    }

    /// What the client of HTTP tells.
    pub(super) fn of_client(request: String, error: reqwest::Error) -> Self {
        if let Some(status) = error.status() {
            return Answer::new(request, Outcome::Status { code: status.as_u16(), said: String::new() });
        }
        if error.is_builder() {
            return Answer::new(request, Outcome::NotSent(reason(&error.without_url())));
        }
        let fault = fault(&error);
        let reason =
            if error.is_timeout() { "it took too long".to_owned() } else { reason(&error.without_url()) };
        Answer::new(request, Outcome::NoAnswer { fault, reason })
    }

    /// Whether the same request may do better in a moment.
    pub(super) fn may_pass(&self) -> bool {
        match &self.outcome {
            Outcome::Status { code, .. } => matches!(code, 429 | 500 | 502 | 503 | 504),
            Outcome::NoAnswer { fault, .. } => *fault == Fault::Broken,
            _ => false,
        }
    }

    /// Takes out what shall not be shown, should the registry have sent it back.
    pub(super) fn without(mut self, secrets: &[String]) -> Self {
        let text = match &mut self.outcome {
            Outcome::Status { said, .. } => said,
            Outcome::NoAnswer { reason, .. } => reason,
            Outcome::NoRegistry(text) | Outcome::NotSent(text) => text,
        };
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            *text = text.replace(secret.as_str(), "***");
        }
        self
    }
}

/// An upload begins at a url of the specification and goes on at one that the registry chooses, in whose query
/// there may be a signature.
fn upload_request(url: &str) -> Option<String> {
    let url = url.split('?').next().filter(|url| url.contains("/blobs/uploads/"))?;
    let method = if url.ends_with("/uploads/") { "POST" } else { "PUT" };
    Some(format!("{method} {url}"))
}

fn fault(error: &reqwest::Error) -> Fault {
    match causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            Fault::Certificate
        }
        Some(rustls::Error::InvalidMessage(_)) => Fault::NoTls,
        _ if error.is_connect() => Fault::Unreachable,
        _ => Fault::Broken,
    }
}

/// The innermost cause: those around it say no more than that a request failed.
fn reason(error: &(dyn StdError + 'static)) -> String {
    causes(error).last().map(|cause| tame(&cause.to_string())).unwrap_or_default()
}

/// An error and what is behind it. An I/O error that wraps another one leaves that out of its sources.
fn causes<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        wrapped.map(|wrapped| wrapped as _).or_else(|| error.source())
    })
}

/// What a registry said: the messages of its JSON, or else its text.
fn said(body: &str) -> String {
    match serde_json::from_str::<OciEnvelope>(body) {
        Ok(envelope) => listed(&envelope),
        // A page for people tells a person at a terminal nothing.
        Err(_) if body.trim_start().starts_with('<') => String::new(),
        Err(_) => tame(body),
    }
}

fn listed(envelope: &OciEnvelope) -> String {
    let told = envelope.errors.iter().map(|error| {
        let code = serde_json::to_value(&error.code).ok();
        let code = code.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        if error.message.is_empty() { code } else { format!("{code}: {}", error.message) }
    });
    tame(&told.collect::<Vec<_>>().join("; "))
}

/// One line of bounded length, without what would speak to the terminal.
fn tame(text: &str) -> String {
    const LONGEST: usize = 300;
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

impl Explain for RegistryError {
    fn help(&self) -> Vec<String> {
        let (registry, path) = self.repository.parts();
        match &self.answer.outcome {
            Outcome::Status { code, .. } => self.help_for_status(*code, registry, path),
            Outcome::NoAnswer { fault, .. } => vec![match fault {
                Fault::Unreachable => {
                    format!(
                        "check that `{registry}` is the registry that is meant, that it runs, and that the network lets you reach it (HTTPS_PROXY, NO_PROXY)"
                    )
                }
                Fault::Certificate => "give the certificate of its authority: `--cacert FILE`".to_owned(),
                Fault::NoTls => {
                    "give `--plain-http` if the registry is meant to be used without encryption".to_owned()
                }
                Fault::Broken => {
                    "run the command again: what was uploaded already is not uploaded twice".to_owned()
                }
            }],
            Outcome::NoRegistry(_) => vec![no_registry(registry)],
            Outcome::NotSent(_) => Vec::new(),
        }
    }
}

fn no_registry(registry: &str) -> String {
    format!("check `image`: `{registry}` has to be a registry of container images")
}

impl RegistryError {
    fn help_for_status(&self, code: u16, registry: &str, path: &str) -> Vec<String> {
        let log_in = || format!("log in: `docker login {registry}` or `podman login {registry}`");
        let speaks_plain = self.answer.request.contains(" http://");
        match (code, self.task) {
            (400, Task::Connect) if speaks_plain => {
                vec!["give `--tls`, or `--cacert FILE`, if the registry speaks TLS".to_owned()]
            }
            (401, _) => match &self.who {
                None => vec![log_in(), "or give `--username NAME --password-stdin`".to_owned()],
                Some(who) => vec![
                    format!("the registry was told: {who}; check that they may push to `{path}`"),
                    log_in(),
                ],
            },
            (403, _) => vec![
                match &self.who {
                    Some(who) => format!("ask for the right to push to `{path}`, for {who}"),
                    None => log_in(),
                },
                format!("or create the repository `{path}`, where the registry makes none on a push"),
            ],
            (405, _) => vec![
                "a mirror, a cache and a registry under maintenance take no pushes: give the registry behind it with `--image`, and this name with `--pull-image`".to_owned(),
            ],
            (404, Task::Connect) | (300..400, _) => vec![no_registry(registry)],
            (404, _) => vec![format!("create the repository `{path}` in the registry, then run the command again")],
            (413, _) => vec!["the registry, or a proxy before it, has a limit for the size of a body: raise it".to_owned()],
            (429, _) => vec!["wait a while, then run the command again; a login may raise the limit".to_owned()],
            (400 | 406 | 415 | 422, Task::Tag) if self.variant == Some(Variant::Oci) => vec![
                "push a plain container image instead: `--variant compat`, or `variant = \"compat\"` in Cargo.toml".to_owned(),
                "or have the registry allow `application/vnd.module.wasm.config.v1+json` and `application/vnd.module.wasm.content.layer.v1+wasm` (Quay: ALLOWED_OCI_ARTIFACT_TYPES)".to_owned(),
            ],
            (500.., _) => vec!["the registry has a fault of its own: look at its log, or try again later".to_owned()],
            _ => Vec::new(),
        }
    }
}
