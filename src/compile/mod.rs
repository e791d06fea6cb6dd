//! Compiles crates to modules with cargo.
//!
//! Cargo's output is in a directory for this workspace only, because cargo can't tell the cdylibs of two workspaces apart.

mod batch;
mod cargo_config;
mod error;
mod module_file;
mod options;
mod remap;
mod run;
mod sources;
mod toolchain;
mod warnings;
pub mod wrapper;

use std::io;

use camino::Utf8PathBuf;

use crate::config::{Choice as _, Target};
use crate::context::Context;
use crate::digest::Digest;
use crate::error::Result;
use crate::fs::Lock;
use crate::project::Project;
use crate::target_dir;
use run::Compiler;
use wrapper::Wrapper;

pub use error::CompileError;
pub use module_file::ModuleFile;
pub use options::{CargoOptions, FeatureOptions};
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
    let workspace = Digest::of(project.workspace_root.as_str().as_bytes());
    let output = target_dir::output(&project.target_dir);
    target_dir::create(&output);
    let directory = output.join(".build").join(workspace.short());
    let unusable = |source| CompileError::TargetDir { directory: directory.clone(), source };
    // Another run must not overwrite the modules after cargo has finished and before they are opened.
    let lock = Lock::take(ctx, &directory.join("lock"), "the compiler");
    let _lock = lock.map_err(|error| match error.downcast::<io::Error>() {
        Ok(source) => unusable(source).into(),
        Err(error) => error,
    })?;
    let wrapper = Wrapper::install(&directory).map_err(unusable)?;
    warnings::show(ctx, project, &toolchain.config, options);
    let compiler = Compiler { ctx, project, toolchain, options, directory: &directory, wrapper };
    let mut paths = vec![None; project.crates.len()];
    for (_, target) in Target::ALL {
        if project.crates.iter().any(|krate| krate.plugin.settings.target == *target) {
            compiler.compile(*target, &mut paths)?;
        }
    }
    let modules = paths.into_iter().zip(&project.crates).map(|(path, krate)| {
        let path: Utf8PathBuf = path.ok_or_else(|| CompileError::NoModule(krate.plugin.name.clone()))?;
        Ok(ModuleFile::open(&path, ctx.display_path(&path))?)
    });
    modules.collect()
}
