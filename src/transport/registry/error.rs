//! Errors of requests to a registry, and what to do about them.

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
    /// The repository, with a tag or digest if there is one.
    pub(super) name: String,
    pub(super) repository: Repository,
    /// The user that we authenticated as.
    pub(super) who: Option<String>,
    #[source]
    pub(super) error: RequestError,
}

/// The purpose of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Connect,
    Read,
    Upload,
    /// With the variant of the image, because the registry may refuse only that variant.
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
    #[error("returned {}{}", status(*code), after_colon(message))]
    Status {
        code: u16,
        /// The registry's own words.
        message: String,
        /// How long the registry asks us to wait.
        retry_after: Option<Duration>,
    },
    #[error("got no response: {reason}")]
    NoResponse { fault: NetworkFault, reason: String },
    #[error("returned an unexpected response: {0}")]
    NotARegistry(String),
    #[error("was not sent: {0}")]
    NotSent(String),
}

/// Why there was no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NetworkFault {
    /// The host can't be reached, or nothing listens on the port.
    Unreachable,
    /// The certificate is not trusted.
    Certificate,
    /// The server uses the certificate of an authority, as `openssl req -x509` creates it.
    AuthorityAsServer,
    /// The server doesn't use TLS.
    NoTls,
    /// The connection broke.
    Broken,
    /// The request timed out.
    TimedOut,
    /// The registry redirects to a URL without TLS, or in a loop.
    Forbidden,
}

/// The manifest that was read back is not the one that was pushed.
#[derive(Debug, thiserror::Error)]
#[error("`{repository}:{tag}` is {}, but {pushed} was pushed", found.map_or("missing".to_owned(), |digest| digest.to_string()))]
pub struct Altered {
    pub(super) repository: Repository,
    pub(super) tag: Tag,
    pub(super) pushed: Digest,
    pub(super) found: Option<Digest>,
}

impl Explain for Altered {
    fn help(&self) -> Vec<String> {
        vec![
            "another process may have pushed to that tag at the same time: run the command again".to_owned(),
            "a registry that changes manifests can't be used, because the mesh would refuse the digest"
                .to_owned(),
        ]
    }
}

fn status(code: u16) -> String {
    let reason = reqwest::StatusCode::from_u16(code).ok().and_then(|status| status.canonical_reason());
    reason.map_or(code.to_string(), |reason| format!("{code} {reason}"))
}

fn after_colon(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

impl RequestError {
    pub(super) fn new(request: String, kind: RequestErrorKind) -> Self {
        RequestError { request, kind }
    }

    /// The error of the HTTP client.
    pub(super) fn of_client(request: String, error: reqwest::Error, secrets: &Secrets) -> Self {
        let fault = fault(&error);
        let reason = match fault {
            NetworkFault::TimedOut => "the request timed out".to_owned(),
            _ => secrets.redact(&reason(&error.without_url())),
        };
        RequestError::new(request, RequestErrorKind::NoResponse { fault, reason })
    }

    /// How long to wait before the same request may succeed, at least `pause`. Returns `None` if a retry won't help.
    pub(super) fn may_pass_after(&self, pause: Duration) -> Option<Duration> {
        match &self.kind {
            RequestErrorKind::Status { code: 429 | 500 | 502 | 503 | 504, retry_after, .. } => {
                let asked = retry_after.unwrap_or_default().max(pause);
                (asked <= LONGEST_PAUSE).then_some(asked)
            }
            RequestErrorKind::NoResponse { fault: NetworkFault::Broken, .. } => Some(pause),
            _ => None,
        }
    }
}

/// If the wait would be longer, the user gets the error instead.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Strings that must not be shown, even if a registry sends them back.
#[derive(Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// Adds a string in the forms in which it may come back: as it is, and escaped as in JSON.
    pub(super) fn add(&mut self, secret: &str) {
        let json = serde_json::Value::from(secret).to_string();
        let forms = [secret.to_owned(), json.trim_matches('"').to_owned(), one_line(secret)];
        self.0.extend(forms.into_iter().filter(|form| !form.is_empty()));
        // Longest first: replacing a secret that is part of another one would leave the rest of the longer one.
        self.0.sort_by_key(|form| std::cmp::Reverse(form.len()));
        self.0.dedup();
    }

    fn redact(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
    }

    /// The message in the body of an error response: the messages in its JSON, or else its text.
    pub(super) fn message(&self, body: &str) -> String {
        #[derive(Deserialize)]
        struct ErrorBody {
            errors: Vec<ErrorEntry>,
        }
        #[derive(Deserialize)]
        #[serde(default)]
        #[derive(Default)]
        struct ErrorEntry {
            code: String,
            message: String,
        }
        let body = self.redact(body);
        let text = match serde_json::from_str::<ErrorBody>(&body) {
            Ok(ErrorBody { errors }) => {
                let each = errors.iter().map(|ErrorEntry { code, message }| match (&**code, &**message) {
                    (code, "") => code.to_owned(),
                    ("", message) => message.to_owned(),
                    (code, message) => format!("{code}: {message}"),
                });
                each.collect::<Vec<_>>().join("; ")
            }
            // The source of a web page doesn't help at a terminal.
            Err(_) if body.trim_start().starts_with('<') => String::new(),
            Err(_) => body,
        };
        // The JSON may have contained a secret with other escapes.
        short(&self.redact(&one_line(&text)))
    }
}

