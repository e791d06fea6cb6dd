//! The settings of a package, from all places that set them.

use crate::check::levels::Levels;
use crate::config::choice::{Optimize, Target};
use crate::image::Variant;
use crate::mesh::Mesh;
use crate::reference::Repository;
use crate::resource::Kind;

/// What one place sets: a flag, a package or a workspace. The rest is left to weaker places.
#[derive(Debug, Clone, Default)]
pub struct PartialSettings {
    /// `image`
    pub image: Option<Repository>,
    /// `pull-image`
    pub pull_image: Option<Repository>,
    /// `variant`
    pub variant: Option<Variant>,
    /// `optimize`
    pub optimize: Option<Optimize>,
    /// `target`
    pub target: Option<Target>,
    /// `root-ids`
    pub root_ids: Option<Vec<String>>,
    /// `--kind`, which no file sets: the user of a resource chooses it.
    pub kind: Option<Kind>,
    /// `mesh`
    pub meshes: Option<Vec<&'static Mesh>>,
    /// `checks`
    pub checks: Levels,
}

/// The settings of one package, complete and valid.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the image is pushed to. Without it there is no resource.
    pub image: Option<Repository>,
    /// Where the mesh pulls the image from, if that is another name.
    pub pull_image: Option<Repository>,
    /// How the module is laid out in its image.
    pub variant: Variant,
    /// What the module is optimized for.
    pub optimize: Optimize,
    /// What the crate is compiled for.
    pub target: Target,
    /// The root ids in runtime-config.json.
    pub root_ids: Vec<String>,
    /// The kind of document that is made of the resource.
    pub kind: Kind,
    /// The meshes that module and resource are judged for.
    pub meshes: Vec<&'static Mesh>,
    /// The levels of rules.
    pub checks: Levels,
}

impl Settings {
    /// What several places set, the strongest first, with the defaults for everything else.
    pub fn of(places: &[&PartialSettings]) -> Self {
        fn first<T: Clone>(
            places: &[&PartialSettings],
            get: impl Fn(&PartialSettings) -> &Option<T>,
        ) -> Option<T> {
            places.iter().find_map(|place| get(place).clone())
        }
        let kind = first(places, |place| &place.kind).unwrap_or(Kind::WasmPlugin);
        let mut checks = Levels::default();
        for (rule, setting) in places.iter().flat_map(|place| place.checks.iter()) {
            checks.set(rule, setting.clone());
        }
        Settings {
            image: first(places, |place| &place.image),
            pull_image: first(places, |place| &place.pull_image),
            variant: first(places, |place| &place.variant).unwrap_or(Variant::Oci),
            optimize: first(places, |place| &place.optimize).unwrap_or(Optimize::Speed),
            target: first(places, |place| &place.target).unwrap_or(Target::Wasip1),
            root_ids: first(places, |place| &place.root_ids).unwrap_or_default(),
            kind,
            meshes: first(places, |place| &place.meshes).unwrap_or_else(|| kind.default_meshes()),
            checks,
        }
    }
}
