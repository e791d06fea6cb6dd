//! Neutral names for the paths of this machine, so that modules don't contain them.

use camino::{Utf8Path, Utf8PathBuf};

use crate::compile::sources::Outside;
use crate::compile::toolchain::Toolchain;
use crate::context::Context;
use crate::digest::Digest;
use crate::error::Result;
use crate::project::Project;

/// Directories, and the names that replace them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Remapping {
    names: Vec<(Utf8PathBuf, String)>,
    /// Whether messages of the compiler keep the paths of this machine.
    in_objects_only: bool,
}

impl Remapping {
    /// The directories of the sources, and `outside` the workspace. `directory` is for what is known of rustc.
    ///
    /// # Errors
    ///
    /// If rustc can't be run.
    pub(super) fn of(
        ctx: &Context,
        project: &Project,
        toolchain: &Toolchain,
        outside: &Outside,
        directory: &Utf8Path,
    ) -> Result<Self> {
        let version = toolchain.version(ctx, directory)?;
        let mut names = vec![(project.workspace_root.clone(), "/workspace".to_owned())];
        names.extend(outside.directories.iter().cloned());
        // If rust-src is installed, rustc uses its path instead of the neutral path in the released std.
        let std_source = toolchain.sysroot.join("lib/rustlib/src/rust");
        if std_source.exists() {
            names.push((std_source, format!("/rustc/{}", version.commit_hash())));
        }
        Ok(Remapping { names, in_objects_only: version.is_at_least(95) })
    }

    /// Identifies the names. Cargo doesn't know them, so it can't detect that they have changed.
    pub(super) fn digest(&self) -> Digest {
        let parts = self.names.iter().flat_map(|(directory, name)| [directory.as_str(), name]);
        Digest::of_parts(parts.map(str::as_bytes))
    }

    /// The flags for rustc. `target_dir` is the directory for the output of cargo.
    pub(super) fn flags(&self, target_dir: &Utf8Path) -> Vec<String> {
        let target_dir = (target_dir, "/target");
        let mut names: Vec<_> =
            self.names.iter().map(|(directory, name)| (&**directory, &**name)).chain([target_dir]).collect();
        // rustc uses the last prefix that matches, which has to be the longest one.
        names.sort_by_key(|(directory, _)| directory.as_str().len());
        let prefixes =
            names.into_iter().map(|(directory, name)| format!("--remap-path-prefix={directory}={name}"));
        // Stable since Rust 1.95.
        let scope = self.in_objects_only.then(|| "--remap-path-scope=object".to_owned());
        prefixes.chain(scope).collect()
    }
}
