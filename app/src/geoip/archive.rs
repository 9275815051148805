//! An npm package's archive: a gzipped tar whose files lie in one folder.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{anyhow, ensure};
use flate2::read::GzDecoder;
use tar::{Archive, EntryType};

/// Takes the files with these names out of an archive into `folder`, in their order, and nothing else,
/// however the archive spells its paths. All of it unpacked may be `most` bytes.
///
/// # Errors
/// In sentences for the operator: what is no archive, what is too large, what is not in it.
pub(super) fn unpack(archive: &Path, names: &[&str], folder: &Path, most: u64) -> anyhow::Result<Vec<PathBuf>> {
    let broken =
        |error: io::Error| anyhow!("The archive cannot be unpacked ({error}). Try again, or set another LINKLOGGER_GEOIP_REGISTRY.");
    // Reads one more than it may be, so that the excess shows.
    let mut archive = Archive::new(GzDecoder::new(File::open(archive).map_err(broken)?).take(most + 1));
    let mut unpacked = 0;
    let mut found = vec![None; names.len()];
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        unpacked += entry.size();
        ensure!(unpacked < most, "The archive unpacks to more than {} MiB. It is not used.", most >> 20);
        let path = entry.path().map_err(broken)?.into_owned();
        let index = names.iter().position(|name| path.file_name().is_some_and(|file| file == *name));
        let Some(index) = index.filter(|_| entry.header().entry_type() == EntryType::Regular) else { continue };
        let to = folder.join(names[index]);
        let mut file = File::create(&to).map_err(broken)?;
        io::copy(&mut entry, &mut file).map_err(broken)?;
        file.sync_all().map_err(broken)?;
        found[index] = Some(to);
    }
    let missing: Vec<_> = names.iter().zip(&found).filter(|(_, path)| path.is_none()).map(|(name, _)| *name).collect();
    ensure!(
        missing.is_empty(),
        "The package has no {}. It is not used; a newer Link Logger may know what became of it.",
        missing.join(", ")
    );
    Ok(found.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tar::{Builder, Header};

    use super::*;

    fn packed(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, kind, bytes) in entries {
            let mut header = Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_size(bytes.len() as u64);
            // As it stands, where `set_path` would refuse.
            header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_cksum();
            builder.append(&header, *bytes).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn unpacked(bytes: &[u8], most: u64) -> (tempfile::TempDir, Result<Vec<PathBuf>, String>) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("in")).unwrap();
        let archive = folder.path().join("archive");
        std::fs::write(&archive, bytes).unwrap();
        let result = unpack(&archive, &["a.mmdb", "b.mmdb"], &folder.path().join("in"), most).map_err(|error| error.to_string());
        (folder, result)
    }

    #[test]
    fn the_named_files_are_taken_and_land_in_the_folder() {
        let file = EntryType::Regular;
        let bytes = packed(&[
            ("package/package.json", file, b"{}"),
            ("package/b.mmdb", file, b"second"),
            ("../../a.mmdb", file, b"first"),
            ("package/c.mmdb", file, b"third"),
        ]);
        let (folder, result) = unpacked(&bytes, 1 << 20);
        let inside = |name: &str| folder.path().join("in").join(name);
        assert_eq!(result, Ok(vec![inside("a.mmdb"), inside("b.mmdb")]));
        assert_eq!(
            (std::fs::read(inside("a.mmdb")).unwrap(), std::fs::read(inside("b.mmdb")).unwrap()),
            (b"first".into(), b"second".into())
        );
        assert_eq!(std::fs::read_dir(folder.path().join("in")).unwrap().count(), 2);
    }

    #[test]
    fn what_is_not_there_is_named() {
        let (_folder, result) = unpacked(&packed(&[("package/a.mmdb", EntryType::Regular, b"first")]), 1 << 20);
        assert!(result.unwrap_err().contains("no b.mmdb"));
        let links = [("package/a.mmdb", EntryType::Symlink, &b""[..]), ("package/b.mmdb", EntryType::Link, b"")];
        assert!(unpacked(&packed(&links), 1 << 20).1.unwrap_err().contains("no a.mmdb, b.mmdb"));
    }

    #[test]
    fn what_is_too_large_or_none_is_refused() {
        let zeros = vec![0; 3 << 20];
        let bytes = packed(&[("package/a.mmdb", EntryType::Regular, &zeros), ("package/b.mmdb", EntryType::Regular, b"b")]);
        assert!(bytes.len() < 1 << 20 && unpacked(&bytes, 8 << 20).1.is_ok());
        assert!(unpacked(&bytes, 2 << 20).1.unwrap_err().contains("more than 2 MiB"));
        for broken in [&b"no archive"[..], &bytes[..bytes.len() / 2], b""] {
            assert!(unpacked(broken, 8 << 20).1.is_err());
        }
    }
}
