//! Clicks as rows of `clicks`, for loading many of them past [`store::Store::ingest`]. [`check`] compares with what
//! that writes, so that the two cannot differ for long.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::Write as _;

use domain::{LinkId, LocalDay, WorkspaceId};
use sqlx::{AssertSqlSafe, Row as _, SqlitePool, TypeInfo as _, ValueRef as _};
use store::Incoming;
use uuid::Uuid;

use super::databases::{Database, Raw, copy_in, copy_out};
use super::world::NOW;

pub const COLUMNS: &str = "id, workspace_id, seq, occurred_at, link_id, link_version, outcome, status, method, url, target_url, verdict, \
    verdict_reason, country, region, city, latitude, longitude, browser, browser_version, os, os_version, device, language, user_agent, \
    referrer, referrer_host, utm_source, utm_medium, utm_campaign, utm_term, utm_content, parameters, network, redirect_micros, rule_id, \
    rule_name, variant, channel, rules_version, geo_version, system_number, system_name, system_version, visitor, visitor_recipe, ip, \
    signals, first_of_day";

/// Rows in one statement of SQLite.
const ROWS: usize = 64;

/// What stands in a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    Id(Uuid),
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

pub type Row<'a> = Vec<Value<'a>>;

/// What the store adds to clicks: their numbers, and which are the first of their visitor's day.
#[derive(Debug, Default)]
pub struct Numbering {
    heads: std::collections::HashMap<WorkspaceId, i64>,
    met: HashSet<(WorkspaceId, Option<LinkId>, String)>,
    day: Option<LocalDay>,
}

impl Numbering {
    fn add(&mut self, incoming: &Incoming) -> (i64, i64) {
        let (workspace, click) = (incoming.workspace, &incoming.click);
        // Clicks come in order, so nobody of another day comes again.
        if self.day != incoming.day {
            self.met.clear();
            self.day = incoming.day;
        }
        let head = self.heads.entry(workspace).or_default();
        *head += 1;
        let seq = *head;
        let Some(visitor) = click.visitor.as_ref().filter(|_| click.outcome.is_counted() && incoming.day.is_some()) else {
            return (seq, 0);
        };
        let mut is_new = |link| i64::from(self.met.insert((workspace, link, visitor.key.clone())));
        (seq, 4 + is_new(Some(click.link)) + 2 * is_new(None))
    }

    pub fn row<'a>(&mut self, incoming: &'a Incoming) -> Row<'a> {
        let (seq, marks) = self.add(incoming);
        let click = &incoming.click;
        let code = |code: i16| Value::Integer(code.into());
        vec![
            Value::Id(click.id.0),
            Value::Id(incoming.workspace.0),
            seq.into(),
            click.occurred_at().0.into(),
            Value::Id(click.link.0),
            i64::from(click.link_version).into(),
            code(click.outcome.code()),
            i64::from(click.status).into(),
            code(click.method.code()),
            (&click.url).into(),
            (&click.target).into(),
            code(click.verdict.code()),
            code(click.verdict_reason.code()),
            click.place.country.as_ref().into(),
            click.place.region.as_ref().into(),
            click.place.city.as_ref().into(),
            click.place.latitude.into(),
            click.place.longitude.into(),
            click.browser.as_ref().into(),
            click.browser_version.as_ref().into(),
            click.os.as_ref().into(),
            click.os_version.as_ref().into(),
            code(click.device.code()),
            click.language.as_ref().into(),
            click.user_agent.as_ref().into(),
            click.referrer.as_ref().into(),
            click.referrer_host.as_ref().into(),
            click.utm.source.as_ref().into(),
            click.utm.medium.as_ref().into(),
            click.utm.campaign.as_ref().into(),
            click.utm.term.as_ref().into(),
            click.utm.content.as_ref().into(),
            serde_json::to_string(&click.parameters).unwrap().into(),
            click.network.as_ref().into(),
            i64::from(click.redirect_micros).into(),
            click.rule.as_ref().map(|rule| rule.id.to_string()).into(),
            click.rule.as_ref().map(|rule| &rule.name).into(),
            click.rule.as_ref().and_then(|rule| rule.variant.as_ref()).into(),
            click.channel.map(|channel| i64::from(channel.code())).into(),
            code(click.rules_version),
            click.geo_version.into(),
            click.system.as_ref().map(|system| i64::from(system.number)).into(),
            click.system.as_ref().and_then(|system| system.name.as_ref()).into(),
            click.system_version.into(),
            click.visitor.as_ref().map(|visitor| &visitor.key).into(),
            click.visitor.as_ref().map(|visitor| i64::from(visitor.recipe)).into(),
            click.ip.map(|ip| ip.to_string()).into(),
            i64::from(click.signals.bits()).into(),
            marks.into(),
        ]
    }
}

