//! Schedules, switches, rules, limits and passwords of links, through the schema.

use serde_json::{Value, json};
use testkit::GraphQl;

use crate::fixture::{start, told, workspace_of};

const GATE: &str = "id version disabled startsAt expiresAt fallbackUrl clickLimit clickLimitMode passwordProtected archivedAt rules { id name targetUrl conditions { countries regions devices os browsers languages parameters { key values } ipRanges from to } variants { name targetUrl weight } }";

async fn create(api: &GraphQl, mut input: Value) -> Value {
    input["targetUrl"] = json!("https://example.com/");
    let query = format!("mutation($i: CreateLinkInput!) {{ createLink(input: $i) {{ link {{ {GATE} }} }} }}");
    api.data(&query, json!({ "i": input })).await["createLink"]["link"].take()
}

async fn update(api: &GraphQl, link: &Value, mut input: Value) -> Value {
    input["id"] = link["id"].clone();
    let query = format!("mutation($i: UpdateLinkInput!) {{ updateLink(input: $i) {{ link {{ {GATE} }} }} }}");
    api.send(&query, json!({ "i": input })).await
}

async fn updated(api: &GraphQl, link: &Value, input: Value) -> Value {
    let mut answer = update(api, link, input).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["updateLink"]["link"].take()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schedules_stay_are_cleared_and_checked_against_what_is_stored() {
    let running = start().await;
    let ada = running.ada().await;
    let input = json!({ "startsAt": "2026-03-02T01:00:00+01:00", "expiresAt": "2026-03-03T00:00:00Z", "fallbackUrl": "https://EXAMPLE.com/else", "disabled": true });
    let link = create(&ada, input).await;
    assert_eq!((&link["startsAt"], &link["expiresAt"]), (&json!("2026-03-02T00:00:00.000Z"), &json!("2026-03-03T00:00:00.000Z")));
    assert_eq!((&link["fallbackUrl"], &link["disabled"], &link["rules"]), (&json!("https://example.com/else"), &json!(true), &json!([])));
    let late = update(&ada, &link, json!({ "startsAt": "2026-03-03T00:00:00Z" })).await;
    assert_eq!(told(&late["errors"][0]), ("VALIDATION".into(), vec!["expiresAt".into()]));
    let open = updated(&ada, &link, json!({ "expiresAt": null, "startsAt": "2026-03-03T00:00:00Z", "disabled": false })).await;
    assert_eq!((&open["startsAt"], &open["expiresAt"]), (&json!("2026-03-03T00:00:00.000Z"), &Value::Null));
    assert_eq!((&open["fallbackUrl"], &open["disabled"]), (&json!("https://example.com/else"), &json!(false)));
    let bad = json!({ "fallbackUrl": "https://go.example/loop", "clickLimit": 0, "password": "abc", "expiresAt": "2026-03-01T00:00:00Z" });
    let bad = update(&ada, &link, bad).await;
    assert_eq!(
        told(&bad["errors"][0]),
        ("VALIDATION".into(), ["fallbackUrl", "clickLimit", "password", "expiresAt"].map(str::to_owned).to_vec())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_are_kept_by_their_ids_and_every_offence_is_told() {
    let running = start().await;
    let ada = running.ada().await;
    let rules = json!([
        { "name": "Germans", "conditions": { "countries": ["de"], "devices": ["MOBILE"], "parameters": [{ "key": "src", "values": ["qr"] }], "ipRanges": ["203.0.113.9/24"], "to": "2027-01-01T00:00:00Z" }, "targetUrl": "https://example.com/de" },
        { "variants": [{ "name": "A", "targetUrl": "https://example.com/a", "weight": 2 }, { "name": "B", "targetUrl": "https://example.com/b", "weight": 1 }] },
    ]);
    let link = create(&ada, json!({ "rules": rules })).await;
    let first = &link["rules"][0];
    assert_eq!((&first["name"], &first["conditions"]["countries"]), (&json!("Germans"), &json!(["DE"])));
    assert_eq!((&first["conditions"]["ipRanges"], &first["variants"]), (&json!(["203.0.113.0/24"]), &json!([])));
    assert_eq!((&link["rules"][1]["name"], &link["rules"][1]["targetUrl"]), (&json!("Rule 2"), &Value::Null));
    assert!(!link.to_string().contains("key\":["), "the experiment's key is nobody's business: {link}");
    let key = async || {
        let scope = running.store.workspace(workspace_of(&ada).await, store::Access::Read).await.unwrap();
        let stored = scope.link(link["id"].as_str().unwrap().parse().unwrap()).await.unwrap();
        let experiments: Vec<_> = stored
            .gate
            .rules
            .iter()
            .filter_map(|rule| match &rule.destination {
                domain::Destination::Variants(experiment) => Some(experiment.key.clone()),
                domain::Destination::Target(_) => None,
            })
            .collect();
        experiments
    };
    let before = key().await;
    // What was read can be sent back, here in another order.
    let mut both = link["rules"].as_array().unwrap().clone();
    both.reverse();
    for rule in &mut both {
        let rule = rule.as_object_mut().unwrap();
        rule.retain(|_, value| !value.is_null());
    }
    let changed = updated(&ada, &link, json!({ "rules": both })).await;
    assert_eq!((&changed["rules"][0]["id"], &changed["rules"][1]), (&link["rules"][1]["id"], first));
    assert_eq!(key().await, before);
    let bad = json!({ "rules": [
        { "id": "rul_x", "conditions": { "countries": ["DE", "Germany"], "ipRanges": ["x"] }, "targetUrl": "ftp://example.com" },
        { "variants": [{ "name": "", "targetUrl": "https://example.com/", "weight": -1 }] },
    ] });
    let paths = [
        "rules.0.id",
        "rules.0.conditions.countries.1",
        "rules.0.conditions.ipRanges.0",
        "rules.0.targetUrl",
        "rules.1.variants.0.name",
        "rules.1.variants.0.weight",
    ];
    let wanted = ("VALIDATION".to_owned(), paths.map(str::to_owned).to_vec());
    assert_eq!(told(&update(&ada, &link, bad).await["errors"][0]), wanted);
    assert_eq!(updated(&ada, &link, json!({ "rules": null })).await["rules"], json!([]));
    let mallory = running.anonymous().sign_up("mallory").await;
    assert_eq!(told(&update(&mallory, &link, json!({ "rules": [] })).await["errors"][0]).0, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_are_hashed_and_limits_kept() {
    let running = start().await;
    let ada = running.ada().await;
    let link = create(&ada, json!({ "slug": "p", "password": "open sesame", "clickLimit": 7 })).await;
    assert_eq!((&link["passwordProtected"], &link["clickLimit"], &link["clickLimitMode"]), (&json!(true), &json!(7), &json!("STRICT")));
    let gate = running.store.resolve_link("p").await.unwrap().unwrap().gate.unwrap();
    assert!(gate.password.unwrap().0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    let leased = async || {
        let id = domain::LeaseId::new(crate::fixture::NOON, platform::Rng::System.entropy());
        let lease = domain::PermitLease { id, link: link["id"].as_str().unwrap().parse().unwrap(), workspace: workspace_of(&ada).await };
        running.store.lease(&lease, domain::Wanted { at_least: 1, at_most: 1 }, crate::fixture::NOON).await.unwrap()
    };
    assert_eq!(leased().await, 1);
    let open = updated(&ada, &link, json!({ "password": null, "clickLimit": 1 })).await;
    assert_eq!((&open["passwordProtected"], &open["clickLimit"]), (&json!(false), &json!(1)));
    assert_eq!(leased().await, 0);
    let fast = updated(&ada, &link, json!({ "clickLimitMode": "FAST" })).await;
    assert_eq!((&fast["clickLimitMode"], &fast["clickLimit"]), (&json!("FAST"), &json!(1)));
    assert_eq!(running.store.resolve_link("p").await.unwrap().unwrap().gate.unwrap().limit_mode, domain::LimitMode::Fast);
    assert_eq!(updated(&ada, &link, json!({ "clickLimitMode": null })).await["clickLimitMode"], "STRICT");
    updated(&ada, &link, json!({ "clickLimit": null, "clickLimitMode": "FAST" })).await;
    assert_eq!(running.store.resolve_link("p").await.unwrap().unwrap().gate, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archived_links_are_listed_only_when_asked_for() {
    let running = start().await;
    let ada = running.ada().await;
    let link = create(&ada, json!({ "slug": "old" })).await;
    create(&ada, json!({ "slug": "new" })).await;
    let archive = "mutation($i: ArchiveLinkInput!) { archiveLink(input: $i) { link { archivedAt version } } }";
    let archived = ada.data(archive, json!({ "i": { "id": link["id"] } })).await["archiveLink"]["link"].take();
    assert_eq!(archived, json!({ "archivedAt": "2026-03-01T12:00:00.000Z", "version": 2 }));
    let listed = async |filter: Value| {
        let links =
            ada.data("query($f: LinkFilter) { links(filter: $f) { totalCount nodes { slug } } }", json!({ "f": filter })).await["links"]
                .take();
        (links["totalCount"].as_u64().unwrap(), links["nodes"][0]["slug"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(listed(Value::Null).await, (1, "new".into()));
    assert_eq!(listed(json!({ "archived": true })).await, (1, "old".into()));
    assert!(running.store.resolve_link("old").await.unwrap().unwrap().gate.is_none());
    let back = ada.data(archive, json!({ "i": { "id": link["id"], "archived": false } })).await["archiveLink"]["link"].take();
    assert_eq!(back["archivedAt"], Value::Null);
    assert_eq!(listed(Value::Null).await.0, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clicks_tell_their_rule_and_variant() {
    let running = start().await;
    let ada = running.ada().await;
    let link = create(&ada, json!({ "rules": [{ "name": "New name", "conditions": {}, "targetUrl": "https://example.com/r" }] })).await;
    let id = link["id"].as_str().unwrap().parse().unwrap();
    let rule: domain::RuleId = link["rules"][0]["id"].as_str().unwrap().parse().unwrap();
    let of = |number: i64, name: &str, variant: Option<&str>| {
        let rule = domain::ClickRule { id: rule, name: name.into(), variant: variant.map(str::to_owned) };
        domain::Click { rule: Some(rule), ..crate::fixture::click(id, number) }
    };
    let clicks = [of(0, "Old name", Some("A")), of(2, "New name", Some("B")), of(4, "New name", Some("B")), crate::fixture::click(id, 6)];
    let workspace = workspace_of(&ada).await;
    let incoming = |click| store::Incoming { workspace, click, day: None, record: [].into(), frame: "frame".into() };
    let batch: Vec<_> = clicks.into_iter().map(incoming).collect();
    running.store.ingest(&batch, crate::fixture::NOON).await.unwrap();
    let query = "query($f: ClickFilter) { clicks(filter: $f, order: STORED) { nodes { rule { id name } variant } } }";
    let told = ada.data(query, json!({ "f": { "rules": [rule.to_string()], "variants": ["A"] } })).await;
    assert_eq!(told["clicks"]["nodes"], json!([{ "rule": { "id": rule.to_string(), "name": "Old name" }, "variant": "A" }]));
    let none = ada.data(query, json!({ "f": { "rules": [null] } })).await;
    assert_eq!(none["clicks"]["nodes"], json!([{ "rule": null, "variant": null }]));
    let rows = async |dimension: &str| {
        let query = format!("{{ clickBreakdown(dimension: {dimension}) {{ rows {{ value label clicks }} }} }}");
        ada.data(&query, json!({})).await["clickBreakdown"]["rows"].take()
    };
    let wanted = json!([{ "value": rule.to_string(), "label": "New name", "clicks": 3 }, { "value": null, "label": "None", "clicks": 1 }]);
    assert_eq!(rows("RULE").await, wanted);
    // Also when the link has it no more, and in every other answer by rule.
    updated(&ada, &link, json!({ "rules": [] })).await;
    assert_eq!(rows("RULE").await, wanted);
    let series = "{ clickSeries(bucket: HOUR, by: RULE) { series { label } } }";
    let told = ada.data(series, json!({})).await["clickSeries"]["series"].take();
    assert_eq!(told, json!([{ "label": "New name" }, { "label": "None" }]));
    let wanted = json!([{ "value": "B", "label": "B", "clicks": 2 }, { "value": "A", "label": "A", "clicks": 1 }, { "value": null, "label": "None", "clicks": 1 }]);
    assert_eq!(rows("VARIANT").await, wanted);
}
