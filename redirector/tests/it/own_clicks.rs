//! Clicks that visitors say are their own.

use domain::{DomainId, DomainSettings, HostName, Millis, Outcome, ResolvedLink, ServedDomain, SignalSet, WorkspaceId};
use reqwest::Response;

use crate::fixture::{Running, Setup, link, start, start_as};

const OWN: &str = "go.acme.example";

async fn choose(running: &Running, form: &'static str, headers: &[(&'static str, &'static str)]) -> Response {
    let mut request = running.http.post(running.url("/ll-ignore")).header("content-type", "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(form).send().await.unwrap()
}

fn cookie(answer: &Response) -> Option<&str> {
    answer.headers().get("set-cookie").map(|value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_says_that_a_click_is_ones_own_and_nobody_else_hears_of_it() {
    let running = start(&[]).await;
    running.know("a", ResolvedLink { forward_query: true, ..link("https://example.com/") });
    for (path, location) in [
        ("/a?ll_ignore=1", "https://example.com/"),
        ("/a?x=1&ll_ignore=1&y=2", "https://example.com/?x=1&y=2"),
        ("/a?x=1&ll_ignore=0", "https://example.com/?x=1"),
        ("/a?x=1", "https://example.com/?x=1"),
    ] {
        assert_eq!(running.get(path).await.headers()["location"], location, "{path}");
    }
    let clicks: Vec<_> = running.captured().await.into_iter().map(|click| (click.url, click.signals.set.has(SignalSet::IGNORED))).collect();
    let of = |query: &str, is_own| (format!("https://go.example/a{query}"), is_own);
    assert_eq!(clicks, [of("", true), of("?x=1&y=2", true), of("?x=1", false), of("?x=1", false)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_is_told_on_the_page_and_remembers_it() {
    let running = start(&[]).await;
    running.know("a", link("https://example.com/"));
    let page = running.get("/ll-ignore").await;
    assert_eq!((page.status().as_u16(), page.headers()["cache-control"].to_str().unwrap()), (200, "private, no-store"));
    let html = page.text().await.unwrap();
    assert!(
        html.contains("Your clicks at go.example") && html.contains("<strong>counted</strong>") && html.contains("value=\"1\""),
        "{html}"
    );

    let answer = choose(&running, "ignore=1", &[("origin", "https://go.example"), ("host", "go.example")]).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (303, "/ll-ignore"));
    assert_eq!(cookie(&answer), Some("ll_ignore=1; Path=/; Max-Age=33955200; HttpOnly; SameSite=Lax"));
    let with = async |path: &str| running.http.get(running.url(path)).header("cookie", "ll_ignore=1").send().await.unwrap();
    let html = with("/ll-ignore").await.text().await.unwrap();
    assert!(html.contains("<strong>ignored</strong>") && html.contains("value=\"0\"") && !html.contains("Forget"), "{html}");
    assert_eq!(with("/a").await.status(), 302);
    let answer = choose(&running, "ignore=0", &[]).await;
    assert_eq!(cookie(&answer), Some("ll_ignore=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"));

    let [click] = running.captured().await.try_into().unwrap();
    assert!(click.outcome == Outcome::Redirected && click.signals.set.has(SignalSet::IGNORED));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_site_answers_for_a_visitor() {
    let running = start(&[]).await;
    for headers in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "null")],
        &[("origin", "https://go.example"), ("host", "go.example"), ("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
    ] {
        let answer = choose(&running, "ignore=1", headers).await;
        assert_eq!((answer.status().as_u16(), cookie(&answer)), (403, None), "{headers:?}");
    }
    let answer = choose(&running, "ignore=1", &[("origin", "https://go.example:8443"), ("host", "go.example")]).await;
    assert_eq!(answer.status(), 303);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_host_that_is_served_has_the_page_and_a_cookie_of_its_own() {
    let running = start_as(Setup { trusted_proxies: &["127.0.0.0/8"], ..Setup::default() }).await;
    let own = ServedDomain {
        id: DomainId::new(Millis(1), [7; 10]),
        host: HostName::from_store(OWN.into()),
        workspace: WorkspaceId::new(Millis(1), [2; 10]),
        version: 1,
        settings: DomainSettings::default(),
    };
    running.links.domains.lock().unwrap().insert(own.host.clone(), own);
    let https = [("host", OWN), ("x-forwarded-proto", "https"), ("origin", "https://go.acme.example")];
    let answer = choose(&running, "ignore=1", &https).await;
    assert!(cookie(&answer).unwrap().ends_with("; SameSite=Lax; Secure"), "{answer:?}");
    let page = running.http.get(running.url("/ll-ignore")).header("host", OWN).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Your clicks at go.acme.example"), "{page}");
    let nobodys = running.http.get(running.url("/ll-ignore")).header("host", "other.example").send().await.unwrap();
    assert_eq!(nobodys.status(), 404);
    let put = running.http.put(running.url("/ll-ignore")).send().await.unwrap();
    assert_eq!((put.status().as_u16(), put.headers()["allow"].to_str().unwrap()), (405, "GET, HEAD, POST"));
    assert_eq!(running.http.head(running.url("/ll-ignore")).send().await.unwrap().status(), 200);
}
