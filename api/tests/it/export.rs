//! Clicks as they are exported, at once and as a job, on both databases.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::{Click, LinkId, Utm};
use serde_json::{Value, json};
use store::Incoming;
use testkit::GraphQl;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::fixture::{NOON, Running, click, start_each, told, workspace_of};

const EXPORT: &str = "mutation($i: ExportClicksInput!) { exportClicks(input: $i) { job { id kind status progress resultUrl } } }";

impl Running {
    async fn fetch(&self, api: Option<&GraphQl>, query: &[(&str, String)]) -> reqwest::Response {
        let url = url::Url::parse_with_params(&format!("http://{}/export", self.authority), query).unwrap();
        let request = reqwest::Client::new().get(url);
        let token = api.and_then(GraphQl::token);
        token.into_iter().fold(request, |request, token| request.bearer_auth(token)).send().await.unwrap()
    }

    async fn ndjson(&self, api: &GraphQl, filter: Value) -> Vec<Value> {
        let answer = self.fetch(Some(api), &[("format", "ndjson".into()), ("filter", filter.to_string())]).await;
        assert_eq!(answer.status().as_u16(), 200);
        answer.text().await.unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    async fn result(&self, url: &Value) -> reqwest::Response {
        let url = url.as_str().unwrap().replace("https://links.example", &format!("http://{}", self.authority));
        reqwest::get(url).await.unwrap()
    }
}

async fn link(api: &GraphQl) -> LinkId {
    api.create_link("https://example.com/", json!({})).await["id"].as_str().unwrap().parse().unwrap()
}

async fn store(running: &Running, api: &GraphQl, clicks: Vec<Click>) {
    let workspace = workspace_of(api).await;
    let incoming = |click: Click| Incoming { workspace, click, day: None, record: [].into(), frame: "frame".into() };
    let batch: Vec<Incoming> = clicks.into_iter().map(incoming).collect();
    for part in batch.chunks(1_000) {
        running.store.ingest(part, NOON).await.unwrap();
    }
}

fn ids(rows: &[Value]) -> BTreeSet<String> {
    rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

async fn key(api: &GraphQl, scope: &str) -> GraphQl {
    let query = "mutation($i: CreateApiKeyInput!) { createApiKey(input: $i) { secret } }";
    let made = api.data(query, json!({ "i": { "name": "k", "scopes": [scope] } })).await;
    api.with_token(made["createApiKey"]["secret"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_click_of_a_filter_is_exported_once() {
    for running in start_each().await {
        let (ada, bob) = (running.ada().await, running.anonymous().sign_up("bob").await);
        let (a, b) = (link(&ada).await, link(&ada).await);
        let mut clicks: Vec<Click> = (0..2_500).map(|number| click(if number % 5 == 0 { b } else { a }, number)).collect();
        clicks[0].utm = Utm { source: Some("=1+1".into()), ..Utm::default() };
        let all: BTreeSet<String> = clicks.iter().map(|click| click.id.to_string()).collect();
        store(&running, &ada, clicks).await;
        let foreign = link(&bob).await;
        store(&running, &bob, vec![click(foreign, 0)]).await;

        let rows = running.ndjson(&ada, json!({})).await;
        assert_eq!((rows.len(), ids(&rows)), (2_500, all));
        assert!(rows.windows(2).all(|pair| pair[0]["occurredAt"].as_str() <= pair[1]["occurredAt"].as_str()));
        assert_eq!((&rows[0]["utmSource"], &rows[0]["verdict"], &rows[1]["verdict"]), (&json!("=1+1"), &json!("HUMAN"), &json!("BOT")));
        let filter = json!({ "linkIds": [b.to_string()], "verdicts": ["HUMAN"], "from": "2026-03-01T13:00:00Z", "exclude": { "browsers": ["Opera"] } });
        let some = running.ndjson(&ada, filter.clone()).await;
        let query = "query($f: ClickFilter) { clicks(filter: $f) { totalCount } }";
        assert_eq!(json!(some.len()), ada.data(query, json!({ "f": filter })).await["clicks"]["totalCount"]);
        assert!(!some.is_empty() && some.iter().all(|row| row["linkId"] == b.to_string()));
        assert_eq!(running.ndjson(&bob, json!({})).await.len(), 1);
        assert_eq!(running.ndjson(&ada, json!({ "countries": ["FR"] })).await, Vec::<Value>::new());

        let reader = key(&ada, "CLICKS_READ").await;
        let answer = running
            .fetch(Some(&reader), &[("format", "csv".into()), ("filter", json!({ "to": "2026-03-01T12:02:00Z" }).to_string())])
            .await;
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(
            (header("content-disposition"), header("cache-control")),
            ("attachment; filename=\"clicks.csv\"".into(), "no-store".into())
        );
        assert!(header("content-type").starts_with("text/csv") && header("x-data-from").starts_with("2026-03-01T12:00:00"));
        // Whoever has it all goes on from there without gap or repeat.
        let cursor = header("x-live-cursor");
        let text = answer.text().await.unwrap();
        let lines: Vec<&str> = text.split_terminator("\r\n").collect();
        assert!(lines.len() == 3 && lines[0].starts_with("id,occurredAt,linkId,") && lines[1].contains(",'=1+1,"), "{text}");
        let rest = "query($a: String) { clicks(order: STORED, after: $a) { nodes { id } } }";
        assert_eq!(ada.data(rest, json!({ "a": cursor })).await["clicks"]["nodes"], json!([]));

        let told = ada.data("{ auditLog { nodes { action actorKind details } } }", json!({})).await;
        let entry = json!({ "action": "clicks.exported", "actorKind": "KEY", "details": { "format": "CSV" } });
        assert!(told["auditLog"]["nodes"].as_array().unwrap().contains(&entry), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_for_the_caller_or_makes_no_sense_is_refused() {
    for running in start_each().await {
        let ada = running.ada().await;
        let refused = async |api: Option<&GraphQl>, query: &[(&str, String)]| {
            let answer = running.fetch(api, query).await;
            let status = answer.status().as_u16();
            let body: Value = answer.json().await.unwrap();
            (status, told(&body["errors"][0]))
        };
        let plain = |code: &str| (code.to_owned(), Vec::<String>::new());
        assert_eq!(refused(None, &[]).await, (401, plain("UNAUTHENTICATED")));
        assert_eq!(refused(Some(&ada.with_token("nonsense")), &[]).await, (401, plain("UNAUTHENTICATED")));
        assert_eq!(refused(Some(&key(&ada, "LINKS_READ").await), &[]).await, (403, plain("FORBIDDEN")));
        assert_eq!(refused(None, &[("token", ada.token().unwrap().into())]).await, (401, plain("UNAUTHENTICATED")));
        let invalid = |paths: &[&str]| (400, ("VALIDATION".to_owned(), paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>()));
        for (query, paths) in [
            (vec![("format", "parquet".into()), ("filter", "{".into()), ("from", "x".into())], vec!["format", "filter", "from"]),
            (
                vec![("filter", json!({ "from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z", "browsers": [] }).to_string())],
                vec!["filter.to", "filter.browsers"],
            ),
            (vec![("filter", json!({ "nonsense": 1 }).to_string())], vec!["filter.nonsense"]),
            (vec![("filter", json!({ "verdicts": ["ALIEN"] }).to_string())], vec!["filter.verdicts.0"]),
        ] {
            assert_eq!(refused(Some(&ada), &query).await, invalid(&paths), "{query:?}");
        }
        // Nothing of how it is checked shows.
        let reversed = json!({ "from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z" }).to_string();
        for filter in ["[]", "5", "\"TODAY\"", &reversed, r#"{"verdicts":"ALIEN"}"#, r#"{"from":"noon"}"#, r#"{"cities":["\u0000"]}"#] {
            let answer = running.fetch(Some(&ada), &[("filter", filter.to_owned())]).await;
            assert_eq!(answer.status().as_u16(), 400, "{filter}");
            let body: Value = answer.json().await.unwrap();
            let (code, paths) = told(&body["errors"][0]);
            assert!(code == "VALIDATION" && !paths.is_empty() && paths.iter().all(|path| path.starts_with("filter")), "{filter}: {body}");
            let text = body.to_string();
            assert!(["liveVisitors", "locations", "\"data\"", "ClickFilter\\\", found"].iter().all(|word| !text.contains(word)), "{text}");
        }
        let twice = [("format", "csv".into()), ("filter", "{}".into()), ("format", "ndjson".into())];
        assert_eq!(refused(Some(&ada), &twice).await, invalid(&["format"]));
        let mut old = TcpStream::connect(&running.authority).await.unwrap();
        let request = format!("GET /export HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", ada.token().unwrap());
        old.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        old.read_to_string(&mut answer).await.unwrap();
        assert!(answer.lines().next().unwrap().contains("505"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_for_the_head_only_exports_nothing() {
    for running in start_each().await {
        let ada = running.ada().await;
        let of = link(&ada).await;
        store(&running, &ada, vec![click(of, 0)]).await;
        let head = async |path: &str| {
            let request = reqwest::Client::new().head(format!("http://{}{path}", running.authority));
            request.bearer_auth(ada.token().unwrap()).send().await.unwrap()
        };
        for (path, media) in [("/export?format=csv", "text/csv"), ("/export/workspace", "application/zip")] {
            let answer = head(path).await;
            assert_eq!(answer.status().as_u16(), 200, "{path}");
            assert!(
                answer.headers()["content-type"].to_str().unwrap().starts_with(media) && !answer.headers().contains_key("content-length")
            );
        }
        assert!(head("/export").await.headers().contains_key("x-live-cursor"));
        assert_eq!(head("/export?format=x").await.status().as_u16(), 400);
        let log = ada.data("{ auditLog { nodes { action } } }", json!({})).await;
        assert_eq!(log["auditLog"]["nodes"], json!([]));
    }
}

/// Begins an export by hand and reads its head only.
async fn begin(running: &Running, api: &GraphQl) -> TcpStream {
    let mut stream = TcpStream::connect(&running.authority).await.unwrap();
    let request = format!("GET /export HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", api.token().unwrap());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut start = [0; 15];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200 OK");
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workspace_exports_once_at_a_time_and_an_answer_that_ends_early_is_cut() {
    for running in start_each().await {
        let (ada, bob) = (running.ada().await, running.anonymous().sign_up("bob").await);
        let of = link(&ada).await;
        let long = |number| Click { url: format!("https://go.example/a?{}", "x".repeat(2_000)), ..click(of, number) };
        store(&running, &ada, (0..8_000).map(long).collect()).await;
        let mut unread = begin(&running, &ada).await;
        let refused = running.fetch(Some(&ada), &[]).await;
        assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (429, "10"));
        assert_eq!(told(&refused.json::<Value>().await.unwrap()["errors"][0]).0, "RATE_LIMITED");
        assert_eq!(running.fetch(Some(&bob), &[]).await.status().as_u16(), 200);
        // The session that it was begun with ends: so does the answer, before its end.
        let again = running.anonymous().sign_in("ada").await;
        ada.data("mutation { signOut { sessionId } }", json!({})).await;
        tokio::time::timeout(Duration::from_secs(20), async {
            while running.fetch(Some(&again), &[("filter", json!({ "countries": ["FR"] }).to_string())]).await.status().as_u16() != 200 {
                let mut some = vec![0; 65_536];
                let _ = unread.read(&mut some).await;
            }
        })
        .await
        .unwrap();
        let mut rest = Vec::new();
        let _ = unread.read_to_end(&mut rest).await;
        assert!(!rest.ends_with(b"0\r\n\r\n"), "it says that it is whole");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_is_asked_for_is_fetched_by_its_address() {
    for running in start_each().await {
        let ada = running.ada().await;
        let of = link(&ada).await;
        store(&running, &ada, (-20..0).map(|number| click(of, number)).collect()).await;
        let input = json!({ "format": "CSV", "filter": { "verdicts": ["HUMAN"], "period": "TODAY" } });
        let job = ada.data(EXPORT, json!({ "i": input })).await["exportClicks"]["job"].take();
        assert_eq!((&job["kind"], &job["status"], &job["progress"]), (&json!("EXPORT_CLICKS"), &json!("DONE"), &json!(1.0)));
        // What comes later is not in it.
        running.clock.advance(60_000);
        store(&running, &ada, vec![click(of, 0), click(of, 2)]).await;
        let fetched = running.result(&job["resultUrl"]).await;
        assert_eq!(fetched.status().as_u16(), 200);
        assert_eq!(fetched.text().await.unwrap().lines().count(), 1 + 10);

        let query = "query($i: ID!) { job(id: $i) { resultUrl } }";
        let again = ada.data(query, json!({ "i": job["id"] })).await["job"]["resultUrl"].take();
        assert_eq!(running.result(&again).await.status().as_u16(), 200);
        let bob = running.anonymous().sign_up("bob").await;
        assert_eq!(told(&bob.error(query, json!({ "i": job["id"] })).await).0, "NOT_FOUND");
        // Its token is good for nothing else.
        let token = again.as_str().unwrap().split_once("token=").unwrap().1.to_owned();
        assert_eq!(told(&ada.with_token(&token).error("{ workspace { id } }", json!({})).await).0, "UNAUTHENTICATED");
        let parquet = ada.error(EXPORT, json!({ "i": { "format": "PARQUET" } })).await;
        assert_eq!(told(&parquet), ("VALIDATION".into(), vec!["format".into()]));

        running.clock.advance(3_600_000);
        assert_eq!(running.result(&again).await.status().as_u16(), 401);
        let later = running.anonymous().sign_in("ada").await;
        let fresh = later.data(query, json!({ "i": job["id"] })).await["job"]["resultUrl"].take();
        assert_eq!(running.result(&fresh).await.status().as_u16(), 200);
        later.data("mutation { signOut { sessionId } }", json!({})).await;
        assert_eq!(running.result(&fresh).await.status().as_u16(), 401);
    }
}
