//! How cargo is asked to build.

use std::ffi::OsString;

/// How cargo is asked to build.
#[derive(Debug, Clone, Default)]
pub struct CargoOptions {
    /// `--profile`, where the user chose one.
    pub profile: Option<String>,
    /// Whether the network is forbidden.
    pub offline: bool,
    /// What cargo is given as it is: `--features`, `--locked`, `--config`, `-j` and their like.
    pub args: Vec<OsString>,
    /// The values of `--config` among them.
    pub config: Vec<String>,
}
