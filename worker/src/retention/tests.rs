//! The purge by a clock that is set, on both databases.

use std::sync::Arc;

use domain::{
    Address, AuditEntry, CapturedClick, Click, ClickFilter, ClickId, Email, LinkId, Method, Outcome, Privacy, PrivacyLevel, Retention,
    SessionId, Signals, UserId,
};
use enrich::Enricher;
use platform::config::Database;
use store::{Access, Incoming, NewAccount, NewSession, PageRequest, Refresh, RefreshHash, Workspace};

use super::*;

/// 2026-03-01T12:00:00Z.
const NOON: Millis = Millis(1_772_366_400_000);
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

struct Running {
    store: Store,
    clock: Clock,
    workspace: WorkspaceId,
}

/// A workspace in Berlin, where midnight is at 23:00 of UTC.
async fn running(database: &Database) -> Running {
    let (store, rng) = (Store::connect(database).await.unwrap(), Rng::System);
    store::migrate(&store, NOON).await.unwrap();
    let workspace = WorkspaceId::new(NOON, rng.entropy());
    let session = NewSession {
        id: SessionId::new(NOON, rng.entropy()),
        user: UserId::new(NOON, rng.entropy()),
        workspace,
        refresh: Refresh { hash: RefreshHash(rng.bytes()), expires_at: NOON },
        now: NOON,
    };
    let ours = Workspace { id: workspace, name: "ours".into(), slug: "ours".into(), time_zone: "Europe/Berlin".into(), created_at: NOON };
    let email = Email::parse("ada@example.com").unwrap();
    store.sign_up(NewAccount { email, password_hash: String::new(), workspace: ours, session }).await.unwrap();
    Running { store, clock: Clock::manual(NOON), workspace }
}

impl Running {
    async fn decide(&self, level: PrivacyLevel) {
        let retention = Retention { clicks_days: 30, addresses_days: 2, audit_days: 60 };
        let scope = self.store.workspace(self.workspace, Access::Write).await.unwrap();
        scope.set_privacy(&Privacy { level, retention, ..Privacy::default() }).await.unwrap();
        scope.commit().await.unwrap();
    }

    async fn store_click(&self, level: PrivacyLevel) {
        self.store_click_of(level, None).await;
    }

    async fn store_click_of(&self, level: PrivacyLevel, visitor: Option<domain::VisitorKey>) {
        let captured = CapturedClick {
            id: ClickId::new(self.clock.now(), Rng::System.entropy()),
            workspace: self.workspace,
            link: LinkId::new(NOON, [1; 10]),
            link_version: 1,
            outcome: Outcome::Redirected,
            status: 302,
            method: Method::Get,
            url: "http://x/a".into(),
            target: "https://y/".into(),
            address: Address::Full([203, 0, 113, 77].into()),
            user_agent: None,
            referrer: None,
            accept_language: None,
            redirect_micros: 1,
            rule: None,
            above_rate: false,
            signals: Signals::default(),
            judged: None,
        };
        let click = Enricher::new(Arc::default()).enrich(&captured, &Privacy { level, ..Privacy::default() });
        let click = Click { visitor, ..click };
        let incoming = Incoming { workspace: self.workspace, click, day: None, record: [].into(), frame: "frame".into() };
        assert_eq!(self.store.ingest(&[incoming], self.clock.now()).await.unwrap().stored.len(), 1);
    }

    async fn round(&self) -> Round {
        let purge = Purge::new(self.store.clone(), self.clock.clone(), Rng::System, &Metrics::default());
        purge.round(&CancellationToken::new()).await.unwrap()
    }

    async fn clicks(&self) -> Vec<Click> {
        let scope = self.store.workspace(self.workspace, Access::Read).await.unwrap();
        scope.clicks_by_time(&ClickFilter::default(), &PageRequest::first(9)).await.unwrap().clicks
    }

    async fn told(&self) -> Vec<String> {
        let scope = self.store.workspace(self.workspace, Access::Read).await.unwrap();
        let page = scope.audit_log(&PageRequest::first(9)).await.unwrap();
        page.entries.into_iter().map(|entry| format!("{} {}", entry.action, entry.details)).collect()
    }
}

