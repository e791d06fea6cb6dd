//! The settings of a package: from flags, `[package.metadata.wasmplugin]`, `[workspace.metadata.wasmplugin]` and
//! defaults, in this order of priority.

mod cargo_toml;
mod choice;
mod settings;

pub use crate::image::Variant;
pub use cargo_toml::{CargoToml, Section};
pub use choice::{Choice, Optimize, Target};
pub use settings::{PartialSettings, Settings};
