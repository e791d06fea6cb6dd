//! How cargo is asked to build.

use std::ffi::OsString;

/// Options for `cargo build`.
#[derive(Debug, Clone, Default)]
pub struct CargoOptions {
    /// `--profile`, if the user selected one.
    pub profile: Option<String>,
    /// Whether network access is forbidden.
    pub offline: bool,
    /// Options that are passed on to cargo: `--features`, `--locked`, `--config`, `-j` and others.
    pub args: Vec<OsString>,
    /// The values of `--config` among them.
    pub config: Vec<String>,
}
