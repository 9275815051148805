//! Workspaces that must ask before they recognise anyone: who is asked, what an answer is worth, and what
//! it leads to.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use domain::{
    CapturedClick, ClickLimit, Consent, ConsentMode, Gate, Millis, Outcome, Privacy, ResolvedLink, WorkspaceId, WorkspacePolicy,
    consent_to_sign, signed_consent,
};
use platform::signature_of;
use reqwest::{Method, RequestBuilder, Response};
use stream::{LinkEvent, LinkNotices as _};
use testkit::wait_until;

use crate::fixture::{Running, gated, link, sesame, start, start_with};
use crate::logged::{PATIENCE, know_secrets, workspace};
use crate::sources::Counter;

const PERSON: &str = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0";
const DAY: i64 = 24 * 3_600 * 1_000;

/// Makes the workspace one that must ask, with a signing secret.
fn must_ask(running: &Running, change: impl FnOnce(&mut Privacy)) {
    know_secrets(running, &[("secret", None)]);
    let mut privacy = Privacy { consent: ConsentMode::Required, ..Privacy::default() };
    change(&mut privacy);
    let mut workspaces = running.policies.workspaces.lock().unwrap();
    workspaces.get_mut(&workspace()).unwrap().privacy = privacy;
}

fn request(running: &Running, method: Method, path: &str) -> RequestBuilder {
    running.http.request(method, running.url(path)).header("user-agent", PERSON)
}

