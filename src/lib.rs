//! From a Proxy-Wasm filter crate to an artifact that a service mesh loads.

pub mod check;
pub mod error;
pub mod findings;
pub mod wasm;
