//! What commands are told of a package alike.

use camino::Utf8PathBuf;
use clap::Args;

use crate::cli::args::{self, Cargo, Global, Packages};
use crate::cli::overrides;
use crate::config::{Layer, Optimize, Target, Variant};
use crate::context::Context;
use crate::mesh::{self, Mesh};
use crate::ops::build::{BuildOptions, Needs, Source};
use crate::reference::{Repository, Tag};
use crate::resource::{Kind, Overrides};

/// How an image is made, over what Cargo.toml says.
#[derive(Debug, Args)]
pub(super) struct Making {
    /// Repository of the image, without tag
    #[arg(long, value_name = "REPOSITORY", value_parser = repository)]
    image: Option<Repository>,
    /// Repository that the mesh pulls from, where that is another name
    #[arg(long, value_name = "REPOSITORY", value_parser = repository)]
    pull_image: Option<Repository>,
    /// Layout of the image [default: oci]
    #[arg(long, value_parser = args::choice::<Variant>())]
    variant: Option<Variant>,
    /// Annotation of the image, over those that Cargo.toml makes
    #[arg(long = "annotation", value_name = "KEY=VALUE", value_parser = args::key_value)]
    annotations: Vec<(String, String)>,
    /// What to optimize for [default: speed]
    #[arg(long, value_parser = args::choice::<Optimize>())]
    optimize: Option<Optimize>,
    /// Optimizer to run instead of the one inside this program
    #[arg(long, value_name = "PATH")]
    wasm_opt: Option<Utf8PathBuf>,
    /// What to compile for [default: wasm32-wasip1]
    #[arg(long, value_name = "TRIPLE", value_parser = args::choice::<Target>())]
    target: Option<Target>,
    /// Mesh that has to load the module, such as istio-1.28 [default: the newest three of Istio]
    #[arg(long = "mesh", value_name = "MESH", value_parser = mesh)]
    meshes: Vec<&'static Mesh>,
    /// Stop where a check warns
    #[arg(long)]
    deny_warnings: bool,
}

/// What `build` and `publish` are told.
#[derive(Debug, Args)]
pub(super) struct Packaging {
    #[command(flatten)]
    making: Making,
    /// Kind of document to make of the resource; `envoy` is the bootstrap of an Envoy that stands alone
    #[arg(long, value_parser = args::choice::<Kind>(), default_value = Kind::WasmPlugin.name(), help_heading = overrides::HEADING)]
    kind: Kind,
    #[command(flatten)]
    overrides: Overrides,
    /// Package this module instead of compiling a crate
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "packages", "workspace", "exclude", "features", "all_features", "no_default_features", "profile", "jobs",
        "config", "manifest_path", "locked", "frozen", "target",
    ])]
    module: Option<Utf8PathBuf>,
    #[command(flatten)]
    packages: Packages,
    #[command(flatten)]
    cargo: Cargo,
}

impl Making {
    pub(super) fn options(&self, source: Source, tag: Option<Tag>, needs: Needs) -> BuildOptions {
        BuildOptions {
            source,
            flags: Layer {
                image: self.image.clone(),
                pull_image: self.pull_image.clone(),
                variant: self.variant,
                optimize: self.optimize,
                target: self.target,
                root_ids: None,
                kind: None,
                meshes: (!self.meshes.is_empty()).then(|| self.meshes.clone()),
            },
            tag,
            annotations: self.annotations.clone(),
            wasm_opt: self.wasm_opt.clone(),
            overrides: Overrides::default(),
            deny_warnings: self.deny_warnings,
            needs,
        }
    }
}

impl Packaging {
    pub(super) fn options(
        &self,
        ctx: &Context,
        global: &Global,
        tag: Option<Tag>,
        needs: Needs,
    ) -> BuildOptions {
        let source = match &self.module {
            Some(file) => Source::Module { file: file.clone(), target_dir: self.target_dir(ctx) },
            None => Source::Crates {
                selection: self.packages.selection(&self.cargo),
                cargo: self.cargo.options(global),
            },
        };
        let mut options = self.making.options(source, tag, needs);
        options.flags.kind = Some(self.kind);
        options.overrides = self.overrides.clone();
        options
    }

    /// Where a module that cargo knows nothing of is packaged to: as cargo would choose in a new folder.
    fn target_dir(&self, ctx: &Context) -> Utf8PathBuf {
        let from_env = || Some(Utf8PathBuf::from(ctx.env.get("CARGO_TARGET_DIR")?.to_str()?));
        ctx.cwd.join(self.cargo.target_dir().cloned().or_else(from_env).unwrap_or_else(|| "target".into()))
    }
}

pub(super) fn repository(text: &str) -> Result<Repository, String> {
    text.parse::<Repository>().map_err(|error| match &error.suggestion {
        Some(suggestion) => format!("{}\n\n  write `{suggestion}`", error.reason),
        None => error.reason.to_owned(),
    })
}

fn mesh(name: &str) -> Result<&'static Mesh, String> {
    mesh::find(name).map_err(|error| format!("{error}\n\n  {}", error.help().join("\n  ")))
}
