//! `LINKLOGGER_CAPTURE=strict`: the same clicks are stored, and the visitor's full address is
//! nowhere before that.

use std::net::IpAddr;
use std::path::Path;

use serde_json::{Value, json};
use testkit::{GraphQl, Program, ProgramOptions, wait_until};

use crate::journey::PATIENCE;
use crate::processes::Processes;
use crate::program;
use crate::visitors::{BERLIN, CHROME, IPHONE, NOWHERE, PARIS, geo, stored, until_known, until_whole, visit};

const VISITS: [(&str, &str); 4] = [(BERLIN, CHROME), (PARIS, IPHONE), (NOWHERE, CHROME), ("::ffff:203.0.113.5", "curl/8.5.0")];

async fn visit_all(redirect: &str, via: &str) {
    for (number, (from, agent)) in VISITS.iter().enumerate() {
        visit(redirect, &format!("a?n={number}&via={via}"), from, agent).await;
    }
}

/// A link with a rule that asks for the place.
async fn link(ada: &GraphQl) {
    let rule = json!({ "name": "Germany", "conditions": { "countries": ["DE"] }, "targetUrl": "https://example.com/de" });
    ada.create_link("https://example.com/", json!({ "slug": "a", "rules": [rule] })).await;
}

/// Whether a file below `folder` holds these bytes.
pub fn found(folder: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return found(&path, bytes);
        }
        std::fs::read(&path).is_ok_and(|content| content.windows(bytes.len()).any(|window| window == bytes))
    })
}

/// The addresses of [`VISITS`] that a file below `folder` holds, as bytes or as text.
fn addresses(folder: &Path) -> Vec<&'static str> {
    let holds = |text: &str| {
        let bytes = match text.parse::<IpAddr>().unwrap().to_canonical() {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        found(folder, &bytes) || found(folder, text.as_bytes())
    };
    VISITS.iter().map(|(from, _)| *from).filter(|from| holds(from)).collect()
}

fn all_addresses() -> Vec<&'static str> {
    VISITS.iter().map(|(from, _)| *from).collect()
}

fn options(folder: &Path, capture: &str) -> ProgramOptions {
    ProgramOptions::serve(folder).with("TRUSTED_PROXIES", "127.0.0.1").with("CAPTURE", capture)
}

