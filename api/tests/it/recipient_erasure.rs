//! Erasing somebody by the id that they have as a recipient, through GraphQL.

use domain::{Click, Parameter};
use serde_json::{Value, json};
use testkit::GraphQl;

use crate::fixture::{Running, start_each, told};

const ERASE: &str = "mutation($i: EraseVisitorInput!) { eraseVisitor(input: $i) \
                     { erasedClicks complete searchedFrom removedFromLists notFound { reason } } }";
const IMPORT: &str = "mutation($i: ImportRecipientsInput!) { importRecipients(input: $i) { added } }";
const LEFT: &str = "{ clickTotals { human } clicks { totalCount } recipientLists { name size } \
                    auditLog(first: 10) { nodes { action details } } }";

fn having(key: &'static str, value: &'static str) -> impl Fn(Click) -> Click {
    move |click| Click { parameters: vec![Parameter { key: key.into(), value: value.into() }], ..click }
}

async fn decide(api: &GraphQl, parameter: Value) {
    let mutation = "mutation($i: UpdateWorkspaceInput!) { updateWorkspace(input: $i) { workspace { id } } }";
    api.data(mutation, json!({ "i": { "recipientParameter": parameter } })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recipient_is_erased_by_their_id() {
    for running in start_each().await {
        let running: Running = running;
        let (ada, eve) = (running.ada().await, running.anonymous().sign_up("eve").await);
        let a = ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
        let e = eve.create_link("https://example.com/", json!({ "slug": "e" })).await;
        decide(&ada, json!("rid")).await;
        decide(&eve, json!("rid")).await;
        for api in [&ada, &eve] {
            api.data(IMPORT, json!({ "i": { "name": "May", "ids": ["u-1", "u-2"] } })).await;
        }
        running.store_as(&ada, &a, -10..-7, having("rid", "u-1")).await;
        running.store_as(&ada, &a, -7..-5, having("uid", "u-1")).await;
        running.store_as(&ada, &a, -5..-4, having("rid", "u-2")).await;
        running.store_as(&eve, &e, -4..-2, having("rid", "u-1")).await;
        let before = eve.data(LEFT, json!({})).await;

        let erased = ada.data(ERASE, json!({ "i": { "recipientId": "u-1" } })).await["eraseVisitor"].take();
        let not_found = json!([{ "reason": "WITHOUT_RECIPIENT_ID" }, { "reason": "OBJECTED" }]);
        let wanted = json!({ "erasedClicks": 3, "complete": true, "searchedFrom": null, "removedFromLists": 1, "notFound": not_found });
        assert_eq!(erased, wanted);
        let left = ada.data(LEFT, json!({})).await;
        assert_eq!((&left["clicks"]["totalCount"], &left["recipientLists"]), (&json!(3), &json!([{ "name": "May", "size": 1 }])));
        let details = json!({ "clicks": 3, "complete": true, "lists": 1 });
        let entry = json!({ "action": "visitor.erased", "details": details });
        assert!(left["auditLog"]["nodes"].as_array().unwrap().contains(&entry), "{left}");
        assert_eq!(eve.data(LEFT, json!({})).await, before);
        // By a parameter that held ids before, also where none does now.
        let earlier = json!({ "i": { "recipientId": "u-1", "recipientParameter": "uid" } });
        assert_eq!(ada.data(ERASE, earlier).await["eraseVisitor"]["erasedClicks"], 2);
        decide(&ada, Value::Null).await;
        let named = json!({ "i": { "recipientId": "u-2", "recipientParameter": "rid" } });
        assert_eq!(ada.data(ERASE, named).await["eraseVisitor"]["erasedClicks"], 1);

        for (input, field) in [
            (json!({ "recipientId": "u-1" }), "recipientParameter"),
            (json!({ "recipientId": "u-1", "recipientParameter": "utm_id" }), "recipientParameter"),
            (json!({ "recipientId": "" }), "recipientId"),
            (json!({ "recipientId": "a\nb" }), "recipientId"),
            (json!({ "recipientId": "u-1", "consentedId": "a" }), "recipientId"),
            (json!({ "recipientParameter": "rid" }), "recipientId"),
        ] {
            let error = ada.error(ERASE, json!({ "i": input })).await;
            assert_eq!(told(&error), ("VALIDATION".into(), vec![field.to_owned()]), "{input}");
        }
    }
}
