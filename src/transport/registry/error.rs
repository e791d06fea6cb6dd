//! Errors of requests to a registry, and what to do about them.

use std::error::Error as StdError;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError};

use crate::digest::Digest;
use crate::error::Explain;
use crate::image::Variant;
use crate::reference::{Repository, Tag};
use crate::transport::registry::message::{one_line, short};
use crate::transport::registry::resolver::LocalName;
use crate::transport::registry::secrets::Secrets;

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
    #[error("leads to {0}")]
    Elsewhere(Elsewhere),
    #[error("was not sent: {0}")]
    NotSent(String),
}

/// A URL from a registry that no request may be sent to.
#[derive(Debug, thiserror::Error)]
pub(super) enum Elsewhere {
    #[error("`{0}`, which isn't encrypted")]
    Plain(String),
    /// Otherwise, a registry could use this program to access services that only this machine can access.
    #[error("`{0}`, which is local to this machine, but the registry isn't")]
    Local(String),
    #[error("`{0}`, another server, which must not see the credentials")]
    Foreign(String),
    #[error("more than {0} redirects")]
    Loop(usize),
}

/// Why there was no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NetworkFault {
    /// The host can't be reached, or nothing listens on the port.
    Unreachable,
    /// The certificate is not trusted.
    Certificate,
    /// The certificate has expired, or isn't valid yet.
    CertificateTime,
    /// The certificate is for another host.
    CertificateName,
    /// The server asks for a certificate of the client.
    ClientCertificate,
    /// The server doesn't use TLS.
    NoTls,
    /// The server doesn't use HTTP.
    NotHttp,
    /// The proxy asks for a login.
    ProxyLogin,
    /// The connection broke.
    Broken,
    /// The request timed out.
    TimedOut,
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
        if let Some(LocalName(name)) = causes(&error).find_map(|cause| cause.downcast_ref()) {
            return RequestError::new(request, RequestErrorKind::Elsewhere(Elsewhere::Local(name.clone())));
        }
        let fault = fault(&error);
        let reason = match fault {
            NetworkFault::TimedOut => "the request timed out".to_owned(),
            _ => secrets.redact(&reason(&error.without_url())),
        };
        RequestError::new(request, RequestErrorKind::NoResponse { fault, reason })
    }

    /// A transfer that was given up.
    pub(super) fn stalled(request: String) -> Self {
        let reason = "the transfer made no progress".to_owned();
        RequestError::new(request, RequestErrorKind::NoResponse { fault: NetworkFault::TimedOut, reason })
    }

    /// Whether the same request may succeed later.
    pub(super) fn is_temporary(&self) -> bool {
        match &self.kind {
            RequestErrorKind::Status { code, .. } => is_temporary(*code) || self.needs_blobs(),
            RequestErrorKind::NoResponse { fault, .. } => *fault == NetworkFault::Broken,
            _ => false,
        }
    }

    /// Whether a blob, or what was uploaded of it, is not in the registry any more: another process may have removed
    /// it, or not all servers behind a name know it yet.
    pub(super) fn needs_blobs(&self) -> bool {
        self.says("MANIFEST_BLOB_UNKNOWN") || self.says("BLOB_UPLOAD_UNKNOWN")
    }

    /// Whether a blob that was uploaded is not in the registry.
    pub(super) fn lost_a_blob(&self) -> bool {
        let is_missing = matches!(self.kind, RequestErrorKind::Status { code: 404, .. });
        self.needs_blobs() || (is_missing && self.request.contains("/blobs/sha256:"))
    }

    fn says(&self, code: &str) -> bool {
        matches!(&self.kind, RequestErrorKind::Status { message, .. } if message.contains(code))
    }

    /// How long the registry asks us to wait.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self.kind {
            RequestErrorKind::Status { retry_after, .. } => retry_after,
            _ => None,
        }
    }
}

/// Whether a response with this status can differ if the request is made again.
pub(super) fn is_temporary(status: u16) -> bool {
    // Not implemented, HTTP version not supported, insufficient storage, loop detected, login to the network required.
    const FINAL: [u16; 5] = [501, 505, 507, 508, 511];
    matches!(status, 408 | 425 | 429) || ((500..600).contains(&status) && !FINAL.contains(&status))
}

fn fault(error: &reqwest::Error) -> NetworkFault {
    let text = causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ");
    match causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(error)) => certificate_fault(error),
        Some(rustls::Error::NoCertificatesPresented | rustls::Error::General(_)) => NetworkFault::Certificate,
        Some(rustls::Error::AlertReceived(alert)) if wants_certificate(*alert) => {
            NetworkFault::ClientCertificate
        }
        Some(rustls::Error::InvalidMessage(_)) => NetworkFault::NoTls,
        _ if error.is_timeout() => NetworkFault::TimedOut,
        _ if text.contains("proxy auth") => NetworkFault::ProxyLogin,
        _ if error.is_connect() => NetworkFault::Unreachable,
        _ if text.contains("invalid HTTP") => NetworkFault::NotHttp,
        _ => NetworkFault::Broken,
    }
}

fn certificate_fault(error: &CertificateError) -> NetworkFault {
    match error {
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => NetworkFault::CertificateTime,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            NetworkFault::CertificateName
        }
        _ => NetworkFault::Certificate,
    }
}

/// Servers with TLS 1.2 have no alert of their own for a missing certificate.
fn wants_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::HandshakeFailure
    )
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
