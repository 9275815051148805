//! A running redirector and what it captured.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::{
    Address, ApiKeyId, ApiKeyState, CapturedClick, Gate, HostName, LinkAddress, LinkId, Millis, PasswordHash, PermitLease, RedirectStatus,
    ResolvedLink, ServedDomain, ShortDomain, TargetUrl, Wanted, WorkspaceId, WorkspacePolicy,
};
use enrich::GeoDatabases;
use platform::config::Capture;
use platform::{Clock, Health, Lifecycle, Metrics, Rng, SealKey};
use redirector::{
    Domains, LinkSource, LinkSourceDown, LookUpLimits, Parts, PermitSource, PolicySource, RateLimits, Redirector, RedirectorOptions,
    RedirectorStartError, TlsOptions,
};
use stream::{ClickSource, Delivery, LinkEvent, LinkNotices, LocalNotices, LocalSource, Spool, SpoolOptions, decode_record};
use tokio::sync::{Semaphore, watch};

/// When every test begins.
pub const NOON: Millis = Millis(1_772_366_400_000);

/// While it is shut, a source answers nothing to those who ask for what it does not know.
#[derive(Debug)]
pub struct Door(watch::Sender<bool>);

impl Default for Door {
    fn default() -> Self {
        Self(watch::Sender::new(true))
    }
}

impl Door {
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    pub fn shut(&self) {
        self.0.send_replace(false);
    }

    /// What was found; nothing only once it is open.
    async fn pass<T>(&self, found: Option<T>) -> Option<T> {
        if found.is_none() {
            self.0.subscribe().wait_for(|open| *open).await.unwrap();
        }
        found
    }
}

/// Links that the test changes, and how often they were asked for.
#[derive(Debug, Default)]
pub struct Links {
    pub known: Mutex<HashMap<LinkAddress, ResolvedLink>>,
    pub domains: Mutex<HashMap<HostName, ServedDomain>>,
    pub down: AtomicBool,
    pub strangers: Door,
    pub asked: AtomicUsize,
}

#[async_trait]
impl LinkSource for Links {
    async fn resolve(&self, address: &LinkAddress) -> Result<Option<ResolvedLink>, LinkSourceDown> {
        self.look().await?;
        let found = self.known.lock().unwrap().get(address).cloned();
        Ok(self.strangers.pass(found).await)
    }

    async fn domain(&self, host: &HostName) -> Result<Option<ServedDomain>, LinkSourceDown> {
        self.look().await?;
        let found = self.domains.lock().unwrap().get(host).cloned();
        Ok(self.strangers.pass(found).await)
    }
}

impl Links {
    async fn look(&self) -> Result<(), LinkSourceDown> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        if self.down.load(Ordering::SeqCst) { Err(LinkSourceDown("switched off".into())) } else { Ok(()) }
    }
}

/// Keys and workspaces' decisions that the test changes.
#[derive(Debug, Default)]
pub struct Policies {
    pub keys: Mutex<HashMap<ApiKeyId, ApiKeyState>>,
    pub workspaces: Mutex<HashMap<WorkspaceId, WorkspacePolicy>>,
    pub down: AtomicBool,
    pub strangers: Door,
    pub used: Mutex<Vec<ApiKeyId>>,
    pub asked: AtomicUsize,
}

impl Policies {
    fn answers(&self) -> Result<(), LinkSourceDown> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) { Err(LinkSourceDown("switched off".into())) } else { Ok(()) }
    }
}

#[async_trait]
impl PolicySource for Policies {
    async fn api_key(&self, id: ApiKeyId) -> Result<Option<ApiKeyState>, LinkSourceDown> {
        self.answers()?;
        let found = self.keys.lock().unwrap().get(&id).cloned();
        Ok(self.strangers.pass(found).await)
    }

    async fn workspace_policy(&self, id: WorkspaceId) -> Result<WorkspacePolicy, LinkSourceDown> {
        self.answers()?;
        let found = self.workspaces.lock().unwrap().get(&id).cloned();
        Ok(self.strangers.pass(found).await.unwrap_or_else(|| WorkspacePolicy::undecided(id)))
    }

    async fn key_used(&self, id: ApiKeyId, _: Millis) {
        self.used.lock().unwrap().push(id);
    }
}

/// A counter of permits in memory, or the store's.
#[derive(Clone, Debug)]
pub enum Counter {
    Memory(Arc<Mutex<u32>>),
    /// One in memory that answers once it is let.
    Held(Arc<Mutex<u32>>, Arc<Semaphore>),
    Store(store::Store),
    /// The store's, of whose next answers so many get lost.
    Losing(store::Store, Arc<AtomicUsize>),
    Down,
}

#[async_trait]
impl PermitSource for Counter {
    async fn lease(&self, lease: &PermitLease, wanted: Wanted) -> Result<u32, LinkSourceDown> {
        match self {
            Self::Held(left, answers) => {
                let _answer = answers.acquire().await.unwrap();
                Self::Memory(left.clone()).lease(lease, wanted).await
            }
            Self::Memory(left) => {
                let mut left = left.lock().unwrap();
                let leased = wanted.at_most.min(*left);
                *left -= leased;
                Ok(leased)
            }
            Self::Store(store) => store.lease(lease, wanted, NOON).await.map_err(|error| LinkSourceDown(error.to_string())),
            Self::Losing(store, lost) => {
                let leased = Self::Store(store.clone()).lease(lease, wanted).await;
                if loses(lost) { Err(LinkSourceDown("the answer got lost".into())) } else { leased }
            }
            Self::Down => Err(LinkSourceDown("switched off".into())),
        }
    }

