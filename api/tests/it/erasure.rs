//! Erasing the clicks of a visitor, or those of a link, through GraphQL.

use domain::{Click, DaySalt, LinkId, LocalDay, VisitorKey};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use store::{Incoming, Salt};
use testkit::GraphQl;

use crate::fixture::{NOON, Running, click, start, start_each, told, workspace_of};

pub const ERASE: &str =
    "mutation($i: EraseVisitorInput!) { eraseVisitor(input: $i) { erasedClicks complete searchedFrom notFound { reason message } } }";
pub const HISTORY: &str =
    "mutation($i: DeleteLinkHistoryInput!) { deleteLinkHistory(input: $i) { erasedClicks complete link { slug lastClickedAt } } }";
const COUNTS: &str =
    "{ clickTotals { clicks human bots dailyUniques } clicks { totalCount } links { nodes { slug clickTotals { clicks } } } }";
const SALT: DaySalt = DaySalt([7; 32]);

impl Running {
    /// Clicks of a visitor, on the day that they are of.
    pub async fn clicks_of(&self, api: &GraphQl, link: &Value, visitor: &VisitorKey, numbers: std::ops::Range<i64>) {
        let workspace = workspace_of(api).await;
        let link: LinkId = link["id"].as_str().unwrap().parse().unwrap();
        let incoming = |number| {
            let click = Click { visitor: Some(visitor.clone()), ..click(link, number) };
            let day = Some(LocalDay::of(click.occurred_at(), &TimeZone::UTC));
            Incoming { workspace, click, day, record: [].into(), frame: "frame".into() }
        };
        self.store.ingest(&numbers.map(incoming).collect::<Vec<_>>(), NOON).await.unwrap();
    }

