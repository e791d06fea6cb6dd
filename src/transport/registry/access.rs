//! The user's choices for accessing a registry.

use std::time::Duration;

use camino::Utf8PathBuf;

use crate::transport::registry::credential::Login;

/// How to access a registry.
#[derive(Debug, Clone)]
pub struct Access {
    /// The login. If it is `None`, the logins of `docker login` and `podman login` are used.
    pub login: Option<Login>,
    pub protocol: Protocol,
    /// Certificates in PEM format that are trusted in addition to the system's.
    pub cacert: Option<Utf8PathBuf>,
    /// How long a request that failed temporarily is retried.
    pub patience: Duration,
}

/// The protocol of a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Plain HTTP on this machine, TLS everywhere else.
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
