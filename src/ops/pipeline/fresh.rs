//! Whether a package is built already, so that nothing but cargo has to look at what has not changed.
//!
//! What goes in is compared by its content; what came out, as cargo does it, by the sizes and times of files. A
//! package with findings is never fresh, so that they are reported again.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::config::{Choice as _, Settings};
use crate::digest::Digest;
use crate::error::Result;
use crate::ops::pipeline::built::Packaged;
use crate::ops::pipeline::plan::PackagePlan;
use crate::optimize::Optimizer;

/// This program: its version and a digest of its sources, for a development version has new rules under an old version.
const PROGRAM: &str = concat!(env!("CARGO_PKG_VERSION"), "+", env!("CARGO_WASMPLUGIN_SOURCES"));

/// Everything that the output of a package depends on, as one digest.
pub(super) struct Stamp(Digest);

/// Everything that the output of a package depends on.
#[derive(Serialize)]
struct Inputs<'p> {
    program: &'static str,
    optimizer: &'p str,
    image: Option<&'p str>,
    pull_image: Option<&'p str>,
    tag: Option<&'p str>,
    variant: &'static str,
    optimize: &'static str,
    root_ids: &'p [String],
    kind: &'static str,
    meshes: Vec<&'static str>,
    annotations: &'p BTreeMap<String, String>,
    draft: String,
    /// The bootstrap of an Envoy names the module by its path.
    directory: Utf8PathBuf,
    module: Digest,
}

/// What is remembered of a package that was built.
#[derive(Serialize, Deserialize)]
struct Record {
    stamp: Digest,
    packaged: Packaged,
    /// The files of its directory as they were written.
    files: Vec<FileState>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FileState {
    path: Utf8PathBuf,
    size: u64,
    /// Nanoseconds since 1970.
    modified: u128,
}

impl Stamp {
    /// The stamp of `package` with the digest of its compiled module.
    pub(super) fn of(package: &PackagePlan, module: Digest) -> Self {
        let Settings { image, pull_image, variant, optimize, target: _, root_ids, kind, meshes, checks: _ } =
            &package.settings;
        let inputs = Inputs {
            program: PROGRAM,
            optimizer: package.optimizer.as_ref().map(Optimizer::id).unwrap_or_default(),
            image: image.as_ref().map(|image| image.as_str()),
            pull_image: pull_image.as_ref().map(|image| image.as_str()),
            tag: package.tag.as_ref().map(|tag| tag.as_str()),
            variant: variant.name(),
            optimize: optimize.name(),
            root_ids,
            kind: kind.name(),
            meshes: meshes.iter().map(|mesh| mesh.name).collect(),
            annotations: &package.annotations,
            draft: package.draft.to_yaml(),
            directory: package.directory(),
            module,
        };
        let inputs = serde_json::to_vec(&inputs).expect("all keys of the inputs are strings");
        Stamp(Digest::of(&inputs))
    }

    /// What was built under the same stamp, if all of it exists as it was written.
    pub(super) fn fresh(&self, package: &PackagePlan) -> Option<Packaged> {
        // A record that can't be read is as good as none: the package is built again.
        let record: Record = serde_json::from_slice(&fs_err::read(record(package)).ok()?).ok()?;
        let files = files(&package.directory()).ok()?;
        (record.stamp == self.0 && record.files == files).then_some(record.packaged)
    }

    /// Remembers what was built.
    pub(super) fn record(self, package: &PackagePlan, packaged: &Packaged) -> Result<()> {
        let remembered =
            Record { stamp: self.0, packaged: packaged.clone(), files: files(&package.directory())? };
        let text = serde_json::to_vec(&remembered).expect("all keys of a record are strings");
        Ok(crate::fs::write_atomically(&record(package), &text)?)
    }
}

fn record(package: &PackagePlan) -> Utf8PathBuf {
    package.output.join(format!(".{}.json", package.name))
}

fn files(directory: &Utf8Path) -> std::io::Result<Vec<FileState>> {
    let (mut found, mut directories) = (Vec::new(), vec![directory.to_owned()]);
    while let Some(next) = directories.pop() {
        for entry in fs_err::read_dir(&next)? {
            let path = Utf8PathBuf::try_from(entry?.path()).map_err(|error| error.into_io_error())?;
            if path.is_dir() {
                directories.push(path);
            } else {
                found.push(FileState::of(&path, path.strip_prefix(directory).unwrap_or(&path))?);
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

impl FileState {
    fn of(file: &Utf8Path, name: &Utf8Path) -> std::io::Result<Self> {
        let metadata = fs_err::metadata(file)?;
        let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        Ok(FileState { path: name.to_owned(), size: metadata.len(), modified })
    }
}
