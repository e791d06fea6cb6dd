//! Settings that are one of a few words.

use crate::check::levels::Level;
use crate::image::Variant;
use crate::resource::{KINDS, Kind};

/// A setting that is one of a few words.
pub trait Choice: Copy + PartialEq + 'static {
    /// Every word, in the order of the help.
    const ALL: &'static [(&'static str, Self)];

    /// The choice that `word` names.
    fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == word).map(|(_, choice)| *choice)
    }

    /// The word that names this choice.
    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, choice)| *choice == self).map_or("", |(name, _)| name)
    }

    /// All words.
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

/// What the module is optimized for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Optimize {
    /// Speed, with a module about a quarter smaller than cargo's.
    Speed,
    /// Size.
    Size,
    /// Nothing: the optimizer is not run.
    None,
}

impl Choice for Optimize {
    const ALL: &'static [(&'static str, Self)] =
        &[("speed", Optimize::Speed), ("size", Optimize::Size), ("none", Optimize::None)];
}

/// What the crate is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// WASI preview 1, of which proxies provide a part.
    Wasip1,
    /// No operating system at all.
    Unknown,
}

impl Target {
    /// The name that rustc gives it.
    pub fn triple(self) -> &'static str {
        self.name()
    }
}

impl Choice for Target {
    const ALL: &'static [(&'static str, Self)] =
        &[("wasm32-wasip1", Target::Wasip1), ("wasm32-unknown-unknown", Target::Unknown)];
}
