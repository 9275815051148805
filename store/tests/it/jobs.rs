//! Jobs and the comparison of cells with their clicks.

use domain::{ClickId, Dimension, Job, JobId, JobKind, JobStatus, LocalDay, Millis, Quarter, Verdict, VerdictReason, VisitorKey};
use jiff::tz::TimeZone;
use platform::Rng;
use serde_json::json;
use store::{Access, Counted, Incoming, MAX_EXPORTS, Measure, Piece, Rejudged, Store, StoreError};

use crate::fixture::{Database, NOON, click, incoming, ingest, link, read, workspace};

pub async fn a_job_is_done_by_one_process_at_a_time(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let job = |workspace, at| Job::reclassify(JobId::new(at, Rng::System.entropy()), workspace, (NOON.plus(-1_000), NOON), at);
    let (first, second) = (job(ours, NOON), job(theirs, NOON.plus(1)));
    for job in [second, first] {
        let scope = store.workspace(job.workspace, Access::Write).await.unwrap();
        scope.create_job(&job, NOON).await.unwrap();
        scope.commit().await.unwrap();
    }
    assert_eq!(store.claim_job(NOON.plus(-1), NOON).await.unwrap(), None);
    let until = NOON.plus(60_000);
    let claimed = store.claim_job(NOON, until).await.unwrap().unwrap();
    assert_eq!(claimed, Job { status: JobStatus::Running, ..first });
    assert_eq!(store.claim_job(NOON, until).await.unwrap().map(|job| job.id), Some(second.id));
    assert_eq!(store.claim_job(until.plus(-1), until).await.unwrap(), None);
    // Its process died: another one goes on where it was.
    let half = Job { position: ClickId::floor(NOON.plus(-500)), looked: 7, changed: 3, ..claimed };
    store.advance_job(&half, until).await.unwrap();
    let again = store.claim_job(until, until.plus(1)).await.unwrap().unwrap();
    assert_eq!((again, again.progress()), (half, 0.5));
    assert_eq!(read(store, ours).await.open_job(JobKind::Reclassify).await.unwrap(), Some(half));
    let done = Job { status: JobStatus::Done, finished_at: Some(NOON), ..half };
    store.advance_job(&done, NOON).await.unwrap();
    let scope = read(store, ours).await;
    assert_eq!((scope.job(first.id).await.unwrap(), done.progress()), (done, 1.0));
    assert_eq!(scope.open_job(JobKind::Reclassify).await.unwrap(), None);
    assert!(matches!(scope.job(second.id).await, Err(StoreError::NotFound)));
    assert_eq!(store.claim_job(until.plus(9_999_999), until).await.unwrap().map(|job| job.id), Some(second.id));
}

pub async fn exports_are_kept_for_a_day_and_bounded(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let export = async |at: Millis| {
        let job = Job::export(JobId::new(at, Rng::System.entropy()), ours, (NOON, at), at);
        let scope = store.workspace(ours, Access::Write).await.unwrap();
        scope.create_export(&job, &json!({ "format": "CSV" })).await?;
        scope.commit().await?;
        Ok::<_, StoreError>(job)
    };
    let first = export(NOON).await.unwrap();
    assert_eq!(read(store, ours).await.export(first.id).await.unwrap(), (first, json!({ "format": "CSV" })));
    assert_eq!((read(store, ours).await.job(first.id).await.unwrap().status, first.progress()), (JobStatus::Done, 1.0));
    assert!(matches!(read(store, theirs).await.export(first.id).await, Err(StoreError::NotFound)));
    // No worker takes it up.
    assert_eq!(store.claim_job(NOON.plus(1), NOON.plus(2)).await.unwrap(), None);
    for number in 1..MAX_EXPORTS {
        export(NOON.plus(number.try_into().unwrap())).await.unwrap();
    }
    assert!(matches!(export(NOON.plus(1_000)).await, Err(StoreError::TooMany)));
    let later = NOON.plus(25 * 3_600_000);
    export(later).await.unwrap();
    assert!(matches!(read(store, ours).await.export(first.id).await, Err(StoreError::NotFound)));
}

