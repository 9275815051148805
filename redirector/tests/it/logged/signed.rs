//! Signed addresses: which lead on, and which never do.

use domain::{LinkId, Method, Millis, WorkspaceId};

use super::{DAY, TARGET, know_secrets, opened, signed_query, signed_to, workspace};
use crate::fixture::{Setup, link, start, start_as};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_address_leads_on_until_it_ends() {
    let running = start(&[]).await;
    let now = running.clock.now();
    know_secrets(&running, &[("new", None), ("old", Some(now.plus(DAY))), ("older", Some(now))]);
    let good = signed_query("new", now.plus(2 * DAY), &[("utm_source", "Zürich & more"), ("n", "1"), ("source", "qr")]);
    let there = "https://example.com/a?x=1&utm_source=Z%C3%BCrich+%26+more";
    assert_eq!(opened(&running, &good).await, (302, Some(there.to_owned())));
    let [click] = running.captured().await.try_into().unwrap();
    assert_eq!(click.url, "https://go.example/r?utm_source=Z%C3%BCrich+%26+more&source=qr&n=1");
    assert_eq!((click.method, click.link, click.target.as_str()), (Method::Get, LinkId::logged(workspace()), there));

    assert_eq!(opened(&running, &signed_query("old", now.plus(2 * DAY), &[])).await.0, 302);
    for (what, query) in [
        ("a secret whose grace is over", signed_query("older", now.plus(DAY), &[])),
        ("another secret", signed_query("other", now.plus(DAY), &[])),
        ("ended", signed_query("new", now, &[])),
        ("too far ahead", signed_query("new", now.plus(401 * DAY), &[])),
        ("another target", good.replace("example.com", "evil.example")),
        ("one more parameter", format!("{good}&x=1")),
        ("one less", good.replace("&n=1", "")),
        ("another end", good.replace("exp=17", "exp=18")),
        ("another workspace", good.replace(&workspace().to_string(), &WorkspaceId::new(Millis(9), [9; 10]).to_string())),
        ("another signature", good.replace("sig=", "sig=A")),
    ] {
        assert_eq!(opened(&running, &query).await, (403, None), "{what}");
    }
    for unsigned in ["", "u=https://example.com/", good.split("&sig=").next().unwrap()] {
        assert_eq!(opened(&running, unsigned).await, (401, None), "{unsigned}");
    }
    running.clock.advance(DAY);
    assert_eq!(opened(&running, &signed_query("old", now.plus(2 * DAY), &[])).await, (403, None));
    assert_eq!(opened(&running, &good).await.0, 302);
    running.clock.advance(DAY);
    assert_eq!(opened(&running, &good).await, (403, None));
    assert_eq!(running.metric("redirector_clicks_total"), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signature_does_not_excuse_the_target() {
    let running = start(&[]).await;
    know_secrets(&running, &[("new", None)]);
    for target in ["javascript:alert(1)", "https://go.example/loop", "//example.com", "https://example.com/\r\nset-cookie: a=b"] {
        let query = signed_to(target, "new", running.clock.now().plus(DAY), &[]);
        assert_eq!(opened(&running, &query).await, (400, None), "{target}");
    }
    assert_eq!(running.metric("redirector_clicks_total"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_open_secrets_says_so_and_serves_links() {
    let running = start_as(Setup { seals: false, ..Setup::default() }).await;
    know_secrets(&running, &[("new", None)]);
    running.know("a", link(TARGET));
    assert_eq!(opened(&running, &signed_query("new", running.clock.now().plus(DAY), &[])).await, (503, None));
    assert_eq!(running.get("/a").await.status(), 302);
}
