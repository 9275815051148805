//! Click limits: never more than allowed, whoever leads on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::{ClickLimit, Gate, LeaseId, LimitMode, Outcome, PermitLease, ResolvedLink, Wanted, WorkspaceId};
use platform::Rng;
use platform::config::Database;
use store::{Access, NewAccount, NewSession, Refresh, RefreshHash, Store, Workspace};
use testkit::wait_until;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::fixture::{NOON as NOW, Running, gated, sesame, start_with};
use crate::sources::Counter;

pub const PERSON: &str = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0";

pub fn limited(limit: i64, gate: Gate) -> ResolvedLink {
    gated("https://example.com/", Gate { click_limit: Some(ClickLimit::parse(limit).unwrap()), ..gate })
}

pub async fn status(running: &Running, path: &str, agent: &str) -> u16 {
    running.http.get(running.url(path)).header("user-agent", agent).send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_takes_people_only_and_says_when_it_is_reached() {
    let running = start_with(&[], Counter::Memory(Arc::new(Mutex::new(3)))).await;
    running.know("l", limited(3, Gate::default()));
    for _ in 0..5 {
        assert_eq!(running.http.head(running.url("/l")).header("user-agent", PERSON).send().await.unwrap().status(), 302);
        assert_eq!(status(&running, "/l", "curl/8.5.0").await, 302);
    }
    for _ in 0..3 {
        assert_eq!(status(&running, "/l", PERSON).await, 302);
    }
    assert_eq!(status(&running, "/l", PERSON).await, 410);
    // Not even machines are led on above it.
    assert_eq!(status(&running, "/l", "curl/8.5.0").await, 410);
    let fallback = Some(domain::TargetUrl::from_store("https://example.com/else".into()));
    running.know("f", limited(3, Gate { fallback, ..Gate::default() }));
    let answer = running.http.get(running.url("/f")).header("user-agent", PERSON).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (302, "https://example.com/else"));
    let outcomes: Vec<_> = running.captured().await.into_iter().map(|click| click.outcome).collect();
    assert_eq!(outcomes[13..], [Outcome::Limit, Outcome::Limit, Outcome::Fallback]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn machines_are_not_led_on_above_a_limit_that_another_process_met() {
    let running = start_with(&[], Counter::Memory(Arc::new(Mutex::new(0)))).await;
    running.know("l", limited(3, Gate::default()));
    assert_eq!(status(&running, "/l", "curl/8.5.0").await, 410);
    // Nor where the counter cannot be asked.
    let down = start_with(&[], Counter::Down).await;
    down.know("l", limited(3, Gate::default()));
    assert_eq!(status(&down, "/l", "curl/8.5.0").await, 503);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unused_permits_come_back_and_without_the_counter_nobody_is_led_on() {
    let left = Arc::new(Mutex::new(1_000));
    let running = start_with(&[], Counter::Memory(left.clone())).await;
    running.know("l", limited(1_000, Gate::default()));
    for _ in 0..40 {
        assert_eq!(status(&running, "/l", PERSON).await, 302);
    }
    assert!(*left.lock().unwrap() < 960, "blocks grow with demand");
    running.clock.advance(10_000);
    wait_until(Duration::from_secs(10), "unused permits back", async || (*left.lock().unwrap() == 960).then_some(())).await;
    let down = start_with(&[], Counter::Down).await;
    down.know("l", limited(1_000, Gate::default()));
    assert_eq!(status(&down, "/l", PERSON).await, 503);
    assert_eq!(down.captured().await[0].outcome, Outcome::Limit);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_gives_back_exactly_what_requests_under_way_leave() {
    for limit_mode in [LimitMode::Strict, LimitMode::Fast] {
        let left = Arc::new(Mutex::new(1_000));
        let running = start_with(&[], Counter::Memory(left.clone())).await;
        running.know("l", limited(1_000, Gate { limit_mode, ..Gate::default() }));
        // The same link, so that a form is what is under way.
        running.know("form", limited(1_000, Gate { limit_mode, password: Some(sesame()), ..Gate::default() }));
        for _ in 0..40 {
            assert_eq!(status(&running, "/l", PERSON).await, 302);
        }
        let mut under_way = TcpStream::connect(running.address).await.unwrap();
        let body = "password=open+sesame";
        let head = format!("host: go.example\r\nuser-agent: {PERSON}\r\ncontent-length: {}\r\nexpect: 100-continue", body.len());
        under_way.write_all(format!("POST /form HTTP/1.1\r\n{head}\r\n\r\n").as_bytes()).await.unwrap();
        let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
        under_way.read_exact(&mut go_on).await.unwrap();
        running.stop().await;
        under_way.write_all(body.as_bytes()).await.unwrap();
        let mut answer = String::new();
        under_way.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
        running.drained().await;
        assert_eq!(*left.lock().unwrap(), 1_000 - 41);
    }
}

/// The store with one workspace and one link with a limit, as redirectors resolve it.
async fn stored(database: &Database, limit: i64) -> (Store, ResolvedLink) {
    let store = Store::connect(database).await.unwrap();
    store::migrate(&store, NOW).await.unwrap();
    let rng = Rng::System;
    let workspace = WorkspaceId::new(NOW, rng.entropy());
    let refresh = Refresh { hash: RefreshHash(rng.bytes()), expires_at: NOW };
    let (id, user) = (domain::SessionId::new(NOW, rng.entropy()), domain::UserId::new(NOW, rng.entropy()));
    let session = NewSession { id, user, workspace, refresh, now: NOW };
    let email = domain::Email::parse("ada@example.com").unwrap();
    let row = Workspace { id: workspace, name: "w".into(), slug: "w".into(), time_zone: "UTC".into(), created_at: NOW };
    store.sign_up(NewAccount { email, password_hash: "x".into(), workspace: row, session }).await.unwrap();
    let new = domain::NewLink {
        domain: None,
        id: domain::LinkId::new(NOW, rng.entropy()),
        slug: domain::Slug::parse("l").unwrap(),
        target: domain::TargetUrl::from_store("https://example.com/".into()),
        title: None,
        external_id: None,
        about: domain::LinkAbout::default(),
        redirect_status: domain::RedirectStatus::DEFAULT,
        forward_query: false,
        labels: domain::LinkLabels::default(),
        append_click_id: false,
        created_by: None,
        gate: Gate { click_limit: Some(ClickLimit::parse(limit).unwrap()), ..Gate::default() },
    };
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    scope.create_link(&new, NOW).await.unwrap();
    scope.commit().await.unwrap();
    let link = store.resolve_link("l").await.unwrap().unwrap();
    (store, link)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_get_lost_cost_no_permit() {
    let folder = tempfile::tempdir().unwrap();
    let (store, link) = stored(&Database::Sqlite(folder.path().join("test.db")), 200).await;
    let lost = Arc::new(AtomicUsize::new(3));
    let running = start_with(&[], Counter::Losing(store.clone(), lost.clone())).await;
    running.know("l", link.clone());
    // Three times it was granted and nobody heard of it.
    for _ in 0..3 {
        assert_eq!(status(&running, "/l", PERSON).await, 503);
        running.clock.advance(1_000);
    }
    for _ in 0..40 {
        assert_eq!(status(&running, "/l", PERSON).await, 302);
    }
    // What comes back comes back once, although it is said twice.
    lost.store(1, Ordering::SeqCst);
    running.clock.advance(10_000);
    let lease = || PermitLease { id: LeaseId::new(NOW, Rng::System.entropy()), link: link.id, workspace: link.workspace };
    let rest = wait_until(Duration::from_secs(10), "the rest is back", async || {
        if lost.load(Ordering::SeqCst) > 0 {
            return None;
        }
        let mut rest = 0;
        loop {
            match store.lease(&lease(), Wanted { at_least: 256, at_most: 256 }, NOW).await.unwrap() {
                0 => return Some(rest),
                leased => rest += leased,
            }
        }
    });
    assert_eq!(rest.await, 160);
}

/// Two redirectors with connections of their own, and more visitors than may pass.
async fn hammer(database: Database) {
    let (store, link) = stored(&database, 100).await;
    let other = Store::connect(&database).await.unwrap();
    let redirectors = [start_with(&[], Counter::Store(store)).await, start_with(&[], Counter::Store(other)).await];
    redirectors.iter().for_each(|running| running.know("l", link.clone()));
    let visits: Vec<_> = (0..400)
        .map(|number| {
            let running = &redirectors[number % 2];
            let request = running.http.get(running.url("/l")).header("user-agent", PERSON);
            tokio::spawn(async move { request.send().await.unwrap().status().as_u16() })
        })
        .collect();
    let mut passed = 0;
    for visit in visits {
        match visit.await.unwrap() {
            302 => passed += 1,
            status => assert_eq!(status, 410),
        }
    }
    assert!((80..=100).contains(&passed), "{passed}");
    // What the blocks still held comes back, so that in the end it is exactly the limit.
    let deadline = Duration::from_secs(20);
    wait_until(deadline, "the rest of the permits", async || {
        for running in &redirectors {
            running.clock.advance(11_000);
            if status(running, "/l", PERSON).await == 302 {
                passed += 1;
            }
        }
        (passed >= 100).then_some(())
    })
    .await;
    for running in &redirectors {
        running.clock.advance(11_000);
        assert_eq!(status(running, "/l", PERSON).await, 410);
    }
    assert_eq!(passed, 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_redirectors_on_sqlite_never_pass_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    hammer(Database::Sqlite(folder.path().join("test.db"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_redirectors_on_postgresql_never_pass_a_limit() {
    let server = testkit::Postgres::start();
    server.sql("postgres", "CREATE DATABASE limits");
    hammer(Database::Postgres(server.url("limits"))).await;
}
