//! What is refused before anything is looked up: each answer says why, in the same form, whoever of
//! hyper and the redirector gives it.

use redirector::RateLimits;
use tokio::io::AsyncWriteExt as _;

use crate::fixture::{Running, Setup, link, start_as};
use crate::hostile::{HOST, get, statuses, with_link};
use crate::limits::{connect, rest};

/// The status of the only answer to these bytes, and its text.
async fn told(running: &Running, bytes: &[u8]) -> (u16, String) {
    let mut socket = connect(running).await;
    let _ = socket.write_all(bytes).await;
    let answer = rest(socket).await;
    assert_eq!(answer.matches("HTTP/1.").count(), 1, "{answer}");
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
    let fields: Vec<&str> = lines.collect();
    for wanted in [
        "content-type: text/plain; charset=utf-8",
        "x-content-type-options: nosniff",
        "cache-control: private, no-store",
        "connection: close",
        &format!("content-length: {}", text.len()),
    ] {
        assert_eq!(fields.iter().filter(|field| **field == wanted).count(), 1, "{wanted} in {answer}");
    }
    assert!(fields.iter().any(|field| field.starts_with("date: ")), "{answer}");
    (status, text.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_says_what_is_wrong() {
    let running = with_link().await;
    let (many, long) = ("X: a\r\n".repeat(101), format!("{HOST}X: {}\r\n", "x".repeat(100_000)));
    let length = |length: &str| format!("{HOST}Content-Length: {length}\r\n");
    let (endless, none, larger) = (length("18446744073709551615"), length("3, 3"), length("99999999999999999999"));
    for (target, headers, status, why) in [
        ("/a", "", 400, "lacks its Host header"),
        ("/a", "Host: go.example\r\nHost: go.example\r\n", 400, "several Host headers"),
        ("/a", "Host: b\u{fc}cher.example\r\n", 400, "names no host"),
        ("/a", "Host: a b/c\r\n", 400, "names no host"),
        ("/a", "Host: \r\n", 400, "names no host"),
        ("/a", "Host: go.example\r\nTransfer-Encoding: chunked\r\n", 400, "Transfer-Encoding"),
        ("/a?q=\"x\"", HOST, 400, "%22, %3C and %3E"),
        ("/a?q=<x", HOST, 400, "%22, %3C and %3E"),
        ("/a?q=x>", HOST, 400, "%22, %3C and %3E"),
        ("/a?q=x y", HOST, 400, "cannot be read"),
        ("/a", "Host: go.example\r\nX : a\r\n", 400, "cannot be read"),
        ("/a", "Host: go.example\r\nTransfer-Encoding: identity\r\n", 400, "cannot be read"),
        ("/a", &many, 431, "100 fields"),
        ("/a", &long, 431, "32 KiB"),
        ("/a", &endless, 400, "The Content-Length of this request"),
        ("/a", &none, 400, "The Content-Length of this request"),
        ("/a", &larger, 400, "The Content-Length of this request"),
        ("/a", "Host: go.example\r\nContent-Length: 1\r\nContent-Length: 2\r\n", 400, "one Content-Length"),
    ] {
        let (met, text) = told(&running, &get(target, headers)).await;
        assert!(met == status && text.contains(why), "{target:.20} {headers:.40}: {met} {text}");
    }
    let (status, text) = told(&running, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await;
    assert!(status == 400 && text.contains("cannot be read"), "{text}");
    assert_eq!(running.metric("redirector_clicks_total"), 0);
    // Encoded, they are a query like any other.
    assert_eq!(statuses(&running, &get("/a?q=%22%3C%3E", HOST)).await, [302]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_went_before_a_refusal_is_answered_as_ever() {
    let running = with_link().await;
    let mut socket = connect(&running).await;
    let requests = format!("GET /a HTTP/1.1\r\n{HOST}\r\nHEAD /nothing HTTP/1.1\r\n{HOST}\r\nGET /a?\" HTTP/1.1\r\n{HOST}\r\n");
    socket.write_all(requests.as_bytes()).await.unwrap();
    let answers = rest(socket).await;
    let met: Vec<&str> = answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(met, ["302", "404", "400"], "{answers}");
    assert_eq!(answers.matches("cannot be read").count(), 1, "{answers}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_too_much_smuggles_nothing_either() {
    let rates = RateLimits { clicks: 0, clicks_of_link: 0, misses: 1, clicks_of_key: 1 };
    let running = start_as(Setup { trusted_proxies: &["127.0.0.0/8"], rates, ..Setup::default() }).await;
    running.know("a", link("https://example.com/"));
    let visitor = "X-Forwarded-For: 203.0.113.5\r\n";
    assert_eq!(statuses(&running, &get("/a", &format!("{HOST}{visitor}"))).await, [302]);
    let mut met = Vec::new();
    while met.last() != Some(&429) {
        assert!(met.len() < 100, "no end of misses");
        met.extend(statuses(&running, &get("/nothing", &format!("{HOST}{visitor}"))).await);
    }
    let inner = format!("GET /a HTTP/1.1\r\n{HOST}{visitor}\r\n");
    let unknown = format!("POST /a HTTP/1.1\r\nHost: go.acme.example\r\n{visitor}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}");
    assert_eq!(statuses(&running, unknown.as_bytes()).await, [429]);
}
