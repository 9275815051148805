//! Misses: stored once, counted from what was new, kept as long as clicks.

use domain::{DomainId, LossReason, Millis, Miss, MissFilter, MissId, Quarter, Verdict, WorkspaceId};
use platform::Rng;
use store::{IncomingMiss, MissReport, MissedSlug, PageRequest, Store};

use crate::fixture::{Database, NOON, read, workspace};

const MINUTE: i64 = 60_000;

pub fn domain(number: u8) -> DomainId {
    DomainId::new(Millis(1), [number; 10])
}

/// A person's miss at `at`.
pub fn miss(slug: &str, at: Millis) -> Miss {
    Miss {
        id: MissId::new(at, Rng::System.entropy()),
        domain: domain(1),
        slug: Some(slug.to_owned()),
        verdict: Verdict::Human,
        network: Some("203.0.113.0/24".into()),
        country: None,
        user_agent: Some("Mozilla/5.0".into()),
    }
}

fn incoming(workspace: WorkspaceId, miss: Miss) -> IncomingMiss {
    IncomingMiss { workspace, miss, record: [2, 3].into(), frame: "frame".into() }
}

pub async fn ingest(store: &Store, workspace: WorkspaceId, misses: &[Miss]) -> MissReport {
    let batch: Vec<IncomingMiss> = misses.iter().map(|miss| incoming(workspace, miss.clone())).collect();
    store.ingest_misses(&batch, NOON).await.unwrap()
}

async fn count(store: &Store, workspace: WorkspaceId, filter: &MissFilter) -> u64 {
    read(store, workspace).await.count_misses(filter).await.unwrap()
}

async fn all(store: &Store, workspace: WorkspaceId) -> u64 {
    count(store, workspace, &MissFilter::default()).await
}

async fn kept(store: &Store, workspace: WorkspaceId) -> usize {
    read(store, workspace).await.misses_after(None, 10_000).await.unwrap().len()
}

/// The counts that were compared, and how many of them differ from the misses.
async fn verified(store: &Store, workspace: WorkspaceId) -> (u64, usize) {
    let scope = read(store, workspace).await;
    let Some((first, last)) = scope.miss_quarters().await.unwrap() else { return (0, 0) };
    let verified = scope.verify_misses(first, Quarter(last.0 + 1)).await.unwrap();
    (verified.counts, verified.differences.len())
}

/// By another way than the store counts: one after the other.
fn counted(misses: &[Miss], filter: &MissFilter) -> u64 {
    let is_meant = |miss: &&Miss| {
        let at = miss.occurred_at();
        filter.from.is_none_or(|from| at >= from)
            && filter.to.is_none_or(|to| at < to)
            && (filter.domains.is_empty() || filter.domains.contains(&miss.domain))
            && (filter.verdicts.is_empty() || filter.verdicts.contains(&miss.verdict))
    };
    misses.iter().filter(is_meant).count() as u64
}

pub async fn misses_given_again_change_nothing(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let mut batch: Vec<Miss> = (0..1_200).map(|number| miss("sael", NOON.plus(number * 1_000))).collect();
    // The same one twice in one batch, too.
    batch.push(batch[3].clone());
    let report = ingest(store, ours, &batch).await;
    assert_eq!((report.stored, report.duplicates, report.poison.len()), (1_200, 1, 0));
    // By several at once, and with one more.
    batch.push(miss("sael", NOON));
    let again = || ingest(store, ours, &batch);
    let reports: [MissReport; 3] = tokio::join!(again(), again(), again()).into();
    assert_eq!(reports.iter().map(|report| report.stored).sum::<u64>(), 1);
    assert_eq!((all(store, ours).await, kept(store, ours).await, all(store, theirs).await), (1_201, 1_201, 0));
    assert_eq!(verified(store, ours).await, (2, 0));
    // An id of another workspace is not stored a second time, and counted for nobody.
    assert_eq!(ingest(store, theirs, &batch[..5]).await.stored, 0);
    assert_eq!((all(store, theirs).await, kept(store, theirs).await), (0, 0));
}

