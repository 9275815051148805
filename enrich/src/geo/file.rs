//! One database in memory: what it knows of an address, when it was built, and which file it was.

use std::fs::{File, Metadata};
use std::io::Read;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use domain::{AutonomousSystem, GeoPlace};
use ipnet::IpNet;
use maxminddb::Reader;

use super::ranges::Ranges;
use super::row::Row;

/// What a file knows of an address.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found {
    pub place: Option<GeoPlace>,
    pub system: Option<AutonomousSystem>,
}

/// What a file knows of some addresses.
#[derive(Debug, PartialEq)]
pub(super) enum Said<T> {
    Nothing,
    This(T),
    /// Not one and the same of all.
    Differs,
}

impl<T> Said<T> {
    fn of(known: Option<T>) -> Self {
        known.map_or(Self::Nothing, Self::This)
    }
}

#[derive(Debug, PartialEq)]
pub(super) struct Seen {
    pub place: Said<GeoPlace>,
    pub system: Said<AutonomousSystem>,
}

impl From<Found> for Seen {
    fn from(found: Found) -> Self {
        Self { place: Said::of(found.place), system: Said::of(found.system) }
    }
}

/// Tells a file from the one that took its place, and from itself after it was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Stamp {
    pub fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino(), size: metadata.size(), modified: (metadata.mtime(), metadata.mtime_nsec()) }
    }
}

#[derive(Debug)]
enum Data {
    /// MaxMind's format, of places, of autonomous systems, or of both.
    Tree(Reader<Vec<u8>>),
    /// A list of autonomous systems.
    Ranges(Ranges),
}

/// A database that was read into memory.
#[derive(Debug)]
pub struct GeoFile {
    path: PathBuf,
    stamp: Stamp,
    data: Data,
}

/// Whether a file is one by its name.
pub(super) fn is_database(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "mmdb") || is_list(path)
}

fn is_list(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "csv")
}

impl GeoFile {
    /// Reads a database: a list of autonomous systems if its name ends in `.csv`, else one in MaxMind's format.
    ///
    /// # Errors
    /// Why it cannot be used, in words.
    pub fn open(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(|error| error.to_string())?;
        let stamp = || file.metadata().map(|metadata| Stamp::of(&metadata)).map_err(|error| error.to_string());
        let before = stamp()?;
        let mut bytes = Vec::with_capacity(usize::try_from(before.size).unwrap_or_default());
        (&file).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        if stamp()? != before {
            return Err("it was written to while it was read; replace it by renaming".into());
        }
        let data = if is_list(path) {
            Data::Ranges(Ranges::read(&bytes)?)
        } else {
            Data::Tree(Reader::from_source(bytes).map_err(|error| error.to_string())?)
        };
        Ok(Self { path: path.to_owned(), stamp: before, data })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// In Unix seconds, as the database says. None where it does not say. A list cannot say it: it is as old
    /// as its file, which whoever fetches one dates as it was published.
    pub fn built(&self) -> Option<i64> {
        match &self.data {
            Data::Tree(reader) => i64::try_from(reader.metadata().build_epoch).ok().filter(|built| *built > 0),
            Data::Ranges(_) => Some(self.modified()),
        }
    }

    /// Whether the database itself says when it was built.
    pub fn says_when(&self) -> bool {
        matches!(self.data, Data::Tree(_)) && self.built().is_some()
    }

    /// When the file was last written, Unix seconds.
    pub fn modified(&self) -> i64 {
        self.stamp.modified.0
    }

    /// What the database calls itself.
    pub fn kind(&self) -> &str {
        match &self.data {
            Data::Tree(reader) => &reader.metadata().database_type,
            Data::Ranges(_) => "autonomous systems",
        }
    }

    /// The size of the file.
    pub fn bytes(&self) -> u64 {
        self.stamp.size
    }

    pub(super) fn look_up(&self, ip: IpAddr) -> Found {
        match &self.data {
            Data::Tree(reader) => row(reader, ip).map(Row::found).unwrap_or_default(),
            Data::Ranges(ranges) => Found { place: None, system: ranges.look_up(ip) },
        }
    }

    /// What it knows of all addresses of a network.
    pub(super) fn look_up_network(&self, network: IpNet) -> Seen {
        match &self.data {
            Data::Tree(reader) => {
                let Ok(row) = reader.lookup(network.network()) else { return Found::default().into() };
                let found = row.decode::<Row>().ok().flatten().map(Row::found).unwrap_or_default();
                if row.network().is_ok_and(|one| one.prefix() <= network.prefix_len()) {
                    return found.into();
                }
                // What kind of file it is, this part of the network tells, if it knows anything of it.
                let (places, systems) = (found.place.is_some(), found.system.is_some());
                Seen {
                    place: if places || !systems { Said::Differs } else { Said::Nothing },
                    system: if systems || !places { Said::Differs } else { Said::Nothing },
                }
            }
            Data::Ranges(ranges) => {
                let system = ranges.look_up_network(network).map_or(Said::Differs, Said::of);
                Seen { place: Said::Nothing, system }
            }
        }
    }
}

fn row(reader: &Reader<Vec<u8>>, ip: IpAddr) -> Option<Row> {
    // A file of IPv4 answers a question for IPv6 with an error: it knows nothing of it.
    reader.lookup(ip).ok()?.decode().ok()?
}
