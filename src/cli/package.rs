//! Arguments about packages that several commands have.

use std::str::FromStr;

use camino::Utf8PathBuf;
use clap::Args;

use crate::check;
use crate::check::levels::{Level, LevelOrigin, LevelSetting, Levels};
use crate::cli::args::{self, CargoArgs, GlobalArgs, PackageSelection};
use crate::cli::overrides;
use crate::config::{Choice as _, Optimize, PartialSettings, Target, Variant};
use crate::context::Context;
use crate::mesh::{self, Mesh};
use crate::ops::pipeline::{ModuleName, Origin, PlanOptions};
use crate::reference::{ReferenceError, RepositoryPattern, Tag};
use crate::resource::{Kind, Overrides, TargetRef};
use crate::text::quoted;

/// How to build an image. Each flag overrides a setting in Cargo.toml.
#[derive(Debug, Args)]
pub(super) struct ImageArgs {
    /// Image repository, without a tag; `{name}` is replaced with the name of the package
    #[arg(long, value_name = "REPOSITORY", value_parser = repository::<RepositoryPattern>)]
    image: Option<RepositoryPattern>,
    /// Image repository that the mesh pulls from, if it is different
    #[arg(long, value_name = "REPOSITORY", value_parser = repository::<RepositoryPattern>)]
    pull_image: Option<RepositoryPattern>,
    /// Layout of the image [default: oci]
    #[arg(long, value_parser = args::choice::<Variant>())]
    variant: Option<Variant>,
    /// Image annotation, overrides those from Cargo.toml; can be repeated
    #[arg(long = "annotation", value_name = "KEY=VALUE", value_parser = args::key_value)]
    annotations: Vec<(String, String)>,
    /// What to optimize for [default: speed]
    #[arg(long, value_parser = args::choice::<Optimize>())]
    optimize: Option<Optimize>,
    /// Path of a wasm-opt to use instead of the built-in optimizer
    #[arg(long, value_name = "PATH")]
    wasm_opt: Option<Utf8PathBuf>,
    /// Keep the names of functions in the shipped module, for backtraces
    #[arg(long)]
    names: bool,
    /// Target triple to compile for [default: wasm32-wasip1]
    #[arg(long, value_name = "TRIPLE", value_parser = args::choice::<Target>())]
    target: Option<Target>,
    /// Root id to list in runtime-config.json; can be repeated
    #[arg(long = "root-id", value_name = "ID")]
    root_ids: Vec<String>,
    /// Mesh that has to load the module, such as istio-1.28; can be repeated [default: the newest three versions of Istio]
    #[arg(long = "mesh", value_name = "MESH", value_parser = mesh)]
    meshes: Vec<&'static Mesh>,
    /// Level of a rule, such as CODE=warn, CODE=deny or CODE=allow:REASON; can be repeated
    #[arg(long = "check", value_name = "CODE=LEVEL", value_parser = check)]
    checks: Vec<(&'static str, Level)>,
    /// Treat warnings from the checks as errors
    #[arg(long)]
    deny_warnings: bool,
}

/// What `build` and `publish` package, and how.
#[derive(Debug, Args)]
pub(super) struct PackageArgs {
    #[command(flatten)]
    image: ImageArgs,
    /// Kind of resource to write; `envoy` is the bootstrap configuration of a standalone Envoy [default: WasmPlugin]
    #[arg(long, value_parser = args::choice::<Kind>(), help_heading = overrides::HEADING)]
    kind: Option<Kind>,
    /// Gateway, route or other resource to attach the filter to, instead of what wasmplugin.yaml selects; can be repeated
    #[arg(long = "target-ref", value_name = "KIND/NAME", value_parser = target_ref, conflicts_with = "selector", help_heading = overrides::HEADING)]
    target_refs: Vec<TargetRef>,
    #[command(flatten)]
    overrides: Overrides,
    /// Package this module instead of compiling a crate; its resource is the wasmplugin.yaml in the current directory
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "packages", "workspace", "exclude", "features", "all_features", "no_default_features", "profile", "jobs",
        "config", "manifest_path", "locked", "frozen", "target", "release", "keep_going", "ignore_rust_version",
        "timings", "unstable",
    ])]
    module: Option<Utf8PathBuf>,
    /// Name of the filter in --module [default: the last part of the image repository, or else the name of the file]
    #[arg(long, value_name = "NAME", requires = "module")]
    name: Option<ModuleName>,
    #[command(flatten)]
    packages: PackageSelection,
    #[command(flatten)]
    cargo: CargoArgs,
}

