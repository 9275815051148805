//! What PostgreSQL itself guards: policies, roles, partitions.

use domain::{AuditActor, AuditEntry, AuditId, ClickFilter, Millis};
use sqlx::{AssertSqlSafe, PgPool, Row};
use store::PageRequest;

use crate::api_keys;
use crate::domains::verified;
use crate::fixture::{NOON, click, ingest, link, new_link, postgres, postgres_of_a_plain_user, read, workspace};
use crate::ingest_counters::loss;

/// Runs one statement in a role and workspace as the store would, past its own filters.
async fn as_role(pool: &PgPool, role: &str, workspace: &str, sql: &str) -> Result<i64, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    sqlx::query("SELECT set_config('role', $1, true), set_config('app.workspace', $2, true)")
        .bind(role)
        .bind(workspace)
        .execute(&mut *transaction)
        .await?;
    sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(&mut *transaction).await?.try_get(0)
}

#[tokio::test]
async fn policies_hold_where_a_filter_is_forgotten() {
    let database = postgres().await;
    let store = &database.store;
    let pool = &database.postgres_pool().await;
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    for workspace in [ours, theirs] {
        let mut new = new_link(&workspace.to_string());
        new.gate.click_limit = Some(domain::ClickLimit::parse(5).unwrap());
        new.gate.rules = crate::rule_names::rules(&[(1, "Rule")]);
        new.labels = crate::link_labels::labels(&["a"], None, serde_json::json!({ "k": 1 }));
        let scope = store.workspace(workspace, store::Access::Write).await.unwrap();
        let link = scope.create_link(&new, NOON).await.unwrap();
        scope.tell(&entry(NOON)).await.unwrap();
        assert!(scope.report_link(&crate::link_reports::report(link.id, 0)).await.unwrap());
        scope.create_annotation(&crate::annotations::note(NOON, None)).await.unwrap();
        scope.commit().await.unwrap();
        let visitor = Some(domain::VisitorKey { key: "v".into(), recipe: 1 });
        let click = domain::Click { visitor, ..click(link.id, NOON) };
        let day = Some(domain::LocalDay::of(NOON, &jiff::tz::TimeZone::UTC));
        store.ingest(&[store::Incoming { day, ..crate::fixture::incoming(workspace, click.clone()) }], NOON).await.unwrap();
        crate::conversions::convert(store, workspace, &click, "order").await;
        store.engage(workspace, click.id, NOON).await.unwrap();
        store.count_losses(&[loss(workspace, 1, 1)]).await.unwrap();
        crate::misses::ingest(store, workspace, &[crate::misses::miss("a", NOON)]).await;
        verified(store, workspace, &format!("{}.example", workspace.0)).await;
        api_keys::decide_something(store, workspace).await;
        crate::recipients::a_list(store, workspace).await;
        crate::recipients::known_recipients(store, workspace).await;
        let scope = store.workspace(workspace, store::Access::Write).await.unwrap();
        let job = domain::Job::reclassify(domain::JobId::new(NOON, platform::Rng::System.entropy()), workspace, (NOON, NOON), NOON);
        scope.create_job(&job, NOON).await.unwrap();
        scope.commit().await.unwrap();
    }
    let (ours, theirs) = (ours.0.to_string(), theirs.0.to_string());
    for table in [
        "workspaces",
        "memberships",
        "links",
        "link_slugs",
        "link_stats",
        "workspace_heads",
        "rollup_cells",
        "rollup_values",
        "visitor_sketches",
        "clicks",
        "ingest_counters",
        "link_permits",
        "domains",
        "api_keys",
        "signing_secrets",
        "link_reports",
        "link_tags",
        "link_metadata",
        "audit_log",
        "annotations",
        "jobs",
        "misses",
        "miss_counts",
        "conversions",
        "engagements",
        "recipient_lists",
        "recipients",
        "rule_names",
        "click_recipients",
    ] {
        let count = format!("SELECT count(*) FROM {table}");
        let own = match table {
            // A link, and the one for clicks without.
            "links" => 2,
            // A quarter-hour, an hour and a day, of the link and of the workspace.
            "rollup_cells" => 6,
            // The link, the click's country, browser, language and campaign source.
            "rollup_values" => 5,
            _ => 1,
        };
        assert_eq!(as_role(pool, "linklogger_api", &ours, &count).await.unwrap(), own, "{table}");
        assert_eq!(as_role(pool, "linklogger_api", "", &count).await.unwrap(), 0, "{table}");
        let forced = format!("SELECT (relrowsecurity AND relforcerowsecurity)::int::bigint FROM pg_class WHERE oid = '{table}'::regclass");
        assert_eq!(as_role(pool, "linklogger_api", "", &forced).await.unwrap(), 1, "{table}");
    }
    // Nobody reads the outboxes or leases but through their functions.
    for table in ["link_outbox", "domain_outbox", "policy_outbox", "link_leases", "erasures", "erasure_salts", "erased"] {
        let forced = format!("SELECT (relrowsecurity AND relforcerowsecurity)::int::bigint FROM pg_class WHERE oid = '{table}'::regclass");
        assert_eq!(as_role(pool, "linklogger_api", "", &forced).await.unwrap(), 1, "{table}");
    }
    // Whoever may delete may do it in the workspace that is named, and nowhere without one.
    for (workspace, own) in [(ours.as_str(), 1), ("", 0)] {
        assert_eq!(as_role(pool, "linklogger_eraser", workspace, "SELECT count(*) FROM clicks").await.unwrap(), own);
    }
    let foreign = format!("INSERT INTO policy_outbox (workspace_id, kind, subject) VALUES ('{theirs}', 0, gen_random_uuid())");
    assert!(as_role(pool, "linklogger_api", &ours, &foreign).await.unwrap_err().to_string().contains("row-level security"));
    let foreign = format!(
        "INSERT INTO link_outbox (workspace_id, domain_id, folded, link_id, version) \
                           VALUES ('{theirs}', gen_random_uuid(), 'a', gen_random_uuid(), 1)"
    );
    assert!(as_role(pool, "linklogger_api", &ours, &foreign).await.unwrap_err().to_string().contains("row-level security"));
    let foreign = format!("UPDATE links SET workspace_id = '{theirs}' RETURNING 1::bigint");
    assert!(as_role(pool, "linklogger_api", &ours, &foreign).await.is_err());
    for (role, sql) in [
        ("linklogger_worker", "DELETE FROM clicks RETURNING 1::bigint"),
        ("linklogger_worker", "DELETE FROM audit_log RETURNING 1::bigint"),
        ("linklogger_worker", "DELETE FROM annotations RETURNING 1::bigint"),
        ("linklogger_redirector", "SELECT count(*) FROM annotations"),
        ("linklogger_api", "DELETE FROM audit_log RETURNING 1::bigint"),
        ("linklogger_api", "UPDATE audit_log SET action = '' RETURNING 1::bigint"),
        ("linklogger_api", "SELECT linklogger_purge_audit(1, 1)"),
        ("linklogger_api", "SELECT deleted FROM linklogger_purge_clicks(1)"),
        ("linklogger_api", "DELETE FROM clicks RETURNING 1::bigint"),
        ("linklogger_api", "SELECT linklogger_purge_misses(1)"),
        ("linklogger_worker", "DELETE FROM misses RETURNING 1::bigint"),
        ("linklogger_worker", "UPDATE misses SET slug = NULL RETURNING 1::bigint"),
        ("linklogger_worker", "DELETE FROM erased RETURNING 1::bigint"),
        ("linklogger_worker", "INSERT INTO erasures DEFAULT VALUES RETURNING 1::bigint"),
        ("linklogger_api", "SELECT count(*) FROM erased"),
        ("linklogger_redirector", "SELECT count(*) FROM erasure_salts"),
        ("linklogger_eraser", "SELECT count(*) FROM signing_keys"),
        ("linklogger_eraser", "INSERT INTO clicks DEFAULT VALUES RETURNING 1::bigint"),
        ("linklogger_api", "SELECT count(*) FROM linklogger_lone_members(gen_random_uuid())"),
        ("linklogger_redirector", "SELECT count(*) FROM linklogger_due_removals(1)"),
        ("linklogger_api", "INSERT INTO conversions DEFAULT VALUES RETURNING 1::bigint"),
        ("linklogger_worker", "DELETE FROM conversions RETURNING 1::bigint"),
        ("linklogger_worker", "DELETE FROM engagements RETURNING 1::bigint"),
        ("linklogger_api", "SELECT linklogger_purge_conversions(1)"),
        ("linklogger_redirector", "SELECT count(*) FROM conversions"),
        ("linklogger_redirector", "SELECT count(*) FROM linklogger_workspace_of_click(gen_random_uuid())"),
        ("linklogger_worker", "SELECT count(*) FROM links"),
        ("linklogger_worker", "SELECT count(*) FROM users"),
        ("linklogger_redirector", "SELECT count(*) FROM links"),
        ("linklogger_redirector", "SELECT count(*) FROM link_permits"),
        ("linklogger_api", "SELECT count(*) FROM link_leases"),
        ("linklogger_redirector", "SELECT 1::bigint FROM linklogger_clean_permits(1, 1)"),
        ("linklogger_api", "SELECT linklogger_lease_permits(gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 1, 1, 1, 1)"),
        ("linklogger_redirector", "SELECT count(*) FROM link_reports"),
        ("linklogger_redirector", "SELECT count(*) FROM linklogger_workspace_of_link(gen_random_uuid())"),
        ("linklogger_redirector", "SELECT count(*) FROM linklogger_memberships_of(gen_random_uuid())"),
        ("linklogger_api", "SELECT count(*) FROM dead_letters"),
        ("linklogger_worker", "SELECT count(*) FROM dead_letters"),
        ("linklogger_redirector", "SELECT count(*) FROM dead_letters"),
        ("linklogger_eraser", "INSERT INTO dead_letters DEFAULT VALUES RETURNING 1::bigint"),
        ("linklogger_api", "SELECT count(*) FROM link_outbox"),
        ("linklogger_api", "SELECT count(*) FROM domain_outbox"),
        ("linklogger_redirector", "SELECT count(*) FROM domains"),
        ("linklogger_worker", "SELECT count(*) FROM host_quarantine"),
        ("linklogger_redirector", "SELECT count(*) FROM linklogger_claim_domain_check(1, 2)"),
        ("linklogger_api", "SELECT count(*) FROM policy_outbox"),
        ("linklogger_redirector", "SELECT count(*) FROM api_keys"),
        ("linklogger_worker", "SELECT count(*) FROM signing_secrets"),
        ("linklogger_worker", "SELECT count(*) FROM linklogger_api_key(gen_random_uuid())"),
        ("linklogger_redirector", "SELECT count(*) FROM linklogger_policy_outbox(1)"),
        ("linklogger_redirector", "SELECT count(*) FROM linklogger_policies_after(0::smallint, gen_random_uuid(), 1)"),
        ("linklogger_worker", "SELECT count(*) FROM linklogger_link_outbox(1)"),
        ("linklogger_redirector", "SELECT count(*) FROM linklogger_slugs_after(gen_random_uuid(), '', 1)"),
        ("linklogger_api", "SELECT count(*) FROM clicks_default"),
        ("linklogger_api", "SELECT count(*) FROM clicks_2026_03"),
    ] {
        let error = as_role(pool, role, &ours, sql).await.unwrap_err().to_string();
        assert!(error.contains("permission denied"), "{role} {sql}: {error}");
    }
}