    async fn give_back(&self, lease: &PermitLease, unused: u32) -> Result<(), LinkSourceDown> {
        match self {
            Self::Memory(left) | Self::Held(left, _) => *left.lock().unwrap() += unused,
            Self::Store(store) => drop(store.return_permits(lease, unused).await.unwrap()),
            Self::Losing(store, lost) => {
                Self::Store(store.clone()).give_back(lease, unused).await?;
                if loses(lost) {
                    return Err(LinkSourceDown("the answer got lost".into()));
                }
            }
            Self::Down => return Err(LinkSourceDown("switched off".into())),
        }
        Ok(())
    }
}

fn loses(lost: &AtomicUsize) -> bool {
    lost.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

pub fn full(ip: &str) -> Address {
    Address::Full(ip.parse().unwrap())
}

/// Of "open sesame", by argon2id with the API's parameters.
pub fn sesame() -> PasswordHash {
    use argon2::password_hash::PasswordHasher as _;
    let hash: argon2::password_hash::phc::PasswordHash =
        argon2::Argon2::default().hash_password_with_salt(b"open sesame", &[7; 16]).unwrap();
    PasswordHash(hash.to_string())
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
    pub domains: Domains,
    pub policies: Arc<Policies>,
    pub seal_key: SealKey,
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
    start_as(Setup { trusted_proxies, permits, ..Setup::default() }).await
}

/// What differs from test to test.
pub struct Setup<'a> {
    pub trusted_proxies: &'a [&'a str],
    pub permits: Counter,
    pub capture: Capture,
    /// Of the spool.
    pub quota_bytes: Option<u64>,
    pub notices: Option<Arc<dyn LinkNotices>>,
    /// With TLS of its own as well.
    pub tls: Option<TlsOptions>,
    pub rates: RateLimits,
    pub look_ups: LookUpLimits,
    /// Whether the redirector has the installation's key.
    pub seals: bool,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        let (capture, seals) = (Capture::Worker, true);
        let rates = RateLimits { clicks: 100, clicks_of_link: 5_000, misses: 10, clicks_of_key: 1_000 };
        let look_ups = LookUpLimits::default();
        Self { trusted_proxies: &[], permits: Counter::Down, capture, quota_bytes: None, notices: None, tls: None, rates, look_ups, seals }
    }
}

pub async fn start_as(setup: Setup<'_>) -> Running {
    try_start(setup).unwrap()
}

pub fn try_start(setup: Setup<'_>) -> Result<Running, RedirectorStartError> {
    let (policies, seal_key) = (Arc::new(Policies::default()), SealKey::generate(&Rng::System));
    let folder = tempfile::tempdir().unwrap();
    let (metrics, lifecycle, health) = (Metrics::default(), Lifecycle::new(), Health::default());
    let (links, notices) = (Arc::new(Links::default()), LocalNotices::default());
    let clock = Clock::manual(NOON);
    let defaults = SpoolOptions { segment_bytes: 1 << 20, ..SpoolOptions::new(folder.path()) };
    let spool_options = SpoolOptions { quota_bytes: setup.quota_bytes.unwrap_or(defaults.quota_bytes), ..defaults };
    let spool = Spool::open(spool_options, &Rng::System, &metrics).unwrap();
    let options = RedirectorOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        threads: 2,
        short_domain: ShortDomain::parse("go.example").unwrap(),
        trusted_proxies: setup.trusted_proxies.iter().map(|net| net.parse().unwrap()).collect(),
        capture: setup.capture,
        rates: setup.rates,
        look_ups: setup.look_ups,
        report_url: Some("https://links.example/report".into()),
        header_timeout: Duration::from_millis(500),
        tls: setup.tls,
    };
    let parts = Parts {
        spool: spool.clone(),
        links: links.clone(),
        permits: Arc::new(setup.permits),
        policies: policies.clone(),
        seal_key: setup.seals.then(|| seal_key.clone()),
        geo: Arc::new(geo(folder.path())),
        notices: setup.notices.unwrap_or_else(|| Arc::new(notices.clone())),
        clock: clock.clone(),
        rng: Rng::System,
        health: health.clone(),
        metrics: metrics.clone(),
    };
    let redirector = Redirector::new(options, parts);
    let domains = redirector.domains();
    let address = redirector.start(&lifecycle)?;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    Ok(Running { address, links, domains, policies, seal_key, notices, clock, health, metrics, http, spool, lifecycle, _folder: folder })
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
        self.links.known.lock().unwrap().insert(LinkAddress::shared(slug), link);
    }

    pub async fn changed(&self, slug: &str) {
        self.notices.publish(LinkEvent::Changed { address: LinkAddress::shared(slug) }).await;
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(self.url(path)).send().await.unwrap()
    }

    /// Asks for the stop, and waits until nobody is listened to any more.
    pub async fn stop(&self) {
        self.lifecycle.stop();
        let refused = async || tokio::net::TcpStream::connect(self.address).await.is_err().then_some(());
        testkit::wait_until(Duration::from_secs(10), "nobody is listened to", refused).await;
    }

    /// Waits until everything has ended after the stop.
    pub async fn drained(&self) {
        assert!(self.lifecycle.drained(Duration::from_secs(8)).await);
    }

    /// Everything that was captured so far, of which there must be some.
    pub async fn captured(&self) -> Vec<CapturedClick> {
        let deliveries = self.delivered().await;
        deliveries.iter().flat_map(|delivery| &delivery.frame.records).map(|record| decode_record(record).unwrap()).collect()
    }

    /// What the worker would be given now, of which there must be some.
    pub async fn delivered(&self) -> Vec<Delivery> {
        let mut lanes = LocalSource::new(self.spool.clone()).lanes();
        tokio::time::timeout(Duration::from_secs(10), lanes[0].next(1_000)).await.unwrap().unwrap()
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
