//! Tar archives. They are hashed, so their bytes depend only on their content.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::digest::{Digest, Hasher};

/// The length of the header before a file, in bytes.
pub(super) const HEADER: u64 = 512;

/// The header of a regular file that everyone can read, without owner and time.
pub fn entry_header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header
}

/// The gzipped tar archive of `files`, and the digest of the uncompressed archive.
pub(super) fn layer(files: &[(&str, &[u8])]) -> (Vec<u8>, Digest) {
    const INFALLIBLE: &str = "writing to memory can't fail";
    // The gzip header has no name and no time, and flate2 sets the operating system to "unknown".
    let gzip = GzEncoder::new(Vec::new(), Compression::best());
    let mut archive = tar::Builder::new(Hashing { hasher: Hasher::default(), inner: gzip });
    for (name, bytes) in files {
        archive.append_data(&mut entry_header(bytes.len() as u64), name, *bytes).expect(INFALLIBLE);
    }
    let Hashing { hasher, inner } = archive.into_inner().expect(INFALLIBLE);
    (inner.finish().expect(INFALLIBLE), hasher.digest())
}

/// Hashes what is written to the inner writer.
struct Hashing<W> {
    hasher: Hasher,
    inner: W,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::layer;
    use crate::digest::Digest;

    /// Another version of tar, flate2 or miniz_oxide may write other bytes, so that the same sources get another
    /// digest. If that makes this test fail, the change must be added to the changelog.
    #[test]
    fn the_bytes_of_archives_have_not_changed() {
        let module: Vec<u8> = (0..100_000_u32).flat_map(|n| (n % 251 * (n / 509)).to_le_bytes()).collect();
        let (gzipped, diff_id) = layer(&[("plugin.wasm", &module), ("runtime-config.json", b"{}")]);
        assert_eq!(diff_id.hex(), "8fee173cc27bd8517bc877f3ea179bff757539ed5e1a8daee11f51a2b399e6da");
        assert_eq!(
            Digest::of(&gzipped).hex(),
            "9ca4c374df8d7982603fd010d33d03b73b8969309b992eeeddb9a50f277dfd72"
        );
    }
}
