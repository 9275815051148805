//! Whatever the order, the batches, the workers and their deaths: in the end each click is what a plain count
//! of all that is stored makes of it, on both databases.

use domain::{
    CapturedClick, ClickFilter, Device, Email, GeoPlace, LinkId, Method, Outcome, SessionId, UserId, Utm, Verdict, VerdictReason,
    VisitorKey, network_of,
};
use platform::Rng;
use platform::config::Database;
use store::{Access, NewAccount, NewSession, PageRequest, Refresh, RefreshHash, Workspace};

use super::*;

/// 2026-03-01T12:00:00Z.
pub(crate) const NOON: Millis = Millis(1_772_366_400_000);
const HUMAN: (Verdict, VerdictReason) = (Verdict::Human, VerdictReason::NoSignal);
const BURST: (Verdict, VerdictReason) = (Verdict::Bot, VerdictReason::Burst);
const RATE: (Verdict, VerdictReason) = (Verdict::Suspected, VerdictReason::VisitorRate);

pub(crate) async fn workspace(store: &Store, name: &str) -> WorkspaceId {
    let rng = Rng::System;
    let id = WorkspaceId::new(NOON, rng.entropy());
    let session = NewSession {
        id: SessionId::new(NOON, rng.entropy()),
        user: UserId::new(NOON, rng.entropy()),
        workspace: id,
        refresh: Refresh { hash: RefreshHash(rng.bytes()), expires_at: NOON },
        now: NOON,
    };
    let workspace = Workspace { id, name: name.into(), slug: name.into(), time_zone: "UTC".into(), created_at: NOON };
    let email = Email::parse(&format!("{name}@example.com")).unwrap();
    store.sign_up(NewAccount { email, password_hash: String::new(), workspace, session }).await.unwrap();
    id
}

fn link(number: u8) -> LinkId {
    LinkId::new(NOON, [number; 10])
}

pub(crate) fn captured(at: Millis, of: u8) -> CapturedClick {
    CapturedClick {
        id: ClickId::new(at, Rng::System.entropy()),
        workspace: WorkspaceId::new(NOON, [1; 10]),
        link: link(of),
        link_version: 1,
        outcome: Outcome::Redirected,
        status: 302,
        method: Method::Get,
        url: "http://x/a".into(),
        target: "https://y/".into(),
        address: Address::Full([203, 0, 113, 77].into()),
        user_agent: Some("Mozilla/5.0".into()),
        referrer: None,
        accept_language: None,
        redirect_micros: 1,
        rule: None,
        above_rate: false,
        signals: domain::Signals::default(),
        judged: None,
    }
}

/// A person's, by itself.
pub(crate) fn click(captured: &CapturedClick, visitor: Option<u8>) -> Click {
    let network = match &captured.address {
        Address::Full(ip) => Some(network_of(*ip)),
        _ => None,
    };
    Click {
        id: captured.id,
        seq: 0,
        link: captured.link,
        link_version: 1,
        outcome: captured.outcome,
        status: 302,
        method: captured.method,
        url: captured.url.clone(),
        target: captured.target.clone(),
        verdict: HUMAN.0,
        verdict_reason: HUMAN.1,
        place: GeoPlace::default(),
        browser: None,
        browser_version: None,
        os: None,
        os_version: None,
        device: Device::Desktop,
        language: None,
        user_agent: None,
        referrer: None,
        referrer_host: None,
        utm: Utm::default(),
        parameters: vec![],
        network,
        redirect_micros: 1,
        rule: None,
        channel: None,
        rules_version: RULES_VERSION,
        geo_version: None,
        system: None,
        system_version: None,
        visitor: visitor.map(|visitor| VisitorKey { key: format!("{visitor:032x}"), recipe: 1 }),
        ip: None,
        signals: captured.signals.set,
    }
}

/// A worker's end.
#[derive(Clone, Copy, PartialEq)]
enum Death {
    None,
    /// The batch is stored, and nothing of it acked.
    AfterStoring,
}

#[derive(Default)]
struct Worker(Neighbours);

impl Worker {
    async fn take(&mut self, store: &Store, workspace: WorkspaceId, batch: &[(CapturedClick, Click)], now: Millis, death: Death) -> u64 {
        let who: Vec<Option<Who>> = batch.iter().map(|(captured, click)| self.0.who(captured, click)).collect();
        let incoming =
            |(_, click): &(_, Click)| Incoming { workspace, click: click.clone(), day: None, record: [].into(), frame: "f".into() };
        let mut clicks: Vec<Incoming> = batch.iter().map(incoming).collect();
        self.0.judge(store, &mut clicks, &who, now).await.unwrap();
        let report = store.ingest(&clicks, now).await.unwrap();
        if death == Death::AfterStoring {
            self.0 = Neighbours::default();
            return 0;
        }
        self.0.settle(store, &clicks, &who, &report, now).await.unwrap()
    }
}

