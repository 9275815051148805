//! Filters as they are asked for: each field, what is left out, and what is refused.

use domain::{DomainId, HostName};
use platform::Rng;
use serde_json::{Value, json};
use store::{Access, NewDomain, Proof};
use testkit::GraphQl;

use crate::fixture::{NOON, Running, start, start_each, told, workspace_of};

const OWN: &str = "go.ada.example";

/// A link on a domain of the workspace's own.
async fn link_on_own(running: &Running, ada: &GraphQl) -> Value {
    let scope = running.store.workspace(workspace_of(ada).await, Access::Write).await.unwrap();
    let id = DomainId::new(NOON, Rng::System.entropy());
    scope.add_domain(&NewDomain { id, host: HostName::from_store(OWN.into()), token: "token".into() }, NOON).await.unwrap();
    scope.record_proof(id, Proof::Found, NOON, NOON.plus(86_400_000)).await.unwrap();
    scope.commit().await.unwrap();
    ada.create_link("https://example.com/", json!({ "domain": OWN })).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_of_the_clicks_that_a_filter_names() {
    for running in start_each().await {
        let ada = running.ada().await;
        let labels = json!({ "tags": ["Sale"], "folder": "f", "metadata": { "k": 7, "on": true } });
        let (shared, own) = (ada.create_link("https://example.com/", labels).await, link_on_own(&running, &ada).await);
        running.store_clicks(&ada, &shared, 0..6).await;
        running.store_clicks(&ada, &own, 6..10).await;
        running.clock.advance(3_600_000);
        let ada = running.anonymous().sign_in("ada").await;
        let query = "query($f: ClickFilter) {
            clicks(filter: $f) { totalCount nodes { id } }
            clickTotals(filter: $f) { clicks human bots source dailyUniques }
            clickSeries(filter: $f, bucket: HOUR) { points { clicks } }
            clickBreakdown(filter: $f, dimension: LINK) { total rows { value clicks } }
        }";
        let asked = async |filter: Value| ada.data(query, json!({ "f": filter })).await;
        // Clicks of the list, of the counts (people's unless said otherwise), and where these are from.
        for (filter, listed, counted, source) in [
            (json!({ "domains": [OWN] }), 4, 2, "ROLLUP"),
            (json!({ "domains": ["GO.example"] }), 6, 3, "ROLLUP"),
            (json!({ "domains": ["go.example", "Go.Ada.example."] }), 10, 5, "ROLLUP"),
            (json!({ "domains": ["go.eve.example"] }), 0, 0, "ROLLUP"),
            (json!({ "domains": [OWN], "linkIds": [shared["id"]] }), 0, 0, "ROLLUP"),
            (json!({ "regions": [null], "utmTerm": [null], "utmContent": [null, "x"] }), 10, 5, "CLICKS"),
            (json!({ "regions": ["DE-BE"] }), 0, 0, "ROLLUP"),
            (json!({ "parameters": [{ "key": "n", "values": ["2", "3", "4"] }] }), 3, 2, "CLICKS"),
            (json!({ "parameters": [{ "key": "n", "values": ["2"] }, { "key": "m", "values": [null] }] }), 1, 1, "CLICKS"),
            (json!({ "parameters": [{ "key": "N", "values": ["2"] }] }), 0, 0, "CLICKS"),
            (json!({ "tags": ["sALE "] }), 6, 3, "ROLLUP"),
            (json!({ "tags": [null] }), 4, 2, "ROLLUP"),
            (json!({ "tags": [null, "sale"], "folders": ["f"] }), 6, 3, "ROLLUP"),
            (json!({ "folders": [null], "exclude": { "tags": ["sale"] } }), 4, 2, "ROLLUP"),
            (json!({ "metadata": [{ "key": "k", "values": ["7"] }, { "key": "on", "values": ["true"] }] }), 6, 3, "ROLLUP"),
            (json!({ "metadata": [{ "key": "k", "values": [null, "8"] }] }), 4, 2, "ROLLUP"),
            (json!({ "exclude": { "metadata": [{ "key": "k", "values": [null] }], "folders": ["g"] } }), 6, 3, "ROLLUP"),
            (json!({ "tags": ["sale"], "countries": ["DE"] }), 6, 3, "ROLLUP"),
            (json!({ "exclude": {} }), 10, 5, "ROLLUP"),
            (json!({ "exclude": { "domains": [OWN] } }), 6, 3, "ROLLUP"),
            (json!({ "exclude": { "linkIds": [shared["id"]] }, "verdicts": ["BOT"] }), 2, 2, "ROLLUP"),
            // By leaving out bots all others are named.
            (json!({ "exclude": { "verdicts": ["HUMAN"] } }), 5, 5, "ROLLUP"),
            (json!({ "verdicts": ["BOT"], "exclude": { "verdicts": ["BOT"] } }), 0, 0, "ROLLUP"),
            // Each field leaves out by itself, and what is unknown stays unless null is named.
            (json!({ "exclude": { "domains": [OWN], "parameters": [{ "key": "n", "values": ["0", "2"] }] } }), 4, 1, "CLICKS"),
            (json!({ "exclude": { "utmTerm": ["x"] } }), 10, 5, "ROLLUP"),
            (json!({ "exclude": { "utmTerm": [null] } }), 0, 0, "ROLLUP"),
            (json!({ "countries": ["DE"], "exclude": { "countries": ["de"] } }), 0, 0, "ROLLUP"),
        ] {
            let seen = asked(filter.clone()).await;
            assert_eq!(seen["clicks"]["totalCount"], json!(listed), "{filter}");
            assert_eq!(seen["clicks"]["nodes"].as_array().unwrap().len(), listed, "{filter}");
            assert_eq!((&seen["clickTotals"]["clicks"], &seen["clickTotals"]["source"]), (&json!(counted), &json!(source)), "{filter}");
            let points = seen["clickSeries"]["points"].as_array().unwrap().iter();
            assert_eq!(points.map(|point| point["clicks"].as_i64().unwrap()).sum::<i64>(), counted, "{filter}");
            assert_eq!(seen["clickBreakdown"]["total"], json!(counted), "{filter}");
        }
        // By verdict all are counted, whatever the filter leaves out.
        let totals = asked(json!({ "exclude": { "verdicts": ["BOT"] } })).await["clickTotals"].take();
        assert_eq!((&totals["human"], &totals["bots"]), (&json!(5), &json!(5)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offences_are_told_with_their_place_and_limit() {
    let running = start().await;
    let ada = running.ada().await;
    let query = "query($f: ClickFilter) { clickTotals(filter: $f) { clicks } }";
    let keys = |count: usize| vec![json!({ "key": "k", "values": ["v"] }); count];
    assert_eq!(
        ada.data(query, json!({ "f": { "parameters": keys(10), "domains": vec!["a.example"; 100] } })).await["clickTotals"]["clicks"],
        0
    );
    for (filter, field, limit) in [
        (json!({ "domains": vec!["a.example"; 101] }), "filter.domains", "at most 100 values"),
        (json!({ "domains": ["no host"] }), "filter.domains", "Link.domain"),
        (json!({ "exclude": { "cities": vec!["x"; 101] } }), "filter.exclude.cities", "at most 100 values"),
        (json!({ "exclude": { "browsers": [] } }), "filter.exclude.browsers", "matches nothing"),
        (json!({ "exclude": { "linkIds": ["x"] } }), "filter.exclude.linkIds", "lnk_"),
        (json!({ "parameters": keys(11) }), "filter.parameters", "at most 10 keys"),
        (json!({ "metadata": keys(11) }), "filter.metadata", "at most 10 keys"),
        (json!({ "tags": [] }), "filter.tags", "matches nothing"),
        (json!({ "exclude": { "folders": vec!["x"; 101] } }), "filter.exclude.folders", "at most 100 values"),
        (json!({ "exclude": { "parameters": [] } }), "filter.exclude.parameters", "matches nothing"),
        (
            json!({ "parameters": [keys(1)[0], { "key": "k", "values": vec!["v"; 101] }] }),
            "filter.parameters.1.values",
            "at most 50 values",
        ),
        (
            json!({ "parameters": [{ "key": "a", "values": vec!["v"; 26] }, { "key": "b", "values": vec!["v"; 25] }] }),
            "filter.parameters",
            "at most 50 values of all",
        ),
        (json!({ "exclude": { "period": "TODAY" } }), "filter.exclude.period", ""),
    ] {
        let error = ada.error(query, json!({ "f": filter })).await;
        assert_eq!(told(&error), ("VALIDATION".into(), vec![field.into()]), "{filter}");
        assert!(error.to_string().contains(limit), "{filter} {error}");
    }
    // The most that may be asked at once is answered by both databases.
    let most = json!({ "key": "k", "values": (0..5).map(|value| value.to_string()).collect::<Vec<_>>() });
    let most = json!({ "parameters": vec![most; 10] });
    for running in start_each().await {
        let ada = running.ada().await;
        let filter = json!({ "parameters": most["parameters"], "exclude": most });
        assert_eq!(ada.data(query, json!({ "f": filter })).await["clickTotals"]["clicks"], 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_hears_what_its_filter_names() {
    let live = "subscription($f: ClickFilter) { clicks(filter: $f) { click { parameter(key: \"n\") } } }";
    for running in start_each().await {
        let ada = running.ada().await;
        let (shared, own) = (ada.create_link("https://example.com/", json!({})).await, link_on_own(&running, &ada).await);
        let mut of_domain = ada.subscribe(live, json!({ "f": { "domains": [OWN], "exclude": { "verdicts": ["BOT"] } } })).await;
        let mut but_domain = ada.subscribe(live, json!({ "f": { "exclude": { "domains": [OWN] } } })).await;
        let but = json!({ "exclude": { "parameters": [{ "key": "n", "values": ["1", "3", "5"] }], "linkIds": [shared["id"]] } });
        let mut but_some = ada.subscribe(live, json!({ "f": but })).await;
        let mut of_tag = ada.subscribe(live, json!({ "f": { "tags": ["sale"] } })).await;
        let tagged = "mutation($i: UpdateLinkInput!) { updateLink(input: $i) { link { id } } }";
        ada.data(tagged, json!({ "i": { "id": shared["id"], "tags": ["Sale"] } })).await;
        // A link that is made later is heard as well.
        let later = ada.create_link("https://example.com/", json!({ "domain": OWN })).await;
        for (link, numbers) in [(&shared, 0..2), (&own, 2..5), (&shared, 5..6), (&later, 6..8)] {
            let report = running.store_clicks(&ada, link, numbers).await;
            running.announce(report).await;
        }
        for (heard, wanted) in [
            (&mut of_tag, vec!["0", "1", "5"]),
            (&mut of_domain, vec!["2", "4", "6"]),
            (&mut but_domain, vec!["0", "1", "5"]),
            (&mut but_some, vec!["2", "4", "6", "7"]),
        ] {
            for number in wanted {
                assert_eq!(heard.next().await["clicks"]["click"]["parameter"], number);
            }
        }
    }
}
