//! Geo databases that are replaced while clicks come in, and what is told of them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use testkit::mmdb::{Value as Entry, build_at};
use testkit::{Program, ProgramOptions, wait_until};

use crate::journey::PATIENCE;
use crate::program;
use crate::visitors::{BERLIN, CHROME, visit};

/// In 2026 and 2020.
const NEW: u64 = 1_780_000_000;
const OLD: u64 = 1_600_000_000;

fn place(city: &str, built: u64) -> Vec<u8> {
    let text = |text: &str| Entry::Text(text.to_owned());
    let row = Entry::Map(vec![("country_code".into(), text("DE")), ("city".into(), text(city))]);
    build_at(built, 4, &[("203.0.113.0/24", row)])
}

/// By renaming, as a file is replaced.
fn put(path: &Path, bytes: &[u8]) {
    let fresh = path.with_extension("fresh");
    std::fs::write(&fresh, bytes).unwrap();
    std::fs::rename(fresh, path).unwrap();
}

async fn until_part(program: &Program, status: &str, text: &str) -> String {
    wait_until(PATIENCE, &format!("geoip is {status} with {text}"), async || {
        let part = program.readyz().await["parts"]["geoip"].take();
        let detail = part["detail"].as_str()?.to_owned();
        (part["status"] == status && detail.contains(text)).then_some(detail)
    })
    .await
}

