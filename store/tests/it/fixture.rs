//! Databases, workspaces and clicks to test with.

use std::sync::Arc;

use domain::{
    Click, ClickId, Device, Email, Gate, GeoPlace, Link, LinkId, Method, Millis, NewLink, Outcome, OwnHosts, Parameter, RedirectStatus,
    SessionId, ShortDomain, Slug, TargetUrl, UserId, Utm, Verdict, VerdictReason, WorkspaceId,
};
use platform::Rng;
use platform::config::Database as DatabaseUrl;
use store::{Access, Incoming, NewAccount, NewSession, Refresh, RefreshHash, Store, Workspace};

/// 2026-03-01T12:00:00Z, an edge of a quarter-hour.
pub const NOON: Millis = Millis(1_772_366_400_000);

/// A migrated, empty database; stands for its store.
pub struct Database {
    pub store: Store,
    pub url: DatabaseUrl,
    _folder: Option<tempfile::TempDir>,
}

impl std::ops::Deref for Database {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Database {
    /// A connection past the store.
    pub async fn postgres_pool(&self) -> sqlx::PgPool {
        let DatabaseUrl::Postgres(url) = &self.url else { panic!("this is not PostgreSQL") };
        sqlx::PgPool::connect(url).await.unwrap()
    }

    /// Runs a statement past the store.
    pub async fn execute(&self, sql: &'static str) {
        match &self.url {
            DatabaseUrl::Postgres(_) => drop(sqlx::query(sql).execute(&self.postgres_pool().await).await.unwrap()),
            DatabaseUrl::Sqlite(_) => {
                let pool = self.sqlite_pool().await;
                sqlx::query(sql).execute(&pool).await.unwrap();
                pool.close().await;
            }
        }
    }
}

/// Looking past the store, at all tables.
impl Database {
    /// The tables that have this column, without partitions.
    pub async fn tables_with(&self, column: &str) -> Vec<String> {
        let sql = match &self.url {
            DatabaseUrl::Postgres(_) => {
                "SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE a.attname = $1 \
                 AND c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1"
            }
            DatabaseUrl::Sqlite(_) => {
                "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = $1 ORDER BY 1"
            }
        };
        match &self.url {
            DatabaseUrl::Postgres(_) => sqlx::query_scalar(sql).bind(column).fetch_all(&self.postgres_pool().await).await.unwrap(),
            DatabaseUrl::Sqlite(_) => sqlx::query_scalar(sql).bind(column).fetch_all(&self.sqlite_pool().await).await.unwrap(),
        }
    }

    pub async fn count(&self, table: &str, column: &str, id: uuid::Uuid) -> i64 {
        let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table} WHERE {column} = $1"));
        match &self.url {
            DatabaseUrl::Postgres(_) => sqlx::query_scalar(sql).bind(id).fetch_one(&self.postgres_pool().await).await.unwrap(),
            DatabaseUrl::Sqlite(_) => sqlx::query_scalar(sql).bind(id).fetch_one(&self.sqlite_pool().await).await.unwrap(),
        }
    }

    /// The one number that a query answers.
    pub async fn number(&self, sql: &str) -> i64 {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        match &self.url {
            DatabaseUrl::Postgres(_) => sqlx::query_scalar(sql).fetch_one(&self.postgres_pool().await).await.unwrap(),
            DatabaseUrl::Sqlite(_) => sqlx::query_scalar(sql).fetch_one(&self.sqlite_pool().await).await.unwrap(),
        }
    }

    pub async fn sqlite_pool(&self) -> sqlx::SqlitePool {
        let DatabaseUrl::Sqlite(path) = &self.url else { panic!("this is not SQLite") };
        sqlx::SqlitePool::connect_with(sqlx::sqlite::SqliteConnectOptions::new().filename(path)).await.unwrap()
    }
}

async fn open(url: DatabaseUrl, folder: Option<tempfile::TempDir>) -> Database {
    Database { store: Store::connect(&url).await.unwrap(), url, _folder: folder }
}

pub async fn sqlite() -> Database {
    let folder = tempfile::tempdir().unwrap();
    let database = open(DatabaseUrl::Sqlite(folder.path().join("test.db")), Some(folder)).await;
    store::migrate(&database, NOON).await.unwrap();
    database
}

pub async fn postgres() -> Database {
    let migrated = async |url| {
        let template = open(DatabaseUrl::Postgres(url), None).await;
        store::migrate(&template, NOON).await.unwrap();
        template.close().await;
    };
    let url = testkit::Postgres::shared().copy_of("migrated", migrated).await;
    open(DatabaseUrl::Postgres(url), None).await
}

