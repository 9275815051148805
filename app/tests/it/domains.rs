//! A workspace's own domain from the first word to the click: the built program, a real DNS server,
//! and an edge without a database.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{DnsServer, GraphQl, NatsServer, Postgres, Program, ProgramOptions, wait_until};

use crate::journey::{browser, wait_for_clicks};
use crate::program;

pub const HOST: &str = "go.acme.example";
const PATIENCE: Duration = Duration::from_secs(30);
/// How soon every redirector sees a change.
const SOON: Duration = Duration::from_secs(1);

/// Status and target of a path on a host.
pub async fn visit(redirector: &Program, host: &str, path: &str) -> (u16, Option<String>) {
    let url = format!("http://{}{path}", redirector.setting("REDIRECT_LISTEN"));
    let answer = browser().get(url).header("host", host).send().await.unwrap();
    let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), location)
}

async fn sees(redirector: &Program, limit: Duration, host: &str, path: &str, wanted: (u16, Option<&str>)) {
    let seen = async || {
        let (status, location) = visit(redirector, host, path).await;
        ((status, location.as_deref()) == wanted).then_some(())
    };
    wait_until(limit, &format!("{host}{path} answers {wanted:?}"), seen).await;
}

async fn tls_allowed(redirector: &Program, host: &str) -> u16 {
    let url = format!("http://{}/tls-allowed?domain={host}", redirector.setting("OPS_LISTEN"));
    reqwest::get(url).await.unwrap().status().as_u16()
}

pub async fn verified(ada: &GraphQl, dns: &mut DnsServer) -> Value {
    let add = "mutation($i: AddDomainInput!) { addDomain(input: $i) { domain { id records { name value } } } }";
    let domain = ada.data(add, json!({ "i": { "host": HOST } })).await["addDomain"]["domain"].take();
    let record = &domain["records"][0];
    dns.set_texts(record["name"].as_str().unwrap(), &[record["value"].as_str().unwrap()]);
    let verify = "mutation($i: VerifyDomainInput!) { verifyDomain(input: $i) { domain { status problem } } }";
    let found = ada.data(verify, json!({ "i": { "id": domain["id"] } })).await["verifyDomain"]["domain"].take();
    assert_eq!(found["status"], "VERIFIED", "{found}");
    domain
}

async fn remove(ada: &GraphQl, domain: &Value) {
    ada.data("mutation($i: RemoveDomainInput!) { removeDomain(input: $i) { removedId } }", json!({ "i": { "id": domain["id"] } })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_serves_a_domain_as_soon_as_it_is_verified() {
    let (folder, mut dns) = (tempfile::tempdir().unwrap(), DnsServer::start());
    let options = ProgramOptions::serve(folder.path()).with("DNS_SERVER", dns.address().to_string());
    let mut running = Program::start(program(), options);
    running.ready().await;
    let ada = running.api().sign_up("ada").await;
    assert_eq!((visit(&running, HOST, "/sale").await.0, tls_allowed(&running, HOST).await), (404, 404));
    let domain = verified(&ada, &mut dns).await;
    ada.create_link("https://example.com/shared", json!({ "slug": "sale" })).await;
    ada.create_link("https://example.com/own", json!({ "slug": "Sale", "domain": HOST })).await;
    sees(&running, SOON, HOST, "/sale", (302, Some("https://example.com/own"))).await;
    assert_eq!(visit(&running, "localhost", "/sale").await.1.as_deref(), Some("https://example.com/shared"));
    assert_eq!(tls_allowed(&running, HOST).await, 200);
    assert_eq!(tls_allowed(&running, "www.acme.example").await, 404);
    wait_for_clicks(&ada, 2).await;
    let clicks = ada.data("{ clicks { nodes { url } } }", json!({})).await["clicks"]["nodes"].take();
    assert!(clicks.as_array().unwrap().contains(&json!({ "url": format!("https://{HOST}/sale") })), "{clicks}");
    remove(&ada, &domain).await;
    sees(&running, SOON, HOST, "/sale", (404, None)).await;
    assert_eq!(tls_allowed(&running, HOST).await, 404);
    assert!(!running.log().contains("linklogger-verification"), "a proof is in the log");
    assert_eq!(running.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_without_a_database_serves_domains_from_the_snapshot() {
    let (folder, mut dns) = (tempfile::tempdir().unwrap(), DnsServer::start());
    let (mut nats, mut postgres) = (NatsServer::start(), Postgres::start());
    let database = postgres.url(&postgres.create_database());
    let options = |role: &str| ProgramOptions::serve(&folder.path().join(role)).with("ROLES", role).with("NATS_URL", nats.url());
    let mut migrate = options("api").with("DATABASE_URL", &database);
    migrate.arguments = vec!["migrate".into()];
    assert_eq!(migrate.run(program()).0, Some(0));
    let mut edge = Program::start(program(), options("redirector"));
    let with_dns = options("api").with("DATABASE_URL", &database).with("DNS_SERVER", dns.address().to_string());
    let mut api = Program::start(program(), with_dns);
    edge.ready().await;
    api.ready().await;
    let ada = api.api().sign_up("ada").await;
    // Before there is a snapshot nobody knows whose a host is.
    wait_until(PATIENCE, "a host that is nobody's", async || (visit(&edge, HOST, "/a").await.0 == 404).then_some(())).await;
    let domain = verified(&ada, &mut dns).await;
    ada.create_link("https://example.com/a", json!({ "slug": "a", "domain": HOST })).await;
    sees(&edge, SOON, HOST, "/a", (302, Some("https://example.com/a"))).await;
    let update = "mutation($i: UpdateDomainInput!) { updateDomain(input: $i) { domain { version } } }";
    ada.data(update, json!({ "i": { "id": domain["id"], "rootUrl": "https://acme.example/" } })).await;
    sees(&edge, SOON, HOST, "/", (302, Some("https://acme.example/"))).await;
    assert_eq!(tls_allowed(&edge, HOST).await, 200);

    // A new process at the edge finds it in the snapshot alone.
    postgres.kill();
    edge.restart();
    edge.ready().await;
    sees(&edge, PATIENCE, HOST, "/a", (302, Some("https://example.com/a"))).await;
    nats.kill();
    assert_eq!(visit(&edge, HOST, "/a").await.0, 302);
    assert_eq!((visit(&edge, "new.example", "/a").await.0, tls_allowed(&edge, "new.example").await), (503, 503));
    postgres.restart();
    crate::journey::wait_for_database(&ada).await;
    // A snapshot that was lost is filled with the hosts too.
    nats.wipe();
    sees(&edge, PATIENCE, HOST, "/", (302, Some("https://acme.example/"))).await;
    remove(&ada, &domain).await;
    sees(&edge, PATIENCE, HOST, "/a", (404, None)).await;
}
