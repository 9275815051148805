//! What persons and workspaces may ask for, through GraphQL: erasure, the end of a workspace, its archive.

use std::io::Read as _;

use domain::{Click, DaySalt, LinkId, LocalDay, VisitorKey};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use store::{Incoming, Salt};
use testkit::GraphQl;

use crate::fixture::{NOON, Running, click, start, told, workspace_of};

const ERASE: &str =
    "mutation($i: EraseVisitorInput!) { eraseVisitor(input: $i) { erasedClicks complete searchedFrom notFound { reason message } } }";
const HISTORY: &str =
    "mutation($i: DeleteLinkHistoryInput!) { deleteLinkHistory(input: $i) { erasedClicks complete link { slug lastClickedAt } } }";
const DELETE: &str = "mutation($i: DeleteWorkspaceInput!) { deleteWorkspace(input: $i) { deletionAt workspace { slug deletionAt } } }";
const RESTORE: &str = "mutation { restoreWorkspace { workspace { deletionAt } } }";
const COUNTS: &str =
    "{ clickTotals { clicks human bots dailyUniques } clicks { totalCount } links { nodes { slug clickTotals { clicks } } } }";
const SALT: DaySalt = DaySalt([7; 32]);

impl Running {
    /// Clicks of a visitor, on the day that they are of.
    async fn clicks_of(&self, api: &GraphQl, link: &Value, visitor: &VisitorKey, numbers: std::ops::Range<i64>) {
        let workspace = workspace_of(api).await;
        let link: LinkId = link["id"].as_str().unwrap().parse().unwrap();
        let incoming = |number| {
            let click = Click { visitor: Some(visitor.clone()), ..click(link, number) };
            let day = Some(LocalDay::of(click.occurred_at(), &TimeZone::UTC));
            Incoming { workspace, click, day, record: vec![], frame: "frame".into() }
        };
        self.store.ingest(&numbers.map(incoming).collect::<Vec<_>>(), NOON).await.unwrap();
    }