/// A click whose parameter `n` is the number, as it is stored.
async fn click(program: &Program, ada: &testkit::GraphQl, number: usize) -> Value {
    let number = json!(number.to_string());
    visit(program.setting("REDIRECT_LISTEN"), &format!("a?n={}", number.as_str().unwrap()), BERLIN, CHROME).await;
    let query = "{ clicks(first: 1) { nodes { city geoVersion asn asOrganization asnVersion n: parameter(key: \"n\") } } }";
    wait_until(PATIENCE, "the click is stored", async || {
        let click = ada.data(query, json!({})).await.pointer("/clicks/nodes/0")?.clone();
        (click["n"] == number).then_some(click)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_replaced_under_load_and_no_click_is_without_a_place() {
    let folder = tempfile::tempdir().unwrap();
    let (cities, systems) = (folder.path().join("cities.mmdb"), folder.path().join("systems.csv"));
    std::fs::write(&cities, place("Berlin", OLD)).unwrap();
    std::fs::write(&systems, "203.0.113.0,203.0.113.255,64496,\"One, Inc.\"\n").unwrap();
    // As `geoip fetch` dates it.
    let dated = std::fs::File::options().write(true).open(&systems).unwrap();
    dated.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(NEW)).unwrap();
    let files = format!("{},{}", cities.display(), systems.display());
    let options = ProgramOptions::serve(folder.path()).with("TRUSTED_PROXIES", "127.0.0.1").with("GEOIP_DB", files);
    let mut program = Program::start(program(), options.with("CLICK_RATE", "0"));
    let report = program.ready().await;
    let (warnings, detail) = (&report["warnings"], report["parts"]["geoip"]["detail"].as_str().unwrap());
    assert!(
        detail.contains("cities.mmdb was built on 2020-09-13") && detail.contains("systems.csv is, by its file's time, of 2026-05-28"),
        "{detail}"
    );
    assert!(warnings[0].as_str().unwrap().contains("cities.mmdb"), "{warnings}");
    let ada = program.api().sign_up("ada").await;
    ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    let first = click(&program, &ada, 0).await;
    let expected = |city: &str, version: &str| {
        json!({
            "city": city, "geoVersion": version, "asn": 64_496, "asOrganization": "One, Inc.", "asnVersion": "2026-05-28T20:26:40.000Z", "n": first["n"],
        })
    };
    assert_eq!(first, expected("Berlin", "2020-09-13T12:26:40.000Z"));

    let done = Arc::new(AtomicBool::new(false));
    let (redirect, is_done) = (program.setting("REDIRECT_LISTEN").to_owned(), done.clone());
    let load = tokio::spawn(async move {
        let mut count = 0;
        while !is_done.load(Ordering::Relaxed) {
            assert_eq!(visit(&redirect, "a?n=load", BERLIN, CHROME).await, "https://example.com/");
            count += 1;
        }
        count
    });
    put(&cities, &place("Bonn", NEW));
    until_part(&program, "ready", "cities.mmdb was built on 2026-05-28").await;
    done.store(true, Ordering::Relaxed);
    let count: u64 = load.await.unwrap();
    let mut second = click(&program, &ada, 1).await;
    second["n"] = first["n"].clone();
    assert_eq!(second, expected("Bonn", "2026-05-28T20:26:40.000Z"));

    // Each of them had one place or the other, with the version that belongs to it.
    // So many of one visitor are suspected.
    let rows = "{ clickBreakdown(dimension: CITY, filter: { verdicts: [HUMAN, SUSPECTED] }) { rows { label clicks } } }";
    let stored = wait_until(PATIENCE, "all clicks are stored", async || {
        let rows = ada.data(rows, json!({})).await["clickBreakdown"]["rows"].take();
        let clicks: u64 = rows.as_array()?.iter().filter_map(|row| row["clicks"].as_u64()).sum();
        (clicks == count + 2).then_some(rows)
    })
    .await;
    let labels: Vec<_> = stored.as_array().unwrap().iter().filter_map(|row| row["label"].as_str()).collect();
    assert!(labels.len() == 2 && labels.iter().all(|label| label.contains("Berlin") || label.contains("Bonn")), "{stored}");
    let page = ada.data("{ clicks(first: 100) { nodes { city geoVersion } } }", json!({})).await;
    for click in page["clicks"]["nodes"].as_array().unwrap() {
        let version = if click["city"] == "Bonn" { "2026-05-28T20:26:40.000Z" } else { "2020-09-13T12:26:40.000Z" };
        assert_eq!(click["geoVersion"], version);
    }
    let metrics = reqwest::get(format!("http://{}/metrics", program.setting("OPS_LISTEN"))).await.unwrap().text().await.unwrap();
    let line = format!("linklogger_geoip_built_timestamp_seconds{{file=\"{}\"}} {NEW}", cities.display());
    assert!(metrics.contains(&line) && metrics.contains("linklogger_geoip_loaded_total 1"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_replacement_is_told_of_and_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let cities = folder.path().join("cities.mmdb");
    std::fs::write(&cities, place("Berlin", OLD)).unwrap();
    let options = ProgramOptions::serve(folder.path()).with("TRUSTED_PROXIES", "127.0.0.1").with("GEOIP_DB", cities.display().to_string());
    let mut program = Program::start(program(), options);
    program.ready().await;
    let ada = program.api().sign_up("ada").await;
    ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    put(&cities, b"no database");
    let detail = until_part(&program, "degraded", "cannot be used").await;
    assert!(detail.contains(cities.to_str().unwrap()) && detail.contains("linklogger geoip fetch"), "{detail}");
    assert_eq!(click(&program, &ada, 0).await["city"], "Berlin");
    std::fs::remove_file(&cities).unwrap();
    until_part(&program, "degraded", "is gone").await;
    assert_eq!(click(&program, &ada, 1).await["city"], "Berlin");
    put(&cities, &place("Bonn", OLD));
    until_part(&program, "ready", "2020-09-13").await;
    assert_eq!(click(&program, &ada, 2).await["city"], "Bonn");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn databases_that_come_into_the_data_folder_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let options = ProgramOptions::serve(folder.path()).with("TRUSTED_PROXIES", "127.0.0.1").with("CAPTURE", "strict");
    let mut program = Program::start(program(), options);
    let report = program.ready().await;
    assert!(report["warnings"].to_string().contains("linklogger geoip fetch"), "{report:#}");
    assert!(report["parts"]["geoip"]["detail"].as_str().unwrap().contains("no geo database"), "{report:#}");
    let ada = program.api().sign_up("ada").await;
    ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    assert_eq!(click(&program, &ada, 0).await["city"], Value::Null);
    std::fs::create_dir(folder.path().join("geoip")).unwrap();
    put(&folder.path().join("geoip/cities.mmdb"), &place("Berlin", 0));
    until_part(&program, "ready", "cities.mmdb").await;
    assert_eq!(program.readyz().await["warnings"], json!([]));
    let click = click(&program, &ada, 1).await;
    assert_eq!((&click["city"], &click["geoVersion"]), (&json!("Berlin"), &Value::Null));
}
