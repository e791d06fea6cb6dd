//! Compiles crates to modules with cargo. Crates with the same settings share one run.

mod module_file;
mod options;
mod rustflags;
mod sources;
mod toolchain;

use std::io;

use camino::Utf8PathBuf;
use cargo_metadata::Message;

use crate::config::{Optimize, Target};
use crate::context::Context;
use crate::error::{Explain, Result};
use crate::fs::Lock;
use crate::process::{self, ProcessError};
use crate::project::{Crate, Project};

pub use module_file::ModuleFile;
pub use options::CargoOptions;
pub use toolchain::Toolchain;

/// Compiles the plugins of `project`. The modules are in the order of the plugins.
///
/// # Errors
///
/// If a target can't be installed, or a crate doesn't compile.
pub fn compile(
    ctx: &Context,
    project: &Project,
    toolchain: &Toolchain,
    options: &CargoOptions,
) -> Result<Vec<ModuleFile>> {
    rustflags::refuse_in(&options.config)?;
    // Another run must not overwrite the modules after cargo has finished and before they are opened.
    let directory = project.target_dir.join("wasmplugin");
    let lock = Lock::take(ctx, &directory.join(".compile.lock"), "the compiler");
    let _lock = lock.map_err(|error| match error.downcast::<io::Error>() {
        Ok(source) => CompileError::TargetDir { directory, source }.into(),
        Err(error) => error,
    })?;
    let mut paths: Vec<Option<Utf8PathBuf>> = vec![None; project.crates.len()];
    for group in groups(&project.crates) {
        toolchain.ensure(ctx, group.target, options.offline)?;
        let mut compile = |flags: &str| {
            build(ctx, project, options, &group, flags, |index, path| paths[index] = Some(path))
        };
        let (flags, _) = toolchain.rustflags(ctx, project, options, group.target)?;
        compile(&flags)?;
        // Cargo may have locked and unpacked crates from new places, whose paths have to be remapped too.
        let (updated, unlisted) = toolchain.rustflags(ctx, project, options, group.target)?;
        if updated != flags {
            compile(&updated)?;
        }
        if let Some(error) = unlisted {
            ctx.shell.warn(format_args!(
                "the module may contain paths of this machine: cargo can't list the sources of all crates ({error})"
            ));
        }
    }
    let modules = paths.into_iter().zip(&project.crates).map(|(path, krate)| {
        let path = path.ok_or_else(|| CompileError::NoModule(krate.plugin.name.clone()))?;
        Ok(ModuleFile::open(&path, ctx.display_path(&path))?)
    });
    modules.collect()
}

/// Crates that one run of cargo can build, as indices into the crates of the project.
struct Group {
    target: Target,
    optimize: Optimize,
    crates: Vec<usize>,
}

fn groups(crates: &[Crate]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (index, Crate { plugin, .. }) in crates.iter().enumerate() {
        let (target, optimize) = (plugin.settings.target, plugin.settings.optimize);
        match groups.iter_mut().find(|group| group.target == target && group.optimize == optimize) {
            Some(group) => group.crates.push(index),
            None => groups.push(Group { target, optimize, crates: vec![index] }),
        }
    }
    groups
}

fn build(
    ctx: &Context,
    project: &Project,
    options: &CargoOptions,
    group: &Group,
    rustflags: &str,
    mut built: impl FnMut(usize, Utf8PathBuf),
) -> Result<()> {
    let mut command = process::command(ctx, ctx.cargo());
    command.args(["build", "--lib", "--message-format", "json-render-diagnostics"]);
    command.args(["--target", group.target.triple()]);
    command.arg("--manifest-path").arg(project.workspace_root.join("Cargo.toml"));
    command.arg("--target-dir").arg(&project.target_dir);
    for &index in &group.crates {
        let Crate { plugin, version, .. } = &project.crates[index];
        command.arg("--package").arg(format!("{}@{version}", plugin.name));
    }
    profile(&mut command, project, options, group.optimize);
    command.args(&options.args);
    command.env("CARGO_ENCODED_RUSTFLAGS", rustflags);

    let ran = process::stream(ctx, &mut command, |line| {
        let Ok(Message::CompilerArtifact(artifact)) = serde_json::from_str(line) else { return };
        if !artifact.target.is_cdylib() {
            return;
        }
        let index = group.crates.iter().find(|&&index| project.crates[index].id == artifact.package_id);
        let module = artifact.filenames.into_iter().find(|path| path.extension() == Some("wasm"));
        if let (Some(&index), Some(module)) = (index, module) {
            built(index, module);
        }
    });
    match ran {
        // Cargo has printed the reason, unless it was killed.
        Err(ProcessError::Failed { status, .. }) if status.code().is_some() => {
            Err(CompileError::Failed.into())
        }
        ran => Ok(ran?),
    }
}

/// Selects the profile. It is a separate one, so that the artifacts of a plain `cargo build` stay valid. It is defined
/// with `--config`, because cargo ignores profiles in workspace members. The user's `--config` comes later and wins.
fn profile(
    command: &mut std::process::Command,
    project: &Project,
    options: &CargoOptions,
    optimize: Optimize,
) {
    if let Some(profile) = &options.profile {
        command.args(["--profile", profile]);
        return;
    }
    command.args(["--profile", "wasmplugin"]);
    if project.has_profile {
        return;
    }
    let opt_level = match optimize {
        Optimize::Speed | Optimize::None => "3",
        Optimize::Size => "\"z\"",
    };
    for setting in [
        "inherits=\"release\"",
        "lto=true",
        "codegen-units=1",
        "panic=\"abort\"",
        "strip=\"debuginfo\"",
        &format!("opt-level={opt_level}"),
    ] {
        command.arg("--config").arg(format!("profile.wasmplugin.{setting}"));
    }
}

/// The crates could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// Cargo failed, and has printed the reason.
    #[error("cargo could not compile the crates")]
    Failed,
    /// Cargo succeeded, but built no module.
    #[error("cargo built no `.wasm` file for `{0}`")]
    NoModule(String),
    /// The target directory can't be written to.
    #[error("could not write to `{directory}`")]
    TargetDir { directory: Utf8PathBuf, source: io::Error },
}

impl CompileError {
    /// Whether another target directory may help.
    pub fn may_work_elsewhere(&self) -> bool {
        use io::ErrorKind::{NotADirectory, PermissionDenied, ReadOnlyFilesystem};
        match self {
            CompileError::TargetDir { source, .. } => {
                matches!(source.kind(), NotADirectory | PermissionDenied | ReadOnlyFilesystem)
            }
            CompileError::Failed | CompileError::NoModule(_) => false,
        }
    }
}

impl Explain for CompileError {
    fn is_reported(&self) -> bool {
        matches!(self, CompileError::Failed)
    }

    fn help(&self) -> Vec<String> {
        match self {
            CompileError::Failed => Vec::new(),
            CompileError::NoModule(_) => {
                vec!["make its library a cdylib: set `crate-type = [\"cdylib\"]` in `[lib]`".to_owned()]
            }
            CompileError::TargetDir { source, .. } => source.help(),
        }
    }
}