fn entry(at: Millis) -> AuditEntry {
    let id = AuditId::new(at, platform::Rng::System.entropy());
    AuditEntry { id, actor: AuditActor::System, action: "thing.done".into(), details: serde_json::json!({}) }
}

#[tokio::test]
async fn a_month_goes_when_no_workspace_keeps_a_click_of_it() {
    let database = postgres().await;
    let store = &database.store;
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let link = link(store, ours, "a").await;
    ingest(store, ours, &[click(link.id, NOON)]).await;
    let day = 86_400_000;
    let (later, edge) = (NOON.plus(100 * day), NOON.plus(60 * day));
    let drop = async || store.drop_unused_partitions(later).await.unwrap();
    assert_eq!(drop().await, 0);
    store.keep_clicks_from(ours, edge).await.unwrap();
    assert_eq!(drop().await, 0);
    store.keep_clicks_from(theirs, edge).await.unwrap();
    store.purge_clicks(theirs, AuditId::new(NOON, [1; 10])).await.unwrap();
    // One of March is not deleted yet.
    assert_eq!(drop().await, 0);
    store.purge_clicks(ours, AuditId::new(NOON, [1; 10])).await.unwrap();
    // Whoever uses the table is not waited for.
    let pool = &database.postgres_pool().await;
    let mut busy = pool.begin().await.unwrap();
    sqlx::query("SELECT count(*) FROM clicks").fetch_one(&mut *busy).await.unwrap();
    assert_eq!(drop().await, 0);
    busy.rollback().await.unwrap();
    assert_eq!(drop().await, 2);
    let left = "SELECT string_agg(relname::text, ' ' ORDER BY relname) FROM pg_class WHERE relname LIKE 'clicks_2%' AND relkind = 'r'";
    let left: String = sqlx::query_scalar(left).fetch_one(pool).await.unwrap();
    assert_eq!(left, "clicks_2026_04 clicks_2026_05 clicks_2026_06");
    // A click of that month is stored no more, and of another workspace's, where it may be, in the rest.
    assert_eq!(ingest(store, ours, &[click(link.id, NOON.plus(1))]).await.too_late, 1);
    let third = workspace(store, "third").await;
    let old = click(crate::fixture::link(store, third, "c").await.id, NOON);
    assert_eq!(ingest(store, third, std::slice::from_ref(&old)).await.stored.len(), 1);
    assert_eq!(ingest(store, third, &[old]).await.duplicates, 1);
}

