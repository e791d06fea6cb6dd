//! Warnings about configuration that makes a module depend on the machine.

use camino::Utf8Path;
use toml_edit::Item;

use crate::compile::cargo_config::CargoConfig;
use crate::compile::options::CargoOptions;
use crate::context::Context;
use crate::project::Project;

/// Prints the warnings.
pub(super) fn show(ctx: &Context, project: &Project, config: &CargoConfig, options: &CargoOptions) {
    if options.profile.is_none() && !project.has_profile {
        for origin in origins_of_release(ctx, project, config) {
            ctx.shell.warn(format_args!(
                "`{origin}` also changes the profile `wasmplugin`, which inherits `release`, so the module may be another \
                 one on other machines: set it for the profile in Cargo.toml"
            ));
        }
    }
    if let Some(paths) = config.settings(&["paths"]).next() {
        ctx.shell.warn(format_args!(
            "`paths` in `{}` replaces crates by those in directories of this machine, so the module may be another one \
             on other machines: use `[patch]` in Cargo.toml",
            paths.origin
        ));
    }
    if let Some(origin) = origin_of_native(ctx, config) {
        ctx.shell.warn(format_args!(
            "`target-cpu=native` in `{origin}` also applies to WebAssembly, which has no such processor: set it under \
             `[target.'cfg(not(target_family = \"wasm\"))']` instead of `[build]`"
        ));
    }
}

/// The variables and files outside of the workspace that change the profile `release`.
fn origins_of_release(ctx: &Context, project: &Project, config: &CargoConfig) -> Vec<String> {
    let variables =
        ctx.env.names().filter(|name| name.starts_with("CARGO_PROFILE_RELEASE_")).map(str::to_owned);
    let files = config.settings(&["profile", "release"]);
    let files = files.map(|setting| setting.origin).filter(|origin| {
        let path = Utf8Path::new(origin);
        path.is_absolute() && !path.starts_with(&project.workspace_root)
    });
    variables.chain(files.map(str::to_owned)).collect()
}

/// The origin of the flag `-Ctarget-cpu=native`, if it applies to all targets.
fn origin_of_native(ctx: &Context, config: &CargoConfig) -> Option<String> {
    const ALL_TARGETS: [&str; 3] = ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS"];
    let variable = ALL_TARGETS.into_iter().find(|name| {
        ctx.env.get(name).is_some_and(|flags| flags.to_string_lossy().contains("target-cpu=native"))
    });
    let in_file = || config.settings(&["build", "rustflags"]).find(|setting| contains_native(setting.item));
    variable.map(str::to_owned).or_else(|| Some(in_file()?.origin.to_owned()))
}

fn contains_native(flags: &Item) -> bool {
    let is_native = |flags: &str| flags.contains("target-cpu=native");
    match flags.as_array() {
        Some(flags) => flags.iter().filter_map(|flag| flag.as_str()).any(is_native),
        None => flags.as_str().is_some_and(is_native),
    }
}
