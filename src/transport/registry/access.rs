//! How a user wants a registry to be accessed.

use camino::Utf8PathBuf;

use crate::transport::registry::credentials::Login;

/// How to access a registry.
#[derive(Debug, Clone)]
pub struct Access {
    /// The login, unless those of `docker login` and `podman login` are to be used.
    pub login: Option<Login>,
    /// The protocol.
    pub protocol: Protocol,
}

/// The protocol of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protocol {
    /// Plain HTTP with this machine, TLS with every other one.
    Usual,
    /// Plain HTTP.
    Plain,
    /// TLS. The certificates in the file are trusted in addition to those of the system.
    Tls {
        /// Certificates in PEM.
        cacert: Option<Utf8PathBuf>,
    },
}

/// The rights in a repository that a token is requested for. Some token services refuse users who have only some
/// of the rights.
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
