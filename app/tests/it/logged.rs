//! Clicks without a link made beforehand: with an API key and by signed addresses, in one process
//! and at the edge.

use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use testkit::{GraphQl, NatsServer, Postgres, Program, ProgramOptions, wait_until};

use crate::journey::{browser, wait_for_clicks};
use crate::program;

const PATIENCE: Duration = Duration::from_secs(30);
/// How soon a revoked key is refused.
const SOON: Duration = Duration::from_secs(1);
const CLICKS: &str = "{ clicks(order: STORED) { nodes { id outcome status method url targetUrl userAgent network referrerHost language \
                      utm { source campaign } parameters { key value } link { id kind title } } } }";
const TARGET: &str = "https://example.com/a?x=1";

pub async fn create_key(api: &GraphQl, scopes: &[&str]) -> (String, String) {
    let query = "mutation($i: CreateApiKeyInput!) { createApiKey(input: $i) { secret key { id } } }";
    let data = api.data(query, json!({ "i": { "name": "edge function", "scopes": scopes } })).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&data["createApiKey"]["key"]["id"]), text(&data["createApiKey"]["secret"]))
}

async fn revoke(api: &GraphQl, id: &str) {
    api.data("mutation($i: RevokeApiKeyInput!) { revokeApiKey(input: $i) { key { revokedAt } } }", json!({ "i": { "id": id } })).await;
}

pub async fn rotate(api: &GraphQl) -> String {
    let data = api.data("mutation { rotateSigningSecret(input: {}) { secret earlierValidUntil } }", json!({})).await;
    data["rotateSigningSecret"]["secret"].as_str().unwrap().to_owned()
}

pub async fn sign(api: &GraphQl, target: &str) -> String {
    let query = "mutation($i: SignRedirectUrlInput!) { signRedirectUrl(input: $i) { url } }";
    let in_an_hour = platform::Clock::System.now().plus(3_600_000).to_string();
    let input = json!({ "targetUrl": target, "utm": { "source": "mail" }, "expiresAt": in_an_hour });
    api.data(query, json!({ "i": input })).await["signRedirectUrl"]["url"].as_str().unwrap().to_owned()
}

async fn post(redirect: &str, key: &str, body: Value) -> Response {
    browser().post(format!("http://{redirect}/log-and-redirect")).bearer_auth(key).json(&body).send().await.unwrap()
}

fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    answer.headers().get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_one_process_a_key_and_a_signature_log_clicks() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(program(), ProgramOptions::serve(folder.path()));
    program.ready().await;
    let ada = program.api().sign_up("ada").await;
    let redirect = program.setting("REDIRECT_LISTEN").to_owned();
    let (id, key) = create_key(&ada, &["CLICKS_WRITE"]).await;

    let body = json!({
        "url": TARGET, "utm": { "source": "app", "campaign": "spring" }, "source": "feed", "parameters": { "n": 7 },
        "ip": "203.0.113.9", "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
        "referrer": "https://news.example/x", "language": "de-DE",
    });
    let answer = post(&redirect, &key, body).await;
    assert_eq!(answer.status(), StatusCode::FOUND);
    assert_eq!(header(&answer, "location"), Some("https://example.com/a?x=1&utm_source=app&utm_campaign=spring"));
    assert_eq!(header(&answer, "cache-control"), Some("private, no-store"));
    let click_id = header(&answer, "x-click-id").unwrap().to_owned();

    let secret = rotate(&ada).await;
    let url = sign(&ada, TARGET).await;
    let answer = browser().get(&url).header("user-agent", "Mozilla/5.0 Firefox/127.0").send().await.unwrap();
    assert_eq!((answer.status(), header(&answer, "location")), (StatusCode::FOUND, Some("https://example.com/a?x=1&utm_source=mail")));

    wait_for_clicks(&ada, 2).await;
    let clicks = ada.data(CLICKS, json!({})).await["clicks"]["nodes"].take();
    let [first, second] = [&clicks[0], &clicks[1]];
    assert_eq!(first["id"], json!(click_id));
    assert_eq!((&first["outcome"], &first["status"], &first["method"]), (&json!("REDIRECTED"), &json!(302), &json!("POST")));
    assert_eq!(first["utm"], json!({ "source": "app", "campaign": "spring" }));
    assert_eq!(first["targetUrl"], "https://example.com/a?x=1&utm_source=app&utm_campaign=spring");
    assert_eq!(first["parameters"], json!([{ "key": "source", "value": "feed" }, { "key": "n", "value": "7" }]));
    assert_eq!((&first["network"], &first["referrerHost"]), (&json!("203.0.113.0/24"), &json!("news.example")));
    assert_eq!(first["link"], json!({ "id": second["link"]["id"], "kind": "LOGGED", "title": "Logged without a link" }));
    assert_eq!((&second["utm"]["source"], &second["method"], &second["parameters"]), (&json!("mail"), &json!("GET"), &json!([])));
    assert!(!second["url"].as_str().unwrap().contains("sig="), "{}", second["url"]);

    // Only the workspace's own.
    let eve = program.api().sign_up("eve").await;
    assert_eq!(eve.data(CLICKS, json!({})).await["clicks"]["nodes"], json!([]));
    assert!(ada.data("{ apiKeys { lastUsedAt } }", json!({})).await["apiKeys"][0]["lastUsedAt"].is_string());

    revoke(&ada, &id).await;
    wait_until(SOON, "the revoked key is refused", async || {
        (post(&redirect, &key, json!({ "url": TARGET })).await.status() == StatusCode::UNAUTHORIZED).then_some(())
    })
    .await;

    // After a restart the key that sealed the secret is the same.
    program.restart();
    program.ready().await;
    assert_eq!(browser().get(&url).send().await.unwrap().status(), StatusCode::FOUND);
    assert_eq!(post(&redirect, &key, json!({ "url": TARGET })).await.status(), StatusCode::UNAUTHORIZED);
    let log = program.log();
    for hidden in [&key, &secret, "example.com", "203.0.113.9", "Firefox"] {
        assert!(!log.contains(hidden), "the log tells {hidden}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_workspace_decides_what_browsers_tell_its_targets() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(program(), ProgramOptions::serve(folder.path()));
    program.ready().await;
    let (ada, eve) = (program.api().sign_up("ada").await, program.api().sign_up("eve").await);
    for (who, slug) in [(&ada, "ada"), (&eve, "eve")] {
        who.create_link(TARGET, json!({ "slug": slug })).await;
    }
    let redirect = program.setting("REDIRECT_LISTEN").to_owned();
    let policy = async |path: &str| {
        let answer = browser().get(format!("http://{redirect}/{path}")).send().await.unwrap();
        header(&answer, "referrer-policy").map(str::to_owned)
    };
    assert_eq!(policy("ada").await, None);
    let set = async |value: Value| {
        let query = "mutation($i: UpdateWorkspaceInput!) { updateWorkspace(input: $i) { workspace { referrerPolicy } } }";
        ada.data(query, json!({ "i": { "referrerPolicy": value } })).await["updateWorkspace"]["workspace"]["referrerPolicy"].take()
    };
    assert_eq!(set(json!("NO_REFERRER")).await, "NO_REFERRER");
    wait_until(SOON, "redirects send the policy", async || (policy("ada").await.as_deref() == Some("no-referrer")).then_some(())).await;
    assert_eq!(policy("eve").await, None);
    // Pages have their own.
    assert_eq!(policy("nothing").await.as_deref(), Some("no-referrer"));
    assert_eq!(set(Value::Null).await, Value::Null);
    wait_until(SOON, "redirects send none again", async || policy("ada").await.is_none().then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_edge_keys_and_secrets_come_from_nats_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (nats, postgres) = (NatsServer::start(), Postgres::start());
    let database = postgres.url(&postgres.create_database());
    let seal_key = "5a".repeat(32);
    let options =
        |name: &str, role: &str| ProgramOptions::serve(&folder.path().join(name)).with("ROLES", role).with("NATS_URL", nats.url());
    let sealing = |name: &str, role: &str| options(name, role).with("SEAL_KEY", &seal_key);
    let mut edge = Program::start(program(), sealing("edge", "redirector"));
    let mut poor = Program::start(program(), options("poor", "redirector"));
    let mut migrate = options("migrate", "api").with("DATABASE_URL", &database);
    migrate.arguments = vec!["migrate".into()];
    assert_eq!(migrate.run(program()).0, Some(0));
    let short = edge.setting("REDIRECT_LISTEN").to_owned();
    let mut api = Program::start(program(), sealing("api", "api").with("DATABASE_URL", &database).with("SHORT_DOMAIN", &short));
    let mut worker = Program::start(program(), options("worker", "worker").with("DATABASE_URL", &database));
    for program in [&mut edge, &mut poor, &mut api, &mut worker] {
        program.ready().await;
    }
    assert!(poor.readyz().await["warnings"].to_string().contains("LINKLOGGER_SEAL_KEY"), "{}", poor.readyz().await);
    assert_eq!(edge.readyz().await["warnings"], json!([]));

    let ada = api.api().sign_up("ada").await;
    let (id, key) = create_key(&ada, &["CLICKS_WRITE"]).await;
    let logs = async |redirect: &str| post(redirect, &key, json!({ "url": TARGET })).await.status();
    for redirect in [&short, poor.setting("REDIRECT_LISTEN")] {
        wait_until(PATIENCE, "the key is known at the edge", async || (logs(redirect).await == StatusCode::FOUND).then_some(())).await;
    }
    rotate(&ada).await;
    let url = sign(&ada, TARGET).await;
    let signed = async |redirect: &str| {
        let url = url.replace(&short, redirect);
        browser().get(url).send().await.unwrap().status()
    };
    wait_until(PATIENCE, "the secret is known at the edge", async || (signed(&short).await == StatusCode::FOUND).then_some(())).await;
    // Who cannot open the secret says so, and serves everything else.
    ada.create_link(TARGET, json!({ "slug": "open" })).await;
    ada.create_link(TARGET, json!({ "slug": "shut", "password": "sesame" })).await;
    let get = async |redirect: &str, slug: &str| browser().get(format!("http://{redirect}/{slug}")).send().await.unwrap().status();
    let poor_redirect = poor.setting("REDIRECT_LISTEN").to_owned();
    wait_until(PATIENCE, "the poor one refuses", async || (signed(&poor_redirect).await == StatusCode::SERVICE_UNAVAILABLE).then_some(()))
        .await;
    wait_until(PATIENCE, "links are at the edge", async || (get(&short, "shut").await == StatusCode::OK).then_some(())).await;
    assert_eq!(get(&poor_redirect, "open").await, StatusCode::FOUND);
    assert_eq!(get(&poor_redirect, "shut").await, StatusCode::SERVICE_UNAVAILABLE);

    // Without the database the edge goes on.
    revoke(&ada, &id).await;
    wait_until(SOON, "the edge refuses the revoked key", async || (logs(&short).await == StatusCode::UNAUTHORIZED).then_some(())).await;
    drop(postgres);
    edge.restart();
    edge.ready().await;
    wait_until(PATIENCE, "the edge reads NATS again", async || (signed(&short).await == StatusCode::FOUND).then_some(())).await;
    assert_eq!(logs(&short).await, StatusCode::UNAUTHORIZED);
}