    /// Clicks as something makes them of those of the fixture.
    pub async fn store_as(
        &self,
        api: &GraphQl,
        link: &Value,
        numbers: std::ops::Range<i64>,
        make: impl Fn(Click) -> Click,
    ) -> store::IngestReport {
        let workspace = workspace_of(api).await;
        let link: LinkId = link["id"].as_str().unwrap().parse().unwrap();
        let incoming =
            |number| Incoming { workspace, click: make(click(link, number)), day: None, record: [].into(), frame: "frame".into() };
        self.store.ingest(&numbers.map(incoming).collect::<Vec<_>>(), NOON).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_is_erased_by_the_id_that_they_consented_to() {
    let running = start().await;
    let (ada, eve) = (running.ada().await, running.anonymous().sign_up("eve").await);
    let (a, b) = (
        ada.create_link("https://example.com/", json!({ "slug": "a" })).await,
        eve.create_link("https://example.com/", json!({ "slug": "b" })).await,
    );
    let visitor = VisitorKey { key: "v-1".into(), recipe: 2 };
    running.clicks_of(&ada, &a, &visitor, -10..-3).await;
    running.clicks_of(&eve, &b, &visitor, -10..-3).await;
    running.store_clicks(&ada, &a, -3..0).await;
    let before = eve.data(COUNTS, json!({})).await;
    let query = "{ clickTotals(compare: PREVIOUS_PERIOD, filter: { period: TODAY }) { uniqueVisitors previous { uniqueVisitors } } \
                 clicks(first: 1) { nodes { rulesVersion asnVersion } } }";
    let mut known = json!({
        "clickTotals": { "uniqueVisitors": 1, "previous": { "uniqueVisitors": null } },
        "clicks": { "nodes": [{ "rulesVersion": 0, "asnVersion": null }] },
    });
    assert_eq!(ada.data(query, json!({})).await, known);
    let erased = ada.data(ERASE, json!({ "i": { "consentedId": "v-1" } })).await["eraseVisitor"].take();
    assert_eq!((&erased["erasedClicks"], &erased["complete"], &erased["searchedFrom"]), (&json!(7), &json!(true), &Value::Null));
    assert_eq!(erased["notFound"][0]["reason"], "WITHOUT_CONSENT");
    let counts = ada.data(COUNTS, json!({})).await;
    assert_eq!(
        (&counts["clicks"]["totalCount"], &counts["clickTotals"]["human"], &counts["clickTotals"]["bots"]),
        (&json!(3), &json!(1), &json!(2))
    );
    assert_eq!(eve.data(COUNTS, json!({})).await, before);
    known["clickTotals"]["uniqueVisitors"] = Value::Null;
    assert_eq!(ada.data(query, json!({})).await, known);
    // Asked again there is nobody any more.
    assert_eq!(ada.data(ERASE, json!({ "i": { "consentedId": "v-1" } })).await["eraseVisitor"]["erasedClicks"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_is_erased_by_address_and_agent_as_long_as_the_salts_live() {
    let running = start().await;
    let ada = running.ada().await;
    let a = ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    let (workspace, today) = (workspace_of(&ada).await, LocalDay::of(NOON, &TimeZone::UTC));
    let salt = Salt { day: today, salt: SALT, used_until: today.used_until(&TimeZone::UTC, NOON).unwrap() };
    running.store.day_salt(workspace, salt, NOON).await.unwrap();
    let key = |agent| enrich::visitor_of_day(&SALT, workspace, "203.0.113.77".parse().unwrap(), Some(agent));
    let long = "x".repeat(600);
    running.clicks_of(&ada, &a, &key("Mozilla/5.0"), -10..-6).await;
    running.clicks_of(&ada, &a, &key(&long[..512]), -6..-4).await;
    running.clicks_of(&ada, &a, &key("Other/1.0"), -4..-1).await;
    let erase = async |ada: &GraphQl, ip: &str, agent: &str| {
        ada.data(ERASE, json!({ "i": { "ip": ip, "userAgent": agent } })).await["eraseVisitor"].take()
    };
    let erased = erase(&ada, "::ffff:203.0.113.77", " Mozilla/5.0 ").await;
    assert_eq!((&erased["erasedClicks"], &erased["searchedFrom"]), (&json!(4), &json!("2026-03-01T00:00:00.000Z")));
    let told = &erased["notFound"][0];
    assert_eq!((told["reason"].as_str().unwrap(), told["message"].as_str().unwrap().contains("2026-03-01")), ("SALTS_DESTROYED", true));
    assert_eq!(erase(&ada, "203.0.113.77", &long).await["erasedClicks"], 2);
    assert_eq!(erase(&ada, "203.0.113.78", "Other/1.0").await["erasedClicks"], 0);
    // When the day's salt is gone nobody can find them, and that is said.
    running.clock.advance(46 * 3_600_000);
    let ada = running.anonymous().sign_in("ada").await;
    let late = erase(&ada, "203.0.113.77", "Other/1.0").await;
    assert_eq!((&late["erasedClicks"], &late["searchedFrom"]), (&json!(0), &json!("2026-03-03T10:00:00.000Z")));
}

/// A click of a workspace that keeps addresses in full.
fn with(ip: &str, agent: Option<&str>, visitor: Option<&VisitorKey>) -> impl Fn(Click) -> Click {
    let (ip, agent, visitor) = (ip.parse().unwrap(), agent.map(str::to_owned), visitor.cloned());
    move |click| Click { ip: Some(ip), user_agent: agent.clone(), visitor: visitor.clone(), ..click }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clicks_that_hold_the_address_in_full_are_erased_by_it() {
    for running in start_each().await {
        let (ada, eve) = (running.ada().await, running.anonymous().sign_up("eve").await);
        let (a, b) = (
            ada.create_link("https://example.com/", json!({ "slug": "a" })).await,
            eve.create_link("https://example.com/", json!({ "slug": "b" })).await,
        );
        let consented = VisitorKey { key: "v-1".into(), recipe: 2 };
        let mine = with("203.0.113.77", Some("Mozilla/5.0"), Some(&consented));
        // Nobody could tell whose they are, of days whose salts are gone: only the address is left.
        let days_ago = -4 * 24 * 60;
        running.store_as(&ada, &a, days_ago - 6..days_ago, with("203.0.113.77", None, None)).await;
        running.store_as(&ada, &a, -10..-6, &mine).await;
        running.store_as(&ada, &a, -6..-4, with("203.0.113.77", Some("Other/1.0"), None)).await;
        running.store_as(&ada, &a, -4..-2, with("203.0.113.78", Some("Mozilla/5.0"), None)).await;
        running.store_as(&eve, &b, -4..0, &mine).await;
        running.store_clicks(&ada, &a, -2..0).await;
        let before = eve.data(COUNTS, json!({})).await;
        let input = json!({ "i": { "ip": "::ffff:203.0.113.77", "userAgent": "Mozilla/5.0" } });
        let erased = ada.data(ERASE, input.clone()).await["eraseVisitor"].take();
        assert_eq!((&erased["erasedClicks"], &erased["complete"]), (&json!(10), &json!(true)));
        let reasons: Vec<&str> = erased["notFound"].as_array().unwrap().iter().map(|told| told["reason"].as_str().unwrap()).collect();
        assert_eq!(reasons, ["SALTS_DESTROYED", "OBJECTED", "CONSENTED"]);
        let counts = ada.data(COUNTS, json!({})).await;
        assert_eq!(
            (&counts["clicks"]["totalCount"], &counts["clickTotals"]["human"], &counts["clickTotals"]["bots"]),
            (&json!(6), &json!(3), &json!(3))
        );
        assert_eq!(eve.data(COUNTS, json!({})).await, before);
        // What was under way is kept out, of that visitor alone.
        assert_eq!(running.store_as(&ada, &a, -1..0, &mine).await.erased, 1);
        assert_eq!(running.store_as(&eve, &b, -1..0, &mine).await.erased, 0);
        assert_eq!(running.store_as(&ada, &a, -1..0, with("203.0.113.77", Some("Other/1.0"), None)).await.erased, 0);
        assert_eq!(ada.data(ERASE, input).await["eraseVisitor"]["erasedClicks"], 0);
        // An agent that is not sent is that of clicks without one.
        let without = json!({ "i": { "ip": "203.0.113.78", "userAgent": "" } });
        assert_eq!(ada.data(ERASE, without).await["eraseVisitor"]["erasedClicks"], 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_a_visitor_is_told() {
    let running = start().await;
    let ada = running.ada().await;
    for (input, field) in [
        (json!({}), "consentedId"),
        (json!({ "consentedId": "" }), "consentedId"),
        (json!({ "consentedId": "a b c" }), "consentedId"),
        (json!({ "consentedId": "ada@example.com" }), "consentedId"),
        (json!({ "consentedId": "a".repeat(65) }), "consentedId"),
        (json!({ "consentedId": "a", "ip": "203.0.113.7" }), "consentedId"),
        (json!({ "ip": "203.0.113.7" }), "userAgent"),
        (json!({ "userAgent": "a" }), "ip"),
        (json!({ "ip": "here", "userAgent": "a" }), "ip"),
    ] {
        let error = ada.error(ERASE, json!({ "i": input })).await;
        assert_eq!(told(&error), ("VALIDATION".into(), vec![field.to_owned()]), "{input}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_links_history_goes_and_the_link_stays() {
    let running = start().await;
    let (ada, eve) = (running.ada().await, running.anonymous().sign_up("eve").await);
    let (a, b) = (
        ada.create_link("https://example.com/", json!({ "slug": "a" })).await,
        ada.create_link("https://example.com/", json!({ "slug": "b" })).await,
    );
    running.store_clicks(&ada, &a, -10..0).await;
    running.store_clicks(&ada, &b, -6..0).await;
    assert_eq!(told(&eve.error(HISTORY, json!({ "i": { "linkId": a["id"] } })).await).0, "NOT_FOUND");
    let gone = ada.data(HISTORY, json!({ "i": { "linkId": a["id"] } })).await["deleteLinkHistory"].take();
    assert_eq!(gone, json!({ "erasedClicks": 10, "complete": true, "link": { "slug": "a", "lastClickedAt": null } }));
    let counts = ada.data(COUNTS, json!({})).await;
    assert_eq!((&counts["clicks"]["totalCount"], &counts["clickTotals"]["clicks"]), (&json!(6), &json!(3)));
    for (slug, clicks) in [("a", 0), ("b", 3)] {
        let wanted = json!({ "slug": slug, "clickTotals": { "clicks": clicks } });
        assert!(counts["links"]["nodes"].as_array().unwrap().contains(&wanted), "{counts}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_in_the_order_of_storage_goes_on_over_an_erasure() {
    let running = start().await;
    let ada = running.ada().await;
    let a = ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    running.store_clicks(&ada, &a, -10..-8).await;
    running.clicks_of(&ada, &a, &VisitorKey { key: "v-1".into(), recipe: 2 }, -8..-4).await;
    running.store_clicks(&ada, &a, -4..-2).await;
    let page =
        "query($after: String) { clicks(order: STORED, first: 3, after: $after) { nodes { url } pageInfo { endCursor hasNextPage } } }";
    let first = ada.data(page, json!({})).await["clicks"]["pageInfo"]["endCursor"].take();
    let live = "subscription($after: String) { clicks(after: $after) { click { url } gap { dropped } } }";
    // One subscribed before, one after from a cursor whose click is gone.
    let mut before = ada.subscribe(live, json!({ "after": first })).await;
    for number in [-7, -6, -5, -4, -3] {
        assert_eq!(
            before.receive().await.unwrap()["payload"]["data"]["clicks"]["click"]["url"],
            format!("https://go.example/a?n={number}")
        );
    }
    ada.data(ERASE, json!({ "i": { "consentedId": "v-1" } })).await;
    let mut after = ada.subscribe(live, json!({ "after": first })).await;
    let report = running.store_clicks(&ada, &a, -2..-1).await;
    running.announce(report).await;
    assert_eq!(
        before.receive().await.unwrap()["payload"]["data"]["clicks"],
        json!({ "click": { "url": "https://go.example/a?n=-2" }, "gap": null })
    );
    for number in [-4, -3, -2] {
        let click = json!({ "click": { "url": format!("https://go.example/a?n={number}") }, "gap": null });
        assert_eq!(after.receive().await.unwrap()["payload"]["data"]["clicks"], click);
    }
    let rest = ada.data(page, json!({ "after": first })).await["clicks"].take();
    assert_eq!((rest["nodes"].as_array().unwrap().len(), &rest["pageInfo"]["hasNextPage"]), (3, &json!(false)));
}
