//! The flags that rustc is given: the user's own, and those that keep this machine's paths out of modules.

use camino::{Utf8Path, Utf8PathBuf};
use toml_edit::{DocumentMut, Item};

use crate::compile::Toolchain;
use crate::config::Target;
use crate::context::Context;
use crate::error::{Result, UsageError};
use crate::project::Project;

impl Toolchain {
    /// The user's rustflags for `target` with ours behind them, as `CARGO_ENCODED_RUSTFLAGS` takes them.
    ///
    /// Cargo takes the flags of one source alone, and ours must not displace the user's. Therefore the
    /// effective ones are found out first.
    pub(super) fn rustflags(&self, ctx: &Context, project: &Project, target: Target) -> Result<String> {
        let mut flags = self.config.rustflags(target.triple())?.unwrap_or_default();
        for (from, to) in self.remapped(ctx, project)? {
            flags.push(format!("--remap-path-prefix={from}={to}"));
        }
        Ok(flags.encode()?)
    }

    /// Folders of this machine, and what they are called instead. rustc takes the last that fits.
    fn remapped(&self, ctx: &Context, project: &Project) -> Result<Vec<(Utf8PathBuf, String)>> {
        let mut remapped = vec![(project.workspace_root.clone(), "/workspace".to_owned())];
        for (folder, package) in &project.outside {
            remapped.push((folder.clone(), format!("/{package}")));
        }
        if let Some(home) = &self.cargo_home {
            remapped.push((home.clone(), "/cargo".to_owned()));
            // The name of each of these folders holds a hash that a mirror of the registry changes.
            for registry in folders(&home.join("registry/src"))? {
                remapped.push((registry, "/cargo/registry".to_owned()));
            }
        }
        // With rust-src installed, rustc puts its place where the released std has a neutral one.
        let std_source = self.sysroot.join("lib/rustlib/src/rust");
        if std_source.exists() {
            remapped.push((std_source, format!("/rustc/{}", self.commit_hash(ctx)?)));
        }
        remapped.push((project.target_dir.clone(), "/target".to_owned()));
        Ok(remapped)
    }
}

fn folders(parent: &Utf8Path) -> Result<Vec<Utf8PathBuf>> {
    if !parent.exists() {
        return Ok(Vec::new());
    }
    let mut folders = Vec::new();
    for entry in fs_err::read_dir(parent)? {
        if let Ok(folder) = Utf8PathBuf::try_from(entry?.path()) {
            folders.push(folder);
        }
    }
    folders.sort();
    Ok(folders)
}

/// Refuses rustflags in a `--config`: they would be displaced by ours without a word.
pub(super) fn refuse_in(config: &[String]) -> Result<()> {
    for value in config {
        let text = match value.parse::<DocumentMut>() {
            Ok(document) => Some(document),
            Err(_) => fs_err::read_to_string(value).ok().and_then(|text| text.parse().ok()),
        };
        if text.is_some_and(|document| sets_rustflags(document.as_item())) {
            return Err(UsageError {
                message: format!(
                    "`--config {value}` sets rustflags, which cannot reach the compiler from there"
                ),
                help: vec!["set them in .cargo/config.toml, or in the variable RUSTFLAGS".to_owned()],
            }
            .into());
        }
    }
    Ok(())
}

fn sets_rustflags(config: &Item) -> bool {
    let has = |item: &Item| item.get("rustflags").is_some();
    let in_target = |targets: &Item| {
        targets.as_table_like().is_some_and(|targets| targets.iter().any(|(_, target)| has(target)))
    };
    config.get("build").is_some_and(has) || config.get("target").is_some_and(in_target)
}

#[cfg(test)]
mod tests {
    use super::refuse_in;

    #[test]
    fn rustflags_in_config_are_refused_and_nothing_else() {
        let refused = |value: &str| refuse_in(&[value.to_owned()]).is_err();
        assert!(refused("build.rustflags=['-Cdebuginfo=1']"));
        assert!(refused("target.wasm32-wasip1.rustflags=['-Cdebuginfo=1']"));
        assert!(!refused("build.jobs=1"));
        assert!(!refused("profile.wasmplugin.debug=1"));
        assert!(!refused("no-such-file.toml"));
    }
}
