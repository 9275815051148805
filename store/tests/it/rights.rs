//! What persons and workspaces may ask for: erasure, the end of a link's history, the end of a workspace.

use domain::{
    Click, ClickFilter, ClickProperties, DaySalt, ErasureId, LinkId, LocalDay, Millis, Outcome, Verdict, VisitorKey, WorkspaceId,
};
use jiff::tz::TimeZone;
use platform::Rng;
use store::{Access, FreshSalt, Incoming, IngestReport, KEPT_MILLIS, NewErasure, Salt, Store, StoreError, Subject};

use crate::fixture::{Database, NOON, account, click, incoming, link, read, workspace};
use crate::visitors::{compare, new_york};

const HOUR: i64 = 3_600_000;
const MONTH: i64 = 30 * 24 * HOUR;

fn key(visitor: u64, recipe: i16) -> VisitorKey {
    VisitorKey { key: format!("{visitor:032x}"), recipe }
}

fn by(visitor: VisitorKey, click: Click) -> Click {
    Click { visitor: Some(visitor), ..click }
}

fn batch(workspace: WorkspaceId, zone: &TimeZone, clicks: &[Click]) -> Vec<Incoming> {
    let on_its_day = |click: &Click| Incoming { day: Some(LocalDay::of(click.occurred_at(), zone)), ..incoming(workspace, click.clone()) };
    clicks.iter().map(on_its_day).collect()
}

async fn ingest_at(store: &Store, workspace: WorkspaceId, clicks: &[Click], now: Millis) -> IngestReport {
    store.ingest(&batch(workspace, &TimeZone::UTC, clicks), now).await.unwrap()
}

async fn ingest(store: &Store, workspace: WorkspaceId, clicks: &[Click]) -> IngestReport {
    ingest_at(store, workspace, clicks, NOON).await
}

fn fresh() -> FreshSalt {
    FreshSalt(Rng::System.bytes())
}

fn erasure(subject: Subject, from: Millis, before: Millis) -> NewErasure {
    NewErasure { id: ErasureId::new(NOON, Rng::System.entropy()), subject, from, before }
}

async fn begin(store: &Store, workspace: WorkspaceId, erasure: &NewErasure, now: Millis) {
    store.begin_erasures(workspace, std::slice::from_ref(erasure), fresh(), now).await.unwrap();
}

/// All steps that are left; how many clicks they erased.
async fn finish(store: &Store, workspace: WorkspaceId, id: ErasureId, now: Millis) -> u64 {
    let mut erased = 0;
    loop {
        let step = store.erase_step(workspace, id, fresh(), now).await.unwrap();
        erased += step.clicks;
        if !step.more {
            return erased;
        }
    }
}

async fn erase(store: &Store, workspace: WorkspaceId, subject: Subject) -> u64 {
    let erasure = erasure(subject, Millis(0), NOON.plus(HOUR));
    begin(store, workspace, &erasure, NOON).await;
    finish(store, workspace, erasure.id, NOON).await
}

/// Clicks as they are stored, oldest storage first.
async fn stored(store: &Store, workspace: WorkspaceId) -> Vec<Click> {
    let page = store::PageRequest::first(10_000);
    read(store, workspace).await.clicks_by_storage(&ClickFilter::default(), &page).await.unwrap().clicks
}

async fn statistics(store: &Store, workspace: WorkspaceId, link: LinkId) -> Option<Millis> {
    read(store, workspace).await.link(link).await.unwrap().last_clicked_at
}

async fn counted(store: &Store, workspace: WorkspaceId, filter: ClickFilter) -> u64 {
    read(store, workspace).await.totals(&filter).await.unwrap().tally.counts.of(Verdict::ALL)
}

async fn lost(store: &Store, workspace: WorkspaceId) -> Vec<(domain::LossReason, u64)> {
    let losses = read(store, workspace).await.lost_clicks(NOON.plus(-MONTH), NOON.plus(MONTH)).await.unwrap();
    losses.iter().filter(|loss| loss.reason.is_of_lost_clicks()).map(|loss| (loss.reason, loss.count)).collect()
}