pub async fn misses_are_counted_by_quarters_and_at_ragged_ends_one_by_one(store: &Store) {
    let ours = workspace(store, "ours").await;
    let odd = |number: i64| Miss {
        domain: domain(u8::try_from(number % 3).unwrap()),
        verdict: Verdict::ALL[usize::try_from(number % 4).unwrap()],
        ..miss(&format!("s{}", number % 5), NOON.plus(number * 97_000))
    };
    let misses: Vec<Miss> = (0..200).map(odd).collect();
    ingest(store, ours, &misses).await;
    let at = |minutes: i64| Some(NOON.plus(minutes * MINUTE));
    let (domains, verdicts) = ([vec![], vec![domain(1)], vec![domain(0), domain(2)]], [vec![], vec![Verdict::Bot]]);
    for (from, to) in [(None, None), (at(0), at(60)), (at(7), at(100)), (at(7), at(9)), (at(14), at(16)), (None, at(31)), (at(31), None)] {
        for (domains, verdicts) in domains.iter().flat_map(|domains| verdicts.iter().map(move |verdicts| (domains, verdicts))) {
            let filter = MissFilter { from, to, domains: domains.clone(), verdicts: verdicts.clone() };
            assert_eq!(count(store, ours, &filter).await, counted(&misses, &filter), "{filter:?}");
            let most = read(store, ours).await.missed_slugs(&filter, 100).await.unwrap();
            assert_eq!(most.iter().map(|slug| slug.misses).sum::<u64>(), counted(&misses, &filter), "{filter:?}");
        }
    }
}

pub async fn misses_are_listed_newest_first_and_slugs_by_how_many(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let nothing = Miss { slug: None, ..miss("", NOON.plus(9)) };
    let misses = [miss("sael", NOON), miss("b", NOON.plus(1)), nothing, miss("sael", NOON.plus(20))];
    ingest(store, ours, &misses).await;
    ingest(store, theirs, &[miss("theirs", NOON)]).await;
    let scope = read(store, ours).await;
    let first = scope.misses(&MissFilter::default(), &PageRequest::first(3)).await.unwrap();
    assert_eq!((first.has_next, first.has_previous), (true, false));
    assert_eq!(first.misses, [misses[3].clone(), misses[2].clone(), misses[1].clone()]);
    let page = PageRequest { after: Some(first.misses[2].id), ..PageRequest::first(3) };
    let rest = scope.misses(&MissFilter::default(), &page).await.unwrap();
    assert_eq!((rest.misses, rest.has_next, rest.has_previous), (vec![misses[0].clone()], false, true));
    let of = |slug: Option<&str>, misses, last| MissedSlug {
        domain: domain(1),
        slug: slug.map(str::to_owned),
        misses,
        last_at: NOON.plus(last),
    };
    let slugs = scope.missed_slugs(&MissFilter::default(), 2).await.unwrap();
    assert_eq!(slugs, [of(Some("sael"), 2, 20), of(None, 1, 9)]);
    let human = MissFilter { verdicts: vec![Verdict::Bot], ..MissFilter::default() };
    assert!(scope.missed_slugs(&human, 9).await.unwrap().is_empty());
}

