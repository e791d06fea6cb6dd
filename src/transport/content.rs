//! The content of a blob, in memory or in a file, read in chunks.

use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use fs_err::File;

use crate::digest::{Digest, Hasher};
use crate::error::{Error, Explain, Result};
use crate::image::{Blob, Descriptor};

/// How much is read at a time.
const CHUNK: usize = 128 << 10;

/// The content of a blob, in memory or in a file. It can be read several times; clones share it.
#[derive(Debug, Clone)]
pub struct BlobContent {
    digest: Digest,
    size: u64,
    storage: Storage,
}

#[derive(Debug, Clone)]
enum Storage {
    Memory(Bytes),
    /// A part of a file, from this position on.
    File(Arc<File>, u64),
}

/// The content of a file doesn't have the expected digest.
#[derive(Debug, thiserror::Error)]
#[error("`{path}` is damaged: its content doesn't have the digest {digest}")]
pub struct Damaged {
    path: String,
    digest: Digest,
}

impl Explain for Damaged {
    fn help(&self) -> Vec<String> {
        vec!["remove it, then run the command that creates it".to_owned()]
    }
}

impl BlobContent {
    pub(super) fn memory(blob: &Blob) -> Self {
        let Descriptor { digest, size, .. } = blob.descriptor;
        BlobContent { digest, size, storage: Storage::Memory(blob.bytes.clone()) }
    }

    /// The content of the blob that `descriptor` describes, from position `start` of `file` on.
    pub(super) fn file(descriptor: &Descriptor, file: File, start: u64) -> Self {
        let Descriptor { digest, size, .. } = *descriptor;
        BlobContent { digest, size, storage: Storage::File(Arc::new(file), start) }
    }

    /// The digest that the content should have.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The number of bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The content in chunks. The last chunk is returned only if the digest of the content is right.
    pub fn chunks(&self) -> Chunks {
        Chunks { content: self.clone(), hasher: Some(Hasher::default()), position: 0 }
    }

    /// Reads the content to its end.
    ///
    /// # Errors
    ///
    /// If it can't be read, or is damaged.
    pub fn verify(&self) -> Result<()> {
        self.chunks().try_for_each(|chunk| chunk.map(drop))
    }

    /// The whole content.
    ///
    /// # Errors
    ///
    /// If it can't be read, or is damaged.
    pub fn read(&self) -> Result<Bytes> {
        let mut whole = Vec::new();
        for chunk in self.chunks() {
            whole.extend_from_slice(&chunk?);
        }
        Ok(whole.into())
    }

    /// A reader of the content. It doesn't check the digest.
    pub(super) fn reader(&self) -> impl Read + use<> {
        ContentReader { content: self.clone(), position: 0 }
    }

    /// At most `most` bytes from `position` on: fewer at the end of the content or of the file.
    fn read_at(&self, position: u64, most: usize) -> io::Result<Bytes> {
        let length = usize::try_from(self.size - position).unwrap_or(usize::MAX).min(most);
        match &self.storage {
            Storage::Memory(bytes) => {
                // Fits into memory, because the position is not after the end.
                let start = position as usize;
                Ok(bytes.slice(start..start + length))
            }
            Storage::File(file, start) => {
                let mut bytes = vec![0; length];
                let mut filled = 0;
                while filled < length {
                    match file.file().read_at(&mut bytes[filled..], start + position + filled as u64) {
                        Ok(0) => break,
                        Ok(read) => filled += read,
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => {
                            let path = file.path().display();
                            return Err(io::Error::new(
                                error.kind(),
                                format!("failed to read `{path}`: {error}"),
                            ));
                        }
                    }
                }
                bytes.truncate(filled);
                Ok(bytes.into())
            }
        }
    }

    fn damaged(&self) -> Damaged {
        let path = match &self.storage {
            Storage::Memory(_) => "memory".to_owned(),
            Storage::File(file, _) => file.path().display().to_string(),
        };
        Damaged { path, digest: self.digest }
    }
}

/// The chunks of a [`BlobContent`].
#[derive(Debug)]
pub struct Chunks {
    content: BlobContent,
    /// `None` after the end or an error.
    hasher: Option<Hasher>,
    position: u64,
}

impl Iterator for Chunks {
    type Item = Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut hasher = self.hasher.take()?;
        let chunk = match self.content.read_at(self.position, CHUNK) {
            Ok(chunk) => chunk,
            Err(error) => return Some(Err(error.into())),
        };
        hasher.update(&chunk);
        self.position += chunk.len() as u64;
        if self.position < self.content.size && !chunk.is_empty() {
            self.hasher = Some(hasher);
            return Some(Ok(chunk));
        }
        if self.position < self.content.size || hasher.digest() != self.content.digest {
            return Some(Err(Error::from(self.content.damaged())));
        }
        Some(Ok(chunk)).filter(|_| self.content.size > 0)
    }
}

struct ContentReader {
    content: BlobContent,
    position: u64,
}

impl Read for ContentReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let chunk = self.content.read_at(self.position, buffer.len())?;
        buffer[..chunk.len()].copy_from_slice(&chunk);
        self.position += chunk.len() as u64;
        Ok(chunk.len())
    }
}

#[cfg(test)]
mod tests {
    use fs_err::File;
    use oci_spec::image::MediaType;

    use super::{BlobContent, CHUNK};
    use crate::image::{Blob, Descriptor};

    fn content(in_file: &[u8], descriptor: &Descriptor) -> (tempfile::TempDir, BlobContent) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("blob");
        fs_err::write(&path, in_file).unwrap();
        let content = BlobContent::file(descriptor, File::open(path).unwrap(), 3);
        (directory, content)
    }

    #[test]
    fn the_last_chunk_comes_only_if_the_digest_is_right() {
        for size in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let bytes: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
            let blob = Blob::new(MediaType::EmptyJSON, bytes.clone());
            let in_file = [&b"abc"[..], &bytes, b"def"].concat();
            let (_directory, file) = content(&in_file, &blob.descriptor);
            for whole in [BlobContent::memory(&blob), file] {
                let chunks = whole.chunks().map(Result::unwrap).collect::<Vec<_>>();
                assert_eq!(chunks.concat(), bytes, "{size}");
                assert!(chunks.iter().all(|chunk| !chunk.is_empty()));
            }
            let mut changed = in_file.clone();
            let last = if size == 0 { continue } else { changed.len() - 4 };
            changed[last] ^= 1;
            for damaged in [&changed[..], &in_file[..last]] {
                let (_directory, content) = content(damaged, &blob.descriptor);
                let (chunks, errors): (Vec<_>, Vec<_>) = content.chunks().partition(Result::is_ok);
                assert_eq!(errors.len(), 1, "{size}");
                let length: usize = chunks.into_iter().map(|chunk| chunk.unwrap().len()).sum();
                assert!(length < size, "{size}");
            }
        }
    }
}