/// Whatever is erased in whatever order, counts are those of a plain count of the clicks that are left.
pub async fn counts_are_those_of_the_clicks_that_are_left(store: &Store) {
    let zone = new_york();
    let start = Millis::from_timestamp(crate::visitors::SHORT_DAY.parse().unwrap());
    for seed in 0..4 {
        let mut new = account(&format!("ours-{seed}"), &Rng::System);
        new.workspace.time_zone = "America/New_York".into();
        let ours = new.workspace.id;
        store.sign_up(new).await.unwrap();
        let links = [link(store, ours, &format!("a{seed}")).await.id, link(store, ours, &format!("b{seed}")).await.id];
        let rng = Rng::seeded(seed);
        let pick = |bound: u64| usize::try_from(rng.below(bound)).unwrap();
        let clicks: Vec<Click> = (0..400)
            .map(|_| {
                let at = start.plus(i64::try_from(rng.below(72 * 3_600_000)).unwrap() - 24 * HOUR);
                let outcome = if pick(9) == 0 { Outcome::Disabled } else { Outcome::Redirected };
                let ip = (pick(3) == 0).then(|| [203, 0, 113, u8::try_from(pick(2)).unwrap()].into());
                let one = Click { verdict: Verdict::ALL[pick(4)], outcome, ip, ..click(links[pick(2)], at) };
                match pick(5) {
                    0 => one,
                    1 => by(key(rng.below(3), 2), one),
                    // As a day's salt makes them: others on each day.
                    _ => by(key(rng.below(6) + 100 * u64::from(LocalDay::of(at, &zone).0.unsigned_abs()), 1), one),
                }
            })
            .collect();
        for part in clicks.chunks(37) {
            store.ingest(&batch(ours, &zone, part), NOON).await.unwrap();
        }
        compare(store, ours, &zone, links, &stored(store, ours).await).await;
        let some = stored(store, ours).await;
        let day_key = some.iter().filter_map(|click| click.visitor.clone()).find(|visitor| visitor.recipe == 1).unwrap();
        let end = start.plus(96 * HOUR);
        // The last of them only up to an hour of a day, so that others become the first.
        let asked = [
            erasure(Subject::Visitor(day_key), Millis(0), end),
            erasure(Subject::Visitor(key(1, 2)), Millis(0), end),
            erasure(Subject::Visitor(key(2, 2)), Millis(0), start.plus(9 * HOUR)),
            erasure(Subject::Address([203, 0, 113, 1].into(), "Mozilla/5.0".into()), Millis(0), start.plus(20 * HOUR)),
            erasure(Subject::History(links[0]), Millis(0), start.plus(13 * HOUR)),
        ];
        for erasure in asked {
            let before = stored(store, ours).await;
            let goes = |click: &&Click| {
                let of_subject = match &erasure.subject {
                    Subject::Visitor(visitor) => click.visitor.as_ref() == Some(visitor),
                    Subject::Address(ip, agent) => click.ip == Some(*ip) && click.user_agent.as_ref().is_none_or(|stored| stored == agent),
                    Subject::History(link) => click.link == *link,
                };
                of_subject && (erasure.from..erasure.before).contains(&click.occurred_at())
            };
            let wanted = before.iter().filter(goes).count() as u64;
            assert!(wanted > 0);
            begin(store, ours, &erasure, NOON).await;
            assert_eq!(finish(store, ours, erasure.id, NOON).await, wanted);
            let after = stored(store, ours).await;
            assert_eq!(after.len() as u64, before.len() as u64 - wanted);
            assert!(after.iter().all(|click| !goes(&click)));
            compare(store, ours, &zone, links, &after).await;
            for link in links {
                let counted = after.iter().filter(|click| click.link == link && click.outcome.is_counted());
                assert_eq!(statistics(store, ours, link).await, counted.map(Click::occurred_at).max());
            }
        }
        // The frames come again, whole: only what was never erased is known as stored before.
        let left = stored(store, ours).await.len() as u64;
        for part in clicks.chunks(50) {
            let report = store.ingest(&batch(ours, &zone, part), NOON).await.unwrap();
            assert!(report.stored.is_empty() && report.erased + report.duplicates == part.len() as u64);
        }
        assert_eq!(stored(store, ours).await.len() as u64, left);
        assert_eq!(lost(store, ours).await, []);
        compare(store, ours, &zone, links, &stored(store, ours).await).await;
    }
}