fn check(clicks: &[Value]) {
    let places: Vec<_> =
        clicks.iter().map(|click| json!([click["country"], click["city"], click["network"], click["rule"]["name"]])).collect();
    let expected = json!([
        ["DE", "Berlin", "203.0.113.0/24", "Germany"],
        ["FR", "Paris", "2001:db8:77::/48", null],
        [null, null, "198.51.100.0/24", null],
        ["DE", "Berlin", "203.0.113.0/24", "Germany"]
    ]);
    assert_eq!(json!(places), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_stores_the_same_clicks_and_keeps_no_address() {
    let folder = tempfile::tempdir().unwrap();
    let geo = geo(folder.path());
    let mut both = Vec::new();
    for capture in ["worker", "strict"] {
        let data = folder.path().join(capture);
        let mut program = Program::start(program(), options(&data, capture).with("GEOIP_DB", &geo));
        assert_eq!(program.ready().await["warnings"], json!([]));
        let ada = program.api().sign_up("ada").await;
        link(&ada).await;
        visit_all(program.setting("REDIRECT_LISTEN"), "x").await;
        both.push(stored(&ada, "x", VISITS.len()).await);
        // What is looked for can be found.
        assert!(found(&data.join("spool"), IPHONE.as_bytes()));
        let expected = if capture == "worker" { all_addresses() } else { Vec::new() };
        assert_eq!(addresses(&data), expected, "{capture}");
        assert_eq!(program.stop().await, Some(0));
    }
    check(&both[0]);
    assert_eq!(both[0], both[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_geo_database_strict_capture_warns() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(program(), options(folder.path(), "strict"));
    let warnings = program.ready().await["warnings"].take();
    assert!(warnings[0].as_str().unwrap().contains("LINKLOGGER_GEOIP_DB"), "{warnings}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_stores_the_same_clicks_and_the_broker_sees_no_address() {
    let processes = Processes::new();
    let geo = geo(processes.folder.path());
    let api = processes.start(processes.options("api", "api")).await;
    let ada = api.api().sign_up("ada").await;
    link(&ada).await;
    let mut edges = Vec::new();
    for capture in ["strict", "worker"] {
        let options = processes.options("redirector", capture).with("CAPTURE", capture).with("GEOIP_DB", &geo);
        let edge = processes.start(options).await;
        let redirect = edge.setting("REDIRECT_LISTEN").to_owned();
        // Before it knows that the workspace decided nothing it writes no network.
        until_whole(&redirect).await;
        until_known(&redirect, "a").await;
        visit_all(&redirect, capture).await;
        let last = format!("n=3&via={capture}");
        wait_until(PATIENCE, "the broker has the clicks", async || found(&processes.nats.store(), last.as_bytes()).then_some(())).await;
        let expected = if capture == "worker" { all_addresses() } else { Vec::new() };
        assert_eq!(addresses(&processes.nats.store()), expected, "{capture}");
        assert_eq!(addresses(&processes.folder.path().join(capture)), expected, "{capture}");
        edges.push(edge);
    }
    let _worker = processes.start(processes.options("worker", "storing").with("GEOIP_DB", &geo)).await;
    let (strict, full) = (stored(&ada, "strict", VISITS.len()).await, stored(&ada, "worker", VISITS.len()).await);
    check(&strict);
    assert_eq!(strict, full);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_is_the_same_whoever_reduces_and_an_agent_that_is_not_kept_is_nowhere() {
    let processes = Processes::new();
    let geo = geo(processes.folder.path());
    let api = processes.start(processes.options("api", "api")).await;
    let ada = api.api().sign_up("ada").await;
    link(&ada).await;
    let _worker = processes.start(processes.options("worker", "worker").with("GEOIP_DB", &geo)).await;
    let mut edges = Vec::new();
    for capture in ["strict", "worker"] {
        let options = processes.options("redirector", capture).with("CAPTURE", capture).with("GEOIP_DB", &geo);
        let edge = processes.start(options).await;
        until_whole(edge.setting("REDIRECT_LISTEN")).await;
        until_known(edge.setting("REDIRECT_LISTEN"), "a").await;
        // Before it has the day's salt its clicks are of nobody.
        wait_until(PATIENCE, "clicks are of somebody", async || {
            visit(edge.setting("REDIRECT_LISTEN"), "a?n=0&via=first", BERLIN, CHROME).await;
            let page = ada.data("{ clicks(first: 1) { nodes { visitor via: parameter(key: \"via\") } } }", json!({})).await;
            let last = &page["clicks"]["nodes"][0];
            (last["via"] == "first" && last["visitor"].is_string()).then_some(())
        })
        .await;
        visit_all(edge.setting("REDIRECT_LISTEN"), capture).await;
        edges.push(edge);
    }
    let visitors = async |via: &str| {
        stored(&ada, via, VISITS.len()).await;
        let page =
            ada.data("{ clicks(first: 100) { nodes { visitor n: parameter(key: \"n\") via: parameter(key: \"via\") } } }", json!({})).await;
        let mut clicks: Vec<_> = page["clicks"]["nodes"].as_array().unwrap().iter().filter(|click| click["via"] == via).collect();
        clicks.sort_by_key(|click| click["n"].to_string());
        clicks.into_iter().map(|click| click["visitor"].as_str().expect("a click is of somebody").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(visitors("strict").await, visitors("worker").await);
    let totals = ada.data("{ clickTotals(filter: {period: TODAY}) { dailyUniques } }", json!({})).await;
    // curl is no person; the others came more than once.
    assert_eq!(totals["clickTotals"], json!({ "dailyUniques": 3 }));

    let change = "mutation { updateWorkspace(input: {privacy: {keepUserAgent: false}}) { workspace { id } } }";
    ada.data(change, json!({})).await;
    let spool = processes.folder.path().join("strict").join("spool");
    let mut version = 100;
    wait_until(PATIENCE, "an agent is not written", async || {
        version += 1;
        let agent = IPHONE.replace("17_5", &format!("17_{version}"));
        visit(edges[0].setting("REDIRECT_LISTEN"), &format!("a?n={version}&via=agentless"), BERLIN, &agent).await;
        (!found(&spool, agent.as_bytes())).then_some(())
    })
    .await;
    let last = wait_until(PATIENCE, "the click is stored", async || {
        let fields = "{ clicks(first: 1) { nodes { userAgent browser os osVersion verdict n: parameter(key: \"n\") } } }";
        let click = ada.data(fields, json!({})).await["clicks"]["nodes"][0].take();
        (click["n"].as_str() == Some(version.to_string().as_str())).then_some(click)
    })
    .await;
    let os_version = format!("17.{version}");
    assert_eq!(
        last,
        json!({ "userAgent": null, "browser": "Safari", "os": "iOS", "osVersion": os_version, "verdict": "HUMAN", "n": version.to_string() })
    );
    assert!(!found(&processes.nats.store(), IPHONE.replace("17_5", &format!("17_{version}")).as_bytes()));
}
