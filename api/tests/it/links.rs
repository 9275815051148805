//! Links: making, changing, finding, listing.

use platform::Rng;
use serde_json::{Value, json};

use crate::fixture::{Setup, start, start_with, told};

const CREATE: &str = "mutation($i: CreateLinkInput!) { createLink(input: $i) { link { id slug shortUrl targetUrl version redirectStatus forwardQuery title externalId } warnings { code } } }";
const UPDATE: &str = "mutation($i: UpdateLinkInput!) { updateLink(input: $i) { link { slug targetUrl title externalId version redirectStatus forwardQuery } } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_made_as_asked() {
    let running = start().await;
    let ada = running.ada().await;
    let link = ada.data(CREATE, json!({ "i": { "targetUrl": " https://EXAMPLE.com/a b?x=ü " } })).await["createLink"]["link"].take();
    assert_eq!(link["targetUrl"], "https://example.com/a%20b?x=%C3%BC");
    let slug = link["slug"].as_str().unwrap();
    assert_eq!((slug.len(), &link["shortUrl"]), (7, &json!(format!("https://go.example/{slug}"))));
    assert_eq!((&link["version"], &link["redirectStatus"], &link["forwardQuery"]), (&json!(1), &json!(302), &json!(false)));
    let input = json!({ "targetUrl": "http://example.com", "slug": "Mine", "title": " T ", "externalId": "x", "redirectStatus": 307, "forwardQuery": true });
    let link = ada.data(CREATE, json!({ "i": input })).await["createLink"]["link"].take();
    assert_eq!(
        (&link["slug"], &link["title"], &link["redirectStatus"], &link["forwardQuery"]),
        (&json!("Mine"), &json!("T"), &json!(307), &json!(true))
    );
    for by in [json!({ "id": link["id"] }), json!({ "externalId": "x" }), json!({ "shortUrl": "https://go.example/mine" })] {
        let found = ada.data("query($b: LinkBy!) { link(by: $b) { id } }", json!({ "b": by })).await;
        assert_eq!(found["link"]["id"], link["id"], "{by}");
    }
    for by in [json!({ "id": "lnk_x" }), json!({ "externalId": "y" }), json!({ "shortUrl": "https://other.example/mine" })] {
        assert_eq!(told(&ada.error("query($b: LinkBy!) { link(by: $b) { id } }", json!({ "b": by })).await).0, "NOT_FOUND", "{by}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_names_its_fields_and_stores_nothing() {
    let running = start().await;
    let ada = running.ada().await;
    let good = json!({ "targetUrl": "https://example.com/", "slug": "taken" });
    let id = ada.data(CREATE, json!({ "i": good })).await["createLink"]["link"]["id"].take();
    let cases = [
        ("targetUrl", json!("")),
        ("targetUrl", json!("example.com")),
        ("targetUrl", json!("javascript:alert(1)")),
        ("targetUrl", json!("ftp://example.com/")),
        ("targetUrl", json!("https://me:secret@example.com/")),
        ("targetUrl", json!("https://example.com/\n")),
        ("targetUrl", json!("https://go.example/loop")),
        ("targetUrl", json!(format!("https://example.com/{}", "x".repeat(2_048)))),
        ("slug", json!("")),
        ("slug", json!("a b")),
        ("slug", json!("x".repeat(65))),
        ("title", json!("x".repeat(201))),
        ("externalId", json!("a\nb")),
        ("redirectStatus", json!(200)),
    ];
    for (field, value) in cases {
        let wanted = ("VALIDATION".to_owned(), vec![field.to_owned()]);
        let mut input = json!({ "targetUrl": "https://example.com/", "slug": "free" });
        input[field] = value.clone();
        assert_eq!(told(&ada.error(CREATE, json!({ "i": input })).await), wanted, "{field}={value}");
        let update = json!({ "id": id, field: value });
        assert_eq!(told(&ada.error(UPDATE, json!({ "i": update })).await), wanted, "{field}={value}");
    }
    for field in ["targetUrl", "slug"] {
        assert_eq!(told(&ada.error(UPDATE, json!({ "i": { "id": id, field: null } })).await), ("VALIDATION".into(), vec![field.into()]));
    }
    let error = ada.error(CREATE, json!({ "i": { "targetUrl": "https://example.com/", "slug": "TAKEN" } })).await;
    assert_eq!((told(&error).0.as_str(), &error["extensions"]["field"]), ("CONFLICT", &json!("slug")));
    let links = ada.data("{ links { totalCount nodes { version } } }", json!({})).await["links"].take();
    assert_eq!(links, json!({ "totalCount": 1, "nodes": [{ "version": 1 }] }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_the_schema_names_its_field_too() {
    let running = start().await;
    let ada = running.ada().await;
    for (variables, field) in [
        (json!({ "i": {} }), "targetUrl"),
        (json!({ "i": { "targetUrl": 7 } }), "targetUrl"),
        (json!({ "i": { "targetUrl": null } }), "targetUrl"),
        (json!({ "i": { "targetUrl": "https://example.com/", "nope": 1 } }), "nope"),
        (json!({ "i": { "targetUrl": "https://example.com/", "redirectStatus": "x" } }), "redirectStatus"),
        (json!({}), "i"),
    ] {
        let error = ada.error(CREATE, variables.clone()).await;
        assert_eq!(told(&error), ("VALIDATION".into(), vec![field.into()]), "{variables}");
        assert!(error["message"].as_str().unwrap().contains(field), "{error}");
    }
    let literal = ada.error("mutation { createLink(input: { slug: \"x\" }) { link { id } } }", json!({})).await;
    assert_eq!(told(&literal), ("VALIDATION".into(), vec!["targetUrl".into()]));
    assert_eq!(ada.data("{ links { totalCount } }", json!({})).await["links"]["totalCount"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn updates_leave_clear_and_conflict() {
    let running = start().await;
    let ada = running.ada().await;
    let input = json!({ "targetUrl": "https://example.com/", "slug": "a", "title": "T", "externalId": "x", "redirectStatus": 301 });
    let id = ada.data(CREATE, json!({ "i": input })).await["createLink"]["link"]["id"].take();
    let changed = ada.data(UPDATE, json!({ "i": { "id": id, "title": null, "redirectStatus": null } })).await["updateLink"]["link"].take();
    let wanted = json!({ "slug": "a", "targetUrl": "https://example.com/", "title": null, "externalId": "x", "version": 2, "redirectStatus": 302, "forwardQuery": false });
    assert_eq!(changed, wanted);
    let stale = ada.error(UPDATE, json!({ "i": { "id": id, "expectedVersion": 1, "title": "N" } })).await;
    assert_eq!((told(&stale).0.as_str(), &stale["extensions"]["field"]), ("CONFLICT", &json!("expectedVersion")));
    let deleted = ada.data("mutation($i: ID!) { deleteLink(input: { id: $i }) { deletedId } }", json!({ "i": id })).await;
    assert_eq!(deleted["deleteLink"]["deletedId"], id);
    for query in [
        "mutation($i: ID!) { deleteLink(input: { id: $i }) { deletedId } }",
        "mutation($i: ID!) { updateLink(input: { id: $i, title: \"x\" }) { link { id } } }",
    ] {
        assert_eq!(told(&ada.error(query, json!({ "i": id })).await).0, "NOT_FOUND");
    }
    let eve = running.anonymous().sign_up("eve").await;
    let other = ada.create_link("https://example.com/", json!({})).await["id"].take();
    assert_eq!(told(&eve.error(UPDATE, json!({ "i": { "id": other, "title": "mine" } })).await).0, "NOT_FOUND");
    assert_eq!(told(&running.anonymous().error(UPDATE, json!({ "i": { "id": other } })).await).0, "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_paged_by_cursors() {
    let running = start().await;
    let ada = running.ada().await;
    for number in 0..5 {
        running.clock.advance(1);
        ada.create_link("https://example.com/", json!({ "slug": format!("l{number}") })).await;
    }
    let query = "query($f: Int, $a: String, $l: Int, $b: String) { links(first: $f, after: $a, last: $l, before: $b) { nodes { slug } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
    let page = async |variables: Value| ada.data(query, variables).await["links"].take();
    let slugs =
        |page: &Value| page["nodes"].as_array().unwrap().iter().map(|node| node["slug"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let first = page(json!({ "f": 2 })).await;
    assert_eq!((slugs(&first), &first["pageInfo"]["hasNextPage"]), (vec!["l4".into(), "l3".into()], &json!(true)));
    let second = page(json!({ "f": 3, "a": first["pageInfo"]["endCursor"] })).await;
    assert_eq!((slugs(&second), &second["pageInfo"]["hasNextPage"]), (vec!["l2".into(), "l1".into(), "l0".into()], &json!(false)));
    let back = page(json!({ "l": 2, "b": second["edges"][1]["cursor"] })).await;
    assert_eq!(slugs(&back), ["l3", "l2"]);
    for (variables, field) in [
        (json!({ "f": 101 }), "first"),
        (json!({ "f": -1 }), "first"),
        (json!({ "f": 1, "l": 1 }), "first"),
        (json!({ "a": "x" }), "after"),
    ] {
        assert_eq!(told(&ada.error(query, variables).await), ("VALIDATION".into(), vec![field.into()]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generated_slug_that_is_taken_is_drawn_again() {
    let first = start_with(Setup { rng: Rng::seeded(11), ..Setup::default() }).await;
    let slug = first.ada().await.create_link("https://example.com/", json!({})).await["slug"].take();
    // The same draws again, on a store where somebody has that slug.
    let second = start_with(Setup { rng: Rng::seeded(11), ..Setup::default() }).await;
    let workspace = domain::WorkspaceId::new(crate::fixture::NOON, [9; 10]);
    let taken = domain::NewLink {
        domain: None,
        id: domain::LinkId::new(crate::fixture::NOON, [9; 10]),
        slug: domain::Slug::parse(slug.as_str().unwrap()).unwrap(),
        target: domain::TargetUrl::from_store("https://example.com/".into()),
        title: None,
        external_id: None,
        about: domain::LinkAbout::default(),
        redirect_status: domain::RedirectStatus::DEFAULT,
        forward_query: false,
        labels: domain::LinkLabels::default(),
        append_click_id: false,
        created_by: None,
        gate: domain::Gate::default(),
    };
    let session = store::NewSession {
        id: domain::SessionId::new(crate::fixture::NOON, [9; 10]),
        user: domain::UserId::new(crate::fixture::NOON, [9; 10]),
        workspace,
        refresh: store::Refresh { hash: store::RefreshHash([9; 32]), expires_at: crate::fixture::NOON },
        now: crate::fixture::NOON,
    };
    let other = store::NewAccount {
        email: domain::Email::parse("other@example.com").unwrap(),
        password_hash: "x".into(),
        workspace: store::Workspace {
            id: workspace,
            name: "o".into(),
            slug: "o".into(),
            time_zone: "UTC".into(),
            created_at: crate::fixture::NOON,
        },
        session,
    };
    second.store.sign_up(other).await.unwrap();
    let scope = second.store.workspace(workspace, store::Access::Write).await.unwrap();
    scope.create_link(&taken, crate::fixture::NOON).await.unwrap();
    scope.commit().await.unwrap();
    let drawn = second.ada().await.create_link("https://example.com/", json!({})).await["slug"].take();
    assert_ne!(drawn, slug);
}