#[tokio::test]
async fn only_what_is_old_is_ever_taken_out_of_the_audit_log() {
    let database = postgres().await;
    let store = &database.store;
    let ours = workspace(store, "ours").await;
    let now = platform::Clock::System.now();
    let scope = store.workspace(ours, store::Access::Write).await.unwrap();
    for days in [0, 29, 31] {
        scope.tell(&entry(now.plus(-days * 86_400_000))).await.unwrap();
    }
    scope.commit().await.unwrap();
    assert_eq!(store.purge_audit_log(ours, Millis::MAX).await.unwrap().rows, 1);
    assert_eq!(read(store, ours).await.count_audit_log().await.unwrap(), 2);
}

#[tokio::test]
async fn clicks_lie_in_the_partition_of_their_month() {
    let database = postgres().await;
    let store = &database.store;
    let pool = &database.postgres_pool().await;
    let ours = workspace(store, "ours").await;
    let link = link(store, ours, "a").await;
    let month = 31 * 86_400_000;
    let clicks = [
        click(link.id, NOON),
        click(link.id, NOON.plus(month)),
        click(link.id, NOON.plus(-3 * month)),
        click(link.id, NOON.plus(12 * month)),
    ];
    ingest(store, ours, &clicks).await;
    let rows = sqlx::query("SELECT tableoid::regclass::text, count(*) FROM clicks GROUP BY 1 ORDER BY 1").fetch_all(pool).await.unwrap();
    let found: Vec<(String, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let text = |name: &str, count| (name.to_owned(), count);
    assert_eq!(found, [text("clicks_2026_03", 1), text("clicks_2026_04", 1), text("clicks_default", 2)]);
    // Given again they meet their first copies, wherever these lie.
    assert_eq!(ingest(store, ours, &clicks).await.duplicates, 4);
    let page = read(store, ours).await.clicks_by_time(&ClickFilter::default(), &PageRequest::first(9)).await.unwrap();
    assert_eq!(page.clicks.len(), 4);
}

#[tokio::test]
async fn the_database_user_need_not_be_a_superuser() {
    let (database, _server) = postgres_of_a_plain_user().await;
    let store = &database.store;
    store::migrate(store, NOON.plus(40 * 86_400_000)).await.unwrap();
    let ours = workspace(store, "ours").await;
    let link = link(store, ours, "a").await;
    assert_eq!(store.resolve_link("a").await.unwrap().unwrap().id, link.id);
    assert_eq!(ingest(store, ours, &[click(link.id, NOON)]).await.stored.len(), 1);
    assert_eq!(read(store, ours).await.totals(&ClickFilter::default()).await.unwrap().tally.counts.human, 1);
    // Not even the tables' owner sees rows outside a workspace.
    let rows = sqlx::query("SELECT count(*) FROM clicks").fetch_one(&database.postgres_pool().await).await.unwrap();
    assert_eq!(rows.get::<i64, _>(0), 0);
}

#[tokio::test]
async fn connections_are_encrypted_and_the_server_is_known_by_its_certificate() {
    let mut server = testkit::Postgres::start();
    let certificate = server.restart_with_tls();
    let connect = async |mode: &str| {
        let url = format!("{}?{mode}", server.url("postgres"));
        store::Store::connect(&platform::config::Database::Postgres(url)).await
    };
    let verified = format!("sslmode=verify-full&sslrootcert={}", certificate.display());
    connect(&verified).await.unwrap().ping().await.unwrap();
    connect("sslmode=require").await.unwrap().ping().await.unwrap();
    // Signed by nobody that this machine knows.
    let error = connect("sslmode=verify-full").await.unwrap_err().to_string();
    assert!(error.contains("PostgreSQL cannot be reached"), "{error}");
}
