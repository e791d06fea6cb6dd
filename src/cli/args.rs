//! Arguments that several commands have. Most of them are cargo's own.

use std::ffi::OsString;

use anstream::ColorChoice;
use camino::Utf8PathBuf;
use clap::builder::styling::{AnsiColor, Style, Styles};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args};

use crate::compile::{CargoOptions, FeatureOptions};
use crate::config::Choice;
use crate::context::{Context, Env};
use crate::project::Selection;
use crate::report::{FORMATS, Format};
use crate::shell::{Shell, Verbosity};

/// Cargo's colours.
pub(super) const STYLES: Styles = Styles::styled()
    .header(HEADING)
    .usage(HEADING)
    .literal(AnsiColor::BrightCyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default())
    .error(AnsiColor::BrightRed.on_default().bold())
    .valid(AnsiColor::BrightCyan.on_default().bold())
    .invalid(AnsiColor::Yellow.on_default().bold());

const HEADING: Style = AnsiColor::BrightGreen.on_default().bold();

/// The section of examples at the end of a help text. Adds the indentation of the first line, because an escaped line
/// break at the start of a string removes it.
pub(super) fn examples(text: &str) -> String {
    format!("{HEADING}Examples:{HEADING:#}\n  {text}")
}

/// A parser for a setting with a fixed set of values, which `--help` lists.
pub(super) fn choice<T: Choice + Send + Sync>() -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(T::names().collect::<Vec<_>>())
        .map(|word| T::named(&word).expect("clap accepts only the listed names"))
}

#[derive(Debug, Args)]
pub(super) struct GlobalArgs {
    /// Print only warnings and errors
    #[arg(short, long, global = true, conflicts_with = "verbose", display_order = 200)]
    pub(super) quiet: bool,
    /// Print the commands that run and the time that each stage takes
    #[arg(short, long, global = true, display_order = 201, action = ArgAction::Count)]
    pub(super) verbose: u8,
    /// When to color messages [default: CARGO_TERM_COLOR, or auto]
    #[arg(long, value_name = "WHEN", global = true, value_parser = ["auto", "always", "never"], display_order = 202)]
    pub(super) color: Option<String>,
}

impl GlobalArgs {
    pub(super) fn shell(&self, env: &Env) -> Shell {
        // A flag has priority over the variable.
        let is_quiet = || env.get("CARGO_TERM_QUIET").is_some_and(|quiet| quiet == "true");
        let verbosity = match (self.quiet, self.verbose > 0) {
            (true, _) => Verbosity::Quiet,
            (false, false) if is_quiet() => Verbosity::Quiet,
            (false, true) => Verbosity::Verbose,
            (false, false) => Verbosity::Normal,
        };
        let color = color(self.color.as_deref(), env);
        Shell::new(verbosity, color)
    }

    /// The same options as arguments for cargo.
    fn for_cargo(&self) -> Vec<OsString> {
        let quiet = self.quiet.then(|| OsString::from("--quiet"));
        let quiet = quiet
            .or_else(|| (self.verbose > 0).then(|| format!("-{}", "v".repeat(self.verbose.into())).into()));
        let color = self.color.as_ref().map(|when| OsString::from(format!("--color={when}")));
        quiet.into_iter().chain(color).collect()
    }
}

/// When to colour messages. `asked` is the value of the flag.
pub(super) fn color(asked: Option<&str>, env: &Env) -> ColorChoice {
    match asked.or_else(|| env.get("CARGO_TERM_COLOR").and_then(|when| when.to_str())) {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        // `Auto` also respects NO_COLOR.
        _ => ColorChoice::Auto,
    }
}

/// Which packages to work on.
#[derive(Debug, Args)]
pub(super) struct PackageSelection {
    /// Package to build [default: the package in the current directory]
    #[arg(short, long = "package", value_name = "SPEC", help_heading = "Package Selection")]
    packages: Vec<String>,
    /// Build all plugins in the workspace
    #[arg(long, alias = "all", help_heading = "Package Selection")]
    workspace: bool,
    /// Exclude a package from the build
    #[arg(long, value_name = "SPEC", help_heading = "Package Selection")]
    exclude: Vec<String>,
}

