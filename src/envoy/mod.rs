//! Configuration of Envoy itself.

pub mod bootstrap;
