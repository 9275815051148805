//! The questions that the dashboard asks, of the store and, to compare, as SQL on clicks alone.

use std::time::Instant;

use domain::{
    AskedRange, Bucket, ClickFilter, ClickId, ClickProperties, Compare, Dimension, LinkId, Millis, Period, Verdict, WorkspaceId, buckets,
};
use jiff::tz::TimeZone;
use store::{Access, BreakdownRequest};

use super::databases::{Database, Raw};
use super::world::NOW;

const TOP: u64 = 10;

#[derive(Clone, Copy, Debug)]
pub enum Chart {
    /// With those of the 30 days before.
    Totals,
    Series(Bucket),
    Top(Dimension),
}

pub const CHARTS: [Chart; 11] = [
    Chart::Totals,
    Chart::Series(Bucket::Day),
    Chart::Series(Bucket::Hour),
    Chart::Top(Dimension::Country),
    Chart::Top(Dimension::City),
    Chart::Top(Dimension::Browser),
    Chart::Top(Dimension::Referrer),
    Chart::Top(Dimension::UtmCampaign),
    Chart::Top(Dimension::Link),
    Chart::Top(Dimension::Device),
    Chart::Top(Dimension::Channel),
];

/// What the charts are of.
#[derive(Clone, Debug)]
pub enum Subject {
    Workspace,
    Link(LinkId),
    Country(&'static str),
}

impl Subject {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::Link(_) => "hot link",
            Self::Country(_) => "one country",
        }
    }

    fn properties(&self) -> ClickProperties {
        match self {
            Self::Workspace => ClickProperties::default(),
            Self::Link(link) => ClickProperties { links: vec![*link], ..ClickProperties::default() },
            Self::Country(country) => ClickProperties { countries: vec![Some((*country).into())], ..ClickProperties::default() },
        }
    }
}

impl Subject {
    /// People's clicks of it in the 30 days.
    pub async fn clicks(&self, raw: &Raw, workspace: WorkspaceId) -> u64 {
        let sql = format!("SELECT COUNT(*) FROM clicks WHERE {} AND verdict = 0", self.wanted(raw, workspace, ranges()[0]));
        raw.number(&sql).await.unsigned_abs()
    }

    /// Its clicks of a range as a condition.
    fn wanted(&self, raw: &Raw, workspace: WorkspaceId, (from, to): (Option<Millis>, Option<Millis>)) -> String {
        let id = |id: uuid::Uuid| match raw {
            Raw::Sqlite(_) => format!("x'{}'", id.simple()),
            Raw::Postgres(_) => format!("'{id}'"),
        };
        let mut wanted = format!("workspace_id = {} AND outcome IN (0, 1)", id(workspace.0));
        let edges = [(">=", from), ("<", to)].into_iter().filter_map(|(than, at)| Some((than, at?)));
        edges.for_each(|(than, at)| wanted += &format!(" AND id {than} {}", id(ClickId::floor(at).0)));
        match self {
            Self::Workspace => {}
            Self::Link(link) => wanted += &format!(" AND link_id = {}", id(link.0)),
            Self::Country(country) => wanted += &format!(" AND country = '{country}'"),
        }
        wanted
    }
}

/// The days of the zone, as the dashboard asks for them.
fn zone() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap()
}

fn ranges() -> [(Option<Millis>, Option<Millis>); 2] {
    let range = AskedRange::Named(Period::Last30Days);
    let (from, to) = range.compared(Compare::PreviousPeriod, &zone(), NOW).unwrap();
    [range.edges(&zone(), NOW), (Some(from), Some(to))]
}

impl Chart {
    pub fn name(self) -> String {
        match self {
            Self::Totals => "totals, compared".into(),
            Self::Series(bucket) => format!("series by {bucket:?}").to_lowercase(),
            Self::Top(dimension) => format!("top {TOP} {dimension:?}").to_lowercase(),
        }
    }

    /// Asks the store, as the API does: in a transaction of its own. Answers the milliseconds that it took and the
    /// clicks that were counted.
    pub async fn ask(self, database: &Database, workspace: WorkspaceId, subject: &Subject) -> (f64, u64) {
        let filters = ranges().map(|(from, to)| ClickFilter { from, to, ..subject.properties().into() });
        let begun = Instant::now();
        let scope = database.store.workspace(workspace, Access::Read).await.unwrap();
        let people = |counts: store::Counts| counts.of(&[Verdict::Human]);
        let clicks = match self {
            Self::Totals => {
                let totals = scope.totals(&filters[0]).await.unwrap();
                scope.totals(&filters[1]).await.unwrap();
                people(totals.tally.counts)
            }
            Self::Series(bucket) => {
                let from = filters[0].from.unwrap();
                let spans = buckets(bucket, &zone(), from, NOW).unwrap();
                let series = scope.series(&filters[0], &spans).await.unwrap();
                series.points.iter().map(|point| people(point.counts)).sum()
            }
            Self::Top(dimension) => {
                let [filter, _] = filters;
                let request = BreakdownRequest::new(dimension, filter, TOP);
                scope.breakdown(&request).await.unwrap().total
            }
        };
        drop(scope);
        (begun.elapsed().as_secs_f64() * 1e3, clicks)
    }

    /// The same, asked of clicks.
    pub async fn ask_clicks(self, raw: &Raw, workspace: WorkspaceId, subject: &Subject) -> f64 {
        let begun = Instant::now();
        for range in ranges().into_iter().take(if matches!(self, Self::Totals) { 2 } else { 1 }) {
            raw.named_numbers(&self.sql(raw, workspace, subject, range)).await;
        }
        begun.elapsed().as_secs_f64() * 1e3
    }

    fn sql(self, raw: &Raw, workspace: WorkspaceId, subject: &Subject, range: (Option<Millis>, Option<Millis>)) -> String {
        let group = match self {
            Self::Totals => "verdict".to_owned(),
            Self::Series(Bucket::Day) => format!("(occurred_at + 3600000) / {}", super::world::DAY),
            Self::Series(_) => "occurred_at / 3600000".to_owned(),
            Self::Top(dimension) => column(dimension).to_owned(),
        };
        let mut wanted = subject.wanted(raw, workspace, range);
        let order = match self {
            Self::Top(_) => {
                wanted += " AND verdict = 0";
                format!("ORDER BY 2 DESC LIMIT {TOP}")
            }
            _ => String::new(),
        };
        let name = match raw {
            Raw::Sqlite(_) if matches!(self, Self::Top(Dimension::Link)) => "hex(piece)",
            _ => "CAST(piece AS TEXT)",
        };
        let counts = format!("SELECT {group} AS piece, COUNT(*) AS clicks FROM clicks WHERE {wanted} GROUP BY 1 {order}");
        format!("SELECT {name}, clicks FROM ({counts}) AS counted")
    }
}

fn column(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Country => "country",
        Dimension::City => "city",
        Dimension::Browser => "browser",
        Dimension::Referrer => "referrer_host",
        Dimension::UtmCampaign => "utm_campaign",
        Dimension::Link => "link_id",
        Dimension::Device => "device",
        Dimension::Channel => "channel",
        _ => panic!("no chart is of {dimension:?}"),
    }
}
