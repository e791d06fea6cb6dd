//! Settings: what `[package.metadata.wasmplugin]`, its workspace and the command line say of a package.
//!
//! A flag beats the package, the package beats the workspace, the workspace beats the default.

mod read;

use crate::mesh::Mesh;
use crate::reference::Repository;
use crate::resource::{KINDS, Kind};

pub use crate::image::Variant;
pub use read::{Layer, Manifest, Section};

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

    /// The words alone.
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
        match self {
            Target::Wasip1 => "wasm32-wasip1",
            Target::Unknown => "wasm32-unknown-unknown",
        }
    }
}

impl Choice for Target {
    const ALL: &'static [(&'static str, Self)] =
        &[("wasm32-wasip1", Target::Wasip1), ("wasm32-unknown-unknown", Target::Unknown)];
}

/// The settings of one package, complete and valid.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the image is pushed to. Without it there is no resource.
    pub image: Option<Repository>,
    /// Where the mesh pulls the image from, where that is another name.
    pub pull_image: Option<Repository>,
    /// How the module is laid out in its image.
    pub variant: Variant,
    /// What the module is optimized for.
    pub optimize: Optimize,
    /// What the crate is compiled for.
    pub target: Target,
    /// The root ids that runtime-config.json tells.
    pub root_ids: Vec<String>,
    /// The kind of document that is made of the resource.
    pub kind: Kind,
    /// The meshes that module and resource are judged against.
    pub meshes: Vec<&'static Mesh>,
}

impl Settings {
    /// Lays the layers over each other, the strongest first, and the defaults under them.
    pub fn of(layers: &[&Layer]) -> Self {
        fn first<T: Clone>(layers: &[&Layer], get: impl Fn(&Layer) -> &Option<T>) -> Option<T> {
            layers.iter().find_map(|layer| get(layer).clone())
        }
        let kind = first(layers, |layer| &layer.kind).unwrap_or(Kind::WasmPlugin);
        Settings {
            image: first(layers, |layer| &layer.image),
            pull_image: first(layers, |layer| &layer.pull_image),
            variant: first(layers, |layer| &layer.variant).unwrap_or(Variant::Oci),
            optimize: first(layers, |layer| &layer.optimize).unwrap_or(Optimize::Speed),
            target: first(layers, |layer| &layer.target).unwrap_or(Target::Wasip1),
            root_ids: first(layers, |layer| &layer.root_ids).unwrap_or_default(),
            kind,
            meshes: first(layers, |layer| &layer.meshes).unwrap_or_else(|| kind.default_meshes()),
        }
    }
}