fn fault(error: &reqwest::Error) -> NetworkFault {
    match causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        Some(error @ rustls::Error::InvalidCertificate(_))
            if error.to_string().contains("CaUsedAsEndEntity") =>
        {
            NetworkFault::AuthorityAsServer
        }
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            NetworkFault::Certificate
        }
        Some(rustls::Error::InvalidMessage(_)) => NetworkFault::NoTls,
        _ if error.is_timeout() => NetworkFault::TimedOut,
        _ if error.is_builder() || error.is_redirect() => NetworkFault::Forbidden,
        _ if error.is_connect() => NetworkFault::Unreachable,
        _ => NetworkFault::Broken,
    }
}

/// The innermost cause. The outer ones say only that a request failed.
fn reason(error: &(dyn StdError + 'static)) -> String {
    causes(error).last().map(|cause| short(&one_line(&cause.to_string()))).unwrap_or_default()
}

/// An error and its causes. An I/O error that wraps another one doesn't return it as its source.
fn causes<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        wrapped.map(|wrapped| wrapped as _).or_else(|| error.source())
    })
}

/// The text on one line, without control characters.
fn one_line(text: &str) -> String {
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
            RequestErrorKind::Status { code, message, .. } => {
                self.help_for_status(*code, message, registry, path)
            },
            RequestErrorKind::NoResponse { fault, .. } => vec![match fault {
                NetworkFault::Unreachable => format!(
                    "check that `{registry}` is the right registry, that it is running, and that your network allows access to it (HTTPS_PROXY, NO_PROXY)"
                ),
                NetworkFault::Certificate => "pass the certificate of its authority with `--cacert FILE`".to_owned(),
                NetworkFault::AuthorityAsServer => {
                    "have the authority issue a certificate for the server: the authority's own certificate can't be used for a server, even if it is trusted".to_owned()
                }
                NetworkFault::NoTls => {
                    "remove `--tls` and `--cacert`; if the registry is on another machine and doesn't use encryption, pass `--plain-http`".to_owned()
                }
                NetworkFault::Broken | NetworkFault::TimedOut => {
                    "run the command again: a blob that arrived is not uploaded twice".to_owned()
                }
                NetworkFault::Forbidden => {
                    format!("configure `{registry}` to return the URLs that its clients use")
                }
            }],
            RequestErrorKind::NotARegistry(_) => vec![not_a_registry(registry)],
            RequestErrorKind::NotSent(_) => Vec::new(),
        }
    }
}

fn not_a_registry(registry: &str) -> String {
    format!("check `image`: `{registry}` must be a container registry")
}

/// Whether the registry says that a tag can't be changed. Registries use different statuses for this.
fn is_immutable(code: u16, message: &str) -> bool {
    matches!(code, 409 | 412)
        || message.contains("TAG_INVALID")
        || message.to_lowercase().contains("immutable")
}

impl RegistryError {
    fn help_for_status(&self, code: u16, message: &str, registry: &str, path: &str) -> Vec<String> {
        let log_in = || format!("log in with `docker login {registry}` or `podman login {registry}`");
        let right = if self.task == Task::Read { "pull from and push to" } else { "push to" };
        let is_plain_http = self.error.request.contains(" http://");
        match (code, self.task) {
            (400, Task::Connect) if is_plain_http => {
                vec!["pass `--tls`, or `--cacert FILE`, if the registry uses TLS".to_owned()]
            }
            (401, _) => match &self.who {
                None => vec![log_in(), "or pass `--username NAME --password-stdin`".to_owned()],
                Some(who) => vec![
                    format!(
                        "the registry rejected {who}: check the username, the password, and the right to {right} `{path}`"
                    ),
                    log_in(),
                ],
            },
            (403, _) => vec![
                match &self.who {
                    Some(who) => format!("ask for the right to {right} `{path}` for {who}"),
                    None => log_in(),
                },
                format!("or create the repository `{path}` if the registry doesn't create it on a push"),
            ],
            (400..500, Task::Tag(_)) if is_immutable(code, message) => vec![
                "the registry doesn't allow this tag to change: increase `version` in Cargo.toml, or push under another tag with `--tag`".to_owned(),
            ],
            (405, _) => vec![
                "mirrors, caches and registries under maintenance don't accept pushes: pass the registry behind it with `--image`, and this name with `--pull-image`".to_owned(),
            ],
            (404, Task::Connect) | (300..400, _) => vec![not_a_registry(registry)],
            (404, _) => {
                vec![format!("create the repository `{path}` in the registry, then run the command again")]
            }
            (413, _) => {
                vec!["raise the limit for the size of a request body in the registry, or in a proxy in front of it".to_owned()]
            }
            (429, _) => {
                vec!["wait a while, then run the command again; logging in may raise the limit".to_owned()]
            }
            (400 | 406 | 415 | 422, Task::Tag(Variant::Oci)) => vec![
                "push a plain container image instead: `--variant compat`, or `variant = \"compat\"` in Cargo.toml".to_owned(),
                "or configure the registry to allow `application/vnd.module.wasm.config.v1+json` and `application/vnd.module.wasm.content.layer.v1+wasm` (Quay: ALLOWED_OCI_ARTIFACT_TYPES)".to_owned(),
            ],
            (500.., _) => {
                vec!["the registry failed: look at its log, or try again later".to_owned()]
            }
            _ => Vec::new(),
        }
    }
}
