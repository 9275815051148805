//! A rule from the request to the stored click.

use serde_json::{Value, json};
use testkit::{GraphQl, Program, ProgramOptions};

use crate::processes::Processes;
use crate::program;
use crate::visitors::{BERLIN, CHROME, IPHONE, NOWHERE, PARIS, geo, stored, until_known, visit};

const TO: &str = "https://example.com/";

/// A link whose rules ask for the place, the device and nothing, with variants.
async fn link(ada: &GraphQl) {
    let variant = |name: &str, weight: u32| json!({ "name": name, "targetUrl": format!("{TO}{name}"), "weight": weight });
    let rules = json!([
        { "name": "Germans", "conditions": { "countries": ["DE"] }, "targetUrl": format!("{TO}de") },
        { "name": "Phones", "conditions": { "devices": ["MOBILE"] }, "variants": [variant("A", 0), variant("B", 7)] },
        { "name": "French", "conditions": { "languages": ["fr"], "parameters": [{ "key": "promo" }] }, "targetUrl": format!("{TO}fr") },
    ]);
    ada.create_link(TO, json!({ "slug": "ruled", "rules": rules })).await;
}

/// Where each visit leads, and what is stored of it: rule, variant, target, country, device.
async fn check(ada: &GraphQl, redirect: &str) {
    let visits: [(&str, &str, &str, &str, Value); 5] = [
        (BERLIN, CHROME, "", "de", json!(["Germans", null, "DE", "DESKTOP"])),
        (BERLIN, IPHONE, "", "de", json!(["Germans", null, "DE", "MOBILE"])),
        (PARIS, IPHONE, "", "B", json!(["Phones", "B", "FR", "MOBILE"])),
        (NOWHERE, CHROME, "&promo=1", "fr", json!(["French", null, null, "DESKTOP"])),
        (NOWHERE, CHROME, "", "", json!([null, null, null, "DESKTOP"])),
    ];
    for (number, (from, agent, query, target, _)) in visits.iter().enumerate() {
        assert_eq!(visit(redirect, &format!("ruled?via=x&n={number}{query}"), from, agent).await, format!("{TO}{target}"));
    }
    let clicks = stored(ada, "x", visits.len()).await;
    for (click, (_, _, _, target, expected)) in clicks.iter().zip(visits) {
        assert_eq!(json!([click["rule"]["name"], click["variant"], click["country"], click["device"]]), expected);
        assert_eq!(click["targetUrl"], format!("{TO}{target}"));
    }
    let rows = ada.data("{ clickBreakdown(dimension: RULE) { rows { label clicks } } }", json!({})).await;
    let mut rows = rows["clickBreakdown"]["rows"].as_array().unwrap().clone();
    rows.sort_by_key(|row| row["label"].to_string());
    let row = |label: &str, clicks: u32| json!({ "label": label, "clicks": clicks });
    assert_eq!(json!(rows), json!([row("French", 1), row("Germans", 2), row("None", 1), row("Phones", 1)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_stores_what_decided() {
    let folder = tempfile::tempdir().unwrap();
    let options = ProgramOptions::serve(folder.path()).with("TRUSTED_PROXIES", "127.0.0.1").with("GEOIP_DB", geo(folder.path()));
    let mut program = Program::start(program(), options);
    program.ready().await;
    let ada = program.api().sign_up("ada").await;
    link(&ada).await;
    check(&ada, program.setting("REDIRECT_LISTEN")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_stores_what_decided_at_the_edge() {
    let processes = Processes::new();
    let geo = geo(processes.folder.path());
    let api = processes.start(processes.options("api", "api")).await;
    let _worker = processes.start(processes.options("worker", "worker").with("GEOIP_DB", &geo)).await;
    let edge = processes.start(processes.options("redirector", "edge").with("GEOIP_DB", &geo)).await;
    let ada = api.api().sign_up("ada").await;
    link(&ada).await;
    until_known(edge.setting("REDIRECT_LISTEN"), "ruled").await;
    check(&ada, edge.setting("REDIRECT_LISTEN")).await;
}
