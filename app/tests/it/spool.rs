//! `linklogger spool` as an operator uses it.

use std::path::Path;

use serde_json::json;
use testkit::{Program, ProgramOptions, wait_until};

use crate::journey::{PATIENCE, click_all, expect_exactly};
use crate::program;

fn spool(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut options = ProgramOptions::serve(folder);
    options.arguments = ["spool"].iter().chain(arguments).map(|argument| (*argument).to_owned()).collect();
    options.run(program())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_spool_is_inspected_verified_and_replayed_without_counting_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut serving = Program::start(program(), ProgramOptions::serve(folder.path()));
    serving.ready().await;
    let ada = serving.api().sign_up("ada").await;
    ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    click_all(serving.setting("REDIRECT_LISTEN"), "a", 0..50).await;
    expect_exactly(&ada, 50).await;
    let (code, text, _) = spool(folder.path(), &["inspect"]);
    assert_eq!(code, Some(0));
    assert!(text.contains("50 records") && !text.contains("Mozilla") && !text.contains("127.0.0.1"), "{text}");
    let (code, _, error) = spool(folder.path(), &["replay", "--from", "all"]);
    assert_eq!((code, error.lines().filter(|line| line.starts_with("linklogger: ")).count()), (Some(1), 1), "{error}");
    assert!(error.contains("Another process uses the spool"), "{error}");
    serving.stop().await;
    let (code, text, error) = spool(folder.path(), &["replay", "--from", "all"]);
    assert!(code == Some(0) && text.starts_with("50 records from offset 0 on"), "{text}{error}");
    serving.restart();
    serving.ready().await;
    click_all(serving.setting("REDIRECT_LISTEN"), "a", 50..60).await;
    expect_exactly(&ada, 60).await;
    assert_eq!(spool(folder.path(), &["verify"]).0, Some(0));
    serving.kill();
    let segment = std::fs::read_dir(folder.path().join("spool")).unwrap().map(|entry| entry.unwrap().path());
    let segment = segment
        .filter(|path| path.extension().is_some_and(|extension| extension == "seg"))
        .max_by_key(|path| path.metadata().unwrap().len());
    let segment = segment.unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    // Within the first record: behind the last one is room.
    bytes[100] ^= 0xff;
    std::fs::write(segment, bytes).unwrap();
    let (code, text, _) = spool(folder.path(), &["verify"]);
    assert!(code == Some(1) && text.contains("damaged at offset"), "{text}");
    let (code, _, error) = spool(&folder.path().join("elsewhere"), &["inspect"]);
    assert!(code == Some(1) && error.contains("There is no spool at ") && error.contains("LINKLOGGER_DATA_DIR"), "{error}");
    assert!(!error.contains("writable"), "{error}");
}

#[tokio::test]
async fn counts_of_one_and_of_none_are_said_as_people_say_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut serving = Program::start(program(), ProgramOptions::serve(folder.path()));
    serving.ready().await;
    let (_, text, _) = spool(folder.path(), &["verify"]);
    assert_eq!(text, "0 records in 1 segment can be read, 0 places are damaged\n");
    serving.stop().await;
    // Nothing was ever acked.
    let (code, _, error) = spool(folder.path(), &["replay", "--from", "4096"]);
    assert!(code == Some(1) && error.contains("nothing to deliver again") && !error.contains("between"), "{error}");
    let (code, text, _) = spool(folder.path(), &["replay", "--from", "all"]);
    assert_eq!((code, text.as_str()), (Some(0), "The spool keeps nothing that was acked, so that there is nothing to deliver again.\n"));
    let (code, _, error) = spool(folder.path(), &["replay", "--from", "-1"]);
    assert!(code == Some(2) && error.contains("write an offset from 0 on, such as 4096, or all"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreadable_cursor_is_told_of_and_everything_kept_is_delivered_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut serving = Program::start(program(), ProgramOptions::serve(folder.path()));
    serving.ready().await;
    let ada = serving.api().sign_up("ada").await;
    ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    let file = folder.path().join("spool/cursor");
    for (part, damage) in (0..).zip([Some([0xff; 1_024]), None]) {
        click_all(serving.setting("REDIRECT_LISTEN"), "a", part * 20..(part + 1) * 20).await;
        expect_exactly(&ada, (part + 1) * 20).await;
        serving.stop().await;
        match damage {
            Some(bytes) => std::fs::write(&file, bytes).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        let (code, text, _) = spool(folder.path(), &["inspect"]);
        assert!(code == Some(0) && text.contains("cursor     cannot be read (") && text.contains("20 records"), "{text}");
        let (code, _, error) = spool(folder.path(), &["replay", "--from", "0"]);
        assert!(code == Some(1) && error.contains("nobody knows which clicks were acked") && error.contains("--from all"), "{error}");
        serving.restart();
        let ready = serving.ready().await;
        assert!(ready.to_string().contains("stored once all the same"), "{ready:#}");
        let metrics = format!("http://{}/metrics", serving.setting("OPS_LISTEN"));
        wait_until(PATIENCE, "all are delivered again", async || {
            let text = reqwest::get(&metrics).await.ok()?.text().await.ok()?;
            text.contains("linklogger_worker_duplicates_total 20\n").then_some(())
        })
        .await;
        expect_exactly(&ada, (part + 1) * 20).await;
        serving.stop().await;
        serving.restart();
        assert!(!serving.ready().await.to_string().contains("cursor"));
    }
}
