//! Warnings about configuration that makes a module depend on the machine.

use toml_edit::Item;

use crate::compile::cargo_config::CargoConfig;
use crate::context::Context;

/// Prints the warnings.
pub(super) fn show(ctx: &Context, config: &CargoConfig) {
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
