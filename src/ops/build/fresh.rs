//! Whether a package is built already, so that nothing but cargo has to look at what has not changed.
//!
//! What goes in is told by its content; what came out, as cargo does it, by the sizes and times of files. A
//! package with warnings is never fresh, so that these are shown again.

use std::time::UNIX_EPOCH;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::Result;
use crate::ops::build::{Job, Packaged};
use crate::optimize::Optimizer;

/// Everything that the output of a package depends on, as one digest.
pub(super) struct Stamp(Digest);

/// What is remembered of a package that was built.
#[derive(Serialize, Deserialize)]
struct Record {
    stamp: Digest,
    packaged: Packaged,
    /// The files of its folder as they were written.
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
    /// The stamp of `job` with the digest of its compiled module.
    pub(super) fn of(job: &Job<'_>, module: Digest) -> Self {
        let settings = format!("{:?} {:?} {:?}", job.plugin.settings, job.tag, job.annotations);
        let optimizer = job.optimizer.as_ref().map(Optimizer::id).unwrap_or_default();
        let template = job.template.to_yaml();
        // A bootstrap of Envoy names the module by its path.
        let folder = job.folder();
        let module = module.hex();
        let said = [env!("CARGO_PKG_VERSION"), optimizer, &settings, &template, folder.as_str(), &module];
        Stamp(Digest::of_parts(said.map(str::as_bytes)))
    }

    /// What was built under the same stamp, where all of it is still there as it was written.
    pub(super) fn fresh(&self, job: &Job<'_>) -> Option<Packaged> {
        // A record that cannot be read is as good as none: the package is built again.
        let record: Record = serde_json::from_slice(&fs_err::read(record(job)).ok()?).ok()?;
        let files = files(&job.folder()).ok()?;
        (record.stamp == self.0 && record.files == files).then_some(record.packaged)
    }

    /// Remembers what was built.
    pub(super) fn record(self, job: &Job<'_>, packaged: &Packaged) -> Result<()> {
        let remembered = Record { stamp: self.0, packaged: packaged.clone(), files: files(&job.folder())? };
        let text = serde_json::to_vec(&remembered).expect("the keys of a record are strings");
        Ok(crate::fs::write_whole(&record(job), &text)?)
    }
}

fn record(job: &Job<'_>) -> Utf8PathBuf {
    job.output.join(format!(".{}.json", job.plugin.name))
}

fn files(folder: &Utf8Path) -> std::io::Result<Vec<FileState>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs_err::read_dir(&next)? {
            let path = Utf8PathBuf::try_from(entry?.path()).map_err(|error| error.into_io_error())?;
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(FileState::of(&path, path.strip_prefix(folder).unwrap_or(&path))?);
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
