//! What a user says of the way into a registry.

use camino::Utf8PathBuf;

use crate::transport::registry::credentials::Login;

/// How to get into a registry.
#[derive(Debug, Clone)]
pub struct Access {
    /// Who we are, if that is not what `docker login` and `podman login` left.
    pub login: Option<Login>,
    /// The protocol that is spoken.
    pub protocol: Protocol,
}

/// What is spoken with a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protocol {
    /// Plain HTTP with this machine, TLS with every other one.
    Usual,
    /// Plain HTTP.
    Plain,
    /// TLS; the certificates in the file count beside those of the system.
    Tls {
        /// Certificates in PEM.
        cacert: Option<Utf8PathBuf>,
    },
}

/// The rights in a repository that a token is asked for. Some services give no token at all to somebody who has
/// not all of the rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// To read.
    Pull,
    /// To read and to write.
    Push,
}

impl Scope {
    /// The actions, as the specification of tokens spells them.
    pub(super) fn actions(self) -> &'static str {
        match self {
            Scope::Pull => "pull",
            Scope::Push => "pull,push",
        }
    }
}