async fn verdicts(store: &Store, workspace: WorkspaceId) -> HashMap<ClickId, (Verdict, VerdictReason)> {
    let scope = store.workspace(workspace, Access::Read).await.unwrap();
    let page = scope.clicks_by_time(&ClickFilter::default(), &PageRequest::first(5_000)).await.unwrap();
    // Cells are what their clicks are.
    let totals = scope.totals(&ClickFilter::default()).await.unwrap().tally.counts;
    for verdict in Verdict::ALL {
        let raw = page.clicks.iter().filter(|click| click.outcome.is_counted() && click.verdict == *verdict).count() as u64;
        assert_eq!(totals.of(&[*verdict]), raw, "{verdict:?}");
    }
    page.clicks.into_iter().map(|click| (click.id, (click.verdict, click.verdict_reason))).collect()
}

/// Each window of each click, counted in memory.
fn plain(clicks: &[(CapturedClick, Click)]) -> HashMap<ClickId, (Verdict, VerdictReason)> {
    let mut found: HashMap<ClickId, _> = clicks.iter().map(|(_, click)| (click.id, HUMAN)).collect();
    let said = |click: &Click| click.outcome != Outcome::Preview && click.visitor.is_some();
    for (_, from) in clicks.iter().filter(|(_, click)| said(click)) {
        let members = |before: i64, after: i64| {
            let after_start = move |click: &Click| click.occurred_at().0 - from.occurred_at().0;
            let is_in = move |click: &Click| (-before..=after).contains(&after_start(click)) && (before > 0 || click.id >= from.id);
            let members =
                clicks.iter().map(|(_, click)| click).filter(move |click| said(click) && click.visitor == from.visitor && is_in(click));
            members.collect::<Vec<&Click>>()
        };
        let links = |of: &[&Click]| of.iter().map(|click| click.link).collect::<HashSet<_>>().len();
        let (window, around) = (members(0, 2_000), members(2_000, 4_000));
        if links(&window) >= 4 && around.len() <= 8 * links(&around) {
            found.extend(window.iter().map(|click| (click.id, BURST)));
        } else if window.len() > 50 {
            for click in window {
                found.entry(click.id).and_modify(|told| *told = if *told == BURST { BURST } else { RATE });
            }
        }
    }
    found
}

async fn are_those_of_a_plain_count(store: &Store) {
    for seed in 0..5_u64 {
        let ours = workspace(store, &format!("w{seed}")).await;
        let rng = Rng::seeded(seed);
        let pick = |bound: u64| rng.below(bound);
        let mut at = NOON;
        let clicks: Vec<(CapturedClick, Click)> = (0..320)
            .map(|number| {
                // Crowds, moments of silence, and times that go back.
                let step = [pick(4), pick(300), pick(300), pick(1_500), if pick(30) == 0 { 20_000 } else { 1 }][pick(5) as usize];
                at = at.plus(i64::try_from(step).unwrap());
                // One visitor clicks all the time, for a while.
                let visitor = if (100..220).contains(&number) { 3 } else { pick(3) as u8 };
                let mut captured = captured(at, pick(7) as u8);
                if pick(12) == 0 {
                    captured.outcome = Outcome::Preview;
                }
                let click = click(&captured, Some(visitor));
                (captured, click)
            })
            .collect();
        let now = at.plus(1_000);
        let mut order: Vec<usize> = (0..clicks.len()).collect();
        // Some far from their place, as of a redirector that was cut off.
        for place in 0..order.len() {
            let other = (place as u64 + if pick(15) == 0 { pick(200) } else { pick(6) }).min(order.len() as u64 - 1) as usize;
            order.swap(place, other);
        }
        let mut workers = [Worker::default(), Worker::default()];
        let mut rest = order.as_slice();
        while !rest.is_empty() {
            let (batch, after) = rest.split_at(rest.len().min(1 + pick(25) as usize));
            let mut batch: Vec<_> = batch.iter().map(|index| clicks[*index].clone()).collect();
            // Some come again.
            batch.extend((0..pick(3)).map(|_| clicks[order[pick((order.len() - rest.len()) as u64 + 1) as usize]].clone()));
            let death = if pick(6) == 0 { Death::AfterStoring } else { Death::None };
            workers[pick(2) as usize].take(store, ours, &batch, now, death).await;
            if death == Death::AfterStoring {
                workers[pick(2) as usize].take(store, ours, &batch, now, Death::None).await;
            }
            rest = after;
        }
        let (told, wanted) = (verdicts(store, ours).await, plain(&clicks));
        let differing: Vec<_> = wanted.iter().filter(|(id, verdict)| told.get(id) != Some(verdict)).collect();
        assert!(differing.is_empty(), "seed {seed}: {} of {} differ", differing.len(), wanted.len());
        let of = |verdict| wanted.values().filter(|told| **told == verdict).count();
        assert!(of(BURST) > 10 && of(HUMAN) > 10, "a seed that shows nothing: {} {}", of(BURST), of(HUMAN));
    }
}

