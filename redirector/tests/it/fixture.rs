//! A running redirector and what it captured.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::{
    Address, CapturedClick, Gate, LinkAddress, LinkId, Millis, PasswordHash, RedirectStatus, ResolvedLink, ShortDomain, TargetUrl,
    WorkspaceId,
};
use enrich::{GeoDatabases, GeoSource};
use platform::config::Capture;
use platform::{Clock, Health, Lifecycle, Metrics, Refusals, Rng, SealKey};
use redirector::{Domains, LookUpLimits, Parts, RateLimits, Redirector, RedirectorOptions, RedirectorStartError, TlsOptions};
use stream::{ClickSource, Delivery, LinkEvent, LinkNotices, LocalNotices, LocalSource, Spool, SpoolOptions, decode_record};

use crate::sources::{Counter, Links, Policies, Salts};

/// When every test begins.
pub const NOON: Millis = Millis(1_772_366_400_000);

pub fn full(ip: &str) -> Address {
    Address::Full(ip.parse().unwrap())
}

/// Of "open sesame".
pub fn sesame() -> PasswordHash {
    PasswordHash(platform::password_hash(b"open sesame", &[7; 16]).unwrap())
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
        append_click_id: false,
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
    pub salts: Arc<Salts>,
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
    pub short_domain: &'a str,
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
        Self {
            short_domain: "go.example",
            trusted_proxies: &[],
            permits: Counter::Down,
            capture: Capture::Worker,
            quota_bytes: None,
            notices: None,
            tls: None,
            rates: RateLimits { clicks: 100, clicks_of_link: 5_000, misses: 10, clicks_of_key: 1_000 },
            look_ups: LookUpLimits::default(),
            seals: true,
        }
    }
}

pub async fn start_as(setup: Setup<'_>) -> Running {
    try_start(setup).unwrap()
}

pub fn try_start(setup: Setup<'_>) -> Result<Running, RedirectorStartError> {
    let (policies, salts, seal_key) = (Arc::new(Policies::default()), Arc::new(Salts::default()), SealKey::generate(&Rng::System));
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
        short_domain: ShortDomain::parse(setup.short_domain).unwrap(),
        trusted_proxies: setup.trusted_proxies.iter().map(|net| net.parse().unwrap()).collect(),
        capture: setup.capture,
        rates: setup.rates,
        look_ups: setup.look_ups,
        report_url: Some("https://links.example/report".into()),
        header_timeout: Duration::from_millis(500),
        write_timeout: Duration::from_secs(2),
        tls: setup.tls,
    };
    let parts = Parts {
        spool: spool.clone(),
        links: links.clone(),
        permits: Arc::new(setup.permits),
        policies: policies.clone(),
        salts: salts.clone(),
        seal_key: setup.seals.then(|| seal_key.clone()),
        geo: Arc::new(geo(folder.path())),
        notices: setup.notices.unwrap_or_else(|| Arc::new(notices.clone())),
        clock: clock.clone(),
        rng: Rng::System,
        health: health.clone(),
        metrics: metrics.clone(),
        refusals: Refusals::new(&health, &metrics),
    };
    let redirector = Redirector::new(options, parts);
    let domains = redirector.domains();
    let address = redirector.start(&lifecycle)?;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    Ok(Running {
        address,
        links,
        domains,
        policies,
        salts,
        seal_key,
        notices,
        clock,
        health,
        metrics,
        http,
        spool,
        lifecycle,
        _folder: folder,
    })
}

/// Knows one network, which lies in Berlin.
fn geo(folder: &std::path::Path) -> GeoDatabases {
    use testkit::mmdb::{Value, build};
    let text = |text: &str| Value::Text(text.to_owned());
    let berlin = Value::Map(vec![("country_code".into(), text("DE")), ("city".into(), text("Berlin")), ("state1".into(), text("DE-BE"))]);
    let file = folder.join("geo.mmdb");
    std::fs::write(&file, build(4, &[("203.0.113.0/24", berlin)])).unwrap();
    GeoDatabases::open(GeoSource::Files(vec![file])).unwrap()
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