pub async fn what_is_under_way_is_kept_out_and_counted_once(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let (a, c) = (link(store, ours, "a").await.id, link(store, theirs, "c").await.id);
    let (erased, other) = (key(1, 1), key(2, 1));
    let first = by(erased.clone(), click(a, NOON));
    ingest(store, ours, &[first.clone(), by(other.clone(), click(a, NOON))]).await;
    ingest(store, theirs, &[by(erased.clone(), click(c, NOON))]).await;
    let before = NOON.plus(HOUR);
    assert_eq!(erase(store, ours, Subject::Visitor(erased.clone())).await, 1);
    // On its way meanwhile: of the visitor, of another one, of the visitor after that, of the one in another workspace.
    let late = [by(erased.clone(), click(a, NOON.plus(1))), by(other, click(a, NOON)), by(erased.clone(), click(a, before)), first];
    for (stored, kept_out, duplicates) in [(2, 2, 0), (0, 2, 2)] {
        let report = ingest(store, ours, &late).await;
        assert_eq!(report.stored.iter().map(|ingested| ingested.clicks.len()).sum::<usize>(), stored);
        assert_eq!((report.erased, report.duplicates), (kept_out, duplicates));
    }
    // What was stored once is told of as erased by the erasure itself; what never was, here.
    assert_eq!(lost(store, ours).await, [(domain::LossReason::Erased, 1)]);
    assert_eq!(ingest(store, theirs, &[by(erased.clone(), click(c, NOON))]).await.erased, 0);
    assert_eq!((stored(store, ours).await.len(), stored(store, theirs).await.len(), lost(store, theirs).await), (3, 2, vec![]));
    // When no copy can come any more nothing is remembered.
    let over = NOON.plus(KEPT_MILLIS + 24 * HOUR);
    assert!(!store.forget_erased(NOON.plus(KEPT_MILLIS)).await.unwrap());
    assert_eq!(ingest(store, ours, &late).await.erased, 2);
    assert!(!store.forget_erased(over).await.unwrap());
    assert_eq!(ingest_at(store, ours, &late[..1], over).await.erased, 0);
}

/// What was erased counts as that alone, also when its workspace no longer keeps clicks of its time.
pub async fn what_was_erased_is_never_too_late(store: &Store) {
    let ours = workspace(store, "ours").await;
    let a = link(store, ours, "a").await.id;
    let (erased, other) = (by(key(1, 1), click(a, NOON)), by(key(2, 1), click(a, NOON)));
    ingest(store, ours, std::slice::from_ref(&erased)).await;
    erase(store, ours, Subject::Visitor(key(1, 1))).await;
    store.keep_clicks_from(ours, NOON.plus(HOUR)).await.unwrap();
    for late in [1, 0] {
        let report = ingest(store, ours, &[erased.clone(), other.clone()]).await;
        assert_eq!((report.erased, report.too_late, report.stored.len()), (1, late, 0));
    }
    assert_eq!(lost(store, ours).await, [(domain::LossReason::TooLate, 1)]);
}

pub async fn an_erasure_goes_on_where_it_was_left(store: &Store) {
    let ours = workspace(store, "ours").await;
    let a = link(store, ours, "a").await.id;
    let clicks: Vec<Click> = (0..1_203).map(|at| by(key(7, 2), click(a, NOON.plus(at)))).collect();
    ingest(store, ours, &clicks).await;
    let erasure = erasure(Subject::Visitor(key(7, 2)), Millis(0), NOON.plus(HOUR));
    begin(store, ours, &erasure, NOON).await;
    assert_eq!(store.open_erasures(NOON.plus(-1)).await.unwrap(), []);
    assert_eq!(store.open_erasures(NOON).await.unwrap(), [(ours, erasure.id)]);
    let step = store.erase_step(ours, erasure.id, fresh(), NOON).await.unwrap();
    assert_eq!((step.clicks, step.more), (500, true));
    // Half way counts are right already, and the same frames bring nothing back.
    assert_eq!(ingest(store, ours, &clicks).await.erased, 1_203);
    assert_eq!(counted(store, ours, ClickFilter::default()).await, 703);
    let uniques = async || read(store, ours).await.totals(&ClickFilter::default()).await.unwrap().tally.daily_uniques(Verdict::ALL);
    assert_eq!(uniques().await, Some(1));
    // Two at once do no harm, a day later neither.
    let (one, other) =
        tokio::join!(finish(store, ours, erasure.id, NOON.plus(24 * HOUR)), finish(store, ours, erasure.id, NOON.plus(24 * HOUR)));
    assert_eq!(one + other, 703);
    assert_eq!((counted(store, ours, ClickFilter::default()).await, statistics(store, ours, a).await), (0, None));
    assert_eq!(store.open_erasures(NOON).await.unwrap(), []);
    assert_eq!(ingest_at(store, ours, &clicks, NOON.plus(24 * HOUR)).await.erased, 1_203);
}