pub(crate) async fn sqlite() -> (Store, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::connect(&Database::Sqlite(folder.path().join("test.db"))).await.unwrap();
    store::migrate(&store, NOON).await.unwrap();
    (store, folder)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verdicts_are_those_of_a_plain_count_on_sqlite() {
    let (store, _folder) = sqlite().await;
    are_those_of_a_plain_count(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verdicts_are_those_of_a_plain_count_on_postgres() {
    let server = testkit::Postgres::start();
    let store = Store::connect(&Database::Postgres(server.url("postgres"))).await.unwrap();
    store::migrate(&store, NOON).await.unwrap();
    are_those_of_a_plain_count(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_told_apart_is_known_for_seconds_and_by_nobody_else() {
    let (store, _folder) = sqlite().await;
    let ours = workspace(&store, "ours").await;
    let mut worker = Worker::default();
    let of = |at: i64, number: u8, agent: &str| {
        let captured = CapturedClick { user_agent: Some(agent.into()), ..captured(NOON.plus(at), number) };
        let click = click(&captured, None);
        (captured, click)
    };
    let burst: Vec<_> = (0..4).map(|number| of(i64::from(number) * 100, number, "a")).collect();
    // Others behind the same address have another browser.
    let others: Vec<_> = (0..4).map(|number| of(i64::from(number) * 100, number, ["b", "c", "d", "e"][usize::from(number)])).collect();
    for batch in [&burst[..2], &others, &burst[2..]] {
        worker.take(&store, ours, batch, NOON, Death::None).await;
    }
    let told = verdicts(&store, ours).await;
    assert!(
        burst.iter().all(|(_, click)| told[&click.id] == BURST) && others.iter().all(|(_, click)| told[&click.id] == HUMAN),
        "{told:?}"
    );
    // What was remembered is gone, with the worker or after a while.
    assert!(!worker.0.is_empty());
    worker.0.tidy(NOON.plus(IDLE_MILLIS));
    assert!(worker.0.is_empty());
    let [next, last] = [&[of(500, 4, "a")], &[of(600, 5, "a")]];
    worker.take(&store, ours, next, NOON, Death::AfterStoring).await;
    worker.take(&store, ours, last, NOON, Death::None).await;
    let told = verdicts(&store, ours).await;
    assert_eq!((told[&next[0].1.id], told[&last[0].1.id]), (HUMAN, HUMAN));
    // A click captured strictly says no more than a network, which is of many.
    let strict = CapturedClick { address: Address::Reduced(Box::default()), ..captured(NOON, 1) };
    assert_eq!(worker.0.who(&strict, &click(&strict, None)), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_read_for_a_click_that_follows_those_remembered() {
    let (store, _folder) = sqlite().await;
    let ours = workspace(&store, "ours").await;
    let mut worker = Worker::default();
    let one = |at: i64| {
        let captured = captured(NOON.plus(at), 1);
        let click = click(&captured, Some(1));
        vec![(captured, click)]
    };
    worker.take(&store, ours, &one(0), NOON, Death::None).await;
    let head = worker.0.memories[&ours].head;
    // A store that is closed answers nothing.
    let who: Vec<Option<Who>> = one(5_000).iter().map(|(captured, click)| worker.0.who(captured, click)).collect();
    let incoming = |(_, click): (_, Click)| Incoming { workspace: ours, click, day: None, record: [].into(), frame: "f".into() };
    let mut batch: Vec<Incoming> = one(5_000).into_iter().map(incoming).collect();
    store.close().await;
    worker.0.judge(&store, &mut batch, &who, NOON.plus(5_000)).await.unwrap();
    let ingested =
        store::Ingested { workspace: ours, previous: 1, head: 2, erased: 0, clicks: vec![Click { seq: 2, ..batch[0].click.clone() }] };
    let report = IngestReport { stored: vec![ingested], ..IngestReport::default() };
    assert_eq!(worker.0.settle(&store, &batch, &who, &report, NOON.plus(5_000)).await.unwrap(), 0);
    assert_eq!((head, worker.0.memories[&ours].head), (Some(1), Some(2)));
}
