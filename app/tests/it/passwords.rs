//! Guesses of links' passwords leave nothing behind: the memory of each hash goes back to the system.

use serde_json::json;
use testkit::{Program, ProgramOptions, wait_until};

use crate::journey::{PATIENCE, browser};
use crate::program;

/// A link takes a hundred guesses a minute, so there are several.
const SLUGS: [&str; 3] = ["one", "two", "three"];
/// Guesses at each, every one from a network of its own.
const GUESSES: u32 = 70;
/// Those at once.
const LANES: u32 = 14;
/// Less than one hash needs.
const MAY_GROW_KIB: u64 = 16 * 1_024;

async fn guess(url: &str, network: u32, password: &str) -> u16 {
    let visitor = format!("198.{}.{}.7", 18 + network / 256, network % 256);
    let request = browser().post(url).header("x-forwarded-for", visitor).body(format!("password={password}"));
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_from_many_networks_leave_the_process_as_small_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(program(), ProgramOptions::serve(folder.path()).with("TRUSTED_PROXIES", "127.0.0.1"));
    program.ready().await;
    let ada = program.api().sign_up("ada").await;
    let urls = SLUGS.map(|slug| format!("http://{}/{slug}", program.setting("REDIRECT_LISTEN")));
    for (slug, url) in SLUGS.iter().zip(&urls) {
        ada.create_link("https://example.com/", json!({ "slug": slug, "password": "open sesame" })).await;
        assert_eq!(guess(url, 0, "open+sesame").await, 303);
    }
    let before = program.resident_kib();
    for (first, url) in (1..).step_by(GUESSES as usize).zip(&urls) {
        let lanes: Vec<_> = (0..LANES)
            .map(|lane| {
                let url = url.clone();
                tokio::spawn(async move {
                    for network in (first + lane..first + GUESSES).step_by(LANES as usize) {
                        assert_eq!(guess(&url, network, "x").await, 403);
                    }
                })
            })
            .collect();
        for lane in lanes {
            lane.await.unwrap();
        }
    }
    let most = before + MAY_GROW_KIB;
    let small = format!("of {before} KiB before the guesses {most} at most afterwards");
    wait_until(PATIENCE, &small, async || (program.resident_kib() <= most).then_some(())).await;
}
