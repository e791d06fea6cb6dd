//! What a registry answered where it did not do what it was asked, and what to do about it.

use std::error::Error as StdError;
use std::time::Duration;

use serde::Deserialize;

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
    #[source]
    pub(super) answer: Answer,
}

/// What a registry was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Connect,
    Read,
    Upload,
    /// With the variant of the image, which may be what is refused.
    Tag(Variant),
}

impl std::fmt::Display for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Task::Connect => "use the registry of",
            Task::Read => "read",
            Task::Upload => "upload a blob to",
            Task::Tag(_) => "write the manifest of",
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
    Status {
        code: u16,
        said: String,
        /// How long the registry wants to be left alone.
        retry_after: Option<Duration>,
    },
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
    /// The certificate is that of an authority, as `openssl req -x509` makes it.
    AuthorityAsServer,
    /// TLS was spoken to somebody who does not speak it.
    NoTls,
    /// It broke on the way.
    Broken,
    /// It took too long.
    TimedOut,
    /// The registry leads out of TLS, or in circles.
    Forbidden,
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

    /// What the client of HTTP tells.
    pub(super) fn of_client(request: String, error: reqwest::Error, secrets: &Secrets) -> Self {
        let fault = fault(&error);
        let reason = match fault {
            Fault::TimedOut => "it took too long".to_owned(),
            _ => secrets.redact(&reason(&error.without_url())),
        };
        Answer::new(request, Outcome::NoAnswer { fault, reason })
    }

    /// How long to wait until the same request may do better, where `pause` is what we would wait by ourselves.
    pub(super) fn may_pass_after(&self, pause: Duration) -> Option<Duration> {
        match &self.outcome {
            Outcome::Status { code: 429 | 500 | 502 | 503 | 504, retry_after, .. } => {
                let asked = retry_after.unwrap_or_default().max(pause);
                (asked <= LONGEST_PAUSE).then_some(asked)
            }
            Outcome::NoAnswer { fault: Fault::Broken, .. } => Some(pause),
            _ => None,
        }
    }
}

/// Whoever waits for longer than this would rather be told.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What must not be shown, should a registry send it back.
#[derive(Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// Adds a text in the forms in which it may come back: as it is, and as JSON has it.
    pub(super) fn add(&mut self, secret: &str) {
        let json = serde_json::Value::from(secret).to_string();
        let forms = [secret.to_owned(), json.trim_matches('"').to_owned(), tame(secret)];
        self.0.extend(forms.into_iter().filter(|form| !form.is_empty()));
        // Else one that is part of another would leave the rest of it.
        self.0.sort_by_key(|form| std::cmp::Reverse(form.len()));
        self.0.dedup();
    }

    fn redact(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
    }

    /// What the body of an answer says: the messages of its JSON, or else its text.
    pub(super) fn said(&self, body: &str) -> String {
        #[derive(Deserialize)]
        struct Complaints {
            errors: Vec<Complaint>,
        }
        #[derive(Deserialize)]
        #[serde(default)]
        #[derive(Default)]
        struct Complaint {
            code: String,
            message: String,
        }
        let body = self.redact(body);
        let told = match serde_json::from_str::<Complaints>(&body) {
            Ok(Complaints { errors }) => {
                let each = errors.iter().map(|Complaint { code, message }| match (&**code, &**message) {
                    (code, "") => code.to_owned(),
                    ("", message) => message.to_owned(),
                    (code, message) => format!("{code}: {message}"),
                });
                each.collect::<Vec<_>>().join("; ")
            }
            // A page for people tells a person at a terminal nothing.
            Err(_) if body.trim_start().starts_with('<') => String::new(),
            Err(_) => body,
        };
        // JSON may have held a secret in a form of its own.
        short(&self.redact(&tame(&told)))
    }
}

fn fault(error: &reqwest::Error) -> Fault {
    match causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        Some(error @ rustls::Error::InvalidCertificate(_))
            if error.to_string().contains("CaUsedAsEndEntity") =>
        {
            Fault::AuthorityAsServer
        }
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            Fault::Certificate
        }
        Some(rustls::Error::InvalidMessage(_)) => Fault::NoTls,
        _ if error.is_timeout() => Fault::TimedOut,
        _ if error.is_builder() || error.is_redirect() => Fault::Forbidden,
        _ if error.is_connect() => Fault::Unreachable,
        _ => Fault::Broken,
    }
}

