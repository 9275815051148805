//! Who the clicks of a batch are of, where that may be told: between the settings of their workspaces and
//! their storing.

use std::collections::{BTreeMap, HashMap};

use domain::{CapturedClick, DaySalt, LocalDay, Millis, Retention, VisitorKey, WorkspaceId};
use enrich::{RECIPE_CONSENTED, may_tell_visitors_apart, visitor};
use store::{IngestSettings, StoreError};

use crate::salts::Salts;

/// The salts of a batch's days.
#[derive(Debug)]
pub(crate) struct BatchSalts {
    salts: HashMap<(WorkspaceId, LocalDay), Option<DaySalt>>,
    now: Millis,
}

impl BatchSalts {
    /// # Errors
    /// When the database does not answer.
    pub async fn of<'a>(
        clicks: impl Iterator<Item = &'a CapturedClick>,
        settings: &BTreeMap<WorkspaceId, IngestSettings>,
        salts: &Salts,
        now: Millis,
    ) -> Result<Self, StoreError> {
        let mut found = HashMap::new();
        for click in clicks {
            let Some(IngestSettings { zone, privacy }) = settings.get(&click.workspace) else { continue };
            let day = LocalDay::of(click.id.made_at(), zone);
            if may_tell_visitors_apart(click, privacy) && !found.contains_key(&(click.workspace, day)) {
                found.insert((click.workspace, day), salts.of(click.workspace, day, zone, now).await?);
            }
        }
        Ok(Self { salts: found, now })
    }

    /// Who it is of, and the day on which that is counted, if it still is.
    pub fn visitor(&self, click: &CapturedClick, settings: Option<&IngestSettings>) -> (Option<VisitorKey>, Option<LocalDay>) {
        let Some(IngestSettings { zone, privacy }) = settings else { return (None, None) };
        if !may_tell_visitors_apart(click, privacy) {
            return (None, None);
        }
        let day = LocalDay::of(click.id.made_at(), zone);
        let salt = self.salts.get(&(click.workspace, day)).copied().flatten();
        // A click that was long under way brings no id whose time is over.
        let ids_from = Retention::consented_ids_from(self.now);
        let visitor = visitor(click, salt.as_ref()).filter(|key| key.recipe != RECIPE_CONSENTED || click.id.made_at() >= ids_from);
        let day = visitor.as_ref().and(salt).map(|_| day);
        (visitor, day)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use domain::{Address, ClickId, Consent, Email, LinkId, Method, Outcome, SessionId, SignalSet, Signals, UserId};
    use platform::config::Database;
    use platform::{Clock, Rng};
    use store::{NewAccount, NewSession, Refresh, RefreshHash, Store, Workspace};

    use super::*;

    /// 2026-03-01T12:00:00Z.
    const NOON: Millis = Millis(1_772_366_400_000);
    const HOUR: i64 = 3_600_000;

    struct Running {
        store: Store,
        salts: Salts,
        clock: Clock,
        workspace: WorkspaceId,
        folder: tempfile::TempDir,
    }

    async fn running() -> Running {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::connect(&Database::Sqlite(folder.path().join("test.db"))).await.unwrap();
        store::migrate(&store, NOON).await.unwrap();
        let rng = Rng::System;
        let workspace = WorkspaceId::new(NOON, rng.entropy());
        let session = NewSession {
            id: SessionId::new(NOON, rng.entropy()),
            user: UserId::new(NOON, rng.entropy()),
            workspace,
            refresh: Refresh { hash: RefreshHash(rng.bytes()), expires_at: NOON },
            now: NOON,
        };
        let ours = Workspace { id: workspace, name: "ours".into(), slug: "ours".into(), time_zone: "UTC".into(), created_at: NOON };
        let email = Email::parse("ada@example.com").unwrap();
        store.sign_up(NewAccount { email, password_hash: String::new(), workspace: ours, session }).await.unwrap();
        // Drawn from a seed, so that the file can be searched for it.
        Running { salts: Salts::new(store.clone(), Rng::seeded(9)), store, clock: Clock::manual(NOON), workspace, folder }
    }

    impl Running {
        fn click(&self, at: Millis) -> CapturedClick {
            CapturedClick {
                id: ClickId::new(at, Rng::System.entropy()),
                workspace: self.workspace,
                link: LinkId::new(NOON, [1; 10]),
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
                signals: Signals::default(),
                judged: None,
            }
        }

        async fn told(&self, click: &CapturedClick) -> (Option<VisitorKey>, Option<LocalDay>) {
            let settings = self.store.ingest_settings(&[self.workspace]).await.unwrap();
            let salts = BatchSalts::of([click].into_iter(), &settings, &self.salts, self.clock.now()).await.unwrap();
            salts.visitor(click, settings.get(&self.workspace))
        }
    }

    fn holds(folder: &Path, bytes: &[u8]) -> bool {
        let files = std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        files.into_iter().any(|content| content.windows(bytes.len()).any(|window| window == bytes))
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_visitor_is_another_the_next_day_and_nothing_can_tell_after_two() {
        let running = running().await;
        let first_salt: [u8; 32] = Rng::seeded(9).bytes();
        let (visitor, day) = running.told(&running.click(NOON)).await;
        assert_eq!((visitor.as_ref().unwrap().recipe, day), (1, Some(LocalDay::of(NOON, &jiff::tz::TimeZone::UTC))));
        assert!(holds(running.folder.path(), &first_salt));
        // Another process of the same day makes no other.
        let other = Running { salts: Salts::new(running.store.clone(), Rng::System), ..running };
        assert_eq!(other.told(&other.click(NOON.plus(HOUR))).await.0, visitor);

        other.clock.advance(24 * HOUR);
        let (next, _) = other.told(&other.click(NOON.plus(24 * HOUR))).await;
        assert!(next.is_some() && next != visitor);
        // A click that comes late is still of its day.
        assert_eq!(other.told(&other.click(NOON)).await, (visitor.clone(), day));

        // 46 hours after the day began it is not, though its salt is still there for what was begun with it.
        other.clock.advance(10 * HOUR);
        other.salts.destroy(other.clock.now()).await.unwrap();
        assert!(holds(other.folder.path(), &first_salt));
        assert_eq!(other.told(&other.click(NOON)).await, (None, None));
        other.clock.advance(HOUR);
        other.salts.destroy(other.clock.now()).await.unwrap();
        assert!(!holds(other.folder.path(), &first_salt));
        assert_eq!(other.told(&other.click(NOON)).await, (None, None));
        // The next day's own has another day to go.
        assert_eq!(other.told(&other.click(NOON.plus(24 * HOUR))).await.0, next);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_objects_is_nobody_and_who_consents_is_the_same_on_every_day() {
        let running = running().await;
        let objecting = CapturedClick { signals: Signals::of(SignalSet::GPC), ..running.click(NOON) };
        assert_eq!(running.told(&objecting).await, (None, None));
        let consent = Some(Box::new(Consent { given: true, visitor: Some("v-1".into()) }));
        let consented = |at| CapturedClick { signals: Signals { consent: consent.clone(), ..Signals::default() }, ..running.click(at) };
        let (visitor, day) = running.told(&consented(NOON)).await;
        assert_eq!((visitor.clone(), day.is_some()), (Some(VisitorKey { key: "v-1".into(), recipe: 2 }), true));
        // Long ago nobody knows any more whether it was the first of its day.
        assert_eq!(running.told(&consented(NOON.plus(-72 * HOUR))).await, (visitor, None));
        // No id is kept for over 13 months.
        let old = consented(NOON.plus(-395 * 24 * HOUR));
        assert_eq!(running.told(&old).await, (None, None));
        assert!(running.told(&consented(NOON.plus(-394 * 24 * HOUR))).await.0.is_some());
        let without_address = CapturedClick { address: Address::Unknown, ..running.click(NOON) };
        assert_eq!(running.told(&without_address).await, (None, None));
    }
}
