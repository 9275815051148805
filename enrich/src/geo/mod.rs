//! Where an address is and who runs its network, by databases that may be replaced at any time.
//!
//! Files are read into memory as a whole: a mapped file that is written over would end the process with
//! SIGBUS. Of several files the first that knows the place of an address answers where it is, and the first
//! that knows its autonomous system who runs it. A file that is replaced is read anew by [`GeoDatabases::refresh`]
//! and takes the place of the old one at once; one that cannot be read leaves the old one where it is.

mod file;
mod ranges;
mod row;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use domain::{GeoPlace, ReducedAddress, network_of};
use ipnet::IpNet;

pub use file::GeoFile;
use file::{Said, Seen, Stamp};

/// Which files there are, in the order in which they are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GeoSource {
    /// As LINKLOGGER_GEOIP_DB names them.
    Files(Vec<PathBuf>),
    /// Whatever databases lie in a folder, by name; none where the folder is not there.
    Folder(PathBuf),
}

impl Default for GeoSource {
    fn default() -> Self {
        Self::Files(Vec::new())
    }
}

/// A sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    #[error("LINKLOGGER_GEOIP_DB names {}, which cannot be used ({reason}). Give .mmdb files, or leave it out.", file.display())]
    Named { file: PathBuf, reason: String },
    #[error("The geo database {} cannot be used ({reason}). Get it again with `linklogger geoip fetch`, or remove it.", file.display())]
    Found { file: PathBuf, reason: String },
    #[error("The folder {} of geo databases cannot be read ({reason}). Make it readable for this user, or remove it.", folder.display())]
    Folder { folder: PathBuf, reason: String },
}

/// Why a file is not used as it lies there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GeoTrouble {
    /// It was removed; what was read of it is still used.
    Gone,
    /// It cannot be read, for this reason; what was read before it, if anything, is still used.
    Refused(String),
}

/// One file as it is used now.
#[derive(Clone, Debug)]
pub struct GeoFileState {
    pub path: PathBuf,
    /// What was read of it. None where it could never be read.
    pub used: Option<Arc<GeoFile>>,
    pub trouble: Option<GeoTrouble>,
}

/// What a look at the files has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// Read anew, or for the first time.
    pub loaded: Vec<PathBuf>,
    /// Could not be read as they now are; each is told once.
    pub refused: Vec<PathBuf>,
}

/// What is wrong with a file, as long as it stays as it is.
#[derive(Debug)]
struct Known {
    trouble: GeoTrouble,
    stamp: Option<Stamp>,
}

/// The files that were read; none of them knows nothing.
#[derive(Debug, Default)]
pub struct GeoDatabases {
    source: GeoSource,
    files: ArcSwap<Vec<Arc<GeoFile>>>,
    /// Also keeps two from refreshing at a time.
    troubles: Mutex<BTreeMap<PathBuf, Known>>,
}

impl GeoDatabases {
    /// Reads the files into memory.
    ///
    /// # Errors
    /// [`GeoError`] naming the first that cannot be read.
    pub fn open(source: GeoSource) -> Result<Self, GeoError> {
        let open = |path: PathBuf| match GeoFile::open(&path) {
            Ok(file) => Ok(Arc::new(file)),
            Err(reason) => Err(match &source {
                GeoSource::Files(_) => GeoError::Named { file: path, reason },
                GeoSource::Folder(_) => GeoError::Found { file: path, reason },
            }),
        };
        let files = source.list()?.into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { source, files: ArcSwap::from_pointee(files), troubles: Mutex::default() })
    }

    /// What the first file that knows the place of `ip` says.
    pub fn place(&self, ip: IpAddr) -> GeoPlace {
        let ip = ip.to_canonical();
        self.files.load().iter().find_map(|file| file.look_up(ip).place).unwrap_or_default()
    }

    /// All that may be kept of `ip`, whoever asks: the worker, or with strict capture the redirector.
    pub fn reduce(&self, ip: IpAddr) -> ReducedAddress {
        let canonical = ip.to_canonical();
        gather(&self.files.load(), network_of(ip), |file| file.look_up(canonical).into())
    }

    /// The same of an address of which its network is left, as far as it is one and the same for all addresses of
    /// the network.
    pub fn reduce_network(&self, network: IpNet) -> ReducedAddress {
        gather(&self.files.load(), network.to_string(), |file| file.look_up_network(network))
    }

    /// Whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.files.load().is_empty()
    }

    /// Every file with what is wrong with it, in the order in which they are asked.
    pub fn state(&self) -> Vec<GeoFileState> {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let files = self.files.load();
        let mut states: Vec<_> = files
            .iter()
            .map(|file| GeoFileState {
                path: file.path().to_owned(),
                used: Some(file.clone()),
                trouble: troubles.get(file.path()).map(|known| known.trouble.clone()),
            })
            .collect();
        let unused = troubles.iter().filter(|(path, _)| !files.iter().any(|file| file.path() == path.as_path()));
        states.extend(unused.map(|(path, known)| GeoFileState { path: path.clone(), used: None, trouble: Some(known.trouble.clone()) }));
        states
    }

    /// Looks at the files and reads those that are new or were replaced. Blocks while it reads.
    pub fn refresh(&self) -> Refreshed {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.files.load_full();
        let mut refreshed = Refreshed::default();
        let mut after = Vec::new();
        let paths = self.paths(&before);
        troubles.retain(|path, _| paths.contains(path));
        for path in paths {
            let used = before.iter().find(|file| file.path() == path);
            match look(&path, used, troubles.get(&path)) {
                Look::Same => {}
                Look::Mended => {
                    troubles.remove(&path);
                }
                Look::Loaded(file) => {
                    troubles.remove(&path);
                    refreshed.loaded.push(path);
                    after.push(Arc::new(*file));
                    continue;
                }
                Look::Trouble(known) => {
                    let is_told = troubles.get(&path).is_some_and(|before| before.trouble == known.trouble);
                    troubles.insert(path.clone(), known);
                    if !is_told {
                        refreshed.refused.push(path);
                    }
                }
            }
            after.extend(used.cloned());
        }
        if !refreshed.loaded.is_empty() {
            self.files.store(Arc::new(after));
        }
        refreshed
    }

    /// What is there now, and what was and is still used.
    fn paths(&self, before: &[Arc<GeoFile>]) -> Vec<PathBuf> {
        // A folder that cannot be listed for once changes nothing.
        let mut paths = self.source.list().unwrap_or_default();
        let gone: Vec<_> = before.iter().map(|file| file.path().to_owned()).filter(|path| !paths.contains(path)).collect();
        if !gone.is_empty() {
            paths.extend(gone);
            paths.sort();
        }
        paths
    }
}

