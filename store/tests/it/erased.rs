//! Erasing clicks, all steps at once or one by one, and what is left of them.

use domain::{Click, ClickFilter, ErasureId, LinkId, LocalDay, Millis, Verdict, VisitorKey, WorkspaceId};
use jiff::tz::TimeZone;
use platform::Rng;
use store::{FreshSalt, Incoming, IngestReport, NewErasure, Store, Subject};

use crate::fixture::{NOON, incoming, read};

pub const HOUR: i64 = 3_600_000;
pub const MONTH: i64 = 30 * 24 * HOUR;

pub fn key(visitor: u64, recipe: i16) -> VisitorKey {
    VisitorKey { key: format!("{visitor:032x}"), recipe }
}

pub fn by(visitor: VisitorKey, click: Click) -> Click {
    Click { visitor: Some(visitor), ..click }
}

pub fn batch(workspace: WorkspaceId, zone: &TimeZone, clicks: &[Click]) -> Vec<Incoming> {
    let on_its_day = |click: &Click| Incoming { day: Some(LocalDay::of(click.occurred_at(), zone)), ..incoming(workspace, click.clone()) };
    clicks.iter().map(on_its_day).collect()
}

pub async fn ingest_at(store: &Store, workspace: WorkspaceId, clicks: &[Click], now: Millis) -> IngestReport {
    store.ingest(&batch(workspace, &TimeZone::UTC, clicks), now).await.unwrap()
}

pub async fn ingest(store: &Store, workspace: WorkspaceId, clicks: &[Click]) -> IngestReport {
    ingest_at(store, workspace, clicks, NOON).await
}

pub fn fresh() -> FreshSalt {
    FreshSalt(Rng::System.bytes())
}

pub fn erasure(subject: Subject, from: Millis, before: Millis) -> NewErasure {
    NewErasure { id: ErasureId::new(NOON, Rng::System.entropy()), subject, from, before }
}

pub async fn begin(store: &Store, workspace: WorkspaceId, erasure: &NewErasure, now: Millis) {
    store.begin_erasures(workspace, std::slice::from_ref(erasure), fresh(), now).await.unwrap();
}

/// All steps that are left; how many clicks they erased.
pub async fn finish(store: &Store, workspace: WorkspaceId, id: ErasureId, now: Millis) -> u64 {
    let mut erased = 0;
    loop {
        let step = store.erase_step(workspace, id, fresh(), now).await.unwrap();
        erased += step.clicks;
        if !step.more {
            return erased;
        }
    }
}

pub async fn erase(store: &Store, workspace: WorkspaceId, subject: Subject) -> u64 {
    let erasure = erasure(subject, Millis(0), NOON.plus(HOUR));
    begin(store, workspace, &erasure, NOON).await;
    finish(store, workspace, erasure.id, NOON).await
}

/// Clicks as they are stored, oldest storage first.
pub async fn stored(store: &Store, workspace: WorkspaceId) -> Vec<Click> {
    let page = store::PageRequest::first(10_000);
    read(store, workspace).await.clicks_by_storage(&ClickFilter::default(), &page).await.unwrap().clicks
}

pub async fn statistics(store: &Store, workspace: WorkspaceId, link: LinkId) -> Option<Millis> {
    read(store, workspace).await.link(link).await.unwrap().last_clicked_at
}

pub async fn counted(store: &Store, workspace: WorkspaceId, filter: ClickFilter) -> u64 {
    read(store, workspace).await.totals(&filter).await.unwrap().tally.counts.of(Verdict::ALL)
}

pub async fn lost(store: &Store, workspace: WorkspaceId) -> Vec<(domain::LossReason, u64)> {
    let losses = read(store, workspace).await.lost_clicks(NOON.plus(-MONTH), NOON.plus(MONTH)).await.unwrap();
    losses.iter().filter(|loss| loss.reason.is_of_lost_clicks()).map(|loss| (loss.reason, loss.count)).collect()
}
