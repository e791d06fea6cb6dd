//! runtime-config.json: what the module is, for tools that read it. No proxy does; the two-layer variant
//! has it because a proxy counts the layers.

use std::fmt::Display;

use serde::Serialize;

use crate::image::json::canonical_json;

/// The content of runtime-config.json, with the names that its readers take.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuntimeConfig {
    #[serde(rename = "type")]
    kind: &'static str,
    abi_versions: Vec<String>,
    config: Config,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    root_ids: Vec<String>,
}

impl RuntimeConfig {
    /// The configuration of a module of that ABI (`0.2.1`) that answers to these root ids.
    pub fn new(abi: Option<impl Display>, root_ids: &[String]) -> Self {
        RuntimeConfig {
            kind: "envoy_proxy",
            abi_versions: abi.iter().map(|abi| format!("v{abi}")).collect(),
            config: Config { root_ids: root_ids.to_vec() },
        }
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical_json(self)
    }
}