/// A line as COPY takes it; nothing in these rows needs a backslash.
pub fn write_line(row: &Row<'_>, text: &mut Vec<u8>) {
    for (index, value) in row.iter().enumerate() {
        if index > 0 {
            text.push(b'\t');
        }
        match value {
            Value::Null => text.extend_from_slice(b"\\N"),
            Value::Integer(number) => write!(text, "{number}").unwrap(),
            Value::Real(number) => write!(text, "{number}").unwrap(),
            Value::Text(plain) => text.extend_from_slice(plain.as_bytes()),
            Value::Id(id) => write!(text, "{id}").unwrap(),
            Value::Bytes(_) => panic!("clicks have no column of bytes on PostgreSQL"),
        }
    }
    text.push(b'\n');
}

/// Inserts rows of SQLite in one transaction.
pub async fn insert(pool: &SqlitePool, columns: &str, rows: &[Row<'_>]) {
    let mut transaction = pool.begin().await.unwrap();
    for chunk in rows.chunks(ROWS) {
        let row = format!("({})", vec!["?"; chunk[0].len()].join(", "));
        let sql = format!("INSERT INTO clicks {columns} VALUES {}", vec![row.as_str(); chunk.len()].join(", "));
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for value in chunk.iter().flatten() {
            query = match value {
                Value::Null => query.bind(None::<i64>),
                Value::Integer(number) => query.bind(*number),
                Value::Real(number) => query.bind(*number),
                Value::Text(text) => query.bind(text.as_ref()),
                Value::Bytes(bytes) => query.bind(bytes.as_ref()),
                Value::Id(id) => query.bind(*id),
            };
        }
        query.execute(&mut *transaction).await.unwrap();
    }
    transaction.commit().await.unwrap();
}

/// Rows of SQLite as they are stored, whatever columns there are.
pub async fn read(pool: &SqlitePool, query: &str) -> Vec<Row<'static>> {
    let rows = sqlx::query(AssertSqlSafe(query.to_owned())).fetch_all(pool).await.unwrap();
    let value = |row: &sqlx::sqlite::SqliteRow, index: usize| {
        let raw = row.try_get_raw(index).unwrap();
        if raw.is_null() {
            return Value::Null;
        }
        match raw.type_info().name() {
            "INTEGER" => Value::Integer(row.get_unchecked(index)),
            "REAL" => Value::Real(row.get_unchecked(index)),
            "TEXT" => Value::Text(Cow::Owned(row.get_unchecked(index))),
            _ => Value::Bytes(Cow::Owned(row.get_unchecked(index))),
        }
    };
    rows.iter().map(|row| (0..row.len()).map(|index| value(row, index)).collect()).collect()
}

/// Loads clicks past the store, in a transaction of their own.
pub async fn load(raw: &Raw, numbering: &mut Numbering, clicks: &[Incoming]) {
    let columns = format!("({COLUMNS})");
    let rows: Vec<Row<'_>> = clicks.iter().map(|incoming| numbering.row(incoming)).collect();
    match raw {
        Raw::Sqlite(pool) => insert(pool, &columns, &rows).await,
        Raw::Postgres(pool) => {
            let mut text = Vec::with_capacity(rows.len() * 900);
            rows.iter().for_each(|row| write_line(row, &mut text));
            copy_in(pool, &columns, &text).await;
        }
    }
}

/// Ends where clicks that are loaded are others than those that the store stores.
pub async fn check(stored: &Database, loaded: &Database, clicks: &[Incoming]) {
    stored.store.ingest(clicks, NOW).await.unwrap();
    load(&loaded.raw, &mut Numbering::default(), clicks).await;
    let all = "SELECT * FROM clicks ORDER BY id";
    let same = match (&stored.raw, &loaded.raw) {
        (Raw::Sqlite(stored), Raw::Sqlite(loaded)) => read(stored, all).await == read(loaded, all).await,
        (Raw::Postgres(stored), Raw::Postgres(loaded)) => copy_out(stored, all).await == copy_out(loaded, all).await,
        _ => false,
    };
    assert!(same, "what the benchmark loads is not what the store stores: see rows.rs");
}
