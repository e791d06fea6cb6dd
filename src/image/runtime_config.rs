//! runtime-config.json, which describes the module to tools. Proxies don't read it. The `oci` variant contains it
//! because proxies require exactly two layers.

use std::fmt::Display;

use serde::Serialize;

use crate::image::json::canonical_json;

/// The content of runtime-config.json, with the field names that tools expect.
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
    /// The configuration of a module with that ABI version (`0.2.1`) and these root IDs.
    pub fn new(abi: Option<impl Display>, root_ids: &[String]) -> Self {
        RuntimeConfig {
            kind: "envoy_proxy",
            abi_versions: abi.iter().map(|abi| format!("v{abi}")).collect(),
            config: Config { root_ids: root_ids.to_vec() },
        }
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical_json(self)
    }
}