impl ImageArgs {
    pub(super) fn options(&self, origin: Origin, tag: Option<Tag>) -> PlanOptions {
        let mut checks = Levels::default();
        // As with rustc's flags, the last level of a rule wins.
        for (rule, level) in self.checks.iter().rev() {
            checks.set_if_absent(rule, LevelSetting { level: *level, origin: LevelOrigin::Flag });
        }
        PlanOptions {
            origin,
            flags: PartialSettings {
                image: None,
                pull_image: None,
                plain_http: None,
                cacert: None,
                variant: self.variant,
                optimize: self.optimize,
                names: self.names.then_some(true),
                target: self.target,
                root_ids: (!self.root_ids.is_empty()).then(|| self.root_ids.clone()),
                kind: None,
                namespace: None,
                target_refs: None,
                meshes: (!self.meshes.is_empty()).then(|| self.meshes.clone()),
                deny_warnings: self.deny_warnings.then_some(true),
                checks,
            },
            image: self.image.clone(),
            pull_image: self.pull_image.clone(),
            tag,
            annotations: self.annotations.clone(),
            wasm_opt: self.wasm_opt.clone(),
            overrides: Overrides::default(),
            target_refs: Vec::new(),
        }
    }
}

impl PackageArgs {
    pub(super) fn options(&self, ctx: &Context, global: &GlobalArgs, tag: Option<Tag>) -> PlanOptions {
        let origin = match &self.module {
            Some(file) => Origin::Module {
                file: file.clone(),
                name: self.name.clone(),
                target_dir: self.target_dir(ctx),
            },
            None => Origin::Crates {
                selection: self.packages.selection(&self.cargo),
                cargo: self.cargo.options(ctx, global),
            },
        };
        let mut options = self.image.options(origin, tag);
        options.flags.kind = self.kind;
        options.target_refs = self.target_refs.clone();
        options.overrides = self.overrides.clone();
        options
    }

    /// The target directory for `--module`. There is no package, so this is what cargo uses for a package in the current
    /// directory.
    fn target_dir(&self, ctx: &Context) -> Utf8PathBuf {
        let from_env = || Some(Utf8PathBuf::from(ctx.env.get("CARGO_TARGET_DIR")?.to_str()?));
        ctx.cwd.join(self.cargo.target_dir().cloned().or_else(from_env).unwrap_or_else(|| "target".into()))
    }
}

pub(super) fn repository<T: FromStr<Err = ReferenceError>>(text: &str) -> Result<T, String> {
    text.parse::<T>().map_err(|error| match &error.suggestion {
        Some(suggestion) => format!("{}\n\n  write `{suggestion}`", error.reason),
        None => error.reason.to_owned(),
    })
}

fn target_ref(text: &str) -> Result<TargetRef, String> {
    text.parse::<TargetRef>().map_err(|error| format!("{error}\n\n  {}", error.help()))
}

pub(super) fn mesh(name: &str) -> Result<&'static Mesh, String> {
    mesh::find(name).map_err(|error| format!("{error}\n\n  {}", error.help().join("\n  ")))
}

/// Parses `CODE=LEVEL`. Allowing a rule requires a reason: `CODE=allow:REASON`.
fn check(text: &str) -> Result<(&'static str, Level), String> {
    let (code, level) = text.split_once('=').ok_or("expected CODE=LEVEL")?;
    let rule = check::find(code).map_err(|help| format!("unknown rule `{code}`\n\n  {help}"))?;
    let (level, reason) = match level.split_once(':') {
        Some((level, reason)) => (level, reason.trim()),
        None => (level, ""),
    };
    match Level::named(level) {
        Some(Level::Allow) if reason.is_empty() => Err(format!(
            "allowing a rule requires a reason\n\n  say why the rule doesn't apply here: `{code}=allow:REASON`"
        )),
        Some(level) => Ok((rule.code, level)),
        None => Err(format!("unknown level `{level}`\n\n  the levels are {}", quoted(Level::names()))),
    }
}
