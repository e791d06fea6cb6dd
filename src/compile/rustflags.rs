//! The flags for rustc: the user's own, and those that keep the paths of this machine out of modules.

use toml_edit::{DocumentMut, Item};

use crate::compile::options::CargoOptions;
use crate::compile::sources::{self, Outside};
use crate::compile::toolchain::Toolchain;
use crate::config::Target;
use crate::context::Context;
use crate::error::{Error, Result, UsageError};
use crate::project::Project;

impl Toolchain {
    /// The user's rustflags for `target` followed by ours, in the format of `CARGO_ENCODED_RUSTFLAGS`.
    ///
    /// Cargo uses flags from only one source, and ours must not replace the user's. So this starts with the user's
    /// effective flags.
    ///
    /// If some paths of this machine aren't known, the second part of the result says why.
    pub(super) fn rustflags(
        &self,
        ctx: &Context,
        project: &Project,
        options: &CargoOptions,
        target: Target,
    ) -> Result<(String, Option<Error>)> {
        let mut flags = self.config.rustflags(target.triple())?.unwrap_or_default();
        let mut remapped = vec![(project.workspace_root.clone(), "/workspace".to_owned())];
        let Outside { directories, unlisted } =
            sources::outside_workspace(ctx, project, self, options, target)?;
        remapped.extend(directories);
        // If rust-src is installed, rustc uses its path instead of the neutral path in the released std.
        let std_source = self.sysroot.join("lib/rustlib/src/rust");
        if std_source.exists() {
            remapped.push((std_source, format!("/rustc/{}", self.commit_hash(ctx)?)));
        }
        let output = project.build_dir.iter().chain([&project.target_dir]);
        remapped.extend(output.map(|dir| (dir.clone(), "/target".to_owned())));
        // rustc uses the last prefix that matches, which has to be the longest one.
        remapped.sort_by_key(|(from, _)| from.as_str().len());
        for (from, to) in remapped {
            flags.push(format!("--remap-path-prefix={from}={to}"));
        }
        Ok((flags.encode()?, unlisted))
    }
}

/// Refuses rustflags in `--config`, because ours would silently replace them.
pub(super) fn refuse_in(config: &[String]) -> Result<()> {
    for value in config {
        let text = match value.parse::<DocumentMut>() {
            Ok(document) => Some(document),
            Err(_) => fs_err::read_to_string(value).ok().and_then(|text| text.parse().ok()),
        };
        if text.is_some_and(|document| sets_rustflags(document.as_item())) {
            return Err(UsageError {
                message: format!("`--config {value}` sets rustflags, which would have no effect there"),
                help: vec![
                    "set them in `.cargo/config.toml` or in the environment variable `RUSTFLAGS`".to_owned(),
                ],
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
    fn only_rustflags_in_config_are_refused() {
        let refused = |value: &str| refuse_in(&[value.to_owned()]).is_err();
        assert!(refused("build.rustflags=['-Cdebuginfo=1']"));
        assert!(refused("target.wasm32-wasip1.rustflags=['-Cdebuginfo=1']"));
        assert!(!refused("build.jobs=1"));
        assert!(!refused("profile.wasmplugin.debug=1"));
        assert!(!refused("no-such-file.toml"));
    }
}
