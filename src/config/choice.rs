//! Settings with a fixed set of values.

use crate::check::levels::Level;
use crate::image::Variant;
use crate::resource::{KINDS, Kind};

/// A setting with a fixed set of values.
pub trait Choice: Copy + PartialEq + 'static {
    /// The names of all values, in the order of the help.
    const ALL: &'static [(&'static str, Self)];

    /// The value with this name.
    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, choice)| *choice)
    }

    /// The name of this value.
    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, choice)| *choice == self).map_or("", |(name, _)| name)
    }

    /// The names of all values, in the order of the help.
    fn names() -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().map(|(name, _)| *name)
    }
}

impl Choice for Variant {
    const ALL: &'static [(&'static str, Self)] = &[("oci", Variant::Oci), ("compat", Variant::Compat)];
}

impl Choice for Kind {
    const ALL: &'static [(&'static str, Self)] = KINDS;
}

impl Choice for Level {
    const ALL: &'static [(&'static str, Self)] =
        &[("allow", Level::Allow), ("warn", Level::Warn), ("deny", Level::Deny)];
}

/// What the optimizer optimizes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Optimize {
    /// Speed. The module is still about a quarter smaller than cargo's.
    Speed,
    Size,
    /// The optimizer doesn't run.
    None,
}

impl Choice for Optimize {
    const ALL: &'static [(&'static str, Self)] =
        &[("speed", Optimize::Speed), ("size", Optimize::Size), ("none", Optimize::None)];
}

/// The target that a crate is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// WASI preview 1. Proxies provide only a part of it.
    Wasip1,
    /// No operating system.
    Unknown,
}

impl Target {
    /// The target triple, as rustc names it.
    pub fn triple(self) -> &'static str {
        self.name()
    }
}

impl Choice for Target {
    const ALL: &'static [(&'static str, Self)] =
        &[("wasm32-wasip1", Target::Wasip1), ("wasm32-unknown-unknown", Target::Unknown)];
}
