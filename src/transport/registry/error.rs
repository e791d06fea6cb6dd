//! Why a request to a registry failed, and what to do about it.

use std::error::Error as StdError;
use std::time::Duration;

use serde::Deserialize;

use crate::digest::Digest;
use crate::error::Explain;
use crate::image::Variant;
use crate::reference::{Repository, Tag};

/// A request to a registry failed.
#[derive(Debug, thiserror::Error)]
#[error("could not {task} `{name}`")]
pub struct RegistryError {
    pub(super) task: Task,
    /// The repository, with its tag or digest if there is one.
    pub(super) name: String,
    pub(super) repository: Repository,
    /// As whom we authenticated.
    pub(super) who: Option<String>,
    #[source]
    pub(super) error: RequestError,
}

/// What a request was for.
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

/// A request that failed.
#[derive(Debug, thiserror::Error)]
#[error("`{request}` {kind}")]
pub(super) struct RequestError {
    /// The method and the URL, without its query.
    pub(super) request: String,
    pub(super) kind: RequestErrorKind,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum RequestErrorKind {
    #[error("was answered with {}{}", status(*code), quoted(said))]
    Status {
        code: u16,
        said: String,
        /// How long the registry asks us to wait.
        retry_after: Option<Duration>,
    },
    #[error("got no response: {reason}")]
    NoResponse { fault: Fault, reason: String },
    #[error("got something else than a registry's response: {0}")]
    NotARegistry(String),
    #[error("cannot be made: {0}")]
    NotSent(String),
}

/// Why there was no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The registry cannot be reached, or nothing listens there.
    Unreachable,
    /// The certificate is not trusted.
    Certificate,
    /// The server's certificate is one of an authority, as `openssl req -x509` makes it.
    AuthorityAsServer,
    /// The server does not speak TLS.
    NoTls,
    /// The connection broke.
    Broken,
    /// It took too long.
    TimedOut,
    /// The registry redirects to a URL without TLS, or in circles.
    Forbidden,
}

/// What was read back is not what was pushed.
#[derive(Debug, thiserror::Error)]
#[error("`{repository}:{tag}` is {}, and {pushed} was pushed", found.map_or("missing".to_owned(), |digest| digest.to_string()))]
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
            "a registry that changes manifests cannot be used, because the mesh would refuse the digest"
                .to_owned(),
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

impl RequestError {
    pub(super) fn new(request: String, kind: RequestErrorKind) -> Self {
        RequestError { request, kind }
    }

    /// The error of the HTTP client.
    pub(super) fn of_client(request: String, error: reqwest::Error, secrets: &Secrets) -> Self {
        let fault = fault(&error);
        let reason = match fault {
            Fault::TimedOut => "it took too long".to_owned(),
            _ => secrets.redact(&reason(&error.without_url())),
        };
        RequestError::new(request, RequestErrorKind::NoResponse { fault, reason })
    }

    /// How long to wait until the same request may succeed, which is at least `pause`. Returns `None` if it never will.
    pub(super) fn may_pass_after(&self, pause: Duration) -> Option<Duration> {
        match &self.kind {
            RequestErrorKind::Status { code: 429 | 500 | 502 | 503 | 504, retry_after, .. } => {
                let asked = retry_after.unwrap_or_default().max(pause);
                (asked <= LONGEST_PAUSE).then_some(asked)
            }
            RequestErrorKind::NoResponse { fault: Fault::Broken, .. } => Some(pause),
            _ => None,
        }
    }
}

/// Instead of a longer wait, the user gets the error.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What must not be shown, even if a registry sends it back.
#[derive(Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// Adds a text in the forms in which it may come back: as it is, and as in JSON.
    pub(super) fn add(&mut self, secret: &str) {
        let json = serde_json::Value::from(secret).to_string();
        let forms = [secret.to_owned(), json.trim_matches('"').to_owned(), tame(secret)];
        self.0.extend(forms.into_iter().filter(|form| !form.is_empty()));
        // Otherwise one that is part of another would leave the rest of it.
        self.0.sort_by_key(|form| std::cmp::Reverse(form.len()));
        self.0.dedup();
    }

    fn redact(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
    }

    /// What the body of a response says: the messages in its JSON, or else its text.
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
            // The source of a web page is of no use at a terminal.
            Err(_) if body.trim_start().starts_with('<') => String::new(),
            Err(_) => body,
        };
        // The JSON may have contained a secret in an escaped form.
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

