//! The user's choices for accessing a registry.

use std::time::Duration;

use camino::Utf8PathBuf;

use crate::transport::registry::credential::Credential;

/// How to access registries. It is the same for all packages.
#[derive(Debug, Clone)]
pub struct Access {
    /// The login. If it is `None`, the logins of `docker login` and `podman login` are used.
    pub login: Option<Credential>,
    /// The certificate of the client. If it is `None`, one from `certs.d` is used.
    pub certificate: Option<CertificateFiles>,
    /// Whether every certificate of a server is accepted.
    pub skips_verification: bool,
    /// How long a request that failed temporarily is retried.
    pub patience: Duration,
}

/// A certificate and its private key, in PEM format.
#[derive(Debug, Clone)]
pub struct CertificateFiles {
    pub certificate: Utf8PathBuf,
    /// It can be the same file.
    pub key: Utf8PathBuf,
}

/// How the connection to one registry is secured.
#[derive(Debug, Clone)]
pub struct Security {
    pub protocol: Protocol,
    /// Certificates in PEM format that are trusted in addition to the system's.
    pub cacert: Option<Utf8PathBuf>,
}

/// The protocol of a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Plain HTTP on this machine if there are no certificates for the registry, TLS otherwise.
    Usual,
    Plain,
    Tls,
}

/// The rights that a token is requested for. Some token services refuse users who have only some of the requested
/// rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Pull,
    Push,
}

impl Scope {
    /// The actions, as spelled in the token specification.
    pub(super) fn actions(self) -> &'static str {
        match self {
            Scope::Pull => "pull",
            Scope::Push => "pull,push",
        }
    }
}