async fn get(running: &Running, path: &str, headers: &[(&'static str, &str)]) -> Response {
    let mut request = request(running, Method::GET, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

async fn answer(running: &Running, path: &str, form: &'static str) -> Response {
    let request = request(running, Method::POST, path).header("content-type", "application/x-www-form-urlencoded");
    request.body(form).send().await.unwrap()
}

fn is_page(answer: &Response) -> bool {
    answer.status() == 200 && !answer.headers().contains_key("location")
}

/// The name and value of the cookie that an answer sets.
fn cookie(answer: &Response) -> String {
    let line = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(line.ends_with("; Path=/; Max-Age=33955200; HttpOnly; SameSite=Lax"), "{line}");
    line.split(';').next().unwrap().to_owned()
}

fn given(click: &CapturedClick) -> Option<bool> {
    click.signals.consent.as_ref().map(|consent| consent.given)
}

fn signed(given: bool, visitor: Option<&str>, of: WorkspaceId, end: Millis, secret: &str) -> String {
    let consent = Consent { given, visitor: visitor.map(str::to_owned) };
    signed_consent(&consent, end, &signature_of(secret.as_bytes(), &consent_to_sign(of, &consent, end)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_asked_once_and_led_on_either_way() {
    let running = start(&[]).await;
    must_ask(&running, |privacy| {
        privacy.controller = Some("Harbour <Ltd>".into());
        privacy.policy_url = Some("https://harbour.example/privacy?a=1&b='".into());
    });
    running.know("a", link("https://example.com/"));
    let page = get(&running, "/a?x=1", &[("referer", "https://news.example/\"story")]).await;
    assert!(is_page(&page) && page.headers()["cache-control"] == "private, no-store");
    assert_eq!(page.headers()["referrer-policy"], "same-origin");
    let html = page.text().await.unwrap();
    for text in [
        "<strong>Harbour &lt;Ltd&gt;</strong>",
        "href=\"https://harbour.example/privacy?a=1&amp;b=&#39;\"",
        "<form method=\"post\">",
        "name=\"referrer\" value=\"https://news.example/&quot;story\"",
        "<button name=\"consent\" value=\"given\">",
        "<button name=\"consent\" value=\"refused\">",
        "<a href=\"/ll-ignore\">go.example/ll-ignore</a>",
    ] {
        assert!(html.contains(text), "{text} is not in {html}");
    }
    assert!(!html.contains("<script"), "{html}");

    let yes = answer(&running, "/a?x=1", "consent=given&referrer=https%3A%2F%2Fnews.example%2Fstory").await;
    assert_eq!((yes.status().as_u16(), yes.headers()["location"].to_str().unwrap()), (303, "https://example.com/"));
    let no = answer(&running, "/a", "consent=refused").await;
    assert_eq!(no.status(), 303);
    let (yes, no) = (cookie(&yes), cookie(&no));
    assert_eq!(no, format!("ll_consent_{}=no", workspace()));
    for known in [&yes, &no] {
        assert_eq!(get(&running, "/a", &[("cookie", known)]).await.status(), 302);
    }

    let clicks = running.captured().await;
    let told: Vec<_> = clicks.iter().map(|click| (click.outcome, click.status, given(click))).collect();
    let led = |status, given| (Outcome::Redirected, status, Some(given));
    assert_eq!(told, [(Outcome::Preview, 200, None), led(303, true), led(303, false), led(302, true), led(302, false)]);
    assert_eq!(clicks[1].referrer.as_deref(), Some("https://news.example/story"));
    let id = |click: &CapturedClick| click.signals.consent.as_ref().unwrap().visitor.clone();
    assert_eq!((id(&clicks[1]).unwrap().len(), id(&clicks[2])), (32, None));
    assert_eq!(id(&clicks[1]), id(&clicks[3]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_looked_up_when_a_link_is_first_used_is_known_before_the_link_is_looked_up_again() {
    let running = start(&[]).await;
    must_ask(&running, |_| {});
    running.know("a", link("https://example.com/"));
    running.policies.down.store(true, Ordering::SeqCst);
    assert_eq!(get(&running, "/a", &[]).await.status(), 302);
    running.policies.down.store(false, Ordering::SeqCst);
    running.clock.advance(2_000);
    wait_until(PATIENCE, "people are asked", async || is_page(&get(&running, "/a", &[]).await).then_some(())).await;
    assert_eq!(running.links.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_no_person_or_has_objected_sees_no_page() {
    let running = start(&[]).await;
    must_ask(&running, |privacy| privacy.respect_dnt = true);
    running.know("a", link("https://example.com/"));
    let head = request(&running, Method::HEAD, "/a").send().await.unwrap();
    assert_eq!(head.status(), 302);
    for (header, status) in [
        (("user-agent", "curl/8.5.0"), 302),
        (("x-purpose", "preview"), 302),
        (("sec-purpose", "prefetch"), 503),
        (("sec-gpc", "1"), 302),
        (("dnt", "1"), 302),
    ] {
        let answer = match header {
            ("user-agent", agent) => running.http.get(running.url("/a")).header("user-agent", agent).send().await.unwrap(),
            header => get(&running, "/a", &[header]).await,
        };
        assert_eq!(answer.status(), status, "{header:?}");
        assert!(!answer.headers().contains_key("set-cookie"));
    }
    let told: Vec<_> = running.captured().await.iter().map(given).collect();
    assert_eq!(told, [None, None, None, None, Some(false), Some(false)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_banner_of_the_workspaces_own_answers_for_its_visitors() {
    let running = start(&[]).await;
    must_ask(&running, |_| {});
    running.know("a", ResolvedLink { forward_query: true, ..link("https://example.com/") });
    let soon = running.clock.now().plus(3_600_000);
    for (value, consent) in [
        (signed(true, Some("user-17"), workspace(), soon, "secret"), Consent { given: true, visitor: Some("user-17".into()) }),
        (signed(true, None, workspace(), soon, "secret"), Consent { given: true, visitor: None }),
        (signed(false, None, workspace(), soon, "secret"), Consent { given: false, visitor: None }),
    ] {
        let led = get(&running, &format!("/a?x=1&consent={value}"), &[]).await;
        assert_eq!(led.headers()["location"], "https://example.com/?x=1", "{value}");
        let click = running.captured().await.pop().unwrap();
        assert_eq!((click.url.as_str(), click.signals.consent), ("https://go.example/a?x=1", Some(Box::new(consent))));
    }
    let other = WorkspaceId::new(Millis(1), [9; 10]);
    for wrong in [
        signed(true, Some("user-17"), workspace(), soon, "guess"),
        signed(true, Some("user-17"), other, soon, "secret"),
        signed(true, Some("user-17"), workspace(), running.clock.now(), "secret"),
        signed(true, Some("user-17"), workspace(), soon.plus(DAY), "secret"),
        signed(true, Some("user-17"), workspace(), soon, "secret").replace("user-17", "user-18"),
        signed(false, None, workspace(), soon, "secret").replace("refused", "given"),
        "v1.given".to_owned(),
    ] {
        assert!(is_page(&get(&running, &format!("/a?consent={wrong}"), &[]).await), "{wrong}");
    }
    // The page keeps none of it either, and GPC is a refusal whatever a banner says.
    assert_eq!(running.captured().await.pop().unwrap().url, "https://go.example/a");
    let yes = signed(true, Some("user-17"), workspace(), soon, "secret");
    assert_eq!(get(&running, &format!("/a?consent={yes}"), &[("sec-gpc", "1")]).await.status(), 302);
    assert_eq!(given(&running.captured().await.pop().unwrap()), Some(false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cookies_that_this_host_did_not_set_are_no_answer() {
    let running = start(&[]).await;
    must_ask(&running, |_| {});
    running.know("a", link("https://example.com/"));
    let good = cookie(&answer(&running, "/a", "consent=given").await);
    let (name, value) = good.split_once('=').unwrap();
    let other = WorkspaceId::new(Millis(1), [9; 10]);
    for wrong in [
        format!("{name}=yes"),
        format!("{name}={}", &value[1..]),
        format!("ll_consent_{other}={value}"),
        format!("{name}x={value}"),
        name.to_owned(),
    ] {
        assert!(is_page(&get(&running, "/a", &[("cookie", &wrong)]).await), "{wrong}");
    }
    let among = format!("x=1; {good}; y=2");
    assert_eq!(get(&running, "/a", &[("cookie", &among)]).await.status(), 302);
    running.clock.advance(393 * DAY);
    assert!(is_page(&get(&running, "/a", &[("cookie", &good)]).await));
    // What another site posts is no answer.
    let foreign = request(&running, Method::POST, "/a").header("sec-fetch-site", "cross-site");
    let foreign = foreign.header("content-type", "application/x-www-form-urlencoded").body("consent=given").send().await.unwrap();
    assert!(is_page(&foreign) && !foreign.headers().contains_key("set-cookie"));
    // The visitor can take it back.
    let page = get(&running, "/ll-ignore", &[("cookie", &good)]).await.text().await.unwrap();
    assert!(page.contains("Forget my answers"), "{page}");
    let forget = request(&running, Method::POST, "/ll-ignore").header("content-type", "application/x-www-form-urlencoded");
    let forgotten = forget.header("cookie", &good).body("forget=1").send().await.unwrap();
    assert!(forgotten.headers()["set-cookie"].to_str().unwrap().starts_with(&format!("{name}=; Path=/; Max-Age=0;")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_uses_nothing_up_and_comes_before_a_password() {
    let running = start_with(&[], Counter::Memory(Arc::new(Mutex::new(1)))).await;
    must_ask(&running, |_| {});
    let limit = ClickLimit::parse(1).unwrap();
    running.know("one", gated("https://example.com/", Gate { click_limit: Some(limit), ..Gate::default() }));
    running.know("word", gated("https://example.com/", Gate { password: Some(sesame()), ..Gate::default() }));
    running.know("off", gated("https://example.com/", Gate { disabled: true, ..Gate::default() }));
    for _ in 0..3 {
        assert!(is_page(&get(&running, "/one", &[]).await));
    }
    assert_eq!(answer(&running, "/one", "consent=refused").await.status(), 303);
    assert_eq!(get(&running, "/off", &[]).await.status(), 404);
    let question = get(&running, "/word", &[]).await.text().await.unwrap();
    assert!(question.contains("name=\"consent\"") && !question.contains("name=\"password\""), "{question}");
    let field = answer(&running, "/word", "consent=given").await.text().await.unwrap();
    assert!(field.contains("name=\"password\""), "{field}");
    // A browser that keeps no cookies gets on too, without having consented.
    let led = answer(&running, "/word", "password=open+sesame").await;
    assert_eq!(led.status(), 303);
    assert_eq!(given(&running.captured().await.pop().unwrap()), None);
    // A password where there is none is no way past the question.
    running.know("a", link("https://example.com/"));
    assert!(is_page(&answer(&running, "/a", "password=x").await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workspace_that_begins_to_ask_asks_at_once_and_one_that_never_did_is_asked_nothing_more() {
    let running = start(&[]).await;
    know_secrets(&running, &[]);
    running.know("a", link("https://example.com/"));
    assert_eq!(get(&running, "/a", &[]).await.status(), 302);
    let asked = running.policies.asked.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(get(&running, "/a", &[]).await.status(), 302);
    let post = answer(&running, "/a", "consent=given").await;
    assert_eq!((post.status().as_u16(), post.headers()["allow"].to_str().unwrap()), (405, "GET, HEAD"));
    assert_eq!(running.policies.asked.load(std::sync::atomic::Ordering::SeqCst), asked);
    must_ask(&running, |_| {});
    running.policies.workspaces.lock().unwrap().entry(workspace()).and_modify(|policy: &mut WorkspacePolicy| policy.version = 2);
    running.notices.publish(LinkEvent::Workspace { id: workspace() }).await;
    let asks = async || is_page(&get(&running, "/a", &[]).await).then_some(());
    testkit::wait_until(std::time::Duration::from_secs(5), "visitors are asked", asks).await;
}