/// The innermost cause. Those around it say only that a request failed.
fn reason(error: &(dyn StdError + 'static)) -> String {
    causes(error).last().map(|cause| short(&tame(&cause.to_string()))).unwrap_or_default()
}

/// An error and its causes. An I/O error that wraps another one does not list that as its source.
fn causes<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        wrapped.map(|wrapped| wrapped as _).or_else(|| error.source())
    })
}

/// One line, without control characters.
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
        match &self.error.kind {
            RequestErrorKind::Status { code, said, .. } => self.help_for_status(*code, said, registry, path),
            RequestErrorKind::NoResponse { fault, .. } => vec![match fault {
                Fault::Unreachable => format!(
                    "check that `{registry}` is the right registry, that it runs, and that the network lets you reach it (HTTPS_PROXY, NO_PROXY)"
                ),
                Fault::Certificate => "give the certificate of its authority: `--cacert FILE`".to_owned(),
                Fault::AuthorityAsServer => {
                    "have the authority issue a certificate for the server: its own certificate is not one, even if it is trusted".to_owned()
                }
                Fault::NoTls => {
                    "leave out `--tls` and `--cacert`; for a registry on another machine give `--plain-http` if it has no encryption".to_owned()
                }
                Fault::Broken | Fault::TimedOut => {
                    "run the command again: a blob that arrived is not uploaded twice".to_owned()
                }
                Fault::Forbidden => {
                    format!("have `{registry}` name its own URLs as they are reached from here")
                }
            }],
            RequestErrorKind::NotARegistry(_) => vec![no_registry(registry)],
            RequestErrorKind::NotSent(_) => Vec::new(),
        }
    }
}

fn no_registry(registry: &str) -> String {
    format!("check `image`: `{registry}` must be a container registry")
}

/// Whether a tag cannot be changed. Registries use different statuses to say so.
fn is_immutable(code: u16, said: &str) -> bool {
    matches!(code, 409 | 412) || said.contains("TAG_INVALID") || said.to_lowercase().contains("immutable")
}

impl RegistryError {
    fn help_for_status(&self, code: u16, said: &str, registry: &str, path: &str) -> Vec<String> {
        let log_in = || format!("log in: `docker login {registry}` or `podman login {registry}`");
        let right = if self.task == Task::Read { "pull from and push to" } else { "push to" };
        let speaks_plain = self.error.request.contains(" http://");
        match (code, self.task) {
            (400, Task::Connect) if speaks_plain => {
                vec!["give `--tls`, or `--cacert FILE`, if the registry speaks TLS".to_owned()]
            }
            (401, _) => match &self.who {
                None => vec![log_in(), "or give `--username NAME --password-stdin`".to_owned()],
                Some(who) => vec![
                    format!(
                        "the registry does not accept {who}: check the name and the password, and that they may {right} `{path}`"
                    ),
                    log_in(),
                ],
            },
            (403, _) => vec![
                match &self.who {
                    Some(who) => format!("ask for the right to {right} `{path}`, for {who}"),
                    None => log_in(),
                },
                format!("or create the repository `{path}`, if the registry does not create it on a push"),
            ],
            (400..500, Task::Tag(_)) if is_immutable(code, said) => vec![
                "the registry does not let this tag change: raise `version` in Cargo.toml, or push under another tag with `--tag`".to_owned(),
            ],
            (405, _) => vec![
                "mirrors, caches and registries under maintenance accept no pushes: give the registry behind it with `--image`, and this name with `--pull-image`".to_owned(),
            ],
            (404, Task::Connect) | (300..400, _) => vec![no_registry(registry)],
            (404, _) => {
                vec![format!("create the repository `{path}` in the registry, then run the command again")]
            }
            (413, _) => {
                vec!["raise the limit for the size of a request body in the registry, or in a proxy before it".to_owned()]
            }
            (429, _) => {
                vec!["wait a while, then run the command again; a login may raise the limit".to_owned()]
            }
            (400 | 406 | 415 | 422, Task::Tag(Variant::Oci)) => vec![
                "push a plain container image instead: `--variant compat`, or `variant = \"compat\"` in Cargo.toml".to_owned(),
                "or have the registry allow `application/vnd.module.wasm.config.v1+json` and `application/vnd.module.wasm.content.layer.v1+wasm` (Quay: ALLOWED_OCI_ARTIFACT_TYPES)".to_owned(),
            ],
            (500.., _) => {
                vec!["the registry has failed: look at its log, or try again later".to_owned()]
            }
            _ => Vec::new(),
        }
    }
}