pub async fn an_address_is_erased_where_clicks_hold_it(store: &Database) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let (a, c) = (link(store, ours, "a").await.id, link(store, theirs, "c").await.id);
    let one = |link, ip: &str, agent: Option<&str>, at: i64| Click {
        ip: Some(ip.parse().unwrap()),
        user_agent: agent.map(str::to_owned),
        ..click(link, NOON.plus(at))
    };
    let (here, there) = ("2001:db8::7", "2001:db8::8");
    assert!(!store.keeps_addresses(ours).await.unwrap());
    let consented = by(key(1, 2), one(a, here, Some("A/1"), -4 * 24 * HOUR));
    let told = by(key(2, 1), one(a, here, Some("A/1"), 0));
    let without = Click { user_agent: None, ..one(a, here, None, 1) };
    let others = [one(a, here, Some("B/1"), 2), one(a, there, Some("A/1"), 3), by(key(3, 1), click(a, NOON.plus(4)))];
    ingest(store, ours, &[consented.clone(), told.clone(), without.clone()]).await;
    ingest(store, ours, &others).await;
    ingest(store, theirs, &[one(c, here, Some("A/1"), 0)]).await;
    assert!(store.keeps_addresses(ours).await.unwrap());
    let subject = || Subject::Address(here.parse().unwrap(), "A/1".into());
    assert_eq!(erase(store, ours, subject()).await, 3);
    let left: Vec<_> = stored(store, ours).await.iter().map(|click| click.id).collect();
    assert_eq!((left, counted(store, ours, ClickFilter::default()).await), (others.iter().map(|click| click.id).collect::<Vec<_>>(), 3));
    assert_eq!(stored(store, theirs).await.len(), 1);
    // Frames that come again, and what was under way.
    let late =
        [consented, told, without, one(a, here, Some("A/1"), 5), one(a, here, None, 6), one(a, here, Some(""), 7), one(a, there, None, 8)];
    let report = ingest(store, ours, &late).await;
    assert_eq!((report.erased, report.stored[0].clicks.len()), (5, 2));
    // An agent that is not sent is that of clicks without one. What is over holds no address any more.
    assert_eq!(erase(store, ours, Subject::Address(here.parse().unwrap(), String::new())).await, 1);
    let open = "SELECT count(*) FROM erasures WHERE ip IS NOT NULL OR user_agent IS NOT NULL";
    assert_eq!(store.number(open).await, 0);
    // A process that dies half way leaves the address for whoever goes on.
    let erasure = erasure(Subject::Address(there.parse().unwrap(), "A/1".into()), Millis(0), NOON.plus(HOUR));
    begin(store, ours, &erasure, NOON).await;
    assert_eq!(store.number(open).await, 1);
    assert_eq!((finish(store, ours, erasure.id, NOON).await, store.number(open).await), (2, 0));
}

pub async fn a_links_history_goes_with_its_counts(store: &Database) {
    let ours = workspace(store, "ours").await;
    let [a, b] = [link(store, ours, "a").await.id, link(store, ours, "b").await.id];
    // Of the first day only counts are left, as a purge leaves them.
    let old = NOON.plus(-29 * HOUR);
    let visitor = |at| by(key(1, 1), click(a, at));
    ingest(store, ours, &[visitor(old), click(a, old), click(b, old)]).await;
    store.execute("DELETE FROM clicks").await;
    ingest(store, ours, &[visitor(NOON), by(key(1, 1), click(b, NOON)), click(a, NOON.plus(2 * HOUR))]).await;
    assert_eq!(erase(store, ours, Subject::History(a)).await, 1);
    let of = |link| ClickFilter::from(ClickProperties { links: vec![link], ..ClickProperties::default() });
    assert_eq!(counted(store, ours, of(a)).await, 1);
    assert_eq!((counted(store, ours, of(b)).await, counted(store, ours, ClickFilter::default()).await), (2, 3));
    assert_eq!(statistics(store, ours, a).await, Some(NOON.plus(2 * HOUR)));
    assert_eq!(read(store, ours).await.link(a).await.unwrap().id, a);
    // What was made before and comes now is no history again; what is made from now on is.
    let report = ingest(store, ours, &[click(a, NOON.plus(-HOUR)), click(a, NOON.plus(3 * HOUR))]).await;
    assert_eq!((report.erased, report.stored[0].clicks.len()), (1, 1));
}

