//! Tags, folders and metadata of links, and the lists that go by them.

use serde_json::{Value, json};
use testkit::GraphQl;

use crate::fixture::{start, start_each, told};

const CREATE: &str = "mutation($i: CreateLinkInput!) { createLink(input: $i) { link { id version tags folder metadata } } }";
const UPDATE: &str = "mutation($i: UpdateLinkInput!) { updateLink(input: $i) { link { version tags folder metadata } } }";
const LIST: &str = "query($f: LinkFilter, $o: LinkOrder, $n: Int, $a: String) {
    links(filter: $f, orderBy: $o, first: $n, after: $a) { totalCount nodes { slug } pageInfo { endCursor hasNextPage } }
}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn labels_are_made_changed_and_cleared() {
    for running in start_each().await {
        let ada = running.ada().await;
        let bare = ada.data(CREATE, json!({ "i": { "targetUrl": "https://example.com/" } })).await["createLink"]["link"].take();
        assert_eq!((&bare["tags"], &bare["folder"], &bare["metadata"]), (&json!([]), &Value::Null, &json!({})));
        let metadata = json!({ "z": "text", "a": 5, "half": 0.5, "on": true });
        let input = json!({ "targetUrl": "https://example.com/", "tags": [" Sale ", "x", "SALE"], "folder": " mail/spring ", "metadata": metadata });
        let made = ada.data(CREATE, json!({ "i": input })).await["createLink"]["link"].take();
        assert_eq!((&made["tags"], &made["folder"]), (&json!(["Sale", "x"]), &json!("mail/spring")));
        // In the order they were given in.
        assert_eq!(made["metadata"].to_string(), metadata.to_string());
        let update = async |mut input: Value| {
            input["id"] = made["id"].clone();
            ada.data(UPDATE, json!({ "i": input })).await["updateLink"]["link"].take()
        };
        let changed = update(json!({ "tags": ["y"] })).await;
        assert_eq!(changed, json!({ "version": 2, "tags": ["y"], "folder": "mail/spring", "metadata": metadata }));
        let changed = update(json!({ "metadata": { "k": "v" }, "folder": "f" })).await;
        assert_eq!(changed, json!({ "version": 3, "tags": ["y"], "folder": "f", "metadata": { "k": "v" } }));
        let changed = update(json!({ "metadata": null, "folder": null, "tags": null })).await;
        assert_eq!(changed, json!({ "version": 4, "tags": [], "folder": null, "metadata": {} }));
        let read = "query($i: ID!) { link(by: { id: $i }) { version tags folder metadata } }";
        assert_eq!(ada.data(read, json!({ "i": made["id"] })).await["link"], changed);
        let literal =
            "mutation { createLink(input: { targetUrl: \"https://example.com/\", metadata: { a: 1, b: \"x\" } }) { link { metadata } } }";
        assert_eq!(ada.data(literal, json!({})).await["createLink"]["link"]["metadata"], json!({ "a": 1, "b": "x" }));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_offences_of_labels_are_told_at_once_and_nothing_is_stored() {
    let running = start().await;
    let ada = running.ada().await;
    let id = ada.create_link("https://example.com/", json!({ "tags": ["kept"] })).await["id"].take();
    let wrong = json!({
        "targetUrl": "nowhere",
        "tags": ["ok", "", "a\u{202e}b", "x".repeat(51)],
        "folder": "x".repeat(101),
        "metadata": { "list": [1], "nested": { "a": 1 }, "nothing": null, "long": "x".repeat(501), "fine": 1 },
    });
    let wanted =
        ["targetUrl", "tags.1", "tags.2", "tags.3", "folder", "metadata.list", "metadata.nested", "metadata.nothing", "metadata.long"];
    assert_eq!(told(&ada.error(CREATE, json!({ "i": wrong })).await), ("VALIDATION".into(), wanted.map(String::from).to_vec()));
    let keys: serde_json::Map<String, Value> = (0..21).map(|key| (key.to_string(), json!(key))).collect();
    for (field, value) in [
        ("tags", json!(vec!["x"; 21])),
        ("tags", json!({ "a": 1 })),
        ("folder", json!("a\nb")),
        ("metadata", json!(keys)),
        ("metadata", json!([])),
        ("metadata", json!("text")),
        ("metadata", json!({ "": 1 })),
        ("metadata", json!({ "x".repeat(65): 1 })),
    ] {
        let error = ada.error(UPDATE, json!({ "i": { "id": id, field: value } })).await;
        let (code, paths) = told(&error);
        assert_eq!((code.as_str(), paths.len()), ("VALIDATION", 1), "{field}={value} {error}");
        assert!(paths[0].starts_with(field), "{field}={value} {error}");
    }
    let eve = running.anonymous().sign_up("eve").await;
    assert_eq!(told(&eve.error(UPDATE, json!({ "i": { "id": id, "tags": ["mine"] } })).await).0, "NOT_FOUND");
    assert_eq!((eve.data("{ tags { name } folders { name } }", json!({})).await), json!({ "tags": [], "folders": [] }));
    let stored = ada.data("{ links { nodes { version tags } } }", json!({})).await["links"]["nodes"].take();
    assert_eq!(stored, json!([{ "version": 1, "tags": ["kept"] }]));
}

async fn some_links(ada: &GraphQl, clock: &platform::Clock) {
    for (slug, more) in [
        ("one", json!({ "tags": ["Sale"], "folder": "f", "title": "Spring" })),
        ("two", json!({ "tags": ["sale", "mail"], "folder": "g" })),
        ("Three", json!({ "externalId": "spring-3" })),
    ] {
        clock.advance(1_000);
        let mut input = more;
        input["slug"] = json!(slug);
        ada.create_link("https://example.com/", input).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_filtered_searched_and_ordered() {
    for running in start_each().await {
        let ada = running.ada().await;
        some_links(&ada, &running.clock).await;
        let eve = running.anonymous().sign_up("eve").await;
        let foreign = eve.create_link("https://example.com/", json!({ "tags": ["Sale"], "folder": "f" })).await;
        let links =
            ada.data("{ links(orderBy: { field: SLUG, direction: ASC }) { nodes { id slug } } }", json!({})).await["links"]["nodes"].take();
        running.store_clicks(&ada, &links[2], 0..3).await;
        running.store_clicks(&ada, &links[0], 3..4).await;
        let listed = async |filter: Value, order: Value| {
            let page = ada.data(LIST, json!({ "f": filter, "o": order })).await["links"].take();
            let slugs: Vec<String> =
                page["nodes"].as_array().unwrap().iter().map(|node| node["slug"].as_str().unwrap().to_owned()).collect();
            assert_eq!(page["totalCount"], json!(slugs.len()), "{filter}");
            slugs
        };
        for (filter, wanted) in [
            (json!({}), vec!["Three", "two", "one"]),
            (json!({ "tags": ["SALE"] }), vec!["two", "one"]),
            (json!({ "tags": [" mail ", null] }), vec!["Three", "two"]),
            (json!({ "folders": ["f"] }), vec!["one"]),
            (json!({ "folders": [null] }), vec!["Three"]),
            (json!({ "search": "SPRING" }), vec!["Three", "one"]),
            (json!({ "search": "mai" }), vec!["two"]),
            (json!({ "search": "  " }), vec!["Three", "two", "one"]),
            (json!({ "updatedSince": "2026-03-01T12:00:02Z" }), vec!["Three", "two"]),
            (json!({ "tags": ["sale"], "folders": ["g"], "domains": ["go.example"] }), vec!["two"]),
            (json!({ "tags": ["sale"], "archived": true }), vec![]),
        ] {
            assert_eq!(listed(filter.clone(), Value::Null).await, wanted, "{filter}");
        }
        for (field, ascending) in [
            ("CREATED_AT", ["one", "two", "Three"]),
            ("UPDATED_AT", ["one", "two", "Three"]),
            ("SLUG", ["one", "Three", "two"]),
            // Links without clicks are last in both directions.
            ("LAST_CLICKED_AT", ["two", "one", "Three"]),
            ("CLICKS", ["Three", "one", "two"]),
        ] {
            let found = listed(json!({}), json!({ "field": field, "direction": "ASC" })).await;
            assert_eq!(found, ascending, "{field}");
            // One page after the other, downwards.
            let (mut slugs, mut after) = (Vec::new(), Value::Null);
            loop {
                let page = ada.data(LIST, json!({ "o": { "field": field }, "n": 1, "a": after })).await["links"].take();
                slugs.push(page["nodes"][0]["slug"].as_str().unwrap().to_owned());
                after = page["pageInfo"]["endCursor"].clone();
                if page["pageInfo"]["hasNextPage"] == false {
                    break;
                }
            }
            let mut wanted = ascending;
            if field == "LAST_CLICKED_AT" {
                wanted[..2].reverse()
            } else {
                wanted.reverse()
            }
            assert_eq!(slugs, wanted, "{field}");
        }
        assert_eq!(
            ada.data("{ tags { name linkCount } folders { name linkCount } }", json!({})).await,
            json!({
                "tags": [{ "name": "Sale", "linkCount": 2 }, { "name": "mail", "linkCount": 1 }],
                "folders": [{ "name": "f", "linkCount": 1 }, { "name": "g", "linkCount": 1 }],
            })
        );
        let line = "query($i: ID!, $d: Int!) { link(by: { id: $i }) { sparkline(days: $d) } }";
        let of_days = |days: i32| json!({ "i": links[2]["id"], "d": days });
        // Of three clicks two are of people.
        assert_eq!(ada.data(line, of_days(3)).await["link"]["sparkline"], json!([0, 0, 2]));
        assert_eq!(ada.data(line, of_days(90)).await["link"]["sparkline"].as_array().unwrap().len(), 90);
        for days in [0, -1, 91, i32::MAX] {
            assert_eq!(told(&ada.error(line, of_days(days)).await), ("VALIDATION".into(), vec!["days".into()]), "{days}");
        }
        refused(&ada, &eve, &foreign).await;
    }
}

/// Cursors of other lists, orders and workspaces, and filters that ask for too much.
async fn refused(ada: &GraphQl, eve: &GraphQl, foreign: &Value) {
    let cursor = async |api: &GraphQl, order: Value| {
        api.data(LIST, json!({ "o": order, "n": 1 })).await["links"]["pageInfo"]["endCursor"].as_str().unwrap().to_owned()
    };
    assert!(foreign["id"].is_string());
    let clicks = ada.data("{ clicks(first: 1) { pageInfo { endCursor } } }", json!({})).await["clicks"]["pageInfo"]["endCursor"].take();
    for after in [
        "x".to_owned(),
        clicks.as_str().unwrap().to_owned(),
        cursor(ada, json!({ "field": "CLICKS" })).await,
        cursor(ada, json!({ "field": "CREATED_AT", "direction": "ASC" })).await,
        cursor(eve, Value::Null).await,
    ] {
        let error = ada.error(LIST, json!({ "a": after })).await;
        assert_eq!(told(&error), ("VALIDATION".into(), vec!["after".into()]), "{after}");
    }
    for (filter, field) in [
        (json!({ "tags": vec!["x"; 101] }), "filter.tags"),
        (json!({ "folders": [] }), "filter.folders"),
        (json!({ "domains": vec!["a.example"; 101] }), "filter.domains"),
        (json!({ "search": "x".repeat(201) }), "filter.search"),
    ] {
        assert_eq!(told(&ada.error(LIST, json!({ "f": filter })).await), ("VALIDATION".into(), vec![field.into()]), "{filter}");
    }
    let both = ada.error(LIST, json!({ "f": { "tags": [], "search": "x".repeat(201) }, "n": 101, "a": "x" })).await;
    assert_eq!(told(&both).1, ["first", "after", "filter.tags", "filter.search"]);
}
