//! Methods: what each address takes, and that nobody is led on who did not open it.

use domain::{DomainSettings, Gate, Millis, Outcome, ResolvedLink, TargetUrl};
use reqwest::{Method, Response};
use serde_json::Value;

use crate::domains::{know_on, serve};
use crate::fixture::{Running, Setup, gated, link, sesame, start, start_as};

const HOST: &str = "go.acme.example";
const OTHERS: [Method; 4] = [Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH];

async fn ask(running: &Running, method: &Method, host: &str, path: &str) -> Response {
    running.http.request(method.clone(), running.url(path)).header("host", host).send().await.unwrap()
}

/// Asserts that a method is not taken, and says what is.
fn allowed(answer: &Response, what: &str) -> String {
    assert_eq!(answer.status(), 405, "{what}");
    assert!(answer.headers().get("location").is_none(), "{what}");
    answer.headers()["allow"].to_str().unwrap().to_owned()
}

fn kind(answer: &Response) -> &str {
    answer.headers()["content-type"].to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clicks_are_posted_and_signed_addresses_opened() {
    let running = start(&[]).await;
    for method in OTHERS.into_iter().chain([Method::GET, Method::HEAD]) {
        let answer = ask(&running, &method, "go.example", "/log-and-redirect?url=https://example.com/").await;
        assert_eq!(allowed(&answer, method.as_str()), "POST");
        assert!(kind(&answer).starts_with("application/json"), "{method}");
        if method != Method::HEAD {
            let error = answer.json::<Value>().await.unwrap()["error"].take();
            assert_eq!(error["code"], "VALIDATION");
            assert_eq!(error["message"], "This address takes no other method than POST. Send the request with it.");
        }
    }
    for method in OTHERS.into_iter().chain([Method::POST]) {
        let answer = ask(&running, &method, "go.example", "/r?u=https://example.com/&sig=x").await;
        assert_eq!(allowed(&answer, method.as_str()), "GET, HEAD");
        assert!(kind(&answer).starts_with("text/html"), "{method}");
    }
    // On a domain of one's own these are slugs like others.
    serve(&running, HOST, 7, DomainSettings::default());
    know_on(&running, 7, "log-and-redirect", link("https://example.com/"));
    for method in OTHERS.into_iter().chain([Method::POST]) {
        let answer = ask(&running, &method, HOST, "/log-and-redirect").await;
        assert_eq!(allowed(&answer, method.as_str()), "GET, HEAD");
    }
    assert_eq!(running.metric("redirector_clicks_total"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_takes_a_form_only_for_its_password() {
    let running = start(&[]).await;
    let locked = || gated("https://example.com/", Gate { password: Some(sesame()), ..Gate::default() });
    running.know("open", link("https://example.com/"));
    running.know("locked", locked());
    running.know("gone", ResolvedLink { deleted: true, ..locked() });
    for method in OTHERS {
        for (path, wanted) in [
            ("/open", "GET, HEAD"),
            ("/locked", "GET, HEAD, POST"),
            ("/gone", "GET, HEAD"),
            ("/nothing", "GET, HEAD"),
            ("/", "GET, HEAD"),
            ("/open+", "GET, HEAD"),
            ("/a/b", "GET, HEAD"),
        ] {
            let answer = ask(&running, &method, "go.example", path).await;
            assert_eq!(allowed(&answer, path), wanted, "{method} {path}");
            assert!(kind(&answer).starts_with("text/html"), "{method} {path}");
        }
    }
    for path in ["/open", "/gone", "/nothing", "/", "/robots.txt", "/open+", "/open/qr.svg", "/a/b"] {
        assert_eq!(allowed(&ask(&running, &Method::POST, "go.example", path).await, path), "GET, HEAD");
    }
    assert_eq!(running.metric("redirector_clicks_total"), 0);
    let right = running.http.post(running.url("/locked")).body("password=open+sesame").send().await.unwrap();
    assert_eq!((right.status().as_u16(), right.headers()["location"].to_str().unwrap()), (303, "https://example.com/"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_leads_on_only_those_who_open_it() {
    let running = start(&[]).await;
    let target = |path: &str| Some(TargetUrl::from_store(format!("https://acme.example/{path}")));
    let settings = DomainSettings { root: target(""), not_found: target("missing"), expired: target("over"), ..DomainSettings::default() };
    serve(&running, HOST, 7, settings);
    let expired = || Gate { expires_at: Some(Millis(5)), ..Gate::default() };
    know_on(&running, 7, "over", gated("https://example.com/", expired()));
    know_on(&running, 7, "locked", gated("https://example.com/", Gate { password: Some(sesame()), ..expired() }));
    for (path, wanted) in [
        ("/", "https://acme.example/"),
        ("/nothing", "https://acme.example/missing"),
        ("/a/b", "https://acme.example/missing"),
        ("/over", "https://acme.example/over"),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let answer = ask(&running, &method, HOST, path).await;
            assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (302, wanted), "{method} {path}");
        }
        for method in OTHERS.into_iter().chain([Method::POST]) {
            assert_eq!(allowed(&ask(&running, &method, HOST, path).await, path), "GET, HEAD", "{method} {path}");
        }
    }
    // The form was opened in time and sent too late.
    let late = running.http.post(running.url("/locked")).header("host", HOST).body("password=open+sesame").send().await.unwrap();
    assert_eq!((late.status().as_u16(), late.headers().get("location")), (410, None));
    let outcomes: Vec<_> = running.captured().await.into_iter().map(|click| (click.method, click.outcome)).collect();
    use domain::Method::{Get, Head, Post};
    assert_eq!(outcomes, [(Get, Outcome::Fallback), (Head, Outcome::Fallback), (Post, Outcome::Expired)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_ask_by_another_method_costs_a_miss() {
    let rates = redirector::RateLimits { clicks: 0, clicks_of_link: 0, misses: 1, clicks_of_key: 0 };
    for method in [Method::POST, Method::PUT] {
        let running = start_as(Setup { rates, ..Setup::default() }).await;
        let mut asked = 0;
        let refused = loop {
            let answer = ask(&running, &method, "go.example", &format!("/x{asked}")).await;
            if answer.status() != 405 {
                break answer;
            }
            asked += 1;
            assert!(asked < 1_000, "no end of misses");
        };
        assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (429, "1"), "{method}");
        assert!(asked >= 10, "{method} {asked}");
    }
}
