//! Room for a listener's connections, of which no visitor's network gets more than its share, and what is
//! told when there is none: a listener that takes no more looks to visitors like one that is slow, so that
//! somebody has to say why.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::files::{connections_of, files_advice, is_out_of_files};
use crate::{ClientIp, Health, Metrics, Throttle, visitor_network};

/// The pause after a connection could not be accepted: what is missing is missing for the next one too.
const PAUSE: Duration = Duration::from_millis(20);
const FULL: &str = "All connections that the limit of open files leaves to a listener were open, and others had to wait. \
                    Raise the limit (LimitNOFILE= of a systemd unit, or ulimit -n) and start the process again.";

const CROWDED: &str = "One network has a quarter of a listener's connections open, and more of it are closed at once. If it is a \
                       proxy of yours, name it in LINKLOGGER_TRUSTED_PROXIES.";
/// The part of a listener's connections that one network may have.
const SHARE: usize = 4;

type Labels = Vec<(&'static str, &'static str)>;

/// What the listeners of a process tell of connections that had to wait or were closed. Clones share it.
#[derive(Clone, Debug)]
pub struct Refusals {
    health: Health,
    throttle: Throttle,
    counts: Family<Labels, Counter>,
}

/// Why a connection was not taken at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// No file could be opened for it.
    Files,
    /// The listener has as many as it may.
    Room,
    /// Its network has as many as it may.
    Network,
    Other,
}

impl Reason {
    const ALL: [Self; 4] = [Self::Files, Self::Room, Self::Network, Self::Other];

    fn labels(self) -> Labels {
        let label = match self {
            Self::Files => "files",
            Self::Room => "room",
            Self::Network => "network",
            Self::Other => "other",
        };
        vec![("reason", label)]
    }
}

impl Refusals {
    pub fn new(health: &Health, metrics: &Metrics) -> Self {
        let counts = Family::<Labels, Counter>::default();
        for reason in Reason::ALL {
            let _ = counts.get_or_create(&reason.labels());
        }
        let help = "Times that a listener could not take a connection at once, by reason";
        let counts = metrics.register("connections_refused", help, counts);
        Self { health: health.clone(), throttle: Throttle::default(), counts }
    }

    /// Tells why a connection could not be accepted, and waits a moment.
    pub async fn failed(&self, error: &io::Error) {
        if is_out_of_files(error) {
            self.count(Reason::Files);
            self.warn(&format!("New connections cannot be accepted ({error}). {}", files_advice(error)));
        } else {
            // Gone before it was taken: not the next one's fault.
            self.count(Reason::Other);
            tracing::debug!(%error, "a connection cannot be accepted");
        }
        tokio::time::sleep(PAUSE).await;
    }

    fn count(&self, reason: Reason) {
        self.counts.get_or_create(&reason.labels()).inc();
    }

    /// A limit is raised by a start only, so on `/readyz` the warning stays until then.
    fn warn(&self, sentence: &str) {
        self.health.warn("open_files", sentence);
        self.tell(sentence);
    }

    fn tell(&self, sentence: &str) {
        if self.throttle.may_tell() {
            tracing::warn!("{sentence}");
        }
    }
}

/// How many connections of each network are open, networks with none left out.
type Networks = Arc<Mutex<HashMap<(bool, u64), usize>>>;

/// One more connection of a network, until it is dropped.
#[derive(Debug)]
struct Share {
    network: (bool, u64),
    networks: Networks,
}

impl Share {
    /// `None` where the network has `most` already.
    fn take(networks: &Networks, peer: IpAddr, most: usize) -> Option<Self> {
        let network = visitor_network(peer.to_canonical());
        let mut open = networks.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(network).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Self { network, networks: networks.clone() })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut open = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(&self.network) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.remove(&self.network)),
        }
    }
}

/// What one connection holds while it is open.
#[derive(Debug)]
pub struct Place {
    _place: OwnedSemaphorePermit,
    /// None for who may stand for many.
    _share: Option<Share>,
}

/// How many connections a listener may have open.
#[derive(Clone, Debug)]
pub struct Room {
    places: Arc<Semaphore>,
    networks: Networks,
    most_of_one: usize,
    client_ip: ClientIp,
    /// Whether there would be more with more files.
    is_short_of_files: bool,
    refusals: Refusals,
}