pub async fn cells_are_compared_with_their_clicks(database: &Database) {
    let store = &database.store;
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let (a, b, c) = (link(store, ours, "a").await.id, link(store, ours, "b").await.id, link(store, theirs, "c").await.id);
    assert_eq!((read(store, ours).await.first_kept().await.unwrap(), read(store, ours).await.last_counted().await.unwrap()), (None, None));
    let clicks: Vec<_> = (0..60)
        .map(|number: i64| {
            let verdict = Verdict::ALL[usize::try_from(number % 4).unwrap()];
            let visitor = Some(VisitorKey { key: format!("{:032x}", number % 7), recipe: 1 });
            let click = click(if number % 3 == 0 { a } else { b }, NOON.plus(number * 1_000_000));
            domain::Click { verdict, visitor, ..click }
        })
        .collect();
    let day = |click: &domain::Click| Some(LocalDay::of(click.occurred_at(), &TimeZone::UTC));
    let batch: Vec<Incoming> = clicks.iter().map(|click| Incoming { day: day(click), ..incoming(ours, click.clone()) }).collect();
    store.ingest(&batch, NOON).await.unwrap();
    ingest(store, theirs, &[click(c, NOON)]).await;
    let anew: Vec<Rejudged> = clicks
        .iter()
        .step_by(2)
        .map(|click| Rejudged {
            click: click.id,
            verdict: Verdict::Suspected,
            reason: VerdictReason::Burst,
            rules_version: 9,
            derived: None,
        })
        .collect();
    store.rejudge(ours, &anew).await.unwrap();
    let scope = read(store, ours).await;
    let (first, last) = (scope.first_kept().await.unwrap().unwrap(), scope.last_counted().await.unwrap().unwrap());
    assert_eq!((first, last), (NOON, Quarter::of(NOON.plus(59_000_000))));
    let whole = (Quarter::of(first), Quarter(last.0 + 1));
    let verified = scope.verify_cells(whole.0, whole.1).await.unwrap();
    assert!(verified.cells > 60 && verified.differences.is_empty(), "{verified:?}");
    drop(scope);
    // One click is something else than its cells say.
    let first = clicks.iter().find(|click| click.verdict == Verdict::Suspected).unwrap();
    assert_eq!(first.occurred_at(), NOON.plus(1_000_000));
    database.execute("UPDATE clicks SET verdict = 3 WHERE occurred_at = 1772367400000").await;
    let verified = read(store, ours).await.verify_cells(whole.0, whole.1).await.unwrap();
    let quarters = || verified.differences.iter().filter(|found| found.piece == Piece::QuarterHour);
    let by = |measure| quarters().filter(move |found| found.measure == measure);
    let told: Vec<_> = by(Measure::Totals).map(|found| (found.link, found.verdict, found.cell.clicks, found.clicks.clicks)).collect();
    assert!(by(Measure::Latency).count() > 0);
    let of = |link| [(link, Verdict::Suspected, 1, 0), (link, Verdict::Internal, 0, 1)];
    assert_eq!(told, [of(None), of(Some(b))].concat());
    assert!(quarters().all(|found| found.quarter == Quarter::of(NOON.plus(1_000_000))));
    // And by each dimension, in the hour and in the day.
    for piece in [Piece::Hour, Piece::Day] {
        let wrong = |measure| verified.differences.iter().any(|found| (found.piece, found.measure) == (piece, measure));
        assert!(
            [Measure::Totals, Measure::Dimension(Dimension::Country), Measure::Dimension(Dimension::VerdictReason)].into_iter().all(wrong),
            "{piece:?} {verified:?}"
        );
    }
    assert_eq!(verified.differences[0].clicks, Counted::default());
    // A cell without clicks, and clicks without a cell.
    database.execute("DELETE FROM rollup_cells").await;
    let verified = read(store, theirs).await.verify_cells(whole.0, whole.1).await.unwrap();
    assert!(verified.differences.iter().all(|found| found.cell == Counted::default() && found.clicks.clicks == 1));
    assert!(verified.differences.len() > 2);
    assert_eq!(store.workspaces_after(domain::WorkspaceId::new(Millis(0), Default::default()), 1).await.unwrap().len(), 1);
    assert_eq!(store.workspaces_after(domain::WorkspaceId::new(Millis(0), Default::default()), 9).await.unwrap().len(), 2);
}
