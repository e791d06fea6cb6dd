//! Which crates are compiled in one run of cargo, and which have a directory of their own.
//!
//! The digest of a package must not depend on the other packages that are built. Cargo activates the features of a
//! dependency for all crates of a run, so crates only share a run if that changes none of them.
//!
//! Cargo writes the cdylib of a package in a directory to a file whose name has no hash, and can't detect that another
//! package has replaced it. So crates with the same library name don't share a directory.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::Package;

use crate::compile::options::{CargoOptions, FeatureOptions};
use crate::config::{Optimize, Target};
use crate::context::Context;
use crate::digest::Digest;
use crate::fs::{self, TEXT_LIMIT, remove_abandoned, write_atomically};
use crate::project::{Crate, Project};

/// The crates of one run of cargo.
#[derive(Debug)]
pub(super) struct Batch<'p> {
    pub(super) optimize: Optimize,
    pub(super) features: FeatureOptions,
    /// Indices of the crates in the project.
    pub(super) crates: Vec<usize>,
    /// Whether it is a crate with other crate types, which have to be left out.
    pub(super) has_other_types: bool,
    /// The package that has a directory for itself.
    pub(super) owner: Option<&'p str>,
}

/// Decides how the crates for `target` are compiled. `libraries` are the names of cdylibs outside the workspace;
/// `cache` is a directory.
pub(super) fn batches<'p>(
    ctx: &Context,
    project: &'p Project,
    options: &CargoOptions,
    target: Target,
    libraries: &[String],
    cache: Option<&Utf8Path>,
) -> Vec<Batch<'p>> {
    let crates = project.crates.iter().enumerate();
    let crates = crates.filter(|(_, krate)| krate.plugin.settings.target == target);
    let selected: Vec<&Package> = project.crates.iter().map(|krate| &krate.package).collect();
    let mut resolutions = Resolutions { ctx, project, target, cache, known: HashMap::new() };
    let mut batches: Vec<Batch<'p>> = Vec::new();
    for (index, krate) in crates {
        let package = &krate.package;
        let batch = Batch {
            optimize: krate.plugin.settings.optimize,
            features: options.features.of_one(package, &selected),
            crates: vec![index],
            has_other_types: has_other_types(package),
            owner: needs_own_directory(package, &project.members, libraries).then_some(&**package.name),
        };
        match batches.iter_mut().find(|other| resolutions.can_share(other, &batch)) {
            Some(other) => other.crates.push(index),
            None => batches.push(batch),
        }
    }
    batches
}

/// The name of the library, which is also the name of its file.
pub(super) fn library(package: &Package) -> Option<&str> {
    package.targets.iter().find(|target| target.is_cdylib()).map(|target| target.name.as_str())
}

fn has_other_types(package: &Package) -> bool {
    package.targets.iter().any(|target| target.is_cdylib() && target.crate_types.len() > 1)
}

fn needs_own_directory(package: &Package, members: &[Package], libraries: &[String]) -> bool {
    let Some(own) = library(package) else { return false };
    let names = members.iter().filter(|member| member.id != package.id).filter_map(library);
    let is_shared =
        names.chain(libraries.iter().map(String::as_str)).any(|name| file_name(name) == file_name(own));
    // As a dependency, it is compiled with all its crate types, and to the same file.
    let root = package.manifest_path.parent();
    let is_dependency = || {
        let mut dependencies = members.iter().flat_map(|member| &member.dependencies);
        dependencies.any(|dependency| dependency.path.is_some() && dependency.path.as_deref() == root)
    };
    is_shared || (has_other_types(package) && is_dependency())
}

fn file_name(library: &str) -> String {
    library.replace('-', "_")
}

/// The packages of a build, and their features.
type Resolution = BTreeMap<String, BTreeSet<String>>;

/// The resolutions of crates. Cargo is only asked if necessary.
struct Resolutions<'p> {
    ctx: &'p Context,
    project: &'p Project,
    target: Target,
    cache: Option<&'p Utf8Path>,
    /// By index of the crate and features. `None` if cargo reported an error, which it will do again when it compiles the
    /// crate.
    known: HashMap<(usize, FeatureOptions), Option<[Resolution; 2]>>,
}

