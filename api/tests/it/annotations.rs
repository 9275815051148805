//! Annotations through the API, on both databases.

use serde_json::{Value, json};
use testkit::GraphQl;

use crate::fixture::{start_each, told};

const CREATE: &str = "mutation($i: CreateAnnotationInput!) { createAnnotation(input: $i) { annotation { id at until kind text link { id } author { email } } } }";
const UPDATE: &str = "mutation($i: UpdateAnnotationInput!) { updateAnnotation(input: $i) { annotation { text until } } }";
const DELETE: &str = "mutation($i: DeleteAnnotationInput!) { deleteAnnotation(input: $i) { deletedId } }";
const LIST: &str = "query($f: AnnotationFilter, $n: Int, $a: String) { annotations(filter: $f, first: $n, after: $a) {
    nodes { id kind text link { id } author { email } } totalCount pageInfo { hasNextPage endCursor } } }";

async fn key(api: &GraphQl, scopes: &[&str]) -> GraphQl {
    let query = "mutation($i: CreateApiKeyInput!) { createApiKey(input: $i) { secret } }";
    let made = api.data(query, json!({ "i": { "name": "k", "scopes": scopes } })).await;
    api.with_token(made["createApiKey"]["secret"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_write_down_what_happened() {
    for running in start_each().await {
        let ada = running.ada().await;
        let link = ada.create_link("https://example.com/", json!({})).await;
        let made =
            ada.data(CREATE, json!({ "i": { "at": "2026-03-01T09:00:00+01:00", "text": " Sale\n began ", "linkId": link["id"] } })).await;
        let note = &made["createAnnotation"]["annotation"];
        let id = &note["id"];
        assert!(id.as_str().unwrap().starts_with("ann_"));
        let wanted = json!({ "id": id, "at": "2026-03-01T08:00:00.000Z", "until": null, "kind": "NOTE", "text": "Sale began", "link": { "id": link["id"] }, "author": { "email": "ada@example.com" } });
        assert_eq!(*note, wanted);
        ada.data(
            "mutation($i: UpdateLinkInput!) { updateLink(input: $i) { link { id } } }",
            json!({ "i": { "id": link["id"], "expectedVersion": 1, "targetUrl": "https://example.com/new" } }),
        )
        .await;

        let list = async |api: &GraphQl, variables: Value| api.data(LIST, variables).await["annotations"].take();
        let all = list(&ada, json!({})).await;
        assert_eq!(
            (&all["totalCount"], &all["nodes"][0]["kind"], &all["nodes"][0]["author"]),
            (&json!(2), &json!("LINK_CHANGED"), &Value::Null)
        );
        assert_eq!(all["nodes"][0]["text"], "The target is https://example.com/new now.");
        let first = list(&ada, json!({ "n": 1 })).await;
        let rest = list(&ada, json!({ "n": 1, "a": first["pageInfo"]["endCursor"] })).await;
        assert_eq!((&first["pageInfo"]["hasNextPage"], &rest["nodes"][0]["id"]), (&json!(true), id));
        assert_eq!(list(&ada, json!({ "f": { "kinds": ["NOTE"], "linkIds": [link["id"], null] } })).await["totalCount"], 1);
        assert_eq!(list(&ada, json!({ "f": { "linkIds": [null] } })).await["totalCount"], 0);

        let changed = ada.data(UPDATE, json!({ "i": { "id": id, "until": "2026-03-02T00:00:00Z", "text": "Sale" } })).await;
        assert_eq!(changed["updateAnnotation"]["annotation"], json!({ "text": "Sale", "until": "2026-03-02T00:00:00.000Z" }));
        let fixed = told(&ada.error(UPDATE, json!({ "i": { "id": all["nodes"][0]["id"], "text": "x" } })).await);
        assert_eq!(fixed.0, "FORBIDDEN");
        ada.data(DELETE, json!({ "i": { "id": all["nodes"][0]["id"] } })).await;
        assert_eq!(list(&ada, json!({})).await["totalCount"], 1);

        // Programs read them without their authors, and write them where they may edit links.
        let (reader, editor) = (key(&ada, &["CLICKS_READ"]).await, key(&ada, &["LINKS_WRITE"]).await);
        let read = list(&reader, json!({})).await;
        assert_eq!((&read["nodes"][0]["text"], &read["nodes"][0]["author"]), (&json!("Sale"), &Value::Null));
        let input = json!({ "i": { "at": "2026-03-01T09:00:00Z", "text": "Deployed" } });
        assert_eq!(told(&reader.error(CREATE, input.clone()).await).0, "FORBIDDEN");
        assert_eq!(editor.data(CREATE, input).await["createAnnotation"]["annotation"]["author"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offences_are_told_at_once_and_foreign_ids_are_not_found() {
    for running in start_each().await {
        let (ada, bob) = (running.ada().await, running.anonymous().sign_up("bob").await);
        let link = ada.create_link("https://example.com/", json!({})).await;
        let bad = json!({ "i": { "at": "1969-12-31T00:00:00Z", "until": "1960-01-01T00:00:00Z", "text": "x".repeat(281) } });
        assert_eq!(told(&ada.error(CREATE, bad).await), ("VALIDATION".into(), ["at", "until", "text"].map(String::from).into()));
        let at = "2026-03-01T09:00:00Z";
        let foreign = json!({ "i": { "at": at, "text": "x", "linkId": link["id"] } });
        assert_eq!(told(&bob.error(CREATE, foreign).await).0, "NOT_FOUND");
        let id = ada.data(CREATE, json!({ "i": { "at": at, "text": "x" } })).await["createAnnotation"]["annotation"]["id"].take();
        for (query, input) in
            [(UPDATE, json!({ "id": id, "text": "y" })), (DELETE, json!({ "id": id })), (DELETE, json!({ "id": "ann_x" }))]
        {
            assert_eq!(told(&bob.error(query, json!({ "i": input })).await).0, "NOT_FOUND");
        }
        assert_eq!(bob.data(LIST, json!({})).await["annotations"]["totalCount"], 0);
        assert_eq!(told(&running.anonymous().error(LIST, json!({})).await).0, "UNAUTHENTICATED");
        let ends_before = json!({ "i": { "id": id, "until": "2026-03-01T08:00:00Z", "text": null } });
        assert_eq!(told(&ada.error(UPDATE, ends_before).await), ("VALIDATION".into(), ["text", "until"].map(String::from).into()));
        let filter = json!({ "f": { "from": at, "to": at, "linkIds": ["x"], "kinds": [] } });
        assert_eq!(told(&ada.error(LIST, filter).await).1, ["filter.to", "filter.linkIds", "filter.kinds"]);
        assert_eq!(told(&ada.error(LIST, json!({ "a": "forged" })).await).1, ["after"]);
        assert_eq!(told(&ada.error(LIST, json!({ "n": 101 })).await).1, ["first"]);
    }
}
