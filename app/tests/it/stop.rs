//! Health checks and the graceful stop.

use serde_json::json;
use testkit::{Program, ProgramOptions};

use crate::journey::click_all;
use crate::program;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_finishes_what_is_under_way() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Program::start(program(), ProgramOptions::serve(folder.path()));
    let report = running.ready().await;
    assert_eq!(report["status"], "ready");
    assert_eq!(report["durability"]["spool"]["class"], "os");
    let ada = running.api().sign_up("ada").await;
    ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    let mut live = ada.subscribe("subscription { clicks { cursor } }", json!({})).await;
    click_all(running.setting("REDIRECT_LISTEN"), "a", 0..20).await;
    assert_eq!(running.stop().await, Some(0));
    // The socket is told to come again elsewhere.
    let end = loop {
        if let Err(end) = live.receive().await {
            break end;
        }
    };
    assert_eq!(end.0, 1001);
    assert!(!running.log().contains("left behind"), "{}", running.log());
}

#[tokio::test]
async fn the_health_check_tells_by_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let options = ProgramOptions::serve(folder.path());
    let mut check = options.clone();
    check.arguments = vec!["healthcheck".into()];
    let (code, _, error) = check.run(program());
    assert_eq!(code, Some(1));
    assert!(error.contains("LINKLOGGER_OPS_LISTEN"), "{error}");
    let mut running = Program::start(program(), options);
    running.ready().await;
    let (code, report, _) = check.run(program());
    assert_eq!(code, Some(0));
    assert!(report.contains("\"status\":\"ready\""), "{report}");
}