impl Resolutions<'_> {
    fn can_share(&mut self, batch: &Batch<'_>, new: &Batch<'_>) -> bool {
        let is_plain = |batch: &Batch<'_>| batch.owner.is_none() && !batch.has_other_types;
        is_plain(batch)
            && is_plain(new)
            && batch.optimize == new.optimize
            && batch.features == new.features
            && new.crates.iter().all(|new_crate| {
                batch.crates.iter().all(|other| self.are_independent(*other, *new_crate, &batch.features))
            })
    }

    /// Whether compiling both crates in one run activates no additional features.
    fn are_independent(&mut self, one: usize, other: usize, features: &FeatureOptions) -> bool {
        let [one, other] = [one, other].map(|index| self.representative(index));
        if one == other {
            return true;
        }
        let keys = [one, other].map(|index| (index, features.clone()));
        for key in &keys {
            if !self.known.contains_key(key) {
                let resolution = self.resolve(key.0, features);
                self.known.insert(key.clone(), resolution);
            }
        }
        let [Some(Some(a)), Some(Some(b))] = keys.each_ref().map(|key| self.known.get(key)) else {
            return false;
        };
        let agree = |(a, b): (&Resolution, &Resolution)| {
            a.iter().all(|(package, features)| b.get(package).is_none_or(|others| others == features))
        };
        a.iter().zip(b).all(agree)
    }

    /// The first crate with the same dependencies and features. The plugins of a workspace are often the same in this.
    fn representative(&self, index: usize) -> usize {
        let package = &self.project.crates[index].package;
        let is_same = |other: &Crate| {
            other.package.dependencies == package.dependencies && other.package.features == package.features
        };
        self.project.crates.iter().position(is_same).unwrap_or(index)
    }

    /// The packages that a crate needs. With the old resolver of cargo, development dependencies activate features too, so
    /// the second resolution includes them.
    fn resolve(&self, index: usize, features: &FeatureOptions) -> Option<[Resolution; 2]> {
        let of = |edges: &str| Some(read(&self.tree(index, edges, features)?));
        Some([of("normal,build")?, of("normal,build,dev")?])
    }

    fn tree(&self, index: usize, edges: &str, features: &FeatureOptions) -> Option<String> {
        let package = &self.project.crates[index].package;
        let mut args: Vec<String> =
            ["--prefix", "none", "--format", "{p}\t{f}", "--edges", edges, "--target"]
                .into_iter()
                .chain([self.target.triple(), "--package", &package.id.repr])
                .map(str::to_owned)
                .collect();
        args.extend(features.to_args());
        let cached = self.cache.and_then(|cache| self.cached(cache, &args));
        if let Some(tree) = cached.as_ref().and_then(|path| fs::read_text(path).ok()) {
            return Some(tree);
        }
        let tree = self.project.tree(self.ctx, &args).ok()?;
        if let Some(path) = cached {
            let cache = self.cache?;
            remove_abandoned(cache, ".");
            // Without the file, cargo is asked again.
            let _ = fs_err::create_dir_all(cache).and_then(|()| write_atomically(&path, tree.as_bytes()));
        }
        Some(tree)
    }

    /// The file for the answer of cargo. It depends on the lock file, the manifests of the workspace and the arguments.
    fn cached(&self, cache: &Utf8Path, args: &[String]) -> Option<Utf8PathBuf> {
        let lock = fs::read(self.project.workspace_root.join("Cargo.lock"), TEXT_LIMIT).ok()?;
        let members = self.project.members.iter();
        let members = members.map(|member| (&member.id, &member.dependencies, &member.features));
        let members = serde_json::to_vec(&members.collect::<Vec<_>>()).ok()?;
        let parts = args.iter().map(String::as_bytes).chain([&lock[..], &members]);
        Some(cache.join(Digest::of_parts(parts).hex()))
    }
}

fn read(tree: &str) -> Resolution {
    let mut resolution = Resolution::new();
    for line in tree.lines() {
        if let Some((package, features)) = line.trim_end_matches(" (*)").split_once('\t') {
            resolution.entry(package.to_owned()).or_default().insert(features.to_owned());
        }
    }
    resolution
}
