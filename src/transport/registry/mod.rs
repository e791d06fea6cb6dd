//! Registries, as defined by the OCI distribution specification.

mod access;
mod advice;
mod auth;
mod client;
mod connection;
mod credentials;
mod download;
mod error;
mod message;
mod patience;
mod proxies;
mod secrets;
mod session;
mod tls;
mod upload;

pub use access::{Access, Protocol, Scope};
pub use credentials::{Login, Secret};
pub use session::Registry;
