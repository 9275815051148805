//! Filters: whatever is asked of whatever clicks, both databases answer as memory does.

use std::collections::{BTreeMap, HashMap};

use domain::{
    Channel, Click, ClickFilter, ClickId, ClickProperties, ClickRule, Device, Dimension, DimensionValue, HostName, LinkId, LinkLabels,
    LinkTraits, MetadataChoice, Millis, NewLink, Outcome, Parameter, ParameterChoice, RuleId, Tag, Verdict, VerdictReason, VisitorKey,
    WorkspaceId,
};
use platform::Rng;
use serde_json::json;
use store::{Access, BreakdownRequest, PageRequest, Rejudged, Source, Store};

use crate::domains::verified;
use crate::fixture::{NOON, account, click, ingest, new_link, read, workspace};
use crate::link_labels::labels;

/// Texts that are easily taken for something else; the last is of no click.
const TEXTS: [&str; 6] = ["a", "A", "O'F\"{}\\", "100% _!", "ä", "nowhere"];
/// So are these: within the JSON of parameters they look like the end of one and the next.
const VALUES: [&str; 6] = ["1", "", "\"},{\"key\":\"b\",\"value\":\"1\"}", "1\\", "\u{1}\n", "ü"];
const KEYS: [&str; 4] = ["a", "A", "b", "a\",\"value\":\""];
const HOURS: i64 = 6 * 3_600_000;

pub struct Drawn {
    rng: Rng,
    links: Vec<(LinkId, Option<HostName>)>,
    /// Of each of them.
    labels: Vec<LinkLabels>,
}

impl Drawn {
    pub fn below(&self, bound: usize) -> usize {
        usize::try_from(self.rng.below(bound as u64)).unwrap()
    }