/// What the first file says that knows a place, and the first that knows a system; nothing of what it does not say of
/// all addresses.
fn gather(files: &[Arc<GeoFile>], network: String, look_up: impl Fn(&GeoFile) -> Seen) -> ReducedAddress {
    let mut reduced = ReducedAddress { network, ..ReducedAddress::default() };
    let (mut wants_place, mut wants_system) = (true, true);
    for file in files {
        let seen = look_up(file);
        if wants_place && seen.place != Said::Nothing {
            wants_place = false;
            if let Said::This(place) = seen.place {
                (reduced.place, reduced.geo_version) = (place, file.built());
            }
        }
        if wants_system && seen.system != Said::Nothing {
            wants_system = false;
            if let Said::This(system) = seen.system {
                (reduced.system, reduced.system_version) = (Some(system), file.built());
            }
        }
        if !wants_place && !wants_system {
            break;
        }
    }
    reduced
}

/// What a look at one file shows.
enum Look {
    /// As it was, with or without trouble.
    Same,
    /// It is again what was read.
    Mended,
    Loaded(Box<GeoFile>),
    Trouble(Known),
}

fn look(path: &Path, used: Option<&Arc<GeoFile>>, known: Option<&Known>) -> Look {
    let stamp = match std::fs::metadata(path) {
        Ok(metadata) => Stamp::of(&metadata),
        Err(error) if error.kind() == ErrorKind::NotFound => return Look::Trouble(Known { trouble: GeoTrouble::Gone, stamp: None }),
        Err(error) => return Look::Trouble(Known { trouble: GeoTrouble::Refused(error.to_string()), stamp: None }),
    };
    match (used, known) {
        (Some(used), None) if used.stamp() == stamp => Look::Same,
        (Some(used), Some(_)) if used.stamp() == stamp => Look::Mended,
        (_, Some(known)) if known.stamp == Some(stamp) => Look::Same,
        _ => match GeoFile::open(path) {
            Ok(file) => Look::Loaded(Box::new(file)),
            Err(reason) => Look::Trouble(Known { trouble: GeoTrouble::Refused(reason), stamp: Some(stamp) }),
        },
    }
}

impl GeoSource {
    /// The files, be they readable or not.
    ///
    /// # Errors
    /// [`GeoError::Folder`].
    pub fn list(&self) -> Result<Vec<PathBuf>, GeoError> {
        let folder = match self {
            Self::Files(files) => return Ok(files.clone()),
            Self::Folder(folder) => folder,
        };
        let unreadable = |error: std::io::Error| GeoError::Folder { folder: folder.clone(), reason: error.to_string() };
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(error)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(unreadable)?.path();
            // A name that begins with a dot is of a file that is not finished.
            let is_hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
            if !is_hidden && file::is_database(&path) {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    }
}

#[cfg(test)]
mod row_tests;
#[cfg(test)]
mod tests;