async fn consented_ids_go_in_their_time_from_clicks_that_stay(database: Database) {
    let running = running(&database).await;
    let scope = running.store.workspace(running.workspace, Access::Write).await.unwrap();
    let retention = Retention { audit_days: 3_650, ..Retention::default() };
    scope.set_privacy(&Privacy { retention, ..Privacy::default() }).await.unwrap();
    scope.commit().await.unwrap();
    let visitor = Some(domain::VisitorKey { key: "v-1".into(), recipe: enrich::RECIPE_CONSENTED });
    running.store_click_of(PrivacyLevel::None, visitor.clone()).await;
    // An hour before 395 days are over; the click itself goes at a midnight after that.
    running.clock.advance(395 * DAY - HOUR);
    assert_eq!(running.round().await.visitors, 0);
    assert_eq!(running.clicks().await[0].visitor, visitor);
    running.clock.advance(1);
    assert_eq!(running.round().await.visitors, 1);
    assert_eq!((running.round().await.visitors, running.clicks().await[0].visitor.clone()), (0, None));
    let before = NOON.plus(1).to_string();
    assert_eq!(running.told().await, [format!("{} {{\"clicks\":1,\"before\":\"{before}\"}}", AuditEntry::VISITORS_REMOVED)]);
    running.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consented_ids_go_from_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    consented_ids_go_in_their_time_from_clicks_that_stay(Database::Sqlite(folder.path().join("test.db"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consented_ids_go_from_postgres() {
    let url = testkit::Postgres::shared().copy_of("worker", async |_| ()).await;
    consented_ids_go_in_their_time_from_clicks_that_stay(Database::Postgres(url)).await;
}

async fn misses_go_with_clicks_and_their_counts_stay(database: Database) {
    use domain::{Miss, MissFilter, MissId};
    let running = running(&database).await;
    running.decide(PrivacyLevel::None).await;
    running.store_click(PrivacyLevel::None).await;
    let miss = Miss {
        id: MissId::new(NOON, Rng::System.entropy()),
        domain: domain::DomainId::new(NOON, [1; 10]),
        slug: Some("sael".into()),
        verdict: domain::Verdict::Human,
        network: None,
        country: None,
        user_agent: None,
    };
    let incoming = store::IncomingMiss { workspace: running.workspace, miss, record: [].into(), frame: "frame".into() };
    assert_eq!(running.store.ingest_misses(&[incoming], NOON).await.unwrap().stored, 1);
    running.clock.advance(Millis::from_timestamp("2026-03-31T21:59:59.999Z".parse().unwrap()).0 - NOON.0);
    assert_eq!(running.round().await, Round::default());
    running.clock.advance(1);
    let round = running.round().await;
    assert_eq!((round.clicks, round.misses), (1, 1));
    assert_eq!(running.round().await, Round::default());
    let scope = running.store.workspace(running.workspace, Access::Read).await.unwrap();
    assert!(scope.misses_after(None, 9).await.unwrap().is_empty());
    assert_eq!(scope.count_misses(&MissFilter::default()).await.unwrap(), 1);
    drop(scope);
    running.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn misses_go_from_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    misses_go_with_clicks_and_their_counts_stay(Database::Sqlite(folder.path().join("test.db"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn misses_go_from_postgres() {
    let url = testkit::Postgres::shared().copy_of("worker", async |_| ()).await;
    misses_go_with_clicks_and_their_counts_stay(Database::Postgres(url)).await;
}

async fn addresses_clicks_and_what_was_told_of_them_go_in_their_time(database: Database) -> (Running, u64) {
    let running = running(&database).await;
    running.decide(PrivacyLevel::Full).await;
    running.store_click(PrivacyLevel::Full).await;
    assert_eq!(running.round().await, Round::default());
    // An hour before two days are over.
    running.clock.advance(2 * DAY - HOUR);
    assert_eq!(running.round().await, Round::default());
    running.clock.advance(1);
    assert_eq!(running.round().await, Round { addresses: 1, ..Round::default() });
    let clicks = running.clicks().await;
    assert_eq!((clicks[0].ip, clicks[0].network.as_deref()), (None, Some("203.0.113.0/24")));

    // Who keeps none any more keeps none of those that there are.
    running.store_click(PrivacyLevel::Full).await;
    running.decide(PrivacyLevel::Truncated).await;
    assert_eq!(running.round().await, Round { addresses: 1, ..Round::default() });

    // The first click's day began 2026-02-28T23:00Z and is the last of 30 days until 2026-03-31T22:00Z.
    running.clock.advance(Millis::from_timestamp("2026-03-31T21:59:59.999Z".parse().unwrap()).0 - running.clock.now().0);
    let told_of_the_rest = running.round().await;
    assert_eq!((told_of_the_rest, running.clicks().await.len()), (Round::default(), 2));
    running.clock.advance(1);
    assert_eq!(running.round().await.clicks, 1);
    assert_eq!((running.round().await, running.clicks().await.len()), (Round::default(), 1));
    let before = NOON.plus(1).to_string();
    assert_eq!(
        running.told().await,
        [
            format!("{} {{\"clicks\":1,\"before\":\"2026-03-01T23:00:00.000Z\"}}", AuditEntry::CLICKS_PURGED),
            format!("{} {{\"addresses\":1,\"before\":null}}", AuditEntry::ADDRESSES_REMOVED),
            format!("{} {{\"addresses\":1,\"before\":\"{before}\"}}", AuditEntry::ADDRESSES_REMOVED),
        ]
    );
    let scope = running.store.workspace(running.workspace, Access::Read).await.unwrap();
    assert_eq!(scope.totals(&ClickFilter::default()).await.unwrap().tally.counts.of(domain::Verdict::ALL), 2);
    drop(scope);

    running.clock.advance(61 * DAY);
    let last = running.round().await;
    assert_eq!((last.clicks, last.addresses, last.audit_entries), (1, 0, 3));
    (running, last.partitions)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_longer_kept_goes_in_its_time_from_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let (running, _) = addresses_clicks_and_what_was_told_of_them_go_in_their_time(Database::Sqlite(path)).await;
    // Not in the file either, nor in its log.
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(12).any(|window| window == b"203.0.113.77"));
    }
    running.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_longer_kept_goes_in_its_time_from_postgres() {
    let url = testkit::Postgres::shared().copy_of("worker", async |_| ()).await;
    let (_, partitions) = addresses_clicks_and_what_was_told_of_them_go_in_their_time(Database::Postgres(url)).await;
    // Of February and March.
    assert_eq!(partitions, 2);
}
