//! Runs the program as a user does, with the real tools: cargo, rustc for wasm32, Envoy, umoci and skopeo.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

mod access;
mod advice;
mod beside_cargo;
mod cases;
mod certificates;
mod children;
mod cuts;
mod disk;
mod docs;
mod envoy;
mod faults;
mod foreign;
mod help;
mod hostile;
mod image;
mod init;
mod kinds;
mod logins;
mod members;
mod new;
mod optimizer;
mod output;
mod patience;
mod places;
mod publish;
mod registries;
mod reproducible;
mod resolve;
mod rustflags;
mod swap;
mod tidy;
mod toolchain;
mod trust;
mod variables;
mod yaml;
