//! The OCI archive: a layout as one tar file, which skopeo and podman call `oci-archive`.

use std::collections::HashMap;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use fs_err::File;

use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Explain, Result};
use crate::fs::StagedFile;
use crate::image::{Blob, Descriptor, entry_header};
use crate::reference::{Reference, Tag};
use crate::transport::content::BlobContent;
use crate::transport::index::{self, INDEX, IndexError, LayoutIndex, MARKER};
use crate::transport::sink::{Sink, Step, Transfer};
use crate::transport::source::{LARGEST_MANIFEST, Source};

/// An archive. Its file need not exist yet.
#[derive(Debug, Clone)]
pub struct Archive {
    path: Utf8PathBuf,
}

/// A file is not an archive, or can't become one.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("`{0}` exists and is not a file")]
    NotAFile(Utf8PathBuf),
    #[error("`{path}` is not an OCI archive")]
    Foreign { path: Utf8PathBuf, source: io::Error },
    #[error("`{INDEX}` in `{path}` is not an image index")]
    LayoutIndex { path: Utf8PathBuf, source: IndexError },
    #[error("`{path}` doesn't contain the blob {digest}")]
    NoBlob { path: Utf8PathBuf, digest: Digest },
}

impl Explain for ArchiveError {
    fn help(&self) -> Vec<String> {
        match self {
            ArchiveError::NotAFile(_) => {
                vec!["choose a file in an existing directory; an existing file is replaced".to_owned()]
            }
            _ => vec!["create the archive again, for example with `skopeo copy`".to_owned()],
        }
    }
}

/// The position and the size of each file in an archive.
struct Entries(HashMap<Utf8PathBuf, (u64, u64)>);

impl Archive {
    pub fn at(path: Utf8PathBuf) -> Self {
        Archive { path }
    }

    fn entries(&self, file: &File) -> Result<Entries, ArchiveError> {
        let read = || {
            let mut entries = HashMap::new();
            for entry in tar::Archive::new(file).entries_with_seek()? {
                let entry = entry?;
                if let Ok(path) = Utf8PathBuf::from_path_buf(entry.path()?.into_owned()) {
                    let path = path.strip_prefix(".").map(Utf8Path::to_owned).unwrap_or(path);
                    entries.insert(path, (entry.raw_file_position(), entry.size()));
                }
            }
            Ok(Entries(entries))
        };
        read().map_err(|source| ArchiveError::Foreign { path: self.path.clone(), source })
    }

    fn index(&self, entries: &Entries, file: &File) -> Result<LayoutIndex, ArchiveError> {
        let foreign = |source| ArchiveError::Foreign { path: self.path.clone(), source };
        let Some((start, size)) = entries.0.get(Utf8Path::new(INDEX)) else {
            return Err(foreign(io::Error::new(io::ErrorKind::NotFound, format!("it has no `{INDEX}`"))));
        };
        let mut bytes = vec![0; (*size).min(LARGEST_MANIFEST) as usize];
        file.file().read_exact_at(&mut bytes, *start).map_err(foreign)?;
        LayoutIndex::read(&bytes)
            .map_err(|source| ArchiveError::LayoutIndex { path: self.path.clone(), source })
    }
}

impl Source for Archive {
    fn resolve(&self, _ctx: &Context, reference: &Reference) -> Result<Option<Blob>> {
        let file = File::open(&self.path)?;
        let entries = self.entries(&file)?;
        let index = self.index(&entries, &file)?;
        let digest = match reference {
            Reference::Tag(tag) => index.tagged(tag),
            Reference::Digest(digest) => Some(*digest),
        };
        let found = digest.and_then(|digest| Some((digest, entries.0.get(&index::path_of(digest))?)));
        let Some((digest, (start, size))) = found else { return Ok(None) };
        Ok(Some(index.manifest(digest, file, *start, *size)?))
    }

    fn open(&self, _ctx: &Context, blob: &Descriptor) -> Result<BlobContent> {
        let file = File::open(&self.path)?;
        match self.entries(&file)?.0.get(&index::path_of(blob.digest)) {
            Some((start, _)) => Ok(BlobContent::file(blob, file, *start)),
            None => Err(ArchiveError::NoBlob { path: self.path.clone(), digest: blob.digest }.into()),
        }
    }
}

/// An archive is replaced as a whole: its previous content is lost.
impl Sink for Archive {
    fn tagged(&self, _ctx: &Context, _tag: &Tag) -> Result<Option<Digest>> {
        Ok(None)
    }

    fn protects_versions(&self) -> bool {
        false
    }

    fn missing(&self, _ctx: &Context, blobs: Vec<Descriptor>) -> Result<Vec<Descriptor>> {
        Ok(blobs)
    }

    fn announcement(&self, ctx: &Context, names: &str, _missing: usize, _blobs: usize) -> (Step, String) {
        (Step::Write, format!("{names} to {}", ctx.display_path(&self.path)))
    }

    fn write(&self, ctx: &Context, transfer: &Transfer<'_>) -> Result<()> {
        // A symbolic link stays in place: its target is replaced.
        let path = self.path.canonicalize_utf8().unwrap_or_else(|_| self.path.clone());
        if path.exists() && !path.is_file() {
            return Err(ArchiveError::NotAFile(path).into());
        }
        let mut index = LayoutIndex::default();
        index.add(&transfer.manifest.descriptor, transfer.tags);

        let mut file = StagedFile::beside(&path)?;
        for blob in transfer.blobs {
            add_blob(ctx, &mut file, &transfer.source.open(ctx, blob)?)?;
        }
        add_blob(ctx, &mut file, &BlobContent::memory(transfer.manifest))?;
        add(&mut file, MARKER, &index::marker())?;
        add(&mut file, INDEX, &index.to_bytes())?;
        file.write_all(&[0; 2 * BLOCK])?;
        Ok(file.swap()?)
    }
}

/// Each file in a tar archive is padded to a multiple of this size. Two empty blocks end the archive.
const BLOCK: usize = 512;

fn add_blob(ctx: &Context, file: &mut impl Write, blob: &BlobContent) -> Result<()> {
    begin(file, index::path_of(blob.digest()).as_str(), blob.size())?;
    for chunk in blob.chunks() {
        ctx.interrupt.check()?;
        file.write_all(&chunk?)?;
    }
    Ok(pad(file, blob.size())?)
}

fn add(file: &mut impl Write, path: &str, bytes: &[u8]) -> io::Result<()> {
    begin(file, path, bytes.len() as u64)?;
    file.write_all(bytes)?;
    pad(file, bytes.len() as u64)
}

fn begin(file: &mut impl Write, path: &str, size: u64) -> io::Result<()> {
    let mut header = entry_header(size);
    header.set_path(path)?;
    header.set_cksum();
    file.write_all(header.as_bytes())
}

fn pad(file: &mut impl Write, size: u64) -> io::Result<()> {
    let last = (size % BLOCK as u64) as usize;
    file.write_all(&[0; BLOCK][..(BLOCK - last) % BLOCK])
}