    async fn export(&self, api: &GraphQl) -> reqwest::Response {
        let request = reqwest::Client::new().get(format!("http://{}/export/workspace", self.authority));
        let request = api.token().into_iter().fold(request, |request, token| request.bearer_auth(token));
        request.send().await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_is_erased_by_the_id_that_they_consented_to() {
    let running = start().await;
    let (ada, eve) = (running.ada().await, running.anonymous().sign_up("eve").await);
    let (a, b) = (
        ada.create_link("https://example.com/", json!({ "slug": "a" })).await,
        eve.create_link("https://example.com/", json!({ "slug": "b" })).await,
    );
    let visitor = VisitorKey { key: "v-1".into(), recipe: 2 };
    running.clicks_of(&ada, &a, &visitor, -10..-3).await;
    running.clicks_of(&eve, &b, &visitor, -10..-3).await;
    running.store_clicks(&ada, &a, -3..0).await;
    let before = eve.data(COUNTS, json!({})).await;
    let erased = ada.data(ERASE, json!({ "i": { "consentedId": "v-1" } })).await["eraseVisitor"].take();
    assert_eq!((&erased["erasedClicks"], &erased["complete"], &erased["searchedFrom"]), (&json!(7), &json!(true), &Value::Null));
    assert_eq!(erased["notFound"][0]["reason"], "WITHOUT_CONSENT");
    let counts = ada.data(COUNTS, json!({})).await;
    assert_eq!(
        (&counts["clicks"]["totalCount"], &counts["clickTotals"]["human"], &counts["clickTotals"]["bots"]),
        (&json!(3), &json!(1), &json!(2))
    );
    assert_eq!(eve.data(COUNTS, json!({})).await, before);
    // Asked again there is nobody any more.
    assert_eq!(ada.data(ERASE, json!({ "i": { "consentedId": "v-1" } })).await["eraseVisitor"]["erasedClicks"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_is_erased_by_address_and_agent_as_long_as_the_salts_live() {
    let running = start().await;
    let ada = running.ada().await;
    let a = ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    let (workspace, today) = (workspace_of(&ada).await, LocalDay::of(NOON, &TimeZone::UTC));
    let salt = Salt { day: today, salt: SALT, used_until: today.used_until(&TimeZone::UTC, NOON).unwrap() };
    running.store.day_salt(workspace, salt, NOON).await.unwrap();
    let key = |agent| enrich::visitor_of_day(&SALT, workspace, "203.0.113.77".parse().unwrap(), Some(agent));
    let long = "x".repeat(600);
    running.clicks_of(&ada, &a, &key("Mozilla/5.0"), -10..-6).await;
    running.clicks_of(&ada, &a, &key(&long[..512]), -6..-4).await;
    running.clicks_of(&ada, &a, &key("Other/1.0"), -4..-1).await;
    let erase = async |ada: &GraphQl, ip: &str, agent: &str| {
        ada.data(ERASE, json!({ "i": { "ip": ip, "userAgent": agent } })).await["eraseVisitor"].take()
    };
    let erased = erase(&ada, "::ffff:203.0.113.77", " Mozilla/5.0 ").await;
    assert_eq!((&erased["erasedClicks"], &erased["searchedFrom"]), (&json!(4), &json!("2026-03-01T00:00:00.000Z")));
    let told = &erased["notFound"][0];
    assert_eq!((told["reason"].as_str().unwrap(), told["message"].as_str().unwrap().contains("2026-03-01")), ("SALTS_DESTROYED", true));
    assert_eq!(erase(&ada, "203.0.113.77", &long).await["erasedClicks"], 2);
    assert_eq!(erase(&ada, "203.0.113.78", "Other/1.0").await["erasedClicks"], 0);
    // When the day's salt is gone nobody can find them, and that is said.
    running.clock.advance(46 * 3_600_000);
    let ada = running.anonymous().sign_in("ada").await;
    let late = erase(&ada, "203.0.113.77", "Other/1.0").await;
    assert_eq!((&late["erasedClicks"], &late["searchedFrom"]), (&json!(0), &json!("2026-03-03T10:00:00.000Z")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_a_visitor_is_told() {
    let running = start().await;
    let ada = running.ada().await;
    for (input, field) in [
        (json!({}), "consentedId"),
        (json!({ "consentedId": "" }), "consentedId"),
        (json!({ "consentedId": "a", "ip": "203.0.113.7" }), "consentedId"),
        (json!({ "ip": "203.0.113.7" }), "userAgent"),
        (json!({ "userAgent": "a" }), "ip"),
        (json!({ "ip": "here", "userAgent": "a" }), "ip"),
    ] {
        let error = ada.error(ERASE, json!({ "i": input })).await;
        assert_eq!(told(&error), ("VALIDATION".into(), vec![field.to_owned()]), "{input}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_links_history_goes_and_the_link_stays() {
    let running = start().await;
    let (ada, eve) = (running.ada().await, running.anonymous().sign_up("eve").await);
    let (a, b) = (
        ada.create_link("https://example.com/", json!({ "slug": "a" })).await,
        ada.create_link("https://example.com/", json!({ "slug": "b" })).await,
    );
    running.store_clicks(&ada, &a, -10..0).await;
    running.store_clicks(&ada, &b, -6..0).await;
    assert_eq!(told(&eve.error(HISTORY, json!({ "i": { "linkId": a["id"] } })).await).0, "NOT_FOUND");
    let gone = ada.data(HISTORY, json!({ "i": { "linkId": a["id"] } })).await["deleteLinkHistory"].take();
    assert_eq!(gone, json!({ "erasedClicks": 10, "complete": true, "link": { "slug": "a", "lastClickedAt": null } }));
    let counts = ada.data(COUNTS, json!({})).await;
    assert_eq!((&counts["clicks"]["totalCount"], &counts["clickTotals"]["clicks"]), (&json!(6), &json!(3)));
    for (slug, clicks) in [("a", 0), ("b", 3)] {
        let wanted = json!({ "slug": slug, "clickTotals": { "clicks": clicks } });
        assert!(counts["links"]["nodes"].as_array().unwrap().contains(&wanted), "{counts}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workspace_is_deleted_by_its_owner_and_comes_back() {
    let running = start().await;
    let ada = running.ada().await;
    let slug = ada.data("{ workspace { slug deletionAt } }", json!({})).await["workspace"]["slug"].take();
    assert_eq!(told(&ada.error(DELETE, json!({ "i": { "confirm": "ada" } })).await), ("VALIDATION".into(), vec!["confirm".into()]));
    let asked = ada.data(DELETE, json!({ "i": { "confirm": slug } })).await["deleteWorkspace"].take();
    assert_eq!(asked["deletionAt"], "2026-03-08T12:00:00.000Z");
    // Whoever signs in sees it.
    let seen = running.anonymous().sign_in("ada").await.data("{ viewer { memberships { workspace { deletionAt } } } }", json!({})).await;
    assert_eq!(seen["viewer"]["memberships"][0]["workspace"]["deletionAt"], asked["deletionAt"]);
    running.clock.advance(3_600_000);
    let ada = running.anonymous().sign_in("ada").await;
    assert_eq!(ada.data(DELETE, json!({ "i": { "confirm": slug } })).await["deleteWorkspace"]["deletionAt"], asked["deletionAt"]);
    assert_eq!(ada.data(RESTORE, json!({})).await["restoreWorkspace"]["workspace"]["deletionAt"], Value::Null);

    ada.data(DELETE, json!({ "i": { "confirm": slug } })).await;
    let end = NOON.plus(7 * 24 * 3_600_000 + 3_600_000);
    let workspace = workspace_of(&ada).await;
    assert!(running.store.remove_step(workspace, end).await.unwrap());
    assert_eq!(told(&ada.error(RESTORE, json!({})).await).0, "CONFLICT");
    while running.store.remove_step(workspace, end).await.unwrap() {}
    let sign_in = "mutation { signIn(input: { email: \"ada@example.com\", password: \"correct horse battery\" }) { accessToken } }";
    assert_eq!(told(&running.anonymous().error(sign_in, json!({})).await).0, "UNAUTHENTICATED");
    running.anonymous().sign_up("ada").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_may_does_any_of_it() {
    let running = start().await;
    let ada = running.ada().await;
    let link = ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    let slug = ada.data("{ workspace { slug } }", json!({})).await["workspace"]["slug"].take();
    let key = "mutation { createApiKey(input: { name: \"x\", scopes: [LINKS_READ, LINKS_WRITE, CLICKS_READ, CLICKS_WRITE] }) { secret } }";
    let key = ada.data(key, json!({})).await["createApiKey"]["secret"].as_str().unwrap().to_owned();
    let key = running.anonymous().with_token(&key);
    let all = [
        (ERASE, json!({ "consentedId": "v" })),
        (HISTORY, json!({ "linkId": link["id"] })),
        ("mutation { exportWorkspace { url } }", json!({})),
        (DELETE, json!({ "confirm": slug })),
        (RESTORE, json!({})),
    ];
    for (query, input) in &all {
        for (who, code) in [(&key, "FORBIDDEN"), (&running.anonymous(), "UNAUTHENTICATED")] {
            assert_eq!(told(&who.error(query, json!({ "i": input })).await).0, code, "{query}");
        }
    }
    for (who, status) in [(&key, 403), (&running.anonymous(), 401), (&ada, 200)] {
        assert_eq!(running.export(who).await.status().as_u16(), status);
    }
}

/// The files of an archive by name.
fn files(bytes: Vec<u8>) -> zip::result::ZipResult<std::collections::BTreeMap<String, String>> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes))?;
    let mut files = std::collections::BTreeMap::new();
    for index in 0..archive.len() {
        let mut text = String::new();
        let mut file = archive.by_index(index)?;
        file.read_to_string(&mut text)?;
        files.insert(file.name()?.into_owned(), text);
    }
    Ok(files)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_holds_everything_of_the_workspace_and_nothing_of_others() {
    let running = start().await;
    let (ada, eve) = (running.ada().await, running.anonymous().sign_up("eve").await);
    let a = ada.create_link("https://example.com/", json!({ "slug": "a", "title": "=HYPERLINK(\"x\")", "password": "open sesame" })).await;
    let b = ada.create_link("https://example.com/b", json!({ "slug": "b" })).await;
    let other = eve.create_link("https://elsewhere.example/", json!({ "slug": "c" })).await;
    // More than is read at a time.
    running.store_clicks(&ada, &a, -1_500..-1).await;
    running.clicks_of(&ada, &b, &VisitorKey { key: "v-1".into(), recipe: 2 }, -1..0).await;
    running.store_clicks(&eve, &other, -3..0).await;
    ada.data("mutation($i: DeleteLinkInput!) { deleteLink(input: $i) { deletedId } }", json!({ "i": { "id": b["id"] } })).await;
    let url = ada.data("mutation { exportWorkspace { url } }", json!({})).await["exportWorkspace"]["url"].take();
    assert_eq!(url, "https://links.example/export/workspace");

    let answer = running.export(&ada).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()), (200, "application/zip"));
    let whole = answer.bytes().await.unwrap().to_vec();
    let files_of = files(whole.clone()).unwrap();
    let names: Vec<&str> = files_of.keys().map(String::as_str).collect();
    let tables = ["clicks", "domains", "links", "members", "settings"];
    let wanted: Vec<String> =
        std::iter::once("README.txt".to_owned()).chain(tables.iter().flat_map(|t| [format!("{t}.csv"), format!("{t}.ndjson")])).collect();
    assert_eq!(names, wanted);
    let rows = |name: &str| files_of[name].lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    let clicks = rows("clicks.ndjson");
    assert_eq!((clicks.len(), files_of["clicks.csv"].lines().count()), (1_500, 1_501));
    assert_eq!((&clicks[1_499]["visitor"], &clicks[1_499]["linkId"], &clicks[0]["verdict"]), (&json!("v-1"), &b["id"], &json!("HUMAN")));
    let mut links = rows("links.ndjson");
    links.sort_by_key(|link| link["slug"].to_string());
    assert_eq!((links.len(), &links[0]["title"], &links[0]["passwordProtected"]), (2, &json!("=HYPERLINK(\"x\")"), &json!(true)));
    assert!(links[0]["deletedAt"].is_null() && links[1]["deletedAt"].is_string());
    assert!(files_of["links.csv"].contains("\"'=HYPERLINK(\"\"x\"\")\""), "{}", files_of["links.csv"]);
    assert_eq!(
        (rows("members.ndjson")[0]["email"].as_str(), rows("settings.ndjson")[0]["name"].as_str()),
        (Some("ada@example.com"), Some("ada"))
    );
    let all = files_of.values().cloned().collect::<String>();
    assert!(!all.contains("elsewhere.example") && !all.contains("eve@example.com") && !all.contains("argon2"));
    // Every column is explained.
    for table in tables {
        for column in files_of[&format!("{table}.csv")].lines().next().unwrap().split(',') {
            assert!(files_of["README.txt"].lines().any(|line| line.trim_start().starts_with(&format!("{column} "))), "{table} {column}");
        }
    }
    // Cut off anywhere it is no archive.
    for length in [whole.len() - 1, whole.len() / 2, 100] {
        assert!(files(whole[..length].to_vec()).is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_in_the_order_of_storage_goes_on_over_an_erasure() {
    let running = start().await;
    let ada = running.ada().await;
    let a = ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    running.store_clicks(&ada, &a, -10..-8).await;
    running.clicks_of(&ada, &a, &VisitorKey { key: "v-1".into(), recipe: 2 }, -8..-4).await;
    running.store_clicks(&ada, &a, -4..-2).await;
    let page =
        "query($after: String) { clicks(order: STORED, first: 3, after: $after) { nodes { url } pageInfo { endCursor hasNextPage } } }";
    let first = ada.data(page, json!({})).await["clicks"]["pageInfo"]["endCursor"].take();
    let live = "subscription($after: String) { clicks(after: $after) { click { url } gap { dropped } } }";
    // One subscribed before, one after from a cursor whose click is gone.
    let mut before = ada.subscribe(live, json!({ "after": first })).await;
    for number in [-7, -6, -5, -4, -3] {
        assert_eq!(
            before.receive().await.unwrap()["payload"]["data"]["clicks"]["click"]["url"],
            format!("https://go.example/a?n={number}")
        );
    }
    ada.data(ERASE, json!({ "i": { "consentedId": "v-1" } })).await;
    let mut after = ada.subscribe(live, json!({ "after": first })).await;
    let report = running.store_clicks(&ada, &a, -2..-1).await;
    running.announce(report).await;
    assert_eq!(
        before.receive().await.unwrap()["payload"]["data"]["clicks"],
        json!({ "click": { "url": "https://go.example/a?n=-2" }, "gap": null })
    );
    for number in [-4, -3, -2] {
        let click = json!({ "click": { "url": format!("https://go.example/a?n={number}") }, "gap": null });
        assert_eq!(after.receive().await.unwrap()["payload"]["data"]["clicks"], click);
    }
    let rest = ada.data(page, json!({ "after": first })).await["clicks"].take();
    assert_eq!((rest["nodes"].as_array().unwrap().len(), &rest["pageInfo"]["hasNextPage"]), (3, &json!(false)));
}
