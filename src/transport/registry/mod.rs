//! Registries, as defined by the OCI distribution specification.

mod access;
mod advice;
mod auth;
mod auth_file;
mod certificates;
mod client;
mod connection;
mod credential;
mod credentials;
mod download;
mod error;
mod message;
mod patience;
mod proxies;
mod resolver;
mod secrets;
mod session;
mod tls;
mod upload;

pub use access::{Access, CertificateFiles, Protocol, Scope, Security};
pub use credential::{Credential, Login, Secret};
pub use session::Registry;

// The fuzzer calls these.
pub use auth::{Challenge, token};
pub use message::of_body;
pub use secrets::Secrets;
