//! Registries, as the OCI distribution specification defines them.

mod access;
mod auth;
mod client;
mod connection;
mod credentials;
mod download;
mod error;
mod session;
mod upload;

pub use access::{Access, Protocol, Scope};
pub use connection::ConnectionError;
pub use credentials::{CredentialError, Login, Secret};
pub use error::{Altered, RegistryError};
pub use session::Registry;