impl Room {
    /// For a listener that gets one part of so many of the process's files, at most `most`. Who may stand
    /// for many by `client_ip` has no share but all of the room.
    pub fn new(parts: usize, most: usize, client_ip: ClientIp, refusals: Refusals) -> Self {
        let places = connections_of(parts, most);
        Self {
            places: Arc::new(Semaphore::new(places)),
            networks: Networks::default(),
            most_of_one: places.div_ceil(SHARE),
            client_ip,
            is_short_of_files: places < most,
            refusals,
        }
    }

    /// The place of one connection, once there is one; `None` where its network has its share, and it is
    /// to be closed.
    pub async fn enter(&self, peer: IpAddr) -> Option<Place> {
        let share = if self.client_ip.is_crowd(peer) { None } else { Some(self.share(peer)?) };
        let place = self.place().await?;
        Some(Place { _place: place, _share: share })
    }

    fn share(&self, peer: IpAddr) -> Option<Share> {
        let share = Share::take(&self.networks, peer, self.most_of_one);
        if share.is_none() {
            self.refusals.count(Reason::Network);
            self.refusals.tell(CROWDED);
        }
        share
    }

    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return Some(place);
        }
        self.refusals.count(Reason::Room);
        if self.is_short_of_files {
            self.refusals.warn(FULL);
        }
        self.places.clone().acquire_owned().await.ok()
    }

    /// See [`Refusals::failed`].
    pub async fn failed(&self, error: &io::Error) {
        self.refusals.failed(error).await;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Error;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_keeps_connections_out_is_counted_by_reason_and_told_of() {
        let (health, metrics) = (Health::default(), Metrics::default());
        let refusals = Refusals::new(&health, &metrics);
        let count = |reason: &str, count: u32| {
            let line = format!("linklogger_connections_refused_total{{reason=\"{reason}\"}} {count}\n");
            assert!(metrics.encode().contains(&line), "{line}{}", metrics.encode());
        };
        refusals.failed(&Error::from_raw_os_error(rustix::io::Errno::CONNABORTED.raw_os_error())).await;
        assert_eq!(health.snapshot().warnings, [""; 0]);
        for _ in 0..2 {
            refusals.failed(&Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error())).await;
        }
        assert!(matches!(&health.snapshot().warnings[..], [warning] if warning.contains("LimitNOFILE=")), "{health:?}");
        for (reason, counted) in [("files", 2), ("room", 0), ("network", 0), ("other", 1)] {
            count(reason, counted);
        }
    }

    /// A room of sixteen, behind a proxy at 198.51.100.1.
    fn room(metrics: &Metrics) -> Room {
        let client_ip = ClientIp::new(vec!["198.51.100.1/32".parse().unwrap()]);
        Room::new(1, 16, client_ip, Refusals::new(&Health::default(), metrics))
    }

    async fn enter(room: &Room, peer: &str) -> Option<Place> {
        room.enter(peer.parse().unwrap()).await
    }

    #[tokio::test]
    async fn one_network_keeps_no_other_out() {
        let metrics = Metrics::default();
        let room = room(&metrics);
        let mut places = Vec::new();
        for host in 0..20 {
            // One visitor has as many addresses of a /64 as they like.
            places.extend(enter(&room, &format!("2001:db8:1:2::{host}")).await);
            places.extend(enter(&room, "::ffff:203.0.113.5").await);
        }
        assert_eq!(places.len(), 8);
        assert!(metrics.encode().contains("linklogger_connections_refused_total{reason=\"network\"} 32\n"), "{}", metrics.encode());
        assert!(enter(&room, "203.0.113.6").await.is_some() && enter(&room, "2001:db8:1:3::1").await.is_some());
        // What is closed makes room for the same network.
        assert!(enter(&room, "203.0.113.5").await.is_none());
        places.clear();
        assert!(enter(&room, "203.0.113.5").await.is_some());
        assert!(room.networks.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn who_may_stand_for_many_has_all_of_the_room() {
        for peer in ["127.0.0.1", "198.51.100.1", "::ffff:198.51.100.1", "10.0.0.1"] {
            let room = room(&Metrics::default());
            let mut places = Vec::new();
            for _ in 0..16 {
                places.extend(enter(&room, peer).await);
            }
            assert_eq!(places.len(), 16, "{peer}");
        }
    }
}
