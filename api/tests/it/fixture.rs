//! A running API on a fresh store.

use std::sync::Arc;

use api::{ApiOptions, ApiParts, DnsResolver, Proofs, TxtResolver};
use domain::{
    Click, ClickId, Device, GeoPlace, LinkId, Method, Millis, Outcome, Parameter, ShortDomain, Utm, Verdict, VerdictReason, WorkspaceId,
};
use platform::config::{Database, Origins, SignUp};
use platform::{Clock, Health, Lifecycle, Metrics, Refusals, Rng, SealKey};
use serde_json::{Value, json};
use store::{Incoming, IngestReport, Store};
use stream::{Announcement, LiveFeed, LocalFeed, LocalNotices};
use testkit::GraphQl;

/// 2026-03-01T12:00:00Z
pub const NOON: Millis = Millis(1_772_366_400_000);

pub struct Running {
    pub authority: String,
    pub store: Store,
    pub clock: Clock,
    pub health: Health,
    pub metrics: Metrics,
    feed: LocalFeed,
    lifecycle: Lifecycle,
    _folder: tempfile::TempDir,
}

pub struct Setup {
    pub rng: Rng,
    pub sign_up: SignUp,
    pub origins: Origins,
    pub resolver: Arc<dyn TxtResolver>,
    pub notices: LocalNotices,
    /// Where no other is named, SQLite in a folder of its own.
    pub database: Option<Database>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            rng: Rng::System,
            sign_up: SignUp::Open,
            origins: Origins::Listed(vec!["https://app.example".into()]),
            // Nothing answers there.
            resolver: Arc::new(DnsResolver::new(Some(([127, 0, 0, 1], 9).into())).unwrap()),
            notices: LocalNotices::default(),
            database: None,
        }
    }
}

pub async fn start() -> Running {
    start_with(Setup::default()).await
}

/// On each database that there is.
pub async fn start_each() -> [Running; 2] {
    let postgres = testkit::Postgres::shared();
    let url = postgres.url(&postgres.create_database());
    [start().await, start_with(Setup { database: Some(Database::Postgres(url)), ..Setup::default() }).await]
}

pub async fn start_with(setup: Setup) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let database = setup.database.unwrap_or_else(|| Database::Sqlite(folder.path().join("test.db")));
    let store = Store::connect(&database).await.unwrap();
    store::migrate(&store, NOON).await.unwrap();
    let (lifecycle, clock, feed, health) = (Lifecycle::new(), Clock::manual(NOON), LocalFeed::default(), Health::default());
    let metrics = Metrics::default();
    let options = ApiOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        short_domain: ShortDomain::parse("go.example").unwrap(),
        public_url: "https://links.example".parse().unwrap(),
        origins: setup.origins,
        sign_up: setup.sign_up,
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        seal_key: Some(SealKey::generate(&Rng::System)),
    };
    let parts = ApiParts {
        store: store.clone(),
        feed: Arc::new(feed.clone()),
        notices: Arc::new(setup.notices),
        proofs: Proofs::new(setup.resolver),
        clock: clock.clone(),
        rng: setup.rng,
        health: health.clone(),
        refusals: Refusals::new(&health, &metrics),
        metrics: metrics.clone(),
    };
    let address = api::start(options, parts, &lifecycle).await.unwrap();
    Running { authority: address.to_string(), store, clock, health, metrics, feed, lifecycle, _folder: folder }
}

impl Running {
    pub fn anonymous(&self) -> GraphQl {
        GraphQl::new(&self.authority)
    }

    pub async fn ada(&self) -> GraphQl {
        self.anonymous().sign_up("ada").await
    }

    /// Stores clicks of a link without announcing them.
    pub async fn store_clicks(&self, api: &GraphQl, link: &Value, numbers: std::ops::Range<i64>) -> IngestReport {
        let workspace = workspace_of(api).await;
        let link: LinkId = link["id"].as_str().unwrap().parse().unwrap();
        let incoming = |number| Incoming { workspace, click: click(link, number), day: None, record: [].into(), frame: "frame".into() };
        let batch: Vec<Incoming> = numbers.map(incoming).collect();
        self.store.ingest(&batch, NOON).await.unwrap()
    }

    pub async fn announce(&self, report: IngestReport) {
        for ingested in report.stored {
            let (workspace, previous, head) = (ingested.workspace, ingested.previous, ingested.head);
            self.feed.announce(Announcement { workspace, previous, head, clicks: Arc::new(ingested.clicks) }).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.lifecycle.stop();
    }
}

pub async fn workspace_of(api: &GraphQl) -> WorkspaceId {
    api.data("{ workspace { id } }", json!({})).await["workspace"]["id"].as_str().unwrap().parse().unwrap()
}

/// A person's click, a minute after the other; odd ones come from bots.
pub fn click(link: LinkId, number: i64) -> Click {
    let verdict = if number % 2 == 0 { Verdict::Human } else { Verdict::Bot };
    Click {
        id: ClickId::new(NOON.plus(number * 60_000), Rng::System.entropy()),
        seq: 0,
        link,
        link_version: 1,
        outcome: Outcome::Redirected,
        status: 302,
        method: Method::Get,
        url: format!("https://go.example/a?n={number}"),
        target: "https://example.com/".into(),
        verdict,
        verdict_reason: VerdictReason::NoSignal,
        place: GeoPlace { country: Some("DE".into()), ..GeoPlace::default() },
        browser: Some("Firefox".into()),
        browser_version: None,
        os: None,
        os_version: None,
        device: Device::Mobile,
        language: None,
        user_agent: None,
        referrer: None,
        referrer_host: None,
        utm: Utm::default(),
        parameters: vec![Parameter { key: "n".into(), value: number.to_string() }],
        network: None,
        redirect_micros: 50,
        rule: None,
        channel: None,
        rules_version: 0,
        geo_version: None,
        system: None,
        system_version: None,
        visitor: None,
        ip: None,
        signals: domain::SignalSet::default(),
    }
}

/// The code of an error, and the paths of its issues.
pub fn told(error: &Value) -> (String, Vec<String>) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let issues = error["extensions"]["issues"].as_array().cloned().unwrap_or_default();
    let paths: Vec<String> = issues.iter().map(|issue| text(&issue["path"])).collect();
    if let Some(first) = paths.first() {
        assert_eq!(error["extensions"]["field"], json!(first));
    }
    (text(&error["extensions"]["code"]), paths)
}
