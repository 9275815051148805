//! Records that the database refuses: set aside, looked at, tried again and deleted, without anything of
//! the visitor's being told.

use std::sync::Arc;

use serde_json::json;
use testkit::{Postgres, Program, ProgramOptions, wait_until};

use crate::journey::PATIENCE;
use crate::program;
use crate::visitors::{BERLIN, CHROME, visit};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_is_stored_once_that_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let server = Postgres::shared();
    let database = server.create_database();
    let options = ProgramOptions::serve(folder.path()).with("TRUSTED_PROXIES", "127.0.0.1").with("DATABASE_URL", server.url(&database));
    let run = {
        let options = Arc::new(options.clone());
        move |arguments: &[&str]| {
            let mut options = (*options).clone();
            options.arguments = std::iter::once("dead-letters").chain(arguments.iter().copied()).map(str::to_owned).collect();
            options.run(program())
        }
    };
    let mut serving = Program::start(program(), options);
    serving.ready().await;
    let ada = serving.api().sign_up("ada").await;
    ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    let redirect = serving.setting("REDIRECT_LISTEN").to_owned();
    server.sql(&database, "ALTER TABLE clicks ADD CONSTRAINT odd CHECK (url NOT LIKE '%odd=%')");
    for path in ["a?odd=1", "a?odd=2", "a?n=3"] {
        visit(&redirect, path, BERLIN, CHROME).await;
    }
    let human = async || ada.data("{ clickTotals { clicks } }", json!({})).await["clickTotals"]["clicks"].as_u64().unwrap();
    wait_until(PATIENCE, "the sound click is stored", async || (human().await == 1).then_some(())).await;
    let list = || {
        let (code, said, error) = run(&["list"]);
        assert_eq!(code, Some(0), "{error}");
        said.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let letters = wait_until(PATIENCE, "two are set aside", async || Some(list()).filter(|lines| lines.len() == 3)).await;
    assert_eq!(letters[2], "2 dead letters.");
    assert!(
        letters[..2].iter().all(|letter| letter.contains("odd") && !letter.contains("odd=") && !letter.contains(BERLIN)),
        "{letters:?}"
    );
    let id = |line: &str| line.split_whitespace().next().unwrap().to_owned();
    let (first, second) = (id(&letters[0]), id(&letters[1]));

    let (code, said, error) = run(&["retry"]);
    assert_eq!(code, Some(1), "{error}");
    assert!(said.contains(&format!("{first}  is still refused: ")) && said.ends_with("0 dead letters done with, 2 left.\n"), "{said}");
    let (code, said, _) = run(&["remove", &second]);
    assert_eq!((code, said), (Some(0), format!("{second}  deleted\n")));
    let (code, _, error) = run(&["remove", &second]);
    assert!(code == Some(1) && error.contains("dead-letters list"), "{error}");

    server.sql(&database, "ALTER TABLE clicks DROP CONSTRAINT odd");
    let (code, said, error) = run(&["retry", &first]);
    assert_eq!((code, said), (Some(0), format!("{first}  stored\n")), "{error}");
    assert_eq!(list(), ["0 dead letters."]);
    // As any other click of that visitor: with a network, and told from others.
    assert_eq!(human().await, 2);
    let answer = ada.data("{ clickTotals { dailyUniques } clicks(first: 2) { nodes { network } } }", json!({})).await;
    let network = json!({ "network": "203.0.113.0/24" });
    assert_eq!(answer, json!({ "clickTotals": { "dailyUniques": 1 }, "clicks": { "nodes": [network, network] } }));
    let (code, said, _) = run(&["retry"]);
    assert_eq!((code, said.as_str()), (Some(0), "0 dead letters done with, 0 left.\n"));
}
