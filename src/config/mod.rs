//! Settings: what `[package.metadata.wasmplugin]`, its workspace and the command line say of a package.
//!
//! A flag beats the package, the package beats the workspace, the workspace beats the default.

mod cargo_toml;
mod choice;
mod settings;

pub use crate::image::Variant;
pub use cargo_toml::{CargoToml, Section, known_rule};
pub use choice::{Choice, Optimize, Target};
pub use settings::{PartialSettings, Settings};
