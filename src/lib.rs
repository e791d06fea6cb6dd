//! From a Proxy-Wasm filter crate to an artifact that a service mesh loads.

pub mod context;
pub mod digest;
pub mod error;
pub mod findings;
pub mod process;
pub mod resource;
pub mod shell;
