//! Workspaces' own domains, by the Host header of real requests.

use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::{DomainId, DomainSettings, Gate, HostName, LinkAddress, LinkId, Millis, ResolvedLink, ServedDomain, TargetUrl, WorkspaceId};
use redirector::Served;
use reqwest::Response;
use stream::{LinkEvent, LinkNotices as _};
use testkit::wait_until;

use crate::fixture::{Running, gated, link, start};

const HOST: &str = "go.acme.example";
const PATIENCE: Duration = Duration::from_secs(5);

fn id(number: u8) -> DomainId {
    DomainId::new(Millis(1), [number; 10])
}

fn target(text: &str) -> Option<TargetUrl> {
    Some(TargetUrl::from_store(text.to_owned()))
}

pub fn serve(running: &Running, host: &str, number: u8, settings: DomainSettings) {
    let host = HostName::from_store(host.to_owned());
    let workspace = WorkspaceId::new(Millis(1), [2; 10]);
    let domain = ServedDomain { id: id(number), workspace, host: host.clone(), version: 1, settings };
    running.links.domains.lock().unwrap().insert(host, domain);
}

pub fn know_on(running: &Running, number: u8, slug: &str, link: ResolvedLink) {
    running.links.known.lock().unwrap().insert(LinkAddress::on(id(number), slug), link);
}

fn to(number: u8, target: &str) -> ResolvedLink {
    ResolvedLink { id: LinkId::new(Millis(1), [number; 10]), ..link(target) }
}

async fn get(running: &Running, host: &str, path: &str) -> Response {
    running.http.get(running.url(path)).header("host", host).send().await.unwrap()
}

fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    answer.headers().get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_slug_leads_elsewhere_on_each_domain() {
    let running = start(&[]).await;
    running.know("sale", to(1, "https://example.com/shared"));
    for (number, host) in [(7, HOST), (8, "go.other.example")] {
        serve(&running, host, number, DomainSettings::default());
        know_on(&running, number, "sale", to(number, &format!("https://example.com/{number}")));
    }
    for (host, wanted) in [
        ("go.example", "https://example.com/shared"),
        (HOST, "https://example.com/7"),
        ("GO.ACME.EXAMPLE.:8081", "https://example.com/7"),
        ("go.other.example", "https://example.com/8"),
    ] {
        // Twice: from the source and from memory.
        for _ in 0..2 {
            assert_eq!(header(&get(&running, host, "/Sale?x=1").await, "location"), Some(wanted), "{host}");
        }
    }
    let urls: Vec<String> = running.captured().await.into_iter().map(|click| click.url).collect();
    let wanted = ["https://go.example/Sale?x=1", "https://go.acme.example/Sale?x=1", "https://go.other.example/Sale?x=1"];
    assert_eq!([&urls[0], &urls[2], &urls[6]], wanted.each_ref());
    assert_eq!(urls[4], wanted[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobodys_host_is_told_nothing() {
    let running = start(&[]).await;
    serve(&running, HOST, 7, DomainSettings { root: target("https://acme.example/"), ..DomainSettings::default() });
    running.know("a", link("https://example.com/"));
    know_on(&running, 7, "a", link("https://example.com/"));
    for host in ["acme.example", "www.go.acme.example", "evil.example", "10.0.0.1", "_x.example", "intranet"] {
        for path in ["/", "/a", "/robots.txt", "/.well-known/assetlinks.json"] {
            let answer = get(&running, host, path).await;
            assert_eq!((answer.status().as_u16(), header(&answer, "location")), (404, None), "{host}{path}");
            let page = answer.text().await.unwrap();
            assert!(page.contains("does not exist") && !page.contains("acme") && !page.contains(host), "{host}{path}");
        }
    }
    assert_eq!(running.metric("redirector_clicks_total"), 0);
    assert_eq!(running.metric("redirector_domain_misses_total"), 0);
    // A host that is asked for again and again is looked up once.
    let before = running.links.asked.load(Ordering::SeqCst);
    for _ in 0..5 {
        get(&running, "evil.example", "/b").await;
    }
    assert_eq!(running.links.asked.load(Ordering::SeqCst), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_answers_as_its_owner_set_it() {
    let running = start(&["127.0.0.0/8"]).await;
    let settings = DomainSettings {
        root: target("https://acme.example/"),
        not_found: target("https://acme.example/missing"),
        expired: target("https://acme.example/over"),
        hsts: true,
        apple_app_site_association: Some("{\"applinks\":{}}".into()),
        asset_links: Some("[]".into()),
        robots: Some("User-agent: *\nDisallow: /\n".into()),
        ..DomainSettings::default()
    };
    serve(&running, HOST, 7, settings);
    serve(&running, "plain.example", 8, DomainSettings::default());
    let expired = |fallback| Gate { expires_at: Some(Millis(5)), fallback, ..Gate::default() };
    for number in [7, 8] {
        know_on(&running, number, "over", gated("https://example.com/", expired(None)));
        know_on(&running, number, "own", gated("https://example.com/", expired(target("https://example.com/fallback"))));
    }
    for (host, path, status, location) in [
        (HOST, "/", 302, Some("https://acme.example/")),
        (HOST, "/nothing", 302, Some("https://acme.example/missing")),
        (HOST, "/over", 302, Some("https://acme.example/over")),
        (HOST, "/own", 302, Some("https://example.com/fallback")),
        ("plain.example", "/", 200, None),
        ("plain.example", "/nothing", 404, None),
        ("plain.example", "/over", 410, None),
        ("plain.example", "/own", 302, Some("https://example.com/fallback")),
        ("plain.example", "/.well-known/assetlinks.json", 404, None),
        ("go.example", "/.well-known/assetlinks.json", 404, None),
    ] {
        let answer = get(&running, host, path).await;
        assert_eq!((answer.status().as_u16(), header(&answer, "location")), (status, location), "{host}{path}");
        if location.is_some() {
            assert_eq!(header(&answer, "cache-control"), Some("private, no-store"));
        }
        assert_eq!(header(&answer, "strict-transport-security"), None);
    }
    for (path, kind, text) in [
        ("/.well-known/apple-app-site-association", "application/json", "{\"applinks\":{}}"),
        ("/.well-known/assetlinks.json", "application/json", "[]"),
        ("/robots.txt", "text/plain; charset=utf-8", "User-agent: *\nDisallow: /\n"),
    ] {
        let answer = get(&running, HOST, path).await;
        assert_eq!((answer.status().as_u16(), header(&answer, "content-type")), (200, Some(kind)), "{path}");
        assert_eq!(answer.text().await.unwrap(), text);
        assert_eq!(running.http.post(running.url(path)).header("host", HOST).send().await.unwrap().status(), 405);
    }
    assert_eq!(running.metric("redirector_domain_misses_total"), 3);
    assert_eq!(running.metric("redirector_misses_total"), 1);
    let outcomes: Vec<_> = running.captured().await.into_iter().map(|click| click.outcome).collect();
    use domain::Outcome::{Expired, Fallback};
    assert_eq!(outcomes, [Fallback, Fallback, Expired, Fallback]);

    // A trusted proxy says that the visitor came over https; only where it was asked for.
    let over_https = async |host: &str, proto: &str| {
        running.http.get(running.url("/")).header("host", host).header("x-forwarded-proto", proto).send().await.unwrap()
    };
    assert_eq!(header(&over_https(HOST, "https").await, "strict-transport-security"), Some("max-age=31536000"));
    assert_eq!(header(&over_https(HOST, "http").await, "strict-transport-security"), None);
    assert_eq!(header(&over_https("plain.example", "https").await, "strict-transport-security"), None);
    assert_eq!(header(&over_https("go.example", "https").await, "strict-transport-security"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_cannot_claim_https() {
    let running = start(&[]).await;
    serve(&running, HOST, 7, DomainSettings { hsts: true, ..DomainSettings::default() });
    let answer = running.http.get(running.url("/")).header("host", HOST).header("x-forwarded-proto", "https").send().await.unwrap();
    assert_eq!(header(&answer, "strict-transport-security"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_matters_only_where_it_was_asked_for() {
    let running = start(&[]).await;
    serve(&running, HOST, 7, DomainSettings { case_sensitive: true, ..DomainSettings::default() });
    know_on(&running, 7, "Sale", to(1, "https://example.com/upper"));
    know_on(&running, 7, "sale", to(2, "https://example.com/lower"));
    assert_eq!(header(&get(&running, HOST, "/Sale").await, "location"), Some("https://example.com/upper"));
    assert_eq!(header(&get(&running, HOST, "/sale/").await, "location"), Some("https://example.com/lower"));
    assert_eq!(get(&running, HOST, "/SALE").await.status(), 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_that_went_stops_at_once_or_within_a_minute() {
    let running = start(&[]).await;
    know_on(&running, 7, "a", link("https://example.com/"));
    assert_eq!(get(&running, HOST, "/a").await.status(), 404);
    serve(&running, HOST, 7, DomainSettings::default());
    let changed = || LinkEvent::HostChanged { host: HostName::from_store(HOST.into()) };
    wait_until(PATIENCE, "the verified domain serves", async || {
        running.notices.publish(changed()).await;
        (get(&running, HOST, "/a").await.status() == 302).then_some(())
    })
    .await;
    assert_eq!(running.domains.serves(HOST).await, Served::Yes);
    running.links.domains.lock().unwrap().clear();
    assert_eq!(get(&running, HOST, "/a").await.status(), 302);
    // Even if every notice is lost.
    running.clock.advance(60_000);
    assert_eq!(get(&running, HOST, "/a").await.status(), 404);
    assert_eq!(running.domains.serves(HOST).await, Served::No);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_is_down_takes_no_domain_away() {
    let running = start(&[]).await;
    serve(&running, HOST, 7, DomainSettings::default());
    know_on(&running, 7, "a", link("https://example.com/"));
    assert_eq!(get(&running, HOST, "/a").await.status(), 302);
    running.links.down.store(true, Ordering::SeqCst);
    running.clock.advance(3_600_000);
    assert_eq!(get(&running, HOST, "/a").await.status(), 302);
    let unknown = get(&running, "new.example", "/a").await;
    assert_eq!((unknown.status().as_u16(), header(&unknown, "retry-after")), (503, Some("1")));
    assert_eq!(running.domains.serves("new.example").await, Served::CannotTell);
    assert_eq!(running.domains.serves("go.example").await, Served::Yes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_for_hosts_that_are_served() {
    let running = start(&[]).await;
    serve(&running, HOST, 7, DomainSettings::default());
    for (host, served) in [
        (HOST, Served::Yes),
        ("Go.Acme.Example", Served::Yes),
        ("go.example", Served::Yes),
        ("www.go.example", Served::No),
        ("localhost", Served::No),
        ("x.localhost", Served::No),
        ("127.0.0.1", Served::No),
        ("evil.example", Served::No),
        ("", Served::No),
    ] {
        assert_eq!(running.domains.serves(host).await, served, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_beside_a_link_is_its_domains() {
    let running = start(&[]).await;
    let exact = DomainSettings { case_sensitive: true, ..DomainSettings::default() };
    serve(&running, HOST, 7, exact);
    know_on(&running, 7, "Sale", to(7, "https://example.com/7"));
    let preview = get(&running, HOST, "/Sale+").await;
    assert_eq!(preview.status(), 200);
    let html = preview.text().await.unwrap();
    assert!(html.contains("https://go.acme.example/Sale") && html.contains("<h1>example.com</h1>"), "{html}");
    let code = get(&running, HOST, "/Sale/qr.svg").await;
    assert_eq!((code.status().as_u16(), header(&code, "content-type")), (200, Some("image/svg+xml")));
    // Neither by another case, nor on another domain, nor on a host that is nobody's.
    for (host, path) in [(HOST, "/sale+"), (HOST, "/sale/qr.svg"), ("go.example", "/Sale+"), ("evil.example", "/Sale/qr.png")] {
        assert_eq!(get(&running, host, path).await.status(), 404, "{host}{path}");
    }
    let urls: Vec<String> = running.captured().await.into_iter().map(|click| click.url).collect();
    assert_eq!(urls, ["https://go.acme.example/Sale+"]);
}