/// The innermost cause: those around it say no more than that a request failed.
fn reason(error: &(dyn StdError + 'static)) -> String {
    causes(error).last().map(|cause| short(&tame(&cause.to_string()))).unwrap_or_default()
}

/// An error and what is behind it. An I/O error that wraps another one leaves that out of its sources.
fn causes<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        wrapped.map(|wrapped| wrapped as _).or_else(|| error.source())
    })
}

/// One line, without what would speak to the terminal.
fn tame(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn short(line: &str) -> String {
    const LONGEST: usize = 300;
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line.to_owned(),
    }
}

impl Explain for RegistryError {
    fn help(&self) -> Vec<String> {
        let (registry, path) = self.repository.parts();
        match &self.answer.outcome {
            Outcome::Status { code, said, .. } => self.help_for_status(*code, said, registry, path),
            Outcome::NoAnswer { fault, .. } => vec![match fault {
                Fault::Unreachable => format!(
                    "check that `{registry}` is the registry that is meant, that it runs, and that the network lets you reach it (HTTPS_PROXY, NO_PROXY)"
                ),
                Fault::Certificate => "give the certificate of its authority: `--cacert FILE`".to_owned(),
                Fault::AuthorityAsServer => {
                    "have the authority issue a certificate for the server: its own is none, even where it is trusted".to_owned()
                }
                Fault::NoTls => {
                    "leave out `--tls` and `--cacert`; on another machine give `--plain-http` if it is meant to be used without encryption".to_owned()
                }
                Fault::Broken | Fault::TimedOut => {
                    "run the command again: a blob that arrived is not uploaded twice".to_owned()
                }
                Fault::Forbidden => {
                    format!("have `{registry}` name its own urls as they are reached from here")
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

/// Whether a tag cannot be changed: each registry says so by another status.
fn is_immutable(code: u16, said: &str) -> bool {
    matches!(code, 409 | 412) || said.contains("TAG_INVALID") || said.to_lowercase().contains("immutable")
}

impl RegistryError {
    fn help_for_status(&self, code: u16, said: &str, registry: &str, path: &str) -> Vec<String> {
        let log_in = || format!("log in: `docker login {registry}` or `podman login {registry}`");
        let right = if self.task == Task::Read { "pull from and push to" } else { "push to" };
        let speaks_plain = self.answer.request.contains(" http://");
        match (code, self.task) {
            (400, Task::Connect) if speaks_plain => {
                vec!["give `--tls`, or `--cacert FILE`, if the registry speaks TLS".to_owned()]
            }
            (401, _) => match &self.who {
                None => vec![log_in(), "or give `--username NAME --password-stdin`".to_owned()],
                Some(who) => vec![
                    format!(
                        "the registry does not take {who}: check the name and the password, and that they may {right} `{path}`"
                    ),
                    log_in(),
                ],
            },
            (403, _) => vec![
                match &self.who {
                    Some(who) => format!("ask for the right to {right} `{path}`, for {who}"),
                    None => log_in(),
                },
                format!("or create the repository `{path}`, where the registry makes none on a push"),
            ],
            (400..500, Task::Tag(_)) if is_immutable(code, said) => vec![
                "the registry does not let this tag change: raise `version` in Cargo.toml, or push under another tag with `--tag`".to_owned(),
            ],
            (405, _) => vec![
                "a mirror, a cache and a registry under maintenance take no pushes: give the registry behind it with `--image`, and this name with `--pull-image`".to_owned(),
            ],
            (404, Task::Connect) | (300..400, _) => vec![no_registry(registry)],
            (404, _) => {
                vec![format!("create the repository `{path}` in the registry, then run the command again")]
            }
            (413, _) => {
                vec!["the registry, or a proxy before it, has a limit for the size of a body: raise it".to_owned()]
            }
            (429, _) => {
                vec!["wait a while, then run the command again; a login may raise the limit".to_owned()]
            }
            (400 | 406 | 415 | 422, Task::Tag(Variant::Oci)) => vec![
                "push a plain container image instead: `--variant compat`, or `variant = \"compat\"` in Cargo.toml".to_owned(),
                "or have the registry allow `application/vnd.module.wasm.config.v1+json` and `application/vnd.module.wasm.content.layer.v1+wasm` (Quay: ALLOWED_OCI_ARTIFACT_TYPES)".to_owned(),
            ],
            (500.., _) => {
                vec!["the registry has a fault of its own: look at its log, or try again later".to_owned()]
            }
            _ => Vec::new(),
        }
    }
}
