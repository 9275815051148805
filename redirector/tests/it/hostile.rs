//! Requests that nobody sends by accident: each gets the right status, none is captured as a click
//! that it is not, and valid links go on being served.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::fixture::{Running, full, link, start};
use crate::limits::{connect, rest};

/// The statuses of everything that is answered to these bytes, until the connection closes.
pub async fn statuses(running: &Running, bytes: &[u8]) -> Vec<u16> {
    let mut socket = connect(running).await;
    // What is refused early may be closed before all of it was taken.
    let _ = socket.write_all(bytes).await;
    let answers = rest(socket).await;
    answers.split("HTTP/1.").skip(1).filter_map(|answer| answer.get(2..5)?.parse().ok()).collect()
}

pub fn get(target: &str, headers: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n").into_bytes()
}

const PATIENCE: Duration = Duration::from_secs(5);
pub const HOST: &str = "Host: go.example\r\n";

pub async fn with_link() -> Running {
    let running = start(&["127.0.0.0/8"]).await;
    running.know("a", link("https://example.com/"));
    running
}

async fn still_serves(running: &Running) {
    assert_eq!(statuses(running, &get("/a", HOST)).await, [302]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paths_that_are_no_slugs_are_misses() {
    let running = with_link().await;
    let long = format!("/{}", "a".repeat(8 * 1_024));
    for path in
        ["/..%2f", "/..%2fa", "/%2e%2e/a", "/a/../a", "/%00", "/a%00", "/%c0%af", "/%e2%80%8ba", "/a%0d%0aX:1", "//a", "/a//", "/%", &long]
    {
        assert_eq!(statuses(&running, &get(path, HOST)).await, [404], "{path:.20}");
    }
    assert_eq!(running.metric("redirector_clicks_total"), 0);
    still_serves(&running).await;
    assert_eq!(running.metric("redirector_clicks_total"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_is_one_however_it_is_encoded_and_decoded_once() {
    let running = with_link().await;
    running.know("case", link("https://example.com/case"));
    for (path, wanted) in [
        ("/Case", 302),
        ("/%43ase", 302),
        ("/%63%61%73%65", 302),
        ("/c%61se/?x=%41", 302),
        ("/c%61se+", 200),
        ("/c%61se%2b", 200),
        ("/case/qr%2Esvg", 200),
        ("/robots%2etxt", 200),
        ("/log%2Dand-redirect", 405),
        ("/%72", 401),
        // Only what needs no encoding, and only once.
        ("/%2543ase", 404),
        ("/%%34%33ase", 404),
        ("/%2fcase", 404),
        ("/case%2f", 404),
        ("/%2e%2e/case", 404),
        ("/%2e%2e%2fcase", 404),
        ("/c%61se%00", 404),
        ("/c%61se%20", 404),
        ("/c%61se%0d%0aX:1", 404),
        // Overlong, or UTF-16 as some write it.
        ("/%c1%83ase", 404),
        ("/%e0%81%83ase", 404),
        ("/%u0043ase", 404),
        ("/%4", 404),
        ("/%+3ase", 404),
        ("/%4\u{fc}ase", 404),
    ] {
        assert_eq!(statuses(&running, &get(path, HOST)).await, [wanted], "{path}");
    }
    // A click says what was asked for.
    assert_eq!(running.captured().await[1].url, "https://go.example/%43ase");
    let posted = format!("POST /c%61se HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n");
    assert_eq!(statuses(&running, posted.as_bytes()).await, [405]);
    still_serves(&running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paths_beside_links_are_exact_and_bounded() {
    let running = with_link().await;
    let (long, deep) = (format!("/{}+", "a".repeat(8 * 1_024)), format!("/a/qr.svg?{}", "fg=%ff&".repeat(2_000)));
    for (path, wanted) in [
        ("/a+", 200),
        ("/a%2b", 200),
        ("/a%2B", 200),
        ("/+", 404),
        ("/%2b", 404),
        ("/a++", 404),
        ("/a%252b", 404),
        ("/a+/", 404),
        ("/a+/qr.svg", 404),
        ("/qr.svg", 404),
        ("//qr.svg", 404),
        ("/a//qr.svg", 404),
        ("/a/qr.svg/", 404),
        ("/a/../a/qr.svg", 404),
        ("/a%2fqr.svg", 404),
        ("/a/qr.svg%00", 404),
        ("/a/qr.svg?size=99999999", 400),
        ("/a/qr.svg?size=18446744073709551616", 400),
        ("/a/qr.png?size=-1", 400),
        ("/a/qr.png?margin=4294967295", 400),
        ("/a/qr.svg?fg=%ff%fe", 400),
        ("/a/qr.svg?fg=%22%3E%3Cscript%3E", 400),
        ("/a/qr.svg?level=%00", 400),
        ("/a/qr.png?logo=https://evil.example/x.svg", 400),
        ("/a/qr.svg?&&==&;", 200),
        (&long, 404),
        (&deep, 400),
    ] {
        assert_eq!(statuses(&running, &get(path, HOST)).await, [wanted], "{path:.40}");
    }
    let answers = statuses(&running, b"GET /a\xff+ HTTP/1.1\r\nHost: go.example\r\nConnection: close\r\n\r\n").await;
    assert_eq!(answers, [400]);
    // On another host there is nothing beside a link either.
    assert_eq!(statuses(&running, &get("/a+", "Host: evil.example\r\n")).await, [404]);
    assert_eq!(statuses(&running, &get("/a/qr.svg", "Host: evil.example\r\n")).await, [404]);
    for request in ["POST /a+", "POST /a/qr.png"] {
        assert_eq!(statuses(&running, format!("{request} HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n").as_bytes()).await, [405]);
    }
    still_serves(&running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_are_one_and_exact() {
    let running = with_link().await;
    for (headers, wanted) in [
        ("", 400),
        ("Host: go.example\r\nHost: go.example\r\n", 400),
        ("Host: go.example\r\nHost: evil.example\r\n", 400),
        ("Host: \u{fc}.example\r\n", 400),
        ("Host: evil.example\r\n", 404),
        ("Host: go.example.evil.example\r\n", 404),
        ("Host: evil.example/go.example\r\n", 400),
        ("Host: go.example@evil.example\r\n", 400),
        ("Host: \r\n", 400),
        ("Host: [::1\r\n", 404),
        ("Host: GO.Example:8443\r\n", 302),
        ("Host: go.example.\r\n", 302),
    ] {
        assert_eq!(statuses(&running, &get("/a", headers)).await, [wanted], "{headers:?}");
    }
    // The target names the host where it is absolute, whatever the header says.
    assert_eq!(statuses(&running, &get("http://evil.example/a", HOST)).await, [404]);
    assert_eq!(statuses(&running, &get("http://go.example/a", "Host: evil.example\r\n")).await, [302]);
    still_serves(&running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_smuggled_behind_a_body() {
    let running = with_link().await;
    let inner = "GET /a HTTP/1.1\r\nHost: go.example\r\n\r\n";
    // Two ends of one body: whichever is believed, what follows is not served.
    let both =
        format!("GET /x HTTP/1.1\r\n{HOST}Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}", inner.len() + 5);
    assert_eq!(statuses(&running, both.as_bytes()).await, [400]);
    let posted = both.replacen("GET /x", "POST /a", 1);
    assert_eq!(statuses(&running, posted.as_bytes()).await, [400]);
    // One coding, and that one once: others may find another end.
    for codings in [
        "chunked, chunked",
        "chunked,",
        "identity, chunked",
        "gzip, chunked",
        "identity",
        "xchunked",
        "chunked;x=1",
        "\"chunked\"",
        "",
        "chunked\r\nTransfer-Encoding: chunked",
        "chunked\r\nTransfer-Encoding: identity",
        "identity\r\nTransfer-Encoding: chunked",
        "\u{b}chunked",
    ] {
        for method in ["POST /a", "GET /a"] {
            let request = format!("{method} HTTP/1.1\r\n{HOST}Transfer-Encoding: {codings}\r\n\r\n0\r\n\r\n{inner}");
            assert_eq!(statuses(&running, request.as_bytes()).await, [400], "{method} {codings:?}");
        }
    }
    for codings in ["chunked", " CHUNKED\t"] {
        let request = format!("POST /a HTTP/1.1\r\n{HOST}Transfer-Encoding: {codings}\r\n\r\n0\r\n\r\n{inner}");
        assert_eq!(statuses(&running, request.as_bytes()).await, [405], "{codings:?}");
    }
    // A line may end in a line feed alone; what that hides of a body is refused like any other.
    let bare = format!("GET /a HTTP/1.1\r\n{HOST}X: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}");
    assert_eq!(statuses(&running, bare.as_bytes()).await, [400]);
    assert_eq!(statuses(&running, b"GET /a HTTP/1.1\nHost: go.example\nConnection: close\n\n").await, [302]);
    let lengths = format!("GET /x HTTP/1.1\r\n{HOST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc{inner}");
    assert_eq!(statuses(&running, lengths.as_bytes()).await, [400]);
    let spaced = format!("GET /x HTTP/1.1\r\n{HOST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{inner}");
    assert_eq!(statuses(&running, spaced.as_bytes()).await, [400]);
    let folded = format!("GET /x HTTP/1.1\r\n{HOST}X: a\r\n b: c\r\n\r\n");
    assert_eq!(statuses(&running, folded.as_bytes()).await, [400]);
    still_serves(&running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_follows_a_request_does_not_hold_up_its_answer() {
    let running = with_link().await;
    let close = "Connection: close\r\n";
    for (request, wanted) in [
        // RFC 9112, section 2.2: an empty line before a request is passed over.
        (format!("GET /a HTTP/1.1\r\n{HOST}{close}\r\n\r\n"), 302),
        (format!("GET /a HTTP/1.1\r\n{HOST}{close}\r\nGET /a HTT"), 302),
        (format!("GET /a HTTP/1.0\r\n{HOST}\r\nx"), 302),
    ] {
        assert_eq!(statuses(&running, request.as_bytes()).await, [wanted], "{request:?}");
    }
    // The next request comes in two halves: the first answer does not wait for the second.
    let mut socket = connect(&running).await;
    socket.write_all(format!("GET /a HTTP/1.1\r\n{HOST}\r\nGET /a HTTP/1.1\r\nHo").as_bytes()).await.unwrap();
    let mut first = [0; 12];
    tokio::time::timeout(PATIENCE, socket.read_exact(&mut first)).await.expect("an answer").unwrap();
    assert_eq!(&first, b"HTTP/1.1 302");
    still_serves(&running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn methods_other_than_two_are_refused() {
    let running = with_link().await;
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "BREW", "get"] {
        let request = format!("{method} /a HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n");
        assert_eq!(statuses(&running, request.as_bytes()).await, [405], "{method}");
    }
    for request in [
        "CONNECT go.example:443 HTTP/1.1\r\nHost: go.example\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: go.example\r\nConnection: close\r\n\r\n",
    ] {
        assert_eq!(statuses(&running, request.as_bytes()).await, [405], "{request}");
    }
    assert_eq!(running.metric("redirector_clicks_total"), 0);
    still_serves(&running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_are_bounded_and_never_believed_too_far() {
    let running = with_link().await;
    let hops = (0..100).map(|hop| format!("198.51.100.{hop}")).collect::<Vec<_>>().join(", ");
    for headers in [
        format!("{HOST}X-Forwarded-For: {hops}\r\n"),
        format!("{HOST}X-Forwarded-For: ,,,\u{fc},nonsense, 999.1.1.1\r\n"),
        format!("{HOST}User-Agent: \u{fc}\u{1f600}\r\n"),
        format!("{HOST}{}", "Accept-Language: de\r\n".repeat(20)),
    ] {
        assert_eq!(statuses(&running, &get("/a", &headers)).await, [302], "{headers:.60}");
    }
    let clicks = running.captured().await;
    assert_eq!(clicks[0].address, full("198.51.100.99"));
    let large = format!("{HOST}X: {}\r\n", "x".repeat(64 * 1_024));
    let answers = statuses(&running, &get("/a", &large)).await;
    assert_eq!(answers, [431]);
    still_serves(&running).await;
}
