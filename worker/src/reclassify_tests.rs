//! Ranges of clicks read and judged again: what comes of each kind, and that dying in between changes nothing.

use Verdict::{Bot, Human, Internal, Suspected};
use VerdictReason::{Burst, DataCentre, HttpLibrary, NoSignal, OwnTraffic};
use domain::{AutonomousSystem, ClickFilter, ClickId, JobId, PrivacyChange};
use enrich::{GeoDatabases, GeoSource};
use platform::Rng;
use platform::config::Database;
use store::{Access, Incoming, PageRequest};
use testkit::mmdb::{Value, build_at};

use super::*;
use crate::neighbours::tests::{NOON, captured, click, sqlite, workspace};

const FIREFOX: &str = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clicks_become_what_is_known_today_and_cells_follow_on_sqlite() {
    let (store, _folder) = sqlite().await;
    clicks_become_what_is_known_today(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clicks_become_what_is_known_today_and_cells_follow_on_postgres() {
    let server = testkit::Postgres::start();
    let store = Store::connect(&Database::Postgres(server.url("postgres"))).await.unwrap();
    store::migrate(&store, NOON).await.unwrap();
    clicks_become_what_is_known_today(&store).await;
}

/// That knows one network's place, and who runs it.
fn enricher() -> Enricher {
    let text = |text: &str| Value::Text(text.to_owned());
    let place = vec![("country_code".into(), text("DE")), ("city".into(), text("Berlin")), ("latitude".into(), Value::Float(52.5))];
    let folder = tempfile::tempdir().unwrap();
    let (places, systems) = (folder.path().join("places.mmdb"), folder.path().join("systems.csv"));
    std::fs::write(&places, build_at(1_800_000_000, 4, &[("203.0.112.0/24", Value::Map(place))])).unwrap();
    std::fs::write(&systems, "203.0.112.0,203.0.112.255,24940,Host\n").unwrap();
    Enricher::new(Arc::new(GeoDatabases::open(GeoSource::Files(vec![places, systems])).unwrap()))
}

async fn clicks_become_what_is_known_today(store: &Store) {
    let ours = workspace(store, "ours").await;
    let enricher = enricher();
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    let own = PrivacyChange { own_networks: Some(vec!["198.51.100.0/24".into(), "192.0.2.7".into()]), ..PrivacyChange::default() };
    scope.set_privacy(&scope.privacy().await.unwrap().changed(own).unwrap()).await.unwrap();
    scope.commit().await.unwrap();
    let stored = |at: i64, link: u8, visitor: Option<u8>| {
        let captured = captured(NOON.plus(at), link);
        domain::Click { user_agent: Some(FIREFOX.into()), rules_version: 1, ..click(&captured, visitor) }
    };
    // What it was by older rules, and what it is to become.
    let mut cases = vec![
        (domain::Click { user_agent: Some("curl/8.5.0".into()), ..stored(0, 1, None) }, (Bot, HttpLibrary)),
        (domain::Click { system: Some(AutonomousSystem { number: 24_940, name: None }), ..stored(1, 1, None) }, (Suspected, DataCentre)),
        (domain::Click { system: Some(AutonomousSystem { number: 13_335, name: None }), ..stored(2, 1, None) }, (Human, NoSignal)),
        (domain::Click { network: Some("198.51.100.0/24".into()), ..stored(3, 1, None) }, (Internal, OwnTraffic)),
        // Of its address too little is left.
        (domain::Click { network: Some("192.0.2.0/24".into()), ..stored(4, 1, None) }, (Human, NoSignal)),
        (domain::Click { user_agent: None, ..stored(5, 1, None) }, (Human, NoSignal)),
        // No neighbours any more, or none that could be told.
        (domain::Click { verdict: Bot, verdict_reason: Burst, ..stored(6, 1, Some(9)) }, (Human, NoSignal)),
        (domain::Click { verdict: Bot, verdict_reason: Burst, ..stored(7, 1, None) }, (Bot, Burst)),
        // These rules have seen the neighbours, who are gone now.
        (domain::Click { verdict: Bot, verdict_reason: Burst, rules_version: RULES_VERSION, ..stored(6, 1, Some(10)) }, (Bot, Burst)),
        (domain::Click { verdict: Internal, verdict_reason: OwnTraffic, ..stored(8, 1, Some(8)) }, (Internal, OwnTraffic)),
        // Whose it is, a later database knows.
        (
            domain::Click { network: Some("203.0.112.0/24".into()), signals: domain::SignalSet::CITY_KEPT, ..stored(9, 1, None) },
            (Suspected, DataCentre),
        ),
    ];
    let placed = cases[10].0.id;
    // A burst on both sides of the end of a step.
    for number in 0..1_200_i64 {
        let at = 60_000 + number * 10_000;
        cases.push((stored(at, 1, Some(7)), (Human, NoSignal)));
        if number == 986 {
            cases.extend((0..6).map(|link| (stored(at + 5_000 + i64::from(link) * 200, link, Some(6)), (Bot, Burst))));
        }
    }
    let incoming = |(click, _): &(domain::Click, _)| Incoming {
        workspace: ours,
        click: click.clone(),
        day: None,
        record: [].into(),
        frame: "f".into(),
    };
    store.ingest(&cases.iter().map(incoming).collect::<Vec<_>>(), NOON).await.unwrap();

    let clock = Clock::manual(NOON.plus(24 * 3_600_000));
    let new = |from: Millis| Job::reclassify(JobId::new(NOON, Rng::System.entropy()), ours, (from, clock.now()), clock.now());
    let job = new(NOON);
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    scope.create_job(&job, clock.now()).await.unwrap();
    scope.commit().await.unwrap();
    // The first process dies after a step that it could not note.
    let mut claimed = store.claim_job(clock.now(), clock.now().plus(LEASE_MILLIS)).await.unwrap().unwrap();
    assert!(step(store, &enricher, &mut claimed).await.unwrap());
    assert_eq!((claimed.looked, claimed.changed > 5), (STEP, true));
    clock.advance(LEASE_MILLIS);
    let claimed = store.claim_job(clock.now(), clock.now().plus(LEASE_MILLIS)).await.unwrap().unwrap();
    let stopped = CancellationToken::new();
    stopped.cancel();
    assert_eq!(run_job(store, &enricher, claimed, &clock, &stopped).await.unwrap().status, JobStatus::Queued);
    let claimed = store.claim_job(clock.now(), clock.now().plus(LEASE_MILLIS)).await.unwrap().unwrap();
    let done = run_job(store, &enricher, claimed, &clock, &CancellationToken::new()).await.unwrap();
    assert_eq!((done.status, done.looked), (JobStatus::Done, cases.len() as u64));

    let scope = store.workspace(ours, Access::Read).await.unwrap();
    assert_eq!(scope.job(job.id).await.unwrap(), done);
    let found = scope.clicks_by_time(&ClickFilter::default(), &PageRequest::first(5_000)).await.unwrap().clicks;
    let found: HashMap<ClickId, &domain::Click> = found.iter().map(|click| (click.id, click)).collect();
    for (click, wanted) in &cases {
        let found = found[&click.id];
        assert_eq!(((found.verdict, found.verdict_reason), found.rules_version), (*wanted, RULES_VERSION), "{click:?}");
    }
    let Derived { facts, channel, place, geo_version, system, system_version } = Derived::from(found[&placed]);
    assert_eq!((facts.browser.as_deref(), facts.os_version, facts.device), (Some("Firefox"), None, domain::Device::Desktop));
    assert_eq!((channel, geo_version), (Some(domain::Channel::Direct), Some(1_800_000_000)));
    assert!(system_version.is_some());
    assert_eq!((place.country.as_deref(), place.city.as_deref(), place.latitude), (Some("DE"), Some("Berlin"), Some(52.5)));
    assert_eq!(system, Some(AutonomousSystem { number: 24_940, name: Some("Host".into()) }));
    let (first, last) = (domain::Quarter::of(NOON), scope.last_counted().await.unwrap().unwrap());
    let verified = scope.verify_cells(first, domain::Quarter(last.0 + 1)).await.unwrap();
    assert!(verified.cells > 10 && verified.differences.is_empty(), "{verified:?}");
    drop(scope);
    // Nothing is left to change.
    let mut again = new(NOON.plus(-1));
    while step(store, &enricher, &mut again).await.unwrap() {}
    assert_eq!((again.looked, again.changed), (cases.len() as u64, 0));
    // The end of the range is not in it.
    let mut part = Job { to: NOON.plus(3), ..new(NOON) };
    while step(store, &enricher, &mut part).await.unwrap() {}
    assert_eq!(part.looked, 3);
}
