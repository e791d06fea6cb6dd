//! Archives whose bytes depend on nothing but their content, for these bytes are hashed.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

/// A tar archive of plain files that anybody may read, without owner or time.
pub fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, name, *bytes).expect("memory takes all that is written");
    }
    archive.into_inner().expect("memory takes all that is written")
}

/// gzip without a name or a time; flate2 writes "unknown" for the system.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory takes all that is written");
    encoder.finish().expect("memory takes all that is written")
}

#[cfg(test)]
mod tests {
    use super::{gzip, tar};
    use crate::digest::Digest;

    /// Another version of tar, flate2 or miniz_oxide may write other bytes, and with them another digest for
    /// the same sources. Then this test fails, and the change belongs into the changelog.
    #[test]
    fn archives_have_the_bytes_that_they_had() {
        let module: Vec<u8> = (0..100_000_u32).flat_map(|n| (n % 251 * (n / 509)).to_le_bytes()).collect();
        let archive = tar(&[("plugin.wasm", &module), ("runtime-config.json", b"{}")]);
        assert_eq!(
            Digest::of(&archive).hex(),
            "8fee173cc27bd8517bc877f3ea179bff757539ed5e1a8daee11f51a2b399e6da"
        );
        assert_eq!(
            Digest::of(&gzip(&archive)).hex(),
            "9ca4c374df8d7982603fd010d33d03b73b8969309b992eeeddb9a50f277dfd72"
        );
    }
}
