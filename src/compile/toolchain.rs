//! The Rust toolchain, and the standard library for a target.

use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_config2::{Config, ResolveOptions};

use crate::config::Target;
use crate::context::Context;
use crate::error::{Explain, Result};
use crate::process::{self, ProcessError};

/// The toolchain that cargo uses, and cargo's configuration for the current directory.
#[derive(Debug)]
pub struct Toolchain {
    pub(super) config: Config,
    pub(super) sysroot: Utf8PathBuf,
    pub(super) cargo_home: Option<Utf8PathBuf>,
}

impl Toolchain {
    /// Finds the toolchain.
    ///
    /// # Errors
    ///
    /// If cargo's configuration is invalid, or there is no rustc.
    pub fn find(ctx: &Context) -> Result<Self> {
        let env = ctx.env.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = Config::load_with_options(&ctx.cwd, ResolveOptions::default().env(env))?;
        let sysroot = match sysroot_of_cargo(ctx, &config) {
            Some(sysroot) => sysroot,
            None => {
                let stdout = process::output(ctx, rustc(ctx, &config).args(["--print", "sysroot"]), None)?;
                String::from_utf8_lossy(&stdout).trim().into()
            }
        };
        let cargo_home = cargo_config2::cargo_home_with_cwd(ctx.cwd.as_std_path())
            .and_then(|home| Utf8PathBuf::try_from(home).ok());
        Ok(Toolchain { config, sysroot, cargo_home })
    }

    /// The commit that rustc was built from, which is part of std's paths.
    pub(super) fn commit_hash(&self, ctx: &Context) -> Result<String> {
        let stdout = process::output(ctx, rustc(ctx, &self.config).arg("-vV"), None)?;
        let version = String::from_utf8_lossy(&stdout);
        Ok(version.lines().find_map(|line| line.strip_prefix("commit-hash: ")).unwrap_or_default().to_owned())
    }

    /// Installs the standard library for `target` with rustup, if it is missing.
    ///
    /// # Errors
    ///
    /// If the standard library is missing and rustup can't install it.
    pub(super) fn ensure(&self, ctx: &Context, target: Target, offline: bool) -> Result<()> {
        if self.has_std(target) || builds_std(ctx) {
            return Ok(());
        }
        let missing = |tried| MissingTarget {
            triple: target.triple(),
            sysroot: self.sysroot.clone(),
            tried,
            source: None,
        };
        let Some(toolchain) = self.rustup_toolchain() else {
            return Err(missing(Tried::NoRustup).into());
        };
        if offline || self.config.net.offline == Some(true) {
            return Err(missing(Tried::Offline).into());
        }
        ctx.shell.status("Installing", format_args!("{} with rustup", target.triple()));
        let mut rustup = process::command(ctx, "rustup");
        rustup.args(["target", "add", "--toolchain", toolchain, target.triple()]);
        match process::output(ctx, &mut rustup, None) {
            // rustup's list of installed targets can be wrong.
            Ok(_) if self.has_std(target) => Ok(()),
            Ok(_) => Err(missing(Tried::NotAdded).into()),
            Err(ProcessError::Interrupted(interrupted)) => Err(interrupted.into()),
            Err(error) => {
                Err(MissingTarget { source: Some(Box::new(error)), ..missing(Tried::RustupFailed) }.into())
            }
        }
    }

    fn has_std(&self, target: Target) -> bool {
        let libraries = self.sysroot.join("lib/rustlib").join(target.triple()).join("lib");
        let Ok(entries) = libraries.read_dir_utf8() else { return false };
        entries
            .flatten()
            .any(|entry| entry.file_name().starts_with("libstd-") && entry.file_name().ends_with(".rlib"))
    }

    /// The name of the toolchain in rustup, if rustup installed it.
    fn rustup_toolchain(&self) -> Option<&str> {
        let toolchains = self.sysroot.parent()?;
        (toolchains.file_name() == Some("toolchains")).then(|| self.sysroot.file_name()).flatten()
    }
}

/// The sysroot, without running rustc: that would take half as long as everything else if nothing has changed. With
/// rustup, cargo runs the rustc of its own toolchain, which is in the same directory.
fn sysroot_of_cargo(ctx: &Context, config: &Config) -> Option<Utf8PathBuf> {
    ctx.env.get("RUSTUP_TOOLCHAIN")?;
    let rustc = Utf8Path::from_path(&config.rustc().path)?;
    let sysroot = rustc.parent()?.parent()?;
    (rustc.is_absolute() && sysroot.join("lib/rustlib").exists()).then(|| sysroot.to_owned())
}

fn rustc(ctx: &Context, config: &Config) -> Command {
    let mut rustc = process::command(ctx, &config.rustc().path);
    rustc.args(&config.rustc().args);
    rustc
}

/// Whether cargo builds the standard library itself.
fn builds_std(ctx: &Context) -> bool {
    ctx.env.get("CARGO_UNSTABLE_BUILD_STD").is_some()
}

#[derive(Debug, thiserror::Error)]
#[error("the standard library for {triple} is not installed in `{sysroot}`{tried}")]
struct MissingTarget {
    triple: &'static str,
    sysroot: Utf8PathBuf,
    tried: Tried,
    source: Option<Box<ProcessError>>,
}

/// The result of the attempt to install it, as the end of a sentence.
#[derive(Debug, thiserror::Error)]
enum Tried {
    #[error("")]
    NoRustup,
    #[error(", and can't be installed offline")]
    Offline,
    #[error(", although rustup reports that it is")]
    NotAdded,
    #[error(", and rustup failed to install it")]
    RustupFailed,
}

impl Explain for MissingTarget {
    fn help(&self) -> Vec<String> {
        let triple = self.triple;
        vec![format!(
            "install it in the same way as Rust itself:\n\n    \
             rustup        rustup target add {triple}\n    \
             Fedora, RHEL  dnf install rust-std-static-{triple}\n    \
             Debian        apt install libstd-rust-dev-wasm32\n    \
             from source   RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_abort cargo wasmplugin build\n\n\
             the last command needs the component rust-src, and wasi-libc for wasm32-wasip1"
        )]
    }
}

impl Explain for cargo_config2::Error {
    fn help(&self) -> Vec<String> {
        vec!["correct it in cargo's configuration file, or in a `CARGO_` environment variable".to_owned()]
    }
}
