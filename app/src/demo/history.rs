//! The past of the demo's workspace: clicks captured, enriched and stored as the roles would have
//! done, only all at once and long after.
//!
//! It is stored newest first, each batch in one transaction, and fills what lies between the
//! workspace's beginning and its oldest click. So one that was cut short goes on where it ended,
//! one that is there is left alone, and nothing is counted twice.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use domain::{
    Address, CapturedClick, ClickFilter, ClickId, DaySalt, LocalDay, Millis, Outcome, ResolvedLink, ShortDomain, Slug, WorkspaceId,
};
use enrich::{Enricher, visitor};
use jiff::tz::TimeZone;
use platform::Clock;
use store::{Access, Incoming, PageRequest, Salt, Store};
use stream::encode_record;

use super::links::DEMO_LINKS;
use super::moments::{DAY, HOUR, Moment, Past};
use super::rhythm;
use super::visit::{Visit, Visitors};

/// Clicks in one transaction, as the worker has it.
const BATCH: usize = 1_000;

/// Links by slug.
type Links = HashMap<&'static str, ResolvedLink>;

/// Of the days of a batch.
type Salts = HashMap<LocalDay, DaySalt>;

/// What the past is made with.
pub(super) struct History {
    pub store: Store,
    pub workspace: WorkspaceId,
    pub short_domain: ShortDomain,
    pub enricher: Enricher,
    pub visitors: Visitors,
    pub clock: Clock,
    /// Clicks a day at the live traffic's rate.
    pub live_per_day: u32,
}

impl History {
    /// Gives the workspace the clicks of a past that it does not have yet.
    pub async fn make(&self, past: Past) -> anyhow::Result<()> {
        self.make_partitions(past).await?;
        let links = self.links().await?;
        for moments in past.moments(&self.visitors).chunks(BATCH) {
            self.keep(moments, &links).await?;
        }
        Ok(())
    }

    /// Stores one batch, given newest first. Within it the order of storage is that of time.
    async fn keep(&self, moments: &[Moment], links: &Links) -> anyhow::Result<()> {
        let zone =
            self.store.ingest_settings(&[self.workspace]).await?.remove(&self.workspace).map_or(TimeZone::UTC, |settings| settings.zone);
        let salts = self.salts(moments, &zone).await?;
        let batch: Vec<Incoming> = moments.iter().rev().filter_map(|moment| self.incoming(moment, links, (&salts, &zone))).collect();
        self.store.ingest(&batch, self.clock.now()).await?;
        Ok(())
    }

    /// What of the last `days`, as far back as the workspace is there, has no clicks yet, if that is
    /// more than a day.
    pub async fn missing(&self, days: u16) -> anyhow::Result<Option<Past>> {
        let now = self.clock.now();
        let scope = self.store.workspace(self.workspace, Access::Read).await?;
        // Within the first hour the links were made.
        let from = scope.get().await?.created_at.plus(HOUR).max(now.plus(-i64::from(days) * DAY));
        let last = PageRequest { backwards: true, ..PageRequest::first(1) };
        let oldest = scope.clicks_by_time(&ClickFilter::default(), &last).await?.clicks.first().map(domain::Click::occurred_at);
        let to = oldest.map_or(now, |oldest| oldest.min(now));
        Ok((to > from.plus(DAY)).then_some(Past { from, to, now, live_per_day: self.live_per_day }))
    }

    /// On PostgreSQL months that have a partition of their own need no room in the one for the rest.
    async fn make_partitions(&self, past: Past) -> anyhow::Result<()> {
        let mut at = past.from;
        while at < past.now {
            self.store.ensure_partitions(at).await?;
            at = at.plus(28 * DAY);
        }
        Ok(())
    }

    /// The demo's links that are this workspace's.
    async fn links(&self) -> anyhow::Result<Links> {
        let mut links = Links::new();
        for link in DEMO_LINKS {
            let Some(folded) = Slug::fold_path(link.slug) else { continue };
            let found = self.store.resolve_link(&folded).await?;
            links.extend(found.filter(|found| found.workspace == self.workspace && !found.deleted).map(|found| (link.slug, found)));
        }
        Ok(links)
    }