/// Arguments that are passed on to cargo.
#[derive(Debug, Args)]
pub(super) struct CargoArgs {
    /// Space or comma separated list of features to activate
    #[arg(short = 'F', long, value_name = "FEATURES", help_heading = "Feature Selection")]
    features: Vec<String>,
    /// Activate all available features
    #[arg(long, help_heading = "Feature Selection")]
    all_features: bool,
    /// Do not activate the `default` feature
    #[arg(long, help_heading = "Feature Selection")]
    no_default_features: bool,
    /// Accepted for compatibility with cargo, because filters are always optimized
    #[arg(short, long, conflicts_with = "profile", help_heading = "Compilation Options")]
    release: bool,
    /// Build with this profile [default: `wasmplugin`, a profile for filters]
    #[arg(long, value_name = "PROFILE", help_heading = "Compilation Options")]
    profile: Option<String>,
    /// Number of parallel jobs
    #[arg(short, long, value_name = "N", help_heading = "Compilation Options", allow_hyphen_values = true)]
    jobs: Option<String>,
    /// Directory for all generated artifacts
    #[arg(long, value_name = "DIRECTORY", help_heading = "Compilation Options")]
    target_dir: Option<Utf8PathBuf>,
    /// Override a cargo configuration value
    #[arg(long, value_name = "KEY=VALUE|PATH", help_heading = "Compilation Options")]
    config: Vec<String>,
    /// Do not abort the build as soon as there is an error
    #[arg(long, help_heading = "Compilation Options")]
    keep_going: bool,
    /// Ignore `rust-version` specification in packages
    #[arg(long, help_heading = "Compilation Options")]
    ignore_rust_version: bool,
    /// Output a build timing report at the end of the build
    #[arg(long, help_heading = "Compilation Options")]
    timings: bool,
    /// Unstable (nightly-only) flags to cargo
    #[arg(short = 'Z', value_name = "FLAG", help_heading = "Compilation Options")]
    unstable: Vec<String>,
    /// Path to Cargo.toml
    #[arg(long, value_name = "PATH", help_heading = "Manifest Options")]
    manifest_path: Option<Utf8PathBuf>,
    /// Assert that Cargo.lock will remain unchanged
    #[arg(long, help_heading = "Manifest Options")]
    locked: bool,
    /// Run cargo without accessing the network
    #[arg(long, help_heading = "Manifest Options")]
    offline: bool,
    /// Equivalent to specifying both --locked and --offline
    #[arg(long, help_heading = "Manifest Options")]
    frozen: bool,
}

impl PackageSelection {
    /// The selected packages of the project that `cargo` describes.
    pub(super) fn selection(&self, cargo: &CargoArgs) -> Selection {
        Selection {
            packages: self.packages.clone(),
            workspace: self.workspace,
            exclude: self.exclude.clone(),
            ..cargo.project()
        }
    }
}

impl CargoArgs {
    pub(super) fn target_dir(&self) -> Option<&Utf8PathBuf> {
        self.target_dir.as_ref()
    }

    /// The project, with no packages selected.
    pub(super) fn project(&self) -> Selection {
        Selection {
            manifest_path: self.manifest_path.clone(),
            target_dir: self.target_dir.clone(),
            cargo_args: self.manifest_args(),
            ..Selection::default()
        }
    }

    pub(super) fn options(&self, ctx: &Context, global: &GlobalArgs) -> CargoOptions {
        if self.release {
            ctx.shell.note(
                "`--release` has no effect: filters are always optimized, with the profile `wasmplugin`",
            );
        }
        let mut args = global.for_cargo();
        args.extend(self.manifest_args());
        args.extend(self.jobs.iter().map(|jobs| format!("--jobs={jobs}").into()));
        let switches = [
            ("--keep-going", self.keep_going),
            ("--ignore-rust-version", self.ignore_rust_version),
            ("--timings", self.timings),
        ];
        args.extend(given(&switches));
        CargoOptions {
            profile: self.profile.clone(),
            offline: self.offline || self.frozen,
            features: FeatureOptions {
                names: self.features.iter().flat_map(|names| features(names)).collect(),
                all: self.all_features,
                no_default: self.no_default_features,
            },
            args,
            config: self.config.clone(),
        }
    }

    fn manifest_args(&self) -> Vec<OsString> {
        let switches = [("--locked", self.locked), ("--offline", self.offline), ("--frozen", self.frozen)];
        let unstable = self.unstable.iter().map(|flag| format!("-Z{flag}").into());
        given(&switches)
            .chain(unstable)
            .chain(self.config.iter().map(|value| format!("--config={value}").into()))
            .collect()
    }
}

fn given<'s>(switches: &'s [(&'s str, bool)]) -> impl Iterator<Item = OsString> + 's {
    switches.iter().filter(|(_, given)| *given).map(|(switch, _)| switch.into())
}

/// The names in a list that is separated by spaces or commas.
fn features(list: &str) -> impl Iterator<Item = String> {
    list.split([' ', ',']).filter(|name| !name.is_empty()).map(str::to_owned)
}

/// Parses `KEY=VALUE`. The value can contain `=`.
pub(super) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

#[derive(Debug, Args)]
pub(super) struct OutputArgs {
    /// What to print on standard output
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "text", value_parser = format())]
    pub(super) format: Format,
}

fn format() -> impl TypedValueParser<Value = Format> {
    let values = FORMATS.iter().map(|(name, _, help)| PossibleValue::new(*name).help(*help));
    PossibleValuesParser::new(values.collect::<Vec<_>>()).map(|word| {
        let found = FORMATS.iter().find(|(name, ..)| *name == word);
        found.map(|(_, format, _)| *format).expect("clap accepts only the names of formats")
    })
}