pub async fn another_workspaces_are_not_found(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let c = link(store, theirs, "c").await.id;
    ingest(store, theirs, &[by(key(1, 2), click(c, NOON))]).await;
    let foreign = erasure(Subject::History(c), Millis(0), NOON.plus(1));
    let refused = store.begin_erasures(ours, std::slice::from_ref(&foreign), fresh(), NOON).await;
    assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
    assert_eq!(store.open_erasures(NOON).await.unwrap(), []);
    assert_eq!(erase(store, ours, Subject::Visitor(key(1, 2))).await, 0);
    // Nor is an erasure of another workspace gone on with.
    begin(store, theirs, &foreign, NOON).await;
    assert_eq!(finish(store, ours, foreign.id, NOON).await, 0);
    assert_eq!(counted(store, theirs, ClickFilter::default()).await, 1);
}

pub async fn salts_that_live_are_told(store: &Store) {
    let ours = workspace(store, "ours").await;
    let salt = |day, used_until| Salt { day: LocalDay(day), salt: DaySalt([7; 32]), used_until };
    for made in [salt(2, NOON.plus(HOUR)), salt(1, NOON)] {
        store.day_salt(ours, made, NOON.plus(-HOUR)).await.unwrap();
    }
    assert_eq!(store.living_salts(ours, NOON).await.unwrap(), [salt(2, NOON.plus(HOUR))]);
    assert_eq!(store.living_salts(workspace(store, "theirs").await, NOON).await.unwrap(), []);
}

async fn ask(store: &Store, workspace: WorkspaceId, at: Millis) -> Millis {
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    let at = scope.delete_at(at).await.unwrap();
    scope.commit().await.unwrap();
    at
}

async fn keep(store: &Store, workspace: WorkspaceId) -> Result<(), StoreError> {
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    scope.keep_workspace().await?;
    scope.commit().await
}

pub async fn a_deletion_can_be_taken_back_until_it_begins(store: &Store) {
    let ours = workspace(store, "ours").await;
    let a = link(store, ours, "a").await.id;
    ingest(store, ours, &[click(a, NOON)]).await;
    let end = NOON.plus(7 * 24 * HOUR);
    assert!(!store.workspace_policy(ours).await.unwrap().closed);
    assert_eq!(ask(store, ours, end).await, end);
    // Asked again it is no later.
    assert_eq!(ask(store, ours, end.plus(HOUR)).await, end);
    let policy = store.workspace_policy(ours).await.unwrap();
    assert_eq!((policy.closed, policy.version), (true, 1));
    assert_eq!(store.due_removals(end.plus(-1)).await.unwrap(), []);
    assert!(!store.remove_step(ours, end.plus(-1)).await.unwrap());
    keep(store, ours).await.unwrap();
    let policy = store.workspace_policy(ours).await.unwrap();
    assert_eq!((policy.closed, policy.version), (false, 2));
    assert!(store.due_removals(end).await.unwrap().is_empty() && !store.remove_step(ours, end).await.unwrap());
    assert_eq!(counted(store, ours, ClickFilter::default()).await, 1);

    ask(store, ours, end).await;
    assert!(store.remove_step(ours, end).await.unwrap());
    let refused = keep(store, ours).await;
    assert!(matches!(refused, Err(StoreError::Conflict(store::Conflict::Removed))), "{refused:?}");
    assert_eq!(ingest_at(store, ours, &[click(a, end)], end).await.erased, 1);
}

