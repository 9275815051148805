//! Rollups compared and counted anew by command, while the program runs.

use domain::{Click, WorkspaceId};
use platform::Clock;
use platform::config::Database;
use serde_json::{Value, json};
use store::{Incoming, Store};
use testkit::{GraphQl, Postgres, Program, ProgramOptions};

use crate::program;
use crate::verdicts::{command, old_click};
use crate::visitors::{CHROME, IPHONE};

async fn browsers(api: &GraphQl) -> Value {
    let query = "{ clickBreakdown(dimension: BROWSER) { rows { value clicks } source } }";
    api.data(query, json!({})).await["clickBreakdown"].take()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_rollups_are_counted_anew_by_command() {
    let server = Postgres::start();
    let folder = tempfile::tempdir().unwrap();
    let url = server.url("postgres");
    let mut running = Program::start(program(), ProgramOptions::serve(folder.path()).with("DATABASE_URL", url.clone()));
    running.ready().await;
    let ada = running.api().sign_up("ada").await;
    let link = ada.create_link("https://example.com/", json!({ "slug": "a" })).await["id"].as_str().unwrap().to_owned();
    let workspace: WorkspaceId = ada.data("{ workspace { id } }", json!({})).await["workspace"]["id"].as_str().unwrap().parse().unwrap();
    let now = Clock::System.now();
    let store = Store::connect(&Database::Postgres(url.clone())).await.unwrap();
    // Over three days.
    let clicks = [(CHROME, 60), (IPHONE, 50), (CHROME, 1_500), (CHROME, 3_000)].map(|(agent, minutes)| Click {
        browser: Some(if agent == CHROME { "Chrome" } else { "Safari" }.into()),
        ..old_click(&link, agent, now.plus(-minutes * 60_000))
    });
    let incoming = |click: &Click| Incoming { workspace, click: click.clone(), day: None, record: [].into(), frame: "f".into() };
    store.ingest(&clicks.iter().map(incoming).collect::<Vec<_>>(), now).await.unwrap();
    let before = browsers(&ada).await;
    assert_eq!(before["source"], "ROLLUP");
    let run = |arguments: &[&str]| command(folder.path(), arguments).with("DATABASE_URL", url.clone()).run(program());
    assert_eq!(run(&["verify-rollups"]).0, Some(0));

    server.sql("postgres", "DELETE FROM rollup_cells WHERE grain = 2");
    server.sql("postgres", "UPDATE rollup_cells SET body = decode('02ff00', 'hex') WHERE grain = 0");
    server.sql("postgres", "UPDATE link_stats SET clicks = 9");
    let (code, said, _) = run(&["verify-rollups"]);
    assert_eq!(code, Some(1), "{said}");
    for told in
        ["day by Browser", "quarter-hour  all links: the cell cannot be read", "its statistics have 9 clicks; its cells cannot be read"]
    {
        assert!(said.contains(told), "{told}: {said}");
    }
    // Told of and left alone.
    let (code, would, error) = run(&["rebuild-rollups", "--dry-run"]);
    assert!(code == Some(0) && would.contains("day by Browser") && would.contains("the cell cannot be read"), "{would} {error}");
    assert!(would.contains(" would be counted anew, from ") && would.ends_with("; 1 link would be set.\n"), "{would}");
    assert_eq!(run(&["verify-rollups"]).1, said);
    let days_in = |said: &str| said.lines().last().unwrap().split_whitespace().nth(1).unwrap().to_owned();
    let (code, said, error) = run(&["rebuild-rollups", "--workspace", &workspace.to_string()]);
    assert_eq!(days_in(&said), days_in(&would));
    assert!(
        code == Some(0) && said.starts_with(&workspace.to_string()) && said.contains("1 link set to what the cells say"),
        "{said} {error}"
    );
    let (code, said, _) = run(&["verify-rollups"]);
    assert!(code == Some(0) && said.ends_with("0 differences found.\n"), "{said}");
    assert_eq!(browsers(&ada).await, before);

    let (code, said, error) = run(&["rebuild-rollups", "--dry-run"]);
    assert!(code == Some(0) && said.ends_with(" compared, 0 differences found; 0 links would be set.\n"), "{said} {error}");

    // What has not begun yet is refused before anything is done, or looked at.
    for arguments in [vec!["--from", "2100-01-01"], vec!["--from", "2100-01-01", "--dry-run"]] {
        let (code, said, error) = run(&[&["rebuild-rollups"], arguments.as_slice()].concat());
        assert!(code == Some(1) && said.is_empty() && error.contains("--from 2100-01-01 is in the future"), "{said} {error}");
    }

    // Only some days, and all workspaces.
    server.sql("postgres", "DELETE FROM rollup_cells WHERE grain = 2");
    let yesterday = jiff::Timestamp::from_millisecond(now.plus(-86_400_000).0).unwrap().strftime("%F").to_string();
    let (code, said, error) = run(&["rebuild-rollups", "--from", &yesterday]);
    assert_eq!(code, Some(0), "{said} {error}");
    let (code, said, _) = run(&["verify-rollups"]);
    assert!(code == Some(1) && said.contains("  day"), "{said}");
    assert_eq!(run(&["rebuild-rollups"]).0, Some(0));
    assert_eq!(run(&["verify-rollups"]).0, Some(0));

    // What clicks are gone of stays as it is counted.
    store.keep_clicks_from(workspace, now.plus(-2 * 86_400_000)).await.unwrap();
    let (code, _, error) = run(&["rebuild-rollups", "--workspace", &workspace.to_string(), "--from", "2020-01-01"]);
    assert!(code == Some(1) && error.contains("only counts are left of before"), "{error}");
    let (code, _, error) = run(&["rebuild-rollups", "--from", "2020-01-01"]);
    assert!(code == Some(1) && error.contains("only counts are left of before") && error.contains("1 workspace"), "{error}");
    assert_eq!(browsers(&ada).await, before);
    let unknown = WorkspaceId::new(now, [7; 10]).to_string();
    let (code, _, error) = run(&["rebuild-rollups", "--workspace", &unknown]);
    assert!(code == Some(1) && error.contains("There is no workspace"), "{error}");
    store.close().await;
}
