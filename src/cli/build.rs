use camino::Utf8PathBuf;
use clap::Args;

use crate::check::meshes::{self, Mesh};
use crate::cli::args::{self, Cargo, Global};
use crate::cli::output::{self, Format};
use crate::config::{Layer, Optimize, Target, Variant};
use crate::context::Context;
use crate::error::{Error, Explain as _, Result};
use crate::findings::Refused;
use crate::ops::build::{self, BuildOptions, Source};
use crate::reference::{Repository, Tag};

/// Compile, optimize, check and package a filter, and write its WasmPlugin
///
/// Writes to <target-dir>/wasmplugin/<package>: the module as it is shipped, the image as an OCI layout, its
/// digest, and the WasmPlugin resource with url and sha256 filled in. Nothing is pushed, and no network is
/// needed once the dependencies and the target are there.
#[derive(Debug, Args)]
#[command(after_help = args::examples("\
  The package of the current folder:
    cargo wasmplugin build
  As one plain layer, for a registry that takes no other media types:
    cargo wasmplugin build --variant compat
  Every plugin of the workspace, as resources in one file:
    cargo wasmplugin build --workspace -o yaml > plugins.yaml
  A module that another toolchain made:
    cargo wasmplugin build --module build/filter.wasm --image quay.io/acme/filter --tag 1.0.0"))]
pub(super) struct Build {
    /// Repository of the image, without tag
    #[arg(long, value_name = "REPOSITORY", value_parser = repository)]
    image: Option<Repository>,
    /// Repository that the mesh pulls from, where that is another name
    #[arg(long, value_name = "REPOSITORY", value_parser = repository)]
    pull_image: Option<Repository>,
    /// Tag of the image [default: the version of the crate]
    #[arg(long, value_name = "TAG")]
    tag: Option<Tag>,
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
    /// Package this module instead of compiling a crate
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "packages", "workspace", "exclude", "features", "all_features", "no_default_features", "profile", "jobs",
        "config", "manifest_path", "locked", "frozen", "target",
    ])]
    module: Option<Utf8PathBuf>,
    #[command(flatten)]
    output: output::Output,
    #[command(flatten)]
    cargo: Cargo,
}

impl Build {
    pub(super) fn run(&self, ctx: &Context, global: &Global) -> Result<()> {
        let built = build::build(ctx, &self.options(ctx, global));
        if let Some(refused) = built.as_ref().err().and_then(Error::downcast_ref::<Refused>) {
            output::write_refusal(ctx, self.output.format, refused)?;
        }
        let built = built?;
        for package in &built {
            output::summary(ctx, package);
        }
        output::write(ctx, self.output.format, &built)
    }

    fn options(&self, ctx: &Context, global: &Global) -> BuildOptions {
        let source = match &self.module {
            Some(file) => Source::Module { file: file.clone(), target_dir: self.target_dir(ctx) },
            None => Source::Crates { selection: self.cargo.selection(), cargo: self.cargo.options(global) },
        };
        BuildOptions {
            source,
            flags: Layer {
                image: self.image.clone(),
                pull_image: self.pull_image.clone(),
                variant: self.variant,
                optimize: self.optimize,
                target: self.target,
                root_ids: None,
                meshes: (!self.meshes.is_empty()).then(|| self.meshes.clone()),
            },
            tag: self.tag.clone(),
            annotations: self.annotations.clone(),
            wasm_opt: self.wasm_opt.clone(),
            deny_warnings: self.deny_warnings,
            needs_resource: self.output.format == Format::Yaml,
        }
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
    meshes::find(name).map_err(|error| format!("{error}\n\n  {}", error.help().join("\n  ")))
}