    /// Those of days long past, too: the worker destroys them when it next looks for such.
    async fn salts(&self, moments: &[Moment], zone: &TimeZone) -> anyhow::Result<Salts> {
        let days: BTreeSet<LocalDay> = moments.iter().map(|moment| LocalDay::of(moment.at, zone)).collect();
        let mut salts = Salts::new();
        for day in days {
            let Some(start) = day.start(zone) else { continue };
            let new = Salt { day, salt: DaySalt(self.visitors.rng.bytes()), used_until: start.plus(LocalDay::USED) };
            let salt = self.store.day_salt(self.workspace, new, self.clock.now()).await?;
            salts.extend(salt.map(|salt| (day, salt.salt)));
        }
        Ok(salts)
    }

    fn incoming(&self, moment: &Moment, links: &Links, (salts, zone): (&Salts, &TimeZone)) -> Option<Incoming> {
        let visit = self.visitors.visit(moment.at, moment.link);
        let captured = captured(moment.at, &visit, links.get(visit.link.slug)?, &self.visitors, &self.short_domain);
        let mut click = self.enricher.enrich(&captured, &domain::Privacy::default());
        let day = LocalDay::of(moment.at, zone);
        click.visitor = visitor(&captured, salts.get(&day));
        let day = click.visitor.is_some().then_some(day);
        Some(Incoming { workspace: self.workspace, click, day, record: encode_record(&captured).into(), frame: Arc::from("demo history") })
    }
}

/// What the redirector would have captured.
fn captured(at: Millis, visit: &Visit, link: &ResolvedLink, visitors: &Visitors, short_domain: &ShortDomain) -> CapturedClick {
    let header = |name| visit.header(name).map(str::to_owned);
    CapturedClick {
        id: ClickId::new(at, visitors.rng.entropy()),
        workspace: link.workspace,
        link: link.id,
        link_version: link.version,
        outcome: Outcome::Redirected,
        status: link.redirect_status.code(),
        method: visit.method,
        url: short_domain.short_url(visit.path.trim_start_matches('/')),
        target: link.target.as_str().to_owned(),
        address: Address::Full(visit.ip),
        user_agent: header("User-Agent"),
        referrer: header("Referer"),
        accept_language: header("Accept-Language"),
        redirect_micros: redirect_micros(visitors),
        rule: None,
        above_rate: false,
        signals: domain::Signals::default(),
        judged: None,
    }
}

/// Mostly 60 to 400 µs; one in a hundred waited for something.
fn redirect_micros(visitors: &Visitors) -> u32 {
    let slow = if visitors.chance(0.01) { 4.0 + 12.0 * rhythm::exponential(&visitors.rng) } else { 1.0 };
    ((60.0 + 80.0 * rhythm::exponential(&visitors.rng)) * slow) as u32
}

#[cfg(test)]
mod tests {
    use domain::{Email, LinkId, Method, NewLink, RedirectStatus, SessionId, TargetUrl, UserId, Verdict};
    use enrich::GeoDatabases;
    use platform::config::Database;
    use store::{NewAccount, NewSession, Refresh, RefreshHash, Workspace};

    use super::super::visit::seeded;
    use super::*;

    const AT: Millis = Millis(1_773_232_496_000);

    fn some(seed: u64, count: usize) -> Vec<CapturedClick> {
        let visitors = seeded(seed);
        let domain = ShortDomain::parse("127.0.0.1:8081").unwrap();
        let link = ResolvedLink {
            id: LinkId::new(AT, [1; 10]),
            workspace: WorkspaceId::new(AT, [2; 10]),
            version: 1,
            target: TargetUrl::from_store("https://example.com/".into()),
            redirect_status: RedirectStatus::DEFAULT,
            forward_query: false,
            append_click_id: false,
            deleted: false,
            gate: None,
            card: None,
        };
        (0..count).map(|_| captured(AT, &visitors.visit(AT, None), &link, &visitors, &domain)).collect()
    }

