//! A running redirector and what it captured.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::{CapturedClick, Gate, LinkId, Millis, RedirectStatus, ResolvedLink, ShortDomain, TargetUrl, WorkspaceId};
use enrich::GeoDatabases;
use platform::{Clock, Health, Lifecycle, Metrics, Rng};
use redirector::{LinkSource, LinkSourceDown, Parts, PermitSource, RateLimits, Redirector, RedirectorOptions};
use stream::{ClickSource, LinkNotices, LocalNotices, LocalSource, Spool, SpoolOptions, decode_record};

/// Links that the test changes, and how often they were asked for.
#[derive(Debug, Default)]
pub struct Links {
    pub known: Mutex<HashMap<String, ResolvedLink>>,
    pub down: AtomicBool,
    pub asked: AtomicUsize,
}

#[async_trait]
impl LinkSource for Links {
    async fn resolve(&self, folded_slug: &str) -> Result<Option<ResolvedLink>, LinkSourceDown> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        if self.down.load(Ordering::SeqCst) {
            return Err(LinkSourceDown("switched off".into()));
        }
        Ok(self.known.lock().unwrap().get(folded_slug).cloned())
    }
}

/// A counter of permits in memory, or the store's.
#[derive(Clone, Debug)]
pub enum Counter {
    Memory(Arc<Mutex<u32>>),
    Store(store::Store),
    Down,
}

#[async_trait]
impl PermitSource for Counter {
    async fn lease(&self, link: LinkId, wanted: u32) -> Result<u32, LinkSourceDown> {
        match self {
            Self::Memory(left) => {
                let mut left = left.lock().unwrap();
                let leased = wanted.min(*left);
                *left -= leased;
                Ok(leased)
            }
            Self::Store(store) => store.lease(link, wanted).await.map_err(|error| LinkSourceDown(error.to_string())),
            Self::Down => Err(LinkSourceDown("switched off".into())),
        }
    }

    async fn give_back(&self, link: LinkId, unused: u32) -> Result<(), LinkSourceDown> {
        match self {
            Self::Memory(left) => *left.lock().unwrap() += unused,
            Self::Store(store) => store.return_permits(link, unused).await.unwrap(),
            Self::Down => return Err(LinkSourceDown("switched off".into())),
        }
        Ok(())
    }
}

pub fn gated(target: &str, gate: Gate) -> ResolvedLink {
    ResolvedLink { gate: gate.closed(), ..link(target) }
}

pub fn link(target: &str) -> ResolvedLink {
    ResolvedLink {
        id: LinkId::new(Millis(1), [1; 10]),
        workspace: WorkspaceId::new(Millis(1), [2; 10]),
        version: 3,
        target: TargetUrl::from_store(target.to_owned()),
        redirect_status: RedirectStatus::DEFAULT,
        forward_query: false,
        deleted: false,
        gate: None,
        card: None,
    }
}

pub struct Running {
    pub address: SocketAddr,
    pub links: Arc<Links>,
    pub notices: LocalNotices,
    pub clock: Clock,
    pub health: Health,
    pub metrics: Metrics,
    pub http: reqwest::Client,
    spool: Spool,
    lifecycle: Lifecycle,
    _folder: tempfile::TempDir,
}

pub async fn start(trusted_proxies: &[&str]) -> Running {
    start_with(trusted_proxies, Counter::Down).await
}

pub async fn start_with(trusted_proxies: &[&str], permits: Counter) -> Running {
    start_at(trusted_proxies, permits, RateLimits { clicks: 100, clicks_of_link: 5_000, misses: 10 }).await
}

pub async fn start_at(trusted_proxies: &[&str], permits: Counter, rates: RateLimits) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let (metrics, lifecycle, health) = (Metrics::default(), Lifecycle::new(), Health::default());
    let (links, notices) = (Arc::new(Links::default()), LocalNotices::default());
    let clock = Clock::manual(Millis(1_772_366_400_000));
    let spool_options = SpoolOptions { segment_bytes: 1 << 20, ..SpoolOptions::new(folder.path()) };
    let spool = Spool::open(spool_options, &Rng::System, &metrics).unwrap();
    let options = RedirectorOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        threads: 2,
        short_domain: ShortDomain::parse("go.example").unwrap(),
        trusted_proxies: trusted_proxies.iter().map(|net| net.parse().unwrap()).collect(),
        rates,
        report_url: Some("https://links.example/report".into()),
        header_timeout: Duration::from_millis(500),
    };
    let parts = Parts {
        spool: spool.clone(),
        links: links.clone(),
        permits: Arc::new(permits),
        geo: Arc::new(geo(folder.path())),
        notices: Arc::new(notices.clone()),
        clock: clock.clone(),
        rng: Rng::System,
        health: health.clone(),
        metrics: metrics.clone(),
    };
    let address = Redirector::new(options, parts).start(&lifecycle).unwrap();
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    Running { address, links, notices, clock, health, metrics, http, spool, lifecycle, _folder: folder }
}

/// Knows one network, which lies in Berlin.
fn geo(folder: &std::path::Path) -> GeoDatabases {
    use testkit::mmdb::{Value, build};
    let text = |text: &str| Value::Text(text.to_owned());
    let berlin = Value::Map(vec![("country_code".into(), text("DE")), ("city".into(), text("Berlin")), ("state1".into(), text("DE-BE"))]);
    let file = folder.join("geo.mmdb");
    std::fs::write(&file, build(4, &[("203.0.113.0/24", berlin)])).unwrap();
    GeoDatabases::open(&[file]).unwrap()
}

impl Running {
    pub fn know(&self, slug: &str, link: ResolvedLink) {
        self.links.known.lock().unwrap().insert(slug.to_owned(), link);
    }

    pub async fn changed(&self, slug: &str) {
        self.notices.publish(slug).await;
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(self.url(path)).send().await.unwrap()
    }

    /// Everything that was captured so far, of which there must be some.
    pub async fn captured(&self) -> Vec<CapturedClick> {
        let mut lanes = LocalSource::new(self.spool.clone()).lanes();
        let deliveries = tokio::time::timeout(Duration::from_secs(10), lanes[0].next(1_000)).await.unwrap().unwrap();
        deliveries.iter().flat_map(|delivery| &delivery.frame.records).map(|record| decode_record(record).unwrap()).collect()
    }

    /// The value of a metric without labels.
    pub fn metric(&self, name: &str) -> u64 {
        let text = self.metrics.encode();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("linklogger_{name} ")));
        line.unwrap_or_else(|| panic!("no metric {name} in\n{text}")).parse().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.lifecycle.stop();
    }
}
