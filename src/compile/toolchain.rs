//! The Rust toolchain, and the standard library for a target.

use std::path::Path;
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};

use crate::compile::cargo_config::{self, CargoConfig};
use crate::config::Target;
use crate::context::Context;
use crate::error::{Explain, Result};
use crate::fs;
use crate::process::{self, ProcessError};

/// The toolchain that cargo uses, and cargo's configuration for the current directory.
#[derive(Debug)]
pub struct Toolchain {
    pub(super) config: CargoConfig,
    rustc: Utf8PathBuf,
    pub(super) sysroot: Utf8PathBuf,
}

/// What `rustc -vV` prints.
pub(super) struct RustcVersion(String);

impl RustcVersion {
    /// The commit that rustc was built from, which is part of std's paths.
    pub(super) fn commit_hash(&self) -> &str {
        self.line("commit-hash: ")
    }

    /// Whether it is at least `1.MINOR`. A prerelease may lack what was added in its version.
    pub(super) fn is_at_least(&self, minor: u32) -> bool {
        let release = self.line("release: ");
        let (version, is_prerelease) = match release.split_once('-') {
            Some((version, _)) => (version, true),
            None => (release, false),
        };
        let found = version.strip_prefix("1.").and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
        found.is_some_and(|found| found > minor || (found == minor && !is_prerelease))
    }

    fn line(&self, name: &str) -> &str {
        self.0.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default()
    }
}

impl Toolchain {
    /// Finds the toolchain. `arguments` are the values of cargo's option `--config`.
    ///
    /// # Errors
    ///
    /// If there is no rustc.
    pub fn find(ctx: &Context, arguments: &[String]) -> Result<Self> {
        let config = CargoConfig::load(ctx, arguments);
        let named = ctx.env.get("RUSTC").and_then(|rustc| rustc.to_str());
        let named = named.map(|rustc| cargo_config::program(&ctx.cwd, rustc));
        let named = named.or_else(|| config.program(ctx, &["build", "rustc"]));
        let of_cargo = if named.is_none() { sysroot_of_cargo(ctx) } else { None };
        let rustc = named.unwrap_or_else(|| match &of_cargo {
            Some(sysroot) => sysroot.join("bin/rustc"),
            None => "rustc".into(),
        });
        let sysroot = match of_cargo {
            Some(sysroot) => sysroot,
            None => {
                let mut command = process::command(ctx, &rustc);
                let stdout = process::output(ctx, command.args(["--print", "sysroot"]), None)?;
                String::from_utf8_lossy(&stdout).trim().into()
            }
        };
        Ok(Toolchain { config, rustc, sysroot })
    }

    /// The user's wrapper of rustc.
    pub(super) fn wrapper(&self, ctx: &Context) -> Option<Utf8PathBuf> {
        // The variable also has priority if it is empty.
        match ctx.env.raw("RUSTC_WRAPPER") {
            Some(wrapper) => {
                let wrapper = wrapper.to_str().filter(|wrapper| !wrapper.is_empty())?;
                Some(cargo_config::program(&ctx.cwd, wrapper))
            }
            None => self.config.program(ctx, &["build", "rustc-wrapper"]),
        }
    }

    /// The version of rustc. Running rustc takes longer than most builds in which nothing has changed, so the version is
    /// remembered in `directory`.
    pub(super) fn version(&self, ctx: &Context, directory: &Utf8Path) -> Result<RustcVersion> {
        let file = directory.join("rustc-version");
        let key = self.key();
        let remembered = key.as_ref().and_then(|key| {
            let text = fs::read_text(&file).ok()?;
            Some(RustcVersion(text.strip_prefix(key)?.to_owned()))
        });
        if let Some(version) = remembered {
            return Ok(version);
        }
        let version = self.current_version(ctx)?;
        if let Some(key) = key {
            // Without the file, rustc is run again.
            let _ = fs::write_atomically(&file, [key.as_str(), &version.0].concat().as_bytes());
        }
        Ok(version)
    }

    /// The first line of the remembered version, which changes with the toolchain.
    fn key(&self) -> Option<String> {
        let metadata = self.sysroot.join("bin/rustc").metadata().ok()?;
        let modified = metadata.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(format!("{} {} {} {}\n", self.rustc, self.sysroot, metadata.len(), modified.as_nanos()))
    }

    fn current_version(&self, ctx: &Context) -> Result<RustcVersion> {
        let stdout = process::output(ctx, process::command(ctx, &self.rustc).arg("-vV"), None)?;
        Ok(RustcVersion(String::from_utf8_lossy(&stdout).into_owned()))
    }

    /// Whether its standard library uses reference types: it is that of Rust 1.82 or later.
    ///
    /// # Errors
    ///
    /// If rustc can't be run.
    pub fn uses_reference_types(&self, ctx: &Context) -> Result<bool> {
        if self.config.is_set(ctx, &["unstable", "build-std"]) {
            return Ok(false);
        }
        Ok(self.current_version(ctx)?.is_at_least(82))
    }

    /// Installs the standard library for `target` with rustup, if it is missing.
    ///
    /// # Errors
    ///
    /// If the standard library is missing and rustup can't install it.
    pub(super) fn ensure(&self, ctx: &Context, target: Target, offline: bool) -> Result<()> {
        if self.has_std(target) || self.config.is_set(ctx, &["unstable", "build-std"]) {
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
        if offline || self.config.is_true(ctx, &["net", "offline"]) {
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
fn sysroot_of_cargo(ctx: &Context) -> Option<Utf8PathBuf> {
    ctx.env.get("RUSTUP_TOOLCHAIN")?;
    let cargo = Utf8Path::from_path(Path::new(ctx.env.get("CARGO")?))?;
    let sysroot = cargo.parent()?.parent()?;
    let is_complete = sysroot.join("lib/rustlib").exists() && sysroot.join("bin/rustc").exists();
    (cargo.is_absolute() && is_complete).then(|| sysroot.to_owned())
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