    #[test]
    fn clicks_are_of_their_time_and_like_those_of_the_redirector() {
        let clicks = some(1, 500);
        assert!(clicks.iter().all(|click| click.id.made_at() == AT && click.url.starts_with("http://127.0.0.1:8081/")));
        assert!(clicks.iter().all(|click| click.user_agent.is_some() && click.status == 302));
        assert!(clicks.iter().any(|click| click.referrer.is_some()) && clicks.iter().any(|click| click.method == Method::Head));
        let enricher = Enricher::new(std::sync::Arc::new(GeoDatabases::default()));
        let machines = clicks.iter().filter(|click| enricher.enrich(click, &domain::Privacy::default()).verdict != Verdict::Human).count();
        assert!((20..100).contains(&machines), "{machines}");
    }

    #[test]
    fn redirects_are_fast_with_a_long_tail() {
        let mut times: Vec<u32> = some(2, 5_000).into_iter().map(|click| click.redirect_micros).collect();
        times.sort_unstable();
        assert!(times[0] >= 60 && times[4_800] < 400 && times[4_990] > 600, "{} {} {}", times[0], times[4_800], times[4_990]);
    }

    /// A workspace of four days with one link.
    async fn history(folder: &std::path::Path) -> History {
        let store = Store::connect(&Database::Sqlite(folder.join("test.db"))).await.unwrap();
        store::migrate(&store, AT).await.unwrap();
        let (id, created_at) = (WorkspaceId::new(AT, [2; 10]), AT.plus(-4 * DAY));
        let refresh = Refresh { hash: RefreshHash([0; 32]), expires_at: AT };
        let session = NewSession { id: SessionId::new(AT, [3; 10]), user: UserId::new(AT, [4; 10]), workspace: id, refresh, now: AT };
        let workspace = Workspace { id, name: "Demo".into(), slug: "demo".into(), time_zone: "UTC".into(), created_at };
        let email = Email::parse("demo@example.com").unwrap();
        store.sign_up(NewAccount { email, password_hash: String::new(), workspace, session }).await.unwrap();
        let short_domain = ShortDomain::parse("127.0.0.1:8081").unwrap();
        let link = NewLink {
            domain: None,
            id: LinkId::new(AT, [1; 10]),
            slug: Slug::parse("spring-sale").unwrap(),
            target: TargetUrl::from_store("https://example.com/".into()),
            title: None,
            external_id: None,
            about: domain::LinkAbout::default(),
            redirect_status: RedirectStatus::DEFAULT,
            forward_query: false,
            labels: domain::LinkLabels::default(),
            append_click_id: false,
            created_by: None,
            gate: domain::Gate::default(),
        };
        let scope = store.workspace(id, Access::Write).await.unwrap();
        scope.create_link(&link, created_at).await.unwrap();
        scope.commit().await.unwrap();
        let enricher = Enricher::new(std::sync::Arc::new(GeoDatabases::default()));
        History { store, workspace: id, short_domain, enricher, visitors: seeded(5), clock: Clock::manual(AT), live_per_day: 0 }
    }

    async fn count(history: &History) -> u64 {
        history.store.workspace(history.workspace, Access::Read).await.unwrap().count_clicks(&ClickFilter::default()).await.unwrap()
    }

    #[tokio::test]
    async fn one_cut_short_goes_on_and_one_that_is_there_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let history = history(folder.path()).await;
        let past = history.missing(90).await.unwrap().unwrap();
        assert_eq!(past, Past { from: AT.plus(HOUR - 4 * DAY), to: AT, now: AT, live_per_day: 0 });
        // The stop comes within the newest day.
        let links = history.links().await.unwrap();
        history.keep(&past.moments(&history.visitors)[..300], &links).await.unwrap();
        let stored = count(&history).await;
        let rest = history.missing(90).await.unwrap().unwrap();
        assert!(rest.from == past.from && rest.to > AT.plus(-DAY) && rest.to < AT);
        history.make(rest).await.unwrap();
        let all = count(&history).await;
        assert!(all > 2 * stored, "{stored} {all}");
        assert_eq!(history.missing(90).await.unwrap(), None);
        assert_eq!(history.missing(1).await.unwrap(), None);
    }

    #[test]
    fn a_seed_repeats_them() {
        assert_eq!(some(3, 50), some(3, 50));
        assert_ne!(some(3, 50), some(4, 50));
    }
}
