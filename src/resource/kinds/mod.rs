//! A file for each kind.

pub(super) mod envoy;
pub(super) mod envoy_extension_policy;
pub(super) mod traffic_extension;
pub(super) mod wasm_plugin;