pub async fn misses_go_with_the_watermark_and_come_back_no_more(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let hour = 60 * MINUTE;
    let misses: Vec<Miss> = (0..1_100).map(|number| miss("a", NOON.plus(-hour + number * 6_000))).collect();
    let old = misses.iter().filter(|miss| miss.occurred_at() < NOON).count();
    for workspace in [ours, theirs] {
        let anew: Vec<Miss> =
            misses.iter().map(|old| Miss { id: MissId::new(old.occurred_at(), Rng::System.entropy()), ..old.clone() }).collect();
        ingest(store, workspace, if workspace == ours { &misses } else { &anew }).await;
    }
    assert_eq!(store.purge_misses(ours).await.unwrap().rows, 0);
    store.keep_clicks_from(ours, NOON).await.unwrap();
    let mut gone = 0;
    loop {
        let purged = store.purge_misses(ours).await.unwrap();
        gone += purged.rows;
        if !purged.more {
            break;
        }
    }
    assert_eq!((gone as usize, kept(store, ours).await), (old, misses.len() - old));
    assert_eq!((kept(store, theirs).await, all(store, ours).await), (misses.len(), misses.len() as u64));
    // Delivered again they are too late, each once.
    for wanted in [old as u64, 0] {
        let again = ingest(store, ours, &misses).await;
        assert_eq!((again.stored, again.too_late), (0, wanted));
    }
    assert_eq!((kept(store, ours).await, all(store, ours).await), (misses.len() - old, misses.len() as u64));
    let lost = read(store, ours).await.lost_clicks(NOON.plus(-24 * hour), NOON).await.unwrap();
    assert!(lost.iter().all(|lost| lost.reason == LossReason::Miss && lost.minute % 60 == 0));
    assert_eq!(lost.iter().map(|lost| lost.count).sum::<u64>(), old as u64);
    assert_eq!(verified(store, ours).await.1, 0);
}

pub async fn nothing_is_stored_of_a_workspace_that_goes(store: &Store) {
    let (ours, gone) = (workspace(store, "ours").await, WorkspaceId::new(NOON, [9; 10]));
    assert_eq!(ingest(store, gone, &[miss("a", NOON)]).await.erased, 1);
    let scope = store.workspace(ours, store::Access::Write).await.unwrap();
    scope.delete_at(NOON).await.unwrap();
    scope.commit().await.unwrap();
    assert!(store.remove_step(ours, NOON).await.unwrap());
    let report = ingest(store, ours, &[miss("a", NOON)]).await;
    assert_eq!((report.erased, report.stored, all(store, ours).await), (1, 0, 0));
}

pub async fn counts_of_misses_are_compared_with_them(database: &Database) {
    let store = &database.store;
    let ours = workspace(store, "ours").await;
    assert_eq!(verified(store, ours).await, (0, 0));
    let misses: Vec<Miss> = (0..10).map(|number| miss("a", NOON.plus(number * Quarter::MILLIS))).collect();
    ingest(store, ours, &misses).await;
    assert_eq!(verified(store, ours).await, (10, 0));
    database.execute("UPDATE miss_counts SET count = 2 WHERE quarter = 1969296").await;
    database.execute("DELETE FROM misses WHERE occurred_at = 1772367300000").await;
    let scope = read(store, ours).await;
    let found = scope.verify_misses(Quarter::of(NOON), Quarter(Quarter::of(NOON).0 + 10)).await.unwrap().differences;
    let told: Vec<_> = found.iter().map(|found| (found.quarter.0 - Quarter::of(NOON).0, found.counted, found.kept)).collect();
    assert_eq!(told, [(0, 2, 1), (1, 1, 0)]);
}

/// One that the database refuses keeps no other from being stored.
pub async fn a_miss_that_cannot_be_stored_is_returned(database: &Database) {
    let store = &database.store;
    let ours = workspace(store, "ours").await;
    database.execute("CREATE UNIQUE INDEX no_two_of_them ON misses (country)").await;
    let mut misses: Vec<Miss> = (0..20).map(|number| miss("a", NOON.plus(number))).collect();
    for refused in [3, 11] {
        misses[refused].country = Some("DE".into());
    }
    let report = ingest(store, ours, &misses).await;
    let poison: Vec<_> = report.poison.iter().map(|poison| (poison.id, poison.record.clone())).collect();
    assert_eq!((report.stored, poison), (19, vec![(misses[11].id.0, vec![2, 3])]));
    assert_eq!(verified(store, ours).await, (1, 0));
    assert_eq!(all(store, ours).await, 19);
}
