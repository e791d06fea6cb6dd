//! Detects packages whose output is up to date, so that only cargo has to run.
//!
//! Inputs are compared by content. Output files are compared by size and modification time, as in cargo. A package with
//! findings in its module is never fresh, so that the findings are reported again.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::config::{Choice as _, Settings};
use crate::context::{Context, PROGRAM};
use crate::digest::Digest;
use crate::error::Result;
use crate::fs::{self, TEXT_LIMIT};
use crate::ops::pipeline::built::Packaged;
use crate::ops::pipeline::plan::{IMAGE, PackagePlan};
use crate::optimize::Optimizer;
use crate::transport::{Layout, OpenedImage};

/// The digest of everything that the output of a package depends on.
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
    names: bool,
    root_ids: &'p [String],
    kind: &'static str,
    meshes: Vec<&'static str>,
    annotations: &'p BTreeMap<String, String>,
    draft: String,
    /// The bootstrap of an Envoy contains the path of the module.
    directory: Utf8PathBuf,
    module: Digest,
}

/// The stored record of a package that was built.
#[derive(Serialize, Deserialize)]
struct Record {
    stamp: Digest,
    packaged: Packaged,
    /// The files in the output directory, as they were written.
    files: Vec<FileState>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FileState {
    path: Utf8PathBuf,
    size: u64,
    /// In nanoseconds since the Unix epoch.
    modified: u128,
}

impl Stamp {
    /// The stamp of `package`, whose compiled module has the digest `module`.
    pub(super) fn of(package: &PackagePlan, module: Digest) -> Self {
        let Settings {
            image,
            pull_image,
            plain_http: _,
            cacert: _,
            variant,
            optimize,
            names,
            target: _,
            root_ids,
            kind,
            namespace: _,
            target_refs: _,
            meshes,
            deny_warnings: _,
            checks: _,
        } = &package.settings;
        let inputs = Inputs {
            program: PROGRAM,
            optimizer: package.optimizer.as_ref().map(Optimizer::id).unwrap_or_default(),
            image: image.as_ref().map(|image| image.as_str()),
            pull_image: pull_image.as_ref().map(|image| image.as_str()),
            tag: package.tag.as_ref().map(|tag| tag.as_str()),
            variant: variant.name(),
            optimize: optimize.name(),
            names: *names,
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

    /// The existing output, if it was built with the same stamp and no file has changed.
    pub(super) fn fresh(&self, ctx: &Context, package: &PackagePlan) -> Option<(Packaged, OpenedImage)> {
        // If the record can't be read, the package is built again.
        let record: Record = serde_json::from_slice(&fs::read(record(package), TEXT_LIMIT).ok()?).ok()?;
        let files = files(&package.directory()).ok()?;
        if record.stamp != self.0 || record.files != files {
            return None;
        }
        // Another process may have replaced the image.
        let layout = Layout::at(package.directory().join(IMAGE));
        let image = OpenedImage::open(ctx, &layout, record.packaged.image).ok()??;
        Some((record.packaged, image))
    }

    /// Stores the record of the output.
    pub(super) fn record(self, package: &PackagePlan, packaged: &Packaged) -> Result<()> {
        let remembered =
            Record { stamp: self.0, packaged: packaged.clone(), files: files(&package.directory())? };
        let text = serde_json::to_vec(&remembered).expect("all keys of a record are strings");
        Ok(fs::write_atomically(&record(package), &text)?)
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
