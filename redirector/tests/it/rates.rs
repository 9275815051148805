//! Rates: redirects are never refused, misses are.

use domain::Address;
use redirector::RateLimits;

use crate::fixture::{Running, Setup, link, start, start_as};

const NONE: RateLimits = RateLimits { clicks: 0, clicks_of_link: 0, misses: 0, clicks_of_key: 0 };

async fn ask(running: &Running, path: &str, from: &str) -> u16 {
    running.http.get(running.url(path)).header("x-forwarded-for", from).send().await.unwrap().status().as_u16()
}

async fn clicks(running: &Running, path: &str, from: impl Fn(usize) -> String, count: usize) {
    for number in 0..count {
        assert_eq!(ask(running, path, &from(number)).await, 302);
    }
}

/// For each address, how many of its clicks are told to be above their rate, and how many there are.
async fn told(running: &Running, addresses: &[&str]) -> Vec<(usize, usize)> {
    let clicks = running.captured().await;
    let of = |address: &&str| {
        clicks.iter().filter(|click| matches!(click.address, Address::Full(ip) if ip.to_string().starts_with(*address))).collect::<Vec<_>>()
    };
    addresses.iter().map(of).map(|clicks| (clicks.iter().filter(|click| click.above_rate).count(), clicks.len())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clicks_above_the_rate_of_an_address_are_led_on_and_told_of() {
    let running = start_as(Setup {
        trusted_proxies: &["127.0.0.0/8", "198.51.100.99/32"],
        rates: RateLimits { clicks: 1, ..NONE },
        ..Setup::default()
    })
    .await;
    running.know("a", link("https://example.com/"));
    clicks(&running, "/a", |_| "203.0.113.5".into(), 40).await;
    // An IPv6 visitor goes on at another address of the same network.
    clicks(&running, "/a", |number| format!("2001:db8::{number}"), 40).await;
    for quiet in ["203.0.113.6", "2001:db8:0:1::1"] {
        clicks(&running, "/a", |_| quiet.into(), 5).await;
    }
    // This machine and proxies may stand for any number of people.
    for many in ["127.0.0.1", "198.51.100.99", "10.1.2.3"] {
        clicks(&running, "/a", |_| many.into(), 40).await;
    }
    let of =
        told(&running, &["203.0.113.5", "2001:db8::", "203.0.113.6", "2001:db8:0:1::", "127.0.0.1", "198.51.100.99", "10.1.2.3"]).await;
    // Ten at once and one a second; the test takes no 20 seconds.
    for (above, all) in &of[..2] {
        assert!((10..=30).contains(above) && *all == 40, "{of:?}");
    }
    assert_eq!(of[2..], [(0, 5), (0, 5), (0, 40), (0, 40), (0, 40)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_has_a_rate_of_its_own() {
    let running =
        start_as(Setup { trusted_proxies: &["127.0.0.0/8"], rates: RateLimits { clicks_of_link: 1, ..NONE }, ..Setup::default() }).await;
    running.know("a", link("https://example.com/"));
    let other = domain::LinkId::new(domain::Millis(1), [9; 10]);
    running.know("b", domain::ResolvedLink { id: other, ..link("https://example.com/") });
    clicks(&running, "/a", |number| format!("203.0.{number}.1"), 40).await;
    clicks(&running, "/b", |_| "198.51.100.1".into(), 5).await;
    let of = told(&running, &["203.0.", "198.51."]).await;
    assert!((10..=30).contains(&of[0].0) && of[1] == (0, 5), "{of:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_tries_slugs_is_refused_and_still_led_on() {
    let running = start(&["127.0.0.0/8"]).await;
    running.know("a", link("https://example.com/"));
    assert_eq!(ask(&running, "/a", "203.0.113.5").await, 302);
    let mut met = Vec::new();
    while met.last() != Some(&429) {
        met.push(ask(&running, &format!("/try{}", met.len()), "203.0.113.5").await);
        assert!(met.len() < 2_000, "no end of misses");
    }
    assert!(met.len() > 100 && met[..100].iter().all(|status| *status == 404), "{met:?}");
    // Meanwhile one more may have been allowed, so what is no redirect is asked for until it is refused.
    let refused = loop {
        let answer = running.http.get(running.url("/b/qr.png")).header("x-forwarded-for", "203.0.113.5").send().await.unwrap();
        match answer.status().as_u16() {
            429 => break answer,
            status => assert_eq!(status, 404),
        }
        met.push(404);
        assert!(met.len() < 2_000, "no end of codes");
    };
    assert_eq!(refused.headers()["retry-after"], "1");
    assert!(refused.text().await.unwrap().contains("Too many requests"));
    assert_eq!(ask(&running, "/a", "203.0.113.5").await, 302);
    assert_eq!(ask(&running, "/try", "203.0.113.6").await, 404);
    assert!(running.metric("redirector_refused_total") >= 2);
}