    pub fn one<T: Clone>(&self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    fn text(&self) -> Option<String> {
        (self.below(3) > 0).then(|| TEXTS[self.below(5)].to_owned())
    }

    pub fn links(&self) -> Vec<LinkId> {
        self.links.iter().map(|(link, _)| *link).collect()
    }

    /// A number below that, for milliseconds.
    pub fn millis(&self, bound: i64) -> i64 {
        i64::try_from(self.rng.below(bound.unsigned_abs())).unwrap()
    }

    fn click(&self) -> Click {
        self.click_within(NOON, HOURS)
    }

    /// A click so many milliseconds from that instant on.
    pub fn click_within(&self, from: Millis, span: i64) -> Click {
        let mut click = click(self.one(&self.links).0, from.plus(self.millis(span)));
        (click.verdict, click.device) = (self.one(Verdict::ALL), self.one(Device::ALL));
        click.outcome = self.one(&[Outcome::Redirected, Outcome::Redirected, Outcome::Redirected, Outcome::Expired]);
        (click.place.country, click.place.region, click.place.city) = (self.text(), self.text(), self.text());
        (click.browser, click.os, click.language) = (self.text(), self.text(), self.text());
        (click.referrer_host, click.network) = (self.text(), self.text());
        (click.utm.source, click.utm.medium, click.utm.campaign) = (self.text(), self.text(), self.text());
        (click.utm.term, click.utm.content) = (self.text(), self.text());
        click.channel = self.one(&[None, Some(Channel::Email), Some(Channel::Search)]);
        click.visitor = self.text().map(|key| VisitorKey { key, recipe: 1 });
        let rule = |id| ClickRule { id: RuleId::new(NOON, [id; 10]), name: "Rule".into(), variant: self.text() };
        click.rule = self.one(&[None, Some(1), Some(2)]).map(rule);
        let parameter = |_| Parameter { key: self.one(&KEYS).into(), value: self.one(&VALUES).into() };
        click.parameters = (0..self.below(4)).map(parameter).collect();
        click
    }

    fn some<T>(&self, draw: impl Fn() -> T) -> Vec<T> {
        (0..=self.below(3)).map(|_| draw()).collect()
    }

    /// One, two or three fields, of which some are of links alone.
    fn properties(&self, fields: usize) -> ClickProperties {
        let mut properties = ClickProperties::default();
        let text = || (self.below(4) > 0).then(|| self.one(&TEXTS).to_owned());
        let of_a_rule = |id: Option<u8>| id.map(|id| RuleId::new(NOON, [id; 10]).to_string());
        let mut hosts: Vec<Option<HostName>> = self.links.iter().map(|(_, host)| host.clone()).collect();
        hosts.push(Some(HostName::from_store("theirs.example".into())));
        for _ in 0..fields {
            match self.below(32) {
                0 | 1 => properties.links = self.some(|| self.one(&self.links).0),
                2 | 3 => properties.domains = self.some(|| self.one(&hosts)),
                4 | 5 => properties.verdicts = self.some(|| self.one(Verdict::ALL)),
                6 => properties.outcomes = self.some(|| self.one(&[Outcome::Redirected, Outcome::Expired])),
                7 => properties.devices = self.some(|| self.one(Device::ALL)),
                8 => properties.channels = self.some(|| self.one(&[None, Some(Channel::Email), Some(Channel::Direct)])),
                9 => properties.countries = self.some(text),
                10 => properties.regions = self.some(text),
                11 => properties.cities = self.some(text),
                12 => properties.browsers = self.some(text),
                13 => properties.systems = self.some(text),
                14 => properties.languages = self.some(text),
                15 => properties.referrers = self.some(text),
                16 => properties.utm_sources = self.some(text),
                17 => properties.utm_mediums = self.some(text),
                18 => properties.utm_campaigns = self.some(text),
                19 => properties.utm_terms = self.some(text),
                20 => properties.utm_contents = self.some(text),
                21 => properties.rules = self.some(|| of_a_rule(self.one(&[None, Some(1), Some(3)]))),
                22 => properties.variants = self.some(text),
                23 => properties.networks = self.some(text),
                24 => properties.visitors = self.some(text),
                25 | 26 => properties.tags = self.some(|| text().map(|tag| Tag::from_store(tag.to_uppercase()))),
                27 | 28 => properties.folders = self.some(text),
                29 | 30 => properties.metadata = self.some(|| self.metadata()),
                _ => properties.parameters = self.some(|| self.parameter()),
            }
        }
        properties
    }

    fn parameter(&self) -> ParameterChoice {
        let value = || (self.below(4) > 0).then(|| self.one(&VALUES).to_owned());
        ParameterChoice { key: self.one(&KEYS).into(), values: self.some(value) }
    }

    fn metadata(&self) -> MetadataChoice {
        let value = || (self.below(4) > 0).then(|| self.one(&TEXTS).to_owned());
        MetadataChoice { key: self.one(&KEYS).into(), values: self.some(value) }
    }

    fn filter(&self) -> ClickFilter {
        let at = || (self.below(3) == 0).then(|| NOON.plus(i64::try_from(self.below(HOURS as usize)).unwrap()));
        let (from, to) = (at(), at());
        let include = self.properties(self.below(3));
        ClickFilter { from, to, include, exclude: self.properties(self.below(3)) }
    }

    /// One field at most beside links and verdicts, to include or to exclude or both.
    pub fn filter_of_one(&self) -> ClickFilter {
        loop {
            let filter = self.filter();
            if filter.one_dimension().is_some() {
                return filter;
            }
        }
    }

    /// What a click is judged to be instead.
    pub fn judged(&self, click: &Click) -> Rejudged {
        let reason = self.one(&[VerdictReason::Burst, VerdictReason::Rate, VerdictReason::NoSignal]);
        Rejudged { click: click.id, verdict: self.one(Verdict::ALL), reason, rules_version: 9, derived: None }
    }

    pub fn matches(&self, filter: &ClickFilter, click: &Click) -> bool {
        let index = self.links.iter().position(|(link, _)| *link == click.link).unwrap();
        let link = LinkTraits { domain: self.links[index].1.as_ref(), labels: &self.labels[index] };
        filter.matches(click) && filter.matches_link(link)
    }
}

/// Links on the shared domain and on two of the workspace's own, and one of another workspace with a host
/// of its own and clicks.
async fn drawn(store: &Store, seed: u64) -> (WorkspaceId, Drawn) {
    drawn_in(store, seed, "UTC").await
}

/// The same in a workspace of that zone.
pub async fn drawn_in(store: &Store, seed: u64, zone: &str) -> (WorkspaceId, Drawn) {
    let mut new = account(&format!("ours-{seed}"), &Rng::System);
    new.workspace.time_zone = zone.into();
    let ours = new.workspace.id;
    store.sign_up(new).await.unwrap();
    let theirs = workspace(store, &format!("theirs-{seed}")).await;
    let (mut links, mut all_labels) = (Vec::new(), Vec::new());
    // In another workspace the same words mean other links.
    for (workspace, host, tags, folder, metadata) in [
        (ours, None, &["a", TEXTS[2]][..], None, json!({ "a": "a", "b": "O'F\"{}\\" })),
        (ours, None, &["Ä"], Some("a"), json!({ "A": "a", TEXTS[4]: "a" })),
        (ours, Some("one"), &[], Some(TEXTS[2]), json!({})),
        (ours, Some("two"), &["A", "ä", TEXTS[3]], None, json!({ KEYS[3]: "A", "a": "ä" })),
        (ours, Some("two"), &[], Some("A"), json!({ "b": TEXTS[3] })),
        (theirs, Some("theirs"), &["a", "nowhere"], Some("nowhere"), json!({ "a": "nowhere" })),
    ] {
        let own = match host {
            Some(host) => Some(verified_once(store, workspace, &format!("{host}-{seed}.example")).await),
            None => None,
        };
        let scope = store.workspace(workspace, Access::Write).await.unwrap();
        let new = NewLink {
            domain: own.as_ref().map(|own| own.0),
            labels: labels(tags, folder, metadata),
            ..new_link(&format!("s{seed}-{}", links.len()))
        };
        let link = scope.create_link(&new, NOON).await.unwrap();
        scope.commit().await.unwrap();
        links.push((link.id, own.map(|own| own.1)));
        all_labels.push(link.labels);
    }
    let (theirs_link, _) = links.pop().unwrap();
    ingest(store, theirs, &[click(theirs_link, NOON)]).await;
    (ours, Drawn { rng: Rng::seeded(seed), links, labels: all_labels })
}

async fn verified_once(store: &Store, workspace: WorkspaceId, host: &str) -> (domain::DomainId, HostName) {
    let name = HostName::from_store(host.into());
    match read(store, workspace).await.domain_by_host(&name).await {
        Ok(known) => (known.id, name),
        Err(_) => (verified(store, workspace, host).await.id, name),
    }
}

pub async fn whatever_is_asked_sql_and_memory_say_the_same(store: &Store) {
    let (mut by_cells, mut empty, mut asked) = (0, 0, 0);
    for seed in 0..3 {
        let (ours, drawn) = drawn(store, seed).await;
        let clicks: Vec<Click> = (0..250).map(|_| drawn.click()).collect();
        ingest(store, ours, &clicks).await;
        let scope = read(store, ours).await;
        for _ in 0..120 {
            let filter = drawn.filter();
            let matching: Vec<&Click> = clicks.iter().filter(|click| drawn.matches(&filter, click)).collect();
            let page = scope.clicks_by_time(&filter, &PageRequest::first(1_000)).await.unwrap();
            let mut found: Vec<ClickId> = page.clicks.iter().map(|click| click.id).collect();
            let mut wanted: Vec<ClickId> = matching.iter().map(|click| click.id).collect();
            found.sort_unstable();
            wanted.sort_unstable();
            assert_eq!(found, wanted, "{filter:?}");
            assert_eq!(scope.count_clicks(&filter).await.unwrap(), wanted.len() as u64, "{filter:?}");

            let any = filter.of_any_verdict();
            let counted: Vec<&Click> = clicks.iter().filter(|click| click.outcome.is_counted() && drawn.matches(&any, click)).collect();
            let of = |verdict| counted.iter().filter(|click| click.verdict == verdict).count() as u64;
            let totals = scope.totals(&filter).await.unwrap();
            let counts = totals.tally.counts;
            let found = [counts.human, counts.suspected, counts.bot, counts.internal];
            assert_eq!(found, [Verdict::Human, Verdict::Suspected, Verdict::Bot, Verdict::Internal].map(of), "{filter:?}");
            let people: u64 = filter.verdicts_or(&[Verdict::Human]).into_iter().map(of).sum();
            assert_eq!(counts.of(&filter.verdicts_or(&[Verdict::Human])), people, "{filter:?}");

            for dimension in [Dimension::Link, drawn.one(Dimension::ALL)] {
                let verdicts = filter.verdicts_or(dimension.default_verdicts());
                let mut wanted: HashMap<DimensionValue, u64> = HashMap::new();
                for click in counted.iter().filter(|click| verdicts.contains(&click.verdict)) {
                    *wanted.entry(dimension.of(click)).or_default() += 1;
                }
                let request = BreakdownRequest::new(dimension, filter.clone(), 500);
                let found = scope.breakdown(&request).await.unwrap();
                let rows: HashMap<DimensionValue, u64> = found.rows.into_iter().map(|row| (row.value, row.clicks)).collect();
                assert_eq!(rows, wanted, "{dimension:?} {filter:?}");
            }
            by_cells += u32::from(totals.source == Source::Rollup && filter.names_links());
            empty += u32::from(wanted.is_empty());
            asked += 1;
        }
    }
    assert!(by_cells > 10 && asked - empty > 100, "these filters tell nothing: {by_cells} by cells, {empty} of {asked} without clicks");
}

pub async fn links_and_domains_alone_are_answered_by_cells(store: &Store) {
    let (ours, drawn) = drawn(store, 9).await;
    let clicks: Vec<Click> = (0..100).map(|_| drawn.click()).collect();
    ingest(store, ours, &clicks).await;
    let scope = read(store, ours).await;
    let all = ClickProperties::default;
    let (one, two) = (drawn.links[2].clone(), drawn.links[3].clone());
    let on = |host: &Option<HostName>| ClickProperties { domains: vec![host.clone()], ..all() };
    let of = |link: LinkId| ClickProperties { links: vec![link], ..all() };
    let without = |exclude| ClickFilter { exclude, ..ClickFilter::default() };
    let told = BTreeMap::from([
        ("on a domain", (on(&two.1).into(), Source::Rollup, false)),
        ("on the shared one", (on(&None).into(), Source::Rollup, false)),
        ("on no domain of ours", (on(&Some(HostName::from_store("theirs-9.example".into()))).into(), Source::Rollup, false)),
        ("but one link", (without(of(one.0)), Source::Rollup, false)),
        ("but a domain", (without(on(&two.1)), Source::Rollup, false)),
        ("one link, but a domain", (ClickFilter { include: of(one.0), ..without(on(&two.1)) }, Source::Rollup, true)),
        ("with a tag", (ClickProperties { tags: vec![Some(Tag::from_store("A".into()))], ..all() }.into(), Source::Rollup, false)),
        ("in no folder", (ClickProperties { folders: vec![None], ..all() }.into(), Source::Rollup, false)),
        ("but with metadata", (without(ClickProperties { metadata: vec![drawn.metadata()], ..all() }), Source::Rollup, false)),
        ("all but bots", (without(ClickProperties { verdicts: vec![Verdict::Bot], ..all() }), Source::Rollup, true)),
        ("but a country", (without(ClickProperties { countries: vec![None], ..all() }), Source::Rollup, false)),
        ("but a network", (without(ClickProperties { networks: vec![None], ..all() }), Source::Clicks, false)),
    ]);
    for (name, (filter, source, exact)) in told {
        let totals = scope.totals(&filter).await.unwrap();
        let wanted = clicks.iter().filter(|click| click.outcome.is_counted() && drawn.matches(&filter.of_any_verdict(), click)).count();
        assert_eq!((totals.source, totals.tally.counts.of(Verdict::ALL)), (source, wanted as u64), "{name}");
        assert!(exact || totals.tally.daily_uniques(Verdict::ALL).is_none(), "{name}");
    }
}
