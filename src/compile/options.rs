//! How cargo is asked to build.

use std::ffi::OsString;

use cargo_metadata::Package;

/// Options for `cargo build`.
#[derive(Debug, Clone, Default)]
pub struct CargoOptions {
    /// `--profile`, if the user selected one.
    pub profile: Option<String>,
    /// Whether network access is forbidden.
    pub offline: bool,
    /// Which features to activate.
    pub features: FeatureOptions,
    /// Options that are passed on to cargo: `--locked`, `--config`, `-j` and others.
    pub args: Vec<OsString>,
    /// The values of `--config` among them.
    pub config: Vec<String>,
}

/// Which features to activate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct FeatureOptions {
    /// The names in `--features`.
    pub names: Vec<String>,
    /// `--all-features`
    pub all: bool,
    /// `--no-default-features`
    pub no_default: bool,
}

impl FeatureOptions {
    /// The options for one of several packages. If a feature is selected for several packages, cargo activates it in those
    /// that have it.
    pub(super) fn of_one(&self, package: &Package, all: &[&Package]) -> Self {
        // Cargo reports a feature that no package has.
        let is_wanted = |name: &&String| has(package, name) || !all.iter().any(|other| has(other, name));
        FeatureOptions { names: self.names.iter().filter(is_wanted).cloned().collect(), ..*self }
    }

    /// The options for cargo.
    pub(super) fn to_args(&self) -> impl Iterator<Item = String> {
        let names = self.names.iter().map(|name| format!("--features={name}"));
        let all = self.all.then(|| "--all-features".to_owned());
        names.chain(all).chain(self.no_default.then(|| "--no-default-features".to_owned()))
    }
}

/// Whether a name in `--features` is a feature of a package. It can be `PACKAGE/FEATURE`, with the package or one of its
/// dependencies.
fn has(package: &Package, name: &str) -> bool {
    match name.split_once('/') {
        Some((owner, feature)) if *package.name == owner => package.features.contains_key(feature),
        Some((owner, _)) => {
            let owner = owner.trim_end_matches('?');
            package
                .dependencies
                .iter()
                .any(|dependency| dependency.rename.as_ref().unwrap_or(&dependency.name) == owner)
        }
        None => package.features.contains_key(name),
    }
}
