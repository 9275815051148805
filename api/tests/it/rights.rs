//! What workspaces may ask for, through GraphQL: their end and their archive; and who may ask for it and for erasures.

use std::io::Read as _;

use domain::{LossReason, VisitorKey, WorkspaceId};
use serde_json::{Value, json};
use testkit::GraphQl;
use uuid::Uuid;

use crate::erasure::{ERASE, HISTORY};
use crate::fixture::{NOON, Running, start, start_each, told, workspace_of};
use crate::{conversions, misses, reports};

const DELETE: &str = "mutation($i: DeleteWorkspaceInput!) { deleteWorkspace(input: $i) { deletionAt workspace { slug deletionAt } } }";
const RESTORE: &str = "mutation { restoreWorkspace { workspace { deletionAt } } }";

impl Running {
    async fn export(&self, api: &GraphQl) -> reqwest::Response {
        let request = reqwest::Client::new().get(format!("http://{}/export/workspace", self.authority));
        let request = api.token().into_iter().fold(request, |request, token| request.bearer_auth(token));
        request.send().await.unwrap()
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
    for running in start_each().await {
        whole_archive(&running).await;
    }
}

async fn whole_archive(running: &Running) {
    let (ada, eve) = (running.ada().await, running.anonymous().sign_up("eve").await);
    let a = ada.create_link("https://example.com/", json!({ "slug": "a", "title": "=HYPERLINK(\"x\")", "password": "open sesame", "tags": ["t"], "folder": "f", "metadata": { "k": 1 } })).await;
    let b = ada.create_link("https://example.com/b", json!({ "slug": "b" })).await;
    let other = eve.create_link("https://elsewhere.example/", json!({ "slug": "c" })).await;
    // More than is read at a time.
    let stored = running.store_clicks(&ada, &a, -1_500..-1).await;
    running.clicks_of(&ada, &b, &VisitorKey { key: "v-1".into(), recipe: 2 }, -1..0).await;
    let theirs = running.store_clicks(&eve, &other, -3..0).await;
    let click = stored.stored[0].clicks[0].clone();
    let paid = json!({ "name": "=sale", "value": { "amount": "7", "currency": "EUR" } });
    ada.data(conversions::TRACK, conversions::told_of(&click, "order-1", paid)).await;
    eve.data(conversions::TRACK, conversions::told_of(&theirs.stored[0].clicks[0], "order-of-eve", json!({}))).await;
    running.store.engage(workspace_of(&ada).await, click.id, NOON).await.unwrap();
    let key = "mutation { createApiKey(input: { name: \"till\", scopes: [LINKS_READ] }) { secret } }";
    let secret = ada.data(key, json!({})).await["createApiKey"]["secret"].take();
    // One that is done with, and one that is not.
    for text in ["first", "second"] {
        assert_eq!(reports::report(running, &a, text).await, 200);
        if text == "first" {
            let open = ada.data("{ linkReports { nodes { id } } }", json!({})).await["linkReports"]["nodes"][0]["id"].take();
            ada.data(
                "mutation($i: ResolveLinkReportInput!) { resolveLinkReport(input: $i) { report { id } } }",
                json!({ "i": { "id": open } }),
            )
            .await;
        }
    }
    let lost = |counter, reason, count| domain::Loss {
        counter: Uuid::from_u128(counter),
        workspace: WorkspaceId(Uuid::nil()),
        minute: 29_539_440,
        reason,
        count,
    };
    let (ours, theirs) = (workspace_of(&ada).await, workspace_of(&eve).await);
    let losses = [
        (ours, lost(1, LossReason::Quota, 5)),
        (ours, lost(2, LossReason::Quota, 2)),
        (ours, lost(3, LossReason::InDoubt, 1)),
        (theirs, lost(4, LossReason::Disk, 9)),
    ];
    for (workspace, number) in [(ours, 1), (theirs, 2)] {
        let domain = domain::DomainId::new(NOON, [number; 10]);
        let miss = |slug: &str| misses::miss(domain, Some(slug), domain::Verdict::Human, 0);
        misses::store(running, workspace, [miss("sael"), miss("=cmd")]).await;
    }
    running.store.count_losses(&losses.map(|(workspace, loss)| domain::Loss { workspace, ..loss })).await.unwrap();
    ada.data(
        "mutation($i: UpdateLinkInput!) { updateLink(input: $i) { link { id } } }",
        json!({ "i": { "id": a["id"], "expectedVersion": 1, "slug": "a2" } }),
    )
    .await;
    ada.data("mutation($i: DeleteLinkInput!) { deleteLink(input: $i) { deletedId } }", json!({ "i": { "id": b["id"] } })).await;
    let url = ada.data("mutation { exportWorkspace { url } }", json!({})).await["exportWorkspace"]["url"].take();
    assert_eq!(url, "https://links.example/export/workspace");

    let answer = running.export(&ada).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()), (200, "application/zip"));
    let whole = answer.bytes().await.unwrap().to_vec();
    let files_of = files(whole.clone()).unwrap();
    let names: Vec<&str> = files_of.keys().map(String::as_str).collect();
    let tables = [
        "annotations",
        "api_keys",
        "audit_log",
        "clicks",
        "conversions",
        "counts",
        "domains",
        "engagements",
        "link_reports",
        "links",
        "losses",
        "members",
        "miss_counts",
        "misses",
        "recipients",
        "settings",
    ];
    let wanted: Vec<String> =
        std::iter::once("README.txt".to_owned()).chain(tables.iter().flat_map(|t| [format!("{t}.csv"), format!("{t}.ndjson")])).collect();
    assert_eq!(names, wanted);
    let rows = |name: &str| files_of[name].lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    let clicks = rows("clicks.ndjson");
    assert_eq!((clicks.len(), files_of["clicks.csv"].lines().count()), (1_500, 1_501));
    assert_eq!((&clicks[1_499]["visitor"], &clicks[1_499]["linkId"], &clicks[0]["verdict"]), (&json!("v-1"), &b["id"], &json!("HUMAN")));
    let led_to = &rows("conversions.ndjson")[0];
    assert_eq!((&led_to["eventId"], &led_to["clickId"], &led_to["linkId"]), (&json!("order-1"), &json!(click.id.to_string()), &a["id"]));
    assert_eq!((&led_to["amount"], &led_to["currency"], &led_to["source"]), (&json!("7.00"), &json!("EUR"), &json!("API")));
    assert!(files_of["conversions.csv"].contains("'=sale"));
    let engaged = rows("engagements.ndjson");
    assert_eq!(
        (engaged.len(), &engaged[0]["clickId"], &engaged[0]["engagedAt"]),
        (1, &led_to["clickId"], &json!("2026-03-01T12:00:00.000Z"))
    );
    let mut links = rows("links.ndjson");
    links.sort_by_key(|link| link["slug"].to_string());
    assert_eq!((links.len(), &links[0]["title"], &links[0]["passwordProtected"]), (2, &json!("=HYPERLINK(\"x\")"), &json!(true)));
    assert_eq!((&links[0]["tags"], &links[0]["folder"], &links[0]["metadata"]), (&json!(["t"]), &json!("f"), &json!({ "k": 1 })));
    assert!(links[0]["deletedAt"].is_null() && links[1]["deletedAt"].is_string());
    assert!(files_of["links.csv"].contains("\"'=HYPERLINK(\"\"x\"\")\""), "{}", files_of["links.csv"]);
    assert_eq!(
        (rows("members.ndjson")[0]["email"].as_str(), rows("settings.ndjson")[0]["name"].as_str()),
        (Some("ada@example.com"), Some("ada"))
    );
    assert_eq!(
        (&links[0]["earlierSlugs"], &links[0]["clickLimitMode"], &clicks[0]["rulesVersion"]),
        (&json!(["a"]), &json!("STRICT"), &json!(0))
    );
    assert_eq!(
        (&clicks[1_499]["visitorConsented"], &clicks[0]["visitorConsented"], &clicks[0]["signals"]),
        (&json!(true), &Value::Null, &json!([]))
    );
    // The counts of the link, and those of the whole workspace, which are sums of all.
    let counts = rows("counts.ndjson");
    let clicks_of = |link: &Value, verdict: &str| {
        let of = counts.iter().filter(|row| row["linkId"] == *link && row["verdict"] == verdict);
        of.map(|row| row["clicks"].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!((clicks_of(&a["id"], "HUMAN"), clicks_of(&a["id"], "BOT")), (750, 749));
    assert_eq!((clicks_of(&Value::Null, "HUMAN"), clicks_of(&Value::Null, "BOT")), (750, 750));
    let last = counts.iter().find(|row| row["linkId"] == b["id"]).unwrap();
    let wanted = json!({
        "from": "2026-03-01T11:45:00.000Z", "to": "2026-03-01T12:00:00.000Z", "linkId": b["id"], "verdict": "BOT",
        "clicks": 1, "dailyUniques": 1, "withVisitor": 1,
    });
    assert_eq!((last, files_of["counts.csv"].lines().count()), (&wanted, counts.len() + 1));
    let loss = |reason: &str, clicks: u64, upper: bool| json!({ "minute": "2026-03-01T12:00:00.000Z", "reason": reason, "clicks": clicks, "upperBound": upper });
    let (missed, counted) = (rows("misses.ndjson"), rows("miss_counts.ndjson"));
    assert_eq!((missed.len(), counted.len(), counted[0]["misses"].as_u64()), (2, 1, Some(2)));
    assert_eq!(missed[0]["domainId"], domain::DomainId::new(NOON, [1; 10]).to_string());
    assert_eq!(rows("losses.ndjson"), [loss("QUOTA", 7, false), loss("IN_DOUBT", 1, true)]);
    let reports = rows("link_reports.ndjson");
    let told: Vec<_> = reports.iter().map(|row| (row["text"].as_str().unwrap(), row["resolvedAt"].is_string())).collect();
    assert_eq!((told, &reports[0]["linkId"]), (vec![("first", true), ("second", false)], &a["id"]));
    assert_eq!(
        (&rows("audit_log.ndjson")[0]["action"], &rows("audit_log.ndjson")[0]["actorKind"]),
        (&json!("workspace.exported"), &json!("USER"))
    );
    assert_eq!((&rows("api_keys.ndjson")[0]["name"], &rows("api_keys.ndjson")[0]["scopes"]), (&json!("till"), &json!(["LINKS_READ"])));
    let all = files_of.values().cloned().collect::<String>();
    assert!(
        !all.contains("elsewhere.example") && !all.contains("eve@example.com") && !all.contains("order-of-eve") && !all.contains("argon2")
    );
    assert!(!all.contains(secret.as_str().unwrap().rsplit('_').next().unwrap()), "a key's secret");
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
