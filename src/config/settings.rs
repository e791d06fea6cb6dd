//! The settings of a package, merged from all sources.

use camino::Utf8PathBuf;

use crate::check::levels::Levels;
use crate::config::choice::{Optimize, Target};
use crate::image::Variant;
use crate::mesh::Mesh;
use crate::reference::Repository;
use crate::resource::{Kind, TargetRef};

/// The settings from one source: flags, a package or a workspace. See [`Settings`].
#[derive(Debug, Clone, Default)]
pub struct PartialSettings {
    pub image: Option<Repository>,
    pub pull_image: Option<Repository>,
    /// Whether the registry is accessed over plain HTTP or over TLS.
    pub plain_http: Option<bool>,
    /// The path is relative to the current directory.
    pub cacert: Option<Utf8PathBuf>,
    pub variant: Option<Variant>,
    pub optimize: Option<Optimize>,
    pub names: Option<bool>,
    pub target: Option<Target>,
    pub root_ids: Option<Vec<String>>,
    pub kind: Option<Kind>,
    pub namespace: Option<String>,
    pub target_refs: Option<Vec<TargetRef>>,
    pub meshes: Option<Vec<&'static Mesh>>,
    pub deny_warnings: Option<bool>,
    pub checks: Levels,
}

/// The complete settings of a package.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The repository that the image is pushed to. Without it there is no resource.
    pub image: Option<Repository>,
    /// The repository that the mesh pulls the image from, if it is another one.
    pub pull_image: Option<Repository>,
    /// Whether the registry is accessed over plain HTTP or over TLS. If it is `None`, its host decides.
    pub plain_http: Option<bool>,
    /// Certificates that are trusted in addition to the system's.
    pub cacert: Option<Utf8PathBuf>,
    /// The format of the image.
    pub variant: Variant,
    /// What the optimizer optimizes for.
    pub optimize: Optimize,
    /// Whether the shipped module keeps the names of functions.
    pub names: bool,
    pub target: Target,
    /// The root ids in runtime-config.json.
    pub root_ids: Vec<String>,
    /// The kind that the resource is converted to.
    pub kind: Kind,
    /// The namespace of a resource that has none.
    pub namespace: Option<String>,
    /// The targets of a resource that has none.
    pub target_refs: Vec<TargetRef>,
    /// The meshes that the module and the resource are checked for.
    pub meshes: Vec<&'static Mesh>,
    /// Whether warnings from the checks stop the command.
    pub deny_warnings: bool,
    /// The levels of rules.
    pub checks: Levels,
}

impl Settings {
    /// The repository that the mesh pulls the image from, if it is known.
    pub fn pulled_from(&self) -> Option<&Repository> {
        self.pull_image.as_ref().or(self.image.as_ref())
    }

    /// Merges settings, the highest priority first, and adds the defaults.
    pub fn of(sources: &[&PartialSettings]) -> Self {
        fn first<T: Clone>(
            sources: &[&PartialSettings],
            get: impl Fn(&PartialSettings) -> &Option<T>,
        ) -> Option<T> {
            sources.iter().find_map(|source| get(source).clone())
        }
        let kind = first(sources, |source| &source.kind).unwrap_or(Kind::WasmPlugin);
        let mut checks = Levels::default();
        for source in sources {
            checks.merge(source.checks.clone());
        }
        Settings {
            image: first(sources, |source| &source.image),
            pull_image: first(sources, |source| &source.pull_image),
            plain_http: first(sources, |source| &source.plain_http),
            cacert: first(sources, |source| &source.cacert),
            variant: first(sources, |source| &source.variant).unwrap_or(Variant::Oci),
            optimize: first(sources, |source| &source.optimize).unwrap_or(Optimize::Speed),
            names: first(sources, |source| &source.names).unwrap_or(false),
            target: first(sources, |source| &source.target).unwrap_or(Target::Wasip1),
            root_ids: first(sources, |source| &source.root_ids).unwrap_or_default(),
            kind,
            namespace: first(sources, |source| &source.namespace),
            target_refs: first(sources, |source| &source.target_refs).unwrap_or_default(),
            meshes: first(sources, |source| &source.meshes).unwrap_or_else(|| kind.default_meshes()),
            deny_warnings: first(sources, |source| &source.deny_warnings).unwrap_or(false),
            checks,
        }
    }
}
