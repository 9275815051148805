//! The dashboard's files as they are served; a build without them says how to get them.

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, StatusCode};

use crate::fixture::{Running, start};

async fn ask(running: &Running, method: Method, path: &str, headers: &[(&'static str, &'static str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
    let mut request = Client::new().request(method, format!("http://{}{path}", running.authority));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    (answer.status(), answer.headers().clone(), answer.bytes().await.unwrap().to_vec())
}

async fn get(running: &Running, path: &str, headers: &[(&'static str, &'static str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
    ask(running, Method::GET, path, headers).await
}

const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_the_same_guarded_document() {
    let running = start().await;
    for path in ["/", "/sign-in", "/sign-up", "/enter", "/w/harbour", "/w/harbour/live?period=today"] {
        let (status, headers, body) = get(&running, path, &[]).await;
        assert_eq!(status, 200, "{path}");
        assert!(headers["content-type"].to_str().unwrap().starts_with("text/html"), "{path}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        let body = String::from_utf8(body).unwrap();
        // A build without the dashboard says how to get it.
        assert!(body.contains(if api::has_dashboard() { "id=\"root\"" } else { "make dashboard" }), "{body}");
    }
    // A person's browser gets a page, a program words; nothing else is taken.
    let (status, headers, _) = get(&running, "/nowhere", &[HTML]).await;
    assert!(headers["content-type"].to_str().unwrap().starts_with("text/html"));
    assert_eq!(status, 404);
    let (status, headers, body) = get(&running, "/nowhere", &[]).await;
    assert_eq!((status.as_u16(), String::from_utf8(body).unwrap().contains("/graphql")), (404, true));
    assert!(headers["content-type"].to_str().unwrap().starts_with("text/plain"));
    for path in ["/assets/nothing.js", "/.gitkeep", "/../Cargo.toml", "/index.html.br"] {
        assert_eq!(get(&running, path, &[]).await.0, 404, "{path}");
    }
    assert_eq!(ask(&running, Method::POST, "/", &[]).await.0, 405);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_packed_and_kept() {
    let running = start().await;
    let (_, _, document) = get(&running, "/", &[]).await;
    let document = String::from_utf8(document).unwrap();
    let Some(script) = document.split('"').find(|text| text.starts_with("/assets/") && text.ends_with(".js")) else {
        assert!(!api::has_dashboard(), "{document}");
        return;
    };
    let (_, plain, body) = get(&running, script, &[]).await;
    assert!(plain["content-type"].to_str().unwrap().contains("javascript"));
    assert_eq!(plain["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!((plain.get("content-encoding"), &plain["vary"]), (None, &"accept-encoding".parse().unwrap()));
    for (accepted, used) in [("gzip, deflate, br, zstd", "br"), ("gzip", "gzip")] {
        let (status, headers, packed) = get(&running, script, &[("accept-encoding", accepted)]).await;
        assert_eq!((status.as_u16(), headers["content-encoding"].to_str().unwrap()), (200, used));
        assert!(packed.len() * 2 < body.len(), "{used}: {} of {}", packed.len(), body.len());
        assert_ne!(headers["etag"], plain["etag"]);
    }
    // The document is asked for again each time, and cheaply so.
    let (_, headers, _) = get(&running, "/", &[]).await;
    assert_eq!(headers["cache-control"], "no-cache");
    let tag: &'static str = headers["etag"].to_str().unwrap().to_owned().leak();
    let (status, _, body) = get(&running, "/", &[("if-none-match", tag)]).await;
    assert_eq!((status.as_u16(), body.len()), (304, 0));
}