/// A database of one's own server, migrated by a user that is no superuser.
pub async fn postgres_of_a_plain_user() -> (Database, testkit::Postgres) {
    let server = testkit::Postgres::start();
    server.sql("postgres", "CREATE ROLE plain LOGIN CREATEROLE");
    server.sql("postgres", "CREATE DATABASE plain OWNER plain");
    let url = server.url("plain").replace("postgres@", "plain@");
    let database = open(DatabaseUrl::Postgres(url), None).await;
    store::migrate(&database, NOON).await.unwrap();
    (database, server)
}

pub fn refresh(seed: u8) -> Refresh {
    Refresh { hash: RefreshHash([seed; 32]), expires_at: NOON.plus(1_000_000) }
}

pub fn account(name: &str, rng: &Rng) -> NewAccount {
    let workspace = WorkspaceId::new(NOON, rng.entropy());
    let session = NewSession {
        id: SessionId::new(NOON, rng.entropy()),
        user: UserId::new(NOON, rng.entropy()),
        workspace,
        refresh: Refresh { hash: RefreshHash(rng.bytes()), expires_at: NOON.plus(1_000_000) },
        now: NOON,
    };
    NewAccount {
        email: Email::parse(&format!("{name}@example.com")).unwrap(),
        password_hash: "hash".into(),
        workspace: Workspace { id: workspace, name: name.into(), slug: name.into(), time_zone: "UTC".into(), created_at: NOON },
        session,
    }
}

pub async fn workspace(store: &Store, name: &str) -> WorkspaceId {
    let new = account(name, &Rng::System);
    let id = new.workspace.id;
    store.sign_up(new).await.unwrap();
    id
}

pub fn target(text: &str) -> TargetUrl {
    TargetUrl::parse("targetUrl", text, OwnHosts::shared(&ShortDomain::parse("go.example").unwrap())).unwrap()
}

pub fn new_link(slug: &str) -> NewLink {
    NewLink {
        id: LinkId::new(NOON, Rng::System.entropy()),
        domain: None,
        slug: Slug::parse(slug).unwrap(),
        target: target("https://example.com/landing"),
        title: None,
        external_id: None,
        about: domain::LinkAbout::default(),
        redirect_status: RedirectStatus::DEFAULT,
        forward_query: false,
        labels: domain::LinkLabels::default(),
        append_click_id: false,
        created_by: None,
        gate: Gate::default(),
    }
}

pub async fn link(store: &Store, workspace: WorkspaceId, slug: &str) -> Link {
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    let link = scope.create_link(&new_link(slug), NOON).await.unwrap();
    scope.commit().await.unwrap();
    link
}

/// A click of a person at `at`.
pub fn click(link: LinkId, at: Millis) -> Click {
    Click {
        id: ClickId::new(at, Rng::System.entropy()),
        seq: 0,
        link,
        link_version: 1,
        outcome: Outcome::Redirected,
        status: 302,
        method: Method::Get,
        url: "http://go.example/a?n=1".into(),
        target: "https://example.com/landing".into(),
        verdict: Verdict::Human,
        verdict_reason: VerdictReason::NoSignal,
        place: GeoPlace { country: Some("DE".into()), latitude: Some(52.5), longitude: Some(13.5), ..GeoPlace::default() },
        browser: Some("Firefox".into()),
        browser_version: Some("127.0".into()),
        os: None,
        os_version: None,
        device: Device::Desktop,
        language: Some("de".into()),
        user_agent: Some("Mozilla/5.0".into()),
        referrer: None,
        referrer_host: None,
        utm: Utm { source: Some("mail".into()), ..Utm::default() },
        parameters: vec![Parameter { key: "n".into(), value: "1".into() }],
        network: Some("203.0.113.0/24".into()),
        redirect_micros: 90,
        rule: None,
        channel: None,
        rules_version: 0,
        geo_version: None,
        system: None,
        system_version: None,
        visitor: None,
        ip: None,
        signals: domain::SignalSet::default(),
    }
}

pub fn incoming(workspace: WorkspaceId, click: Click) -> Incoming {
    Incoming { workspace, click, day: None, record: [1, 2, 3].into(), frame: Arc::from("frame") }
}

pub async fn ingest(store: &Store, workspace: WorkspaceId, clicks: &[Click]) -> store::IngestReport {
    let batch: Vec<Incoming> = clicks.iter().map(|click| incoming(workspace, click.clone())).collect();
    store.ingest(&batch, NOON).await.unwrap()
}

pub async fn read(store: &Store, workspace: WorkspaceId) -> store::WorkspaceScope {
    store.workspace(workspace, Access::Read).await.unwrap()
}