pub async fn nothing_is_left_of_a_removed_workspace(store: &Database) {
    let snapshot = store.store.clone().with_link_outbox();
    let store_of_links: &Store = &snapshot;
    let (ours, theirs) = (account("ours", &Rng::System), account("theirs", &Rng::System));
    let (ours_id, theirs_id, user) = (ours.workspace.id, theirs.workspace.id, ours.session.user);
    let (ours_mail, theirs_mail) = (ours.email.clone(), theirs.email.clone());
    for new in [ours, theirs] {
        store_of_links.sign_up(new).await.unwrap();
    }
    for (id, name) in [(ours_id, "ours"), (theirs_id, "theirs")] {
        crate::domains::verified(store_of_links, id, &format!("{name}.example")).await;
        crate::api_keys::decide_something(store_of_links, id).await;
        crate::recipients::a_list(store_of_links, id).await;
        let mut new = crate::fixture::new_link(name);
        new.gate.click_limit = Some(domain::ClickLimit::parse(5).unwrap());
        new.gate.rules = crate::rule_names::rules(&[(1, "Rule")]);
        new.labels = crate::link_labels::labels(&["a", "b"], Some("f"), serde_json::json!({ "k": 1 }));
        let scope = store_of_links.workspace(id, Access::Write).await.unwrap();
        let link = scope.create_link(&new, NOON).await.unwrap().id;
        assert!(scope.report_link(&crate::link_reports::report(link, 0)).await.unwrap());
        scope.create_annotation(&crate::annotations::note(NOON, Some(link))).await.unwrap();
        scope.commit().await.unwrap();
        let clicks: Vec<Click> = (0_i64..1_500).map(|at| by(key(at.unsigned_abs() % 700, 1), click(link, NOON.plus(at)))).collect();
        ingest(store_of_links, id, &clicks).await;
        crate::recipients::known_recipients(store_of_links, id).await;
        crate::misses::ingest(store_of_links, id, &[crate::misses::miss("a", NOON)]).await;
        crate::conversions::convert(store_of_links, id, &clicks[7], "order").await;
        store_of_links.engage(id, clicks[7].id, NOON).await.unwrap();
        let today = LocalDay::of(NOON, &TimeZone::UTC);
        store.day_salt(id, Salt { day: today, salt: DaySalt([7; 32]), used_until: NOON.plus(HOUR) }, NOON).await.unwrap();
        store.count_losses(&[crate::ingest_counters::loss(id, 1, 1)]).await.unwrap();
        erase(store_of_links, id, Subject::Visitor(key(3, 1))).await;
    }
    let before = rows_of(store, theirs_id).await;
    ask(store_of_links, ours_id, NOON).await;
    let mut steps = 0;
    // Each step may be the last of its process.
    while Store::connect(&store.url).await.unwrap().with_link_outbox().remove_step(ours_id, NOON).await.unwrap() {
        steps += 1;
    }
    assert!(steps > 4, "{steps}");
    // Redirectors are told of what is gone, and who had the host keeps it from others for a while.
    let left: Vec<(String, i64)> = rows_of(store, ours_id).await.into_iter().filter(|(_, rows)| *rows > 0).collect();
    let told: Vec<&str> = left.iter().map(|(table, _)| table.as_str()).collect();
    assert_eq!(told, ["domain_outbox", "host_quarantine", "link_outbox", "policy_outbox"]);
    assert_eq!(rows_of(store, theirs_id).await, before);
    assert!(store.account_by_email(&ours_mail).await.unwrap().is_none() && store.account_by_email(&theirs_mail).await.unwrap().is_some());
    assert_eq!(store.memberships_of(user).await.unwrap(), []);
    assert!(store.resolve_link("ours").await.unwrap().is_none() && store.resolve_link("theirs").await.unwrap().is_some());
    // Nothing more can be asked for.
    let erasure = erasure(Subject::Visitor(key(4, 1)), Millis(0), NOON);
    let refused = store.begin_erasures(ours_id, std::slice::from_ref(&erasure), fresh(), NOON).await;
    assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
    assert_eq!(store.open_erasures(NOON).await.unwrap(), []);
    // What comes late is nobody's.
    let late = click(LinkId::new(NOON, [1; 10]), NOON);
    assert_eq!(ingest(store, ours_id, &[late]).await.erased, 1);
    store.count_losses(&[crate::ingest_counters::loss(ours_id, 2, 1)]).await.unwrap();
    assert_eq!(rows_of(store, ours_id).await.into_iter().filter(|(_, rows)| *rows > 0).count(), told.len());
}

/// How many rows each table has of a workspace: of all tables that there are.
async fn rows_of(store: &Database, workspace: WorkspaceId) -> Vec<(String, i64)> {
    let mut rows = Vec::new();
    for table in store.tables_with("workspace_id").await {
        rows.push((table.clone(), store.count(&table, "workspace_id", workspace.0).await));
    }
    rows.push(("workspaces".into(), store.count("workspaces", "id", workspace.0).await));
    rows.push(("sessions".into(), store.count("sessions", "active_workspace", workspace.0).await));
    rows.sort();
    rows
}
