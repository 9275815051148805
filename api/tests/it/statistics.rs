//! Experiments, campaigns, cohorts, last touch and recipients as they are asked for.

use domain::{
    Click, ClickRule, ConversionSource, LinkId, Millis, Money, NewConversion, Parameter, RuleId, Utm, Verdict, VisitorKey, WorkspaceId,
};
use serde_json::{Value, json};
use store::Incoming;
use testkit::GraphQl;

use crate::fixture::{NOON, Running, click, start, start_each, told, workspace_of};

const DAY: i64 = 24 * 3_600_000;

fn person(link: &Value, at: Millis) -> Click {
    let link: LinkId = link["id"].as_str().unwrap().parse().unwrap();
    let id = domain::ClickId::new(at, platform::Rng::System.entropy());
    Click { id, verdict: Verdict::Human, ..click(link, 0) }
}

async fn ingest(running: &Running, workspace: WorkspaceId, clicks: &[Click]) {
    let incoming = |click: &Click| Incoming { workspace, click: click.clone(), day: None, record: [].into(), frame: "frame".into() };
    let batch: Vec<Incoming> = clicks.iter().map(incoming).collect();
    assert_eq!(running.store.ingest(&batch, NOON).await.unwrap().poison.len(), 0);
}

async fn convert(running: &Running, workspace: WorkspaceId, clicks: &[Click], value: Option<&str>) {
    for click in clicks {
        let value = value.map(|amount| Money::parse(amount, domain::Currency::parse("EUR").unwrap()).unwrap());
        let (event_id, at) = (click.id.to_string(), click.id.made_at());
        let (name, source) = ("order".to_owned(), ConversionSource::Api);
        let new = NewConversion { event_id, click: click.id, name, value, occurred_at: at, received_at: at, source };
        running.store.track_conversion(workspace, &new).await.unwrap();
    }
}

async fn experiment(ada: &GraphQl) -> (Value, Value) {
    let variants = json!([
        { "name": "Old", "targetUrl": "https://example.com/old", "weight": 1 },
        { "name": "New", "targetUrl": "https://example.com/new", "weight": 1 },
    ]);
    let input = json!({ "targetUrl": "https://example.com/", "rules": [{ "name": "Split", "conditions": {}, "variants": variants }] });
    let query = "mutation($i: CreateLinkInput!) { createLink(input: $i) { link { id rules { id } } } }";
    let link = ada.data(query, json!({ "i": input })).await["createLink"]["link"].take();
    let rule = link["rules"][0]["id"].clone();
    (link, rule)
}

const EXPERIMENT: &str = "query($l: ID!, $r: ID, $n: String) { experiment(linkId: $l, ruleId: $r, name: $n) {
    ruleId ruleName status minimumReached winner warning
    variants { name weight exposures conversions rate low high probabilityBest difference { estimate low high } } } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_experiment_is_told_from_its_clicks() {
    for running in start_each().await {
        let ada = running.ada().await;
        let workspace = workspace_of(&ada).await;
        let (link, rule) = experiment(&ada).await;
        let ask = async |variables: Value| ada.data(EXPERIMENT, variables).await["experiment"].take();
        let of_link = json!({ "l": link["id"] });
        let nothing = ask(of_link.clone()).await;
        assert_eq!((&nothing["status"], &nothing["ruleId"], &nothing["winner"]), (&json!("COLLECTING"), &rule, &Value::Null));
        let unknown = json!({ "name": "Old", "weight": 1, "exposures": 0, "conversions": 0, "rate": null, "low": 0.0, "high": 1.0, "difference": null });
        let mut first = nothing["variants"][0].clone();
        assert!((first.as_object_mut().unwrap().remove("probabilityBest").unwrap().as_f64().unwrap() - 0.5).abs() < 1e-6);
        assert_eq!(first, unknown);

        let id: RuleId = rule.as_str().unwrap().parse().unwrap();
        let met = |variant: &str, clicks: i64| {
            let rule = |variant: &str| Some(ClickRule { id, name: "Split".into(), variant: Some(variant.into()) });
            (0..clicks).map(|at| Click { rule: rule(variant), ..person(&link, NOON.plus(at - DAY)) }).collect::<Vec<Click>>()
        };
        let (old, new, gone) = (met("Old", 300), met("New", 310), met("Gone", 5));
        ingest(&running, workspace, &[old.clone(), new.clone(), gone].concat()).await;
        convert(&running, workspace, &old[..15], None).await;
        convert(&running, workspace, &new[..80], None).await;
        let found = ask(of_link.clone()).await;
        assert_eq!((&found["status"], &found["winner"], &found["minimumReached"]), (&json!("WINNER"), &json!("New"), &json!(true)));
        let counts: Vec<_> = found["variants"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| {
                (
                    v["name"].as_str().unwrap(),
                    v["weight"].as_u64().unwrap(),
                    v["exposures"].as_u64().unwrap(),
                    v["conversions"].as_u64().unwrap(),
                )
            })
            .collect();
        assert_eq!(counts, [("Old", 1, 300, 15), ("New", 1, 310, 80), ("Gone", 0, 5, 0)]);
        let better = &found["variants"][1];
        assert!(better["difference"]["low"].as_f64().unwrap() > 0.0 && better["probabilityBest"].as_f64().unwrap() > 0.99, "{better}");
        assert!(found["warning"].as_str().unwrap().contains("no more clicks"));
        assert_eq!(ask(json!({ "l": link["id"], "r": rule, "n": "sign-up" })).await["status"], "COLLECTING");
        // Shares that the weights do not explain.
        ingest(&running, workspace, &met("Old", 400)).await;
        let found = ask(of_link).await;
        assert_eq!((&found["status"], &found["winner"]), (&json!("MISMATCH"), &Value::Null));
        assert!(found["warning"].as_str().unwrap().contains("weights"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_experiment_it_is_not_is_not_told() {
    let running = start().await;
    let ada = running.ada().await;
    let (link, _) = experiment(&ada).await;
    let plain = ada.create_link("https://example.com/", json!({})).await;
    assert_eq!(ada.data(EXPERIMENT, json!({ "l": plain["id"] })).await["experiment"], Value::Null);
    let other_rule = RuleId::new(NOON, [9; 10]).to_string();
    for variables in
        [json!({ "l": link["id"], "r": other_rule }), json!({ "l": "lnk_nonsense" }), json!({ "l": workspace_of(&ada).await.to_string() })]
    {
        assert_eq!(told(&ada.error(EXPERIMENT, variables.clone()).await).0, "NOT_FOUND", "{variables}");
    }
    let eve = running.anonymous().sign_up("eve").await;
    assert_eq!(told(&eve.error(EXPERIMENT, json!({ "l": link["id"] })).await).0, "NOT_FOUND");
    assert_eq!(told(&running.anonymous().error(EXPERIMENT, json!({ "l": link["id"] })).await).0, "UNAUTHENTICATED");
    assert_eq!(told(&ada.error(EXPERIMENT, json!({ "l": link["id"], "n": " " })).await), ("VALIDATION".into(), vec!["name".into()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn campaigns_are_compared_and_credited() {
    for running in start_each().await {
        let ada = running.ada().await;
        let workspace = workspace_of(&ada).await;
        let link = ada.create_link("https://example.com/", json!({})).await;
        let of = |campaign: Option<&str>, at: i64| Click {
            utm: Utm { campaign: campaign.map(Into::into), ..Utm::default() },
            visitor: Some(VisitorKey { key: format!("v{}", at % 10), recipe: 2 }),
            ..person(&link, NOON.plus(at - DAY))
        };
        let spring: Vec<Click> = (0..40).map(|at| of(Some("spring"), at)).collect();
        let rest: Vec<Click> = (40..140).map(|at| of(None, at)).collect();
        ingest(&running, workspace, &[spring.clone(), rest.clone()].concat()).await;
        convert(&running, workspace, &spring[..20], Some("19.90")).await;
        convert(&running, workspace, &rest[..25], Some("5")).await;
        let query = "query($f: ClickFilter, $n: String, $first: Int) { campaignComparison(filter: $f, name: $n, first: $first) {
            rows { value clicks converted rate others { clicks converted rate } lift { estimate low high } } total { clicks converted rate } } }";
        let found = ada.data(query, json!({})).await["campaignComparison"].take();
        assert_eq!(found["total"], json!({ "clicks": 140, "converted": 45, "rate": 45.0 / 140.0 }));
        let row = &found["rows"][1];
        assert_eq!((&row["value"], &row["others"]), (&json!("spring"), &json!({ "clicks": 100, "converted": 25, "rate": 0.25 })));
        let lift = |end: &str| row["lift"][end].as_f64().unwrap();
        assert!((lift("estimate") - 1.0).abs() < 1e-9 && lift("low") > 0.2 && lift("high") < 2.3, "{row}");
        let few = ada.data(query, json!({ "n": "sign-up", "first": 1 })).await["campaignComparison"].take();
        assert_eq!((few["rows"].as_array().unwrap().len(), &few["rows"][0]["lift"]), (1, &Value::Null));
        let error = ada.error(query, json!({ "n": "", "first": 101 })).await;
        assert_eq!(told(&error), ("VALIDATION".into(), vec!["name".into(), "first".into()]));

        let query =
            "query($f: ClickFilter) { lastTouch(filter: $f) { rows { source campaign conversions direct values { amount currency } } } }";
        let found = ada.data(query, json!({})).await["lastTouch"]["rows"].take();
        let wanted = json!([{ "source": null, "campaign": "spring", "conversions": 45, "direct": 20, "values": [{ "amount": "523.00", "currency": "EUR" }] }]);
        assert_eq!(found, wanted);
        let eve = running.anonymous().sign_up("eve").await;
        assert_eq!(eve.data(query, json!({ "f": { "linkIds": [link["id"]] } })).await["lastTouch"]["rows"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cohorts_are_of_links_and_of_visitors_who_consented() {
    for running in start_each().await {
        let ada = running.ada().await;
        let workspace = workspace_of(&ada).await;
        let link = ada.create_link("https://example.com/", json!({})).await;
        let ages = "query($b: AgeBucket, $n: Int) { linkAgeCohorts(bucket: $b, first: $n) { all { ages rest clicks } cohorts { start end links clicks { ages clicks } } source } }";
        let retention = "query($f: ClickFilter, $b: RetentionBucket, $n: Int) { retentionCohorts(filter: $f, bucket: $b, periods: $n) {
            cohorts { start visitors returned { visitors share } } } }";
        let at = |days: i64| person(&link, NOON.plus(days * DAY));
        ingest(&running, workspace, &[at(0), at(8), at(8), at(91)]).await;
        assert_eq!(ada.data(retention, json!({})).await["retentionCohorts"], Value::Null);
        let found = ada.data(ages, json!({ "n": 2 })).await["linkAgeCohorts"].take();
        assert_eq!(
            (found["all"]["ages"].as_array().unwrap().len(), &found["all"]["rest"], &found["all"]["clicks"]),
            (91, &json!(1), &json!(4))
        );
        assert_eq!((&found["all"]["ages"][0], &found["all"]["ages"][8], &found["source"]), (&json!(1), &json!(2), &json!("ROLLUP")));
        let months = found["cohorts"].as_array().unwrap();
        assert_eq!(
            months.iter().map(|month| month["start"].as_str().unwrap()).collect::<Vec<_>>(),
            ["2026-02-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z"]
        );
        assert_eq!((&months[1]["links"], &months[1]["clicks"]["clicks"], &months[0]["links"]), (&json!(1), &json!(4), &json!(0)));
        let weeks = ada.data(ages, json!({ "b": "WEEK" })).await["linkAgeCohorts"].take();
        assert_eq!(
            (weeks["all"]["ages"].as_array().unwrap().len(), &weeks["all"]["ages"][1], weeks["cohorts"].as_array().unwrap().len()),
            (13, &json!(2), 12)
        );

        let seen = |visitor: &str, days: i64| Click { visitor: Some(VisitorKey { key: visitor.into(), recipe: 2 }), ..at(days) };
        // The weeks from 16 and 23 February; it is the 1 March.
        ingest(&running, workspace, &[seen("a", -12), seen("b", -11), seen("a", -3), seen("c", -2), seen("old", -30), seen("old", -1)])
            .await;
        let cohorts = ada.data(retention, json!({ "n": 2 })).await["retentionCohorts"]["cohorts"].take();
        let wanted = json!([
            { "start": "2026-02-16T00:00:00.000Z", "visitors": 2, "returned": [{ "visitors": 1, "share": 0.5 }] },
            { "start": "2026-02-23T00:00:00.000Z", "visitors": 1, "returned": [] },
        ]);
        assert_eq!(cohorts, wanted);
        for (query, variables, path) in [
            (ages, json!({ "n": 25 }), "first"),
            (ages, json!({ "n": 0 }), "first"),
            (retention, json!({ "n": 13 }), "periods"),
            (retention, json!({ "f": { "period": "TODAY" } }), "filter.from"),
        ] {
            assert_eq!(told(&ada.error(query, variables).await), ("VALIDATION".into(), vec![path.into()]));
        }
    }
}

const DECIDE: &str =
    "mutation($i: UpdateWorkspaceInput!) { updateWorkspace(input: $i) { workspace { recipientParameter privacy { level } } } }";
const IMPORT: &str = "mutation($i: ImportRecipientsInput!) { importRecipients(input: $i) { list { id name size } added } }";
const CLICKED: &str = "query($l: ID, $c: Boolean, $n: Int, $a: String) { recipientClicks(listId: $l, clicked: $c, first: $n, after: $a) {
    nodes { recipient clicks firstClickedAt lastClickedAt } totalCount pageInfo { hasNextPage endCursor } } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recipients_are_known_where_their_parameter_is_kept() {
    for running in start_each().await {
        let ada = running.ada().await;
        let workspace = workspace_of(&ada).await;
        let may = json!({ "i": { "name": "May", "ids": ["u-1", "u-2", "u-3", "u-1"] } });
        for (query, variables) in [(IMPORT, may.clone()), (CLICKED, json!({}))] {
            assert_eq!(told(&ada.error(query, variables).await).0, "CONFLICT");
        }
        let decided = ada.data(DECIDE, json!({ "i": { "recipientParameter": "rid" } })).await["updateWorkspace"]["workspace"].take();
        assert_eq!(decided["recipientParameter"], "rid");
        // Not together with what does not keep it, whichever came first, and nothing of it is changed.
        for privacy in [
            json!({ "level": "NONE" }),
            json!({ "keepParameters": false }),
            json!({ "parameters": ["ref"] }),
            json!({ "impersonalParameters": ["rid"] }),
        ] {
            let error = ada.error(DECIDE, json!({ "i": { "privacy": privacy } })).await;
            assert_eq!(told(&error), ("VALIDATION".into(), vec!["recipientParameter".into()]), "{privacy}");
        }
        let error = ada
            .error(DECIDE, json!({ "i": { "recipientParameter": "utm_source", "privacy": { "retention": { "clicksDays": 0 } } } }))
            .await;
        assert_eq!(told(&error).1, ["recipientParameter", "privacy.retention.clicksDays"]);
        let decided = ada.data(DECIDE, json!({ "i": {} })).await["updateWorkspace"]["workspace"].take();
        assert_eq!(decided, json!({ "recipientParameter": "rid", "privacy": { "level": "TRUNCATED" } }));
        let log = ada.data("{ auditLog(first: 9) { nodes { action details } } }", json!({})).await["auditLog"]["nodes"].take();
        assert_eq!(log, json!([{ "action": "recipient_parameter.changed", "details": { "from": null, "to": "rid" } }]));

        let imported = ada.data(IMPORT, may).await["importRecipients"].take();
        assert_eq!((&imported["added"], &imported["list"]["size"]), (&json!(3), &json!(3)));
        let list = imported["list"]["id"].clone();
        let link = ada.create_link("https://example.com/", json!({})).await;
        let to = |id: &str, at: i64| {
            let parameters = vec![Parameter { key: "rid".into(), value: id.into() }];
            Click { parameters, ..person(&link, NOON.plus(at * 1_000)) }
        };
        ingest(&running, workspace, &[to("u-2", 0), to("u-2", 5), to("u-9", 1)]).await;
        let clicked = async |variables: Value| ada.data(CLICKED, variables).await["recipientClicks"].take();
        let none = |id: &str| json!({ "recipient": id, "clicks": 0, "firstClickedAt": null, "lastClickedAt": null });
        let second = json!({ "recipient": "u-2", "clicks": 2, "firstClickedAt": "2026-03-01T12:00:00.000Z", "lastClickedAt": "2026-03-01T12:00:05.000Z" });
        assert_eq!(clicked(json!({ "l": list })).await["nodes"], json!([none("u-1"), second, none("u-3")]));
        assert_eq!(clicked(json!({ "l": list, "c": true })).await["nodes"], json!([second]));
        let page = clicked(json!({ "l": list, "c": false, "n": 1 })).await;
        assert_eq!(
            (&page["nodes"], &page["pageInfo"]["hasNextPage"], &page["totalCount"]),
            (&json!([none("u-1")]), &json!(true), &json!(2))
        );
        let rest = clicked(json!({ "l": list, "c": false, "n": 1, "a": page["pageInfo"]["endCursor"] })).await;
        assert_eq!((&rest["nodes"], &rest["pageInfo"]["hasNextPage"]), (&json!([none("u-3")]), &json!(false)));
        assert_eq!(clicked(json!({})).await["nodes"].as_array().unwrap().len(), 2);
        assert_eq!(told(&ada.error(CLICKED, json!({ "c": false })).await), ("VALIDATION".into(), vec!["listId".into()]));
        assert_eq!(told(&ada.error(CLICKED, json!({ "a": "x" })).await), ("VALIDATION".into(), vec!["after".into()]));
        let error = ada.error(IMPORT, json!({ "i": { "name": "", "ids": ["a", ""] } })).await;
        assert_eq!(told(&error), ("VALIDATION".into(), vec!["name".into(), "ids.1".into()]));

        let eve = running.anonymous().sign_up("eve").await;
        eve.data(DECIDE, json!({ "i": { "recipientParameter": "rid" } })).await;
        let remove = "mutation($l: ID, $i: [String!]!) { removeRecipients(input: { listId: $l, ids: $i }) { removed } }";
        let delete = "mutation($l: ID!) { deleteRecipientList(input: { id: $l }) { deletedId } }";
        assert_eq!(told(&eve.error(CLICKED, json!({ "l": list })).await).0, "NOT_FOUND");
        assert_eq!(told(&eve.error(delete, json!({ "l": list })).await).0, "NOT_FOUND");
        assert_eq!(eve.data(remove, json!({ "i": ["u-1"] })).await["removeRecipients"]["removed"], 0);
        assert_eq!(ada.data(remove, json!({ "l": list, "i": ["u-1", "u-9"] })).await["removeRecipients"]["removed"], 1);
        let lists = "{ recipientLists { name size } }";
        assert_eq!(ada.data(lists, json!({})).await["recipientLists"], json!([{ "name": "May", "size": 2 }]));
        assert_eq!(ada.data(delete, json!({ "l": list })).await["deleteRecipientList"]["deletedId"], list);
        assert_eq!(ada.data(lists, json!({})).await["recipientLists"], json!([]));
        ada.data(DECIDE, json!({ "i": { "recipientParameter": null, "privacy": { "level": "NONE" } } })).await;
        assert_eq!(told(&ada.error(CLICKED, json!({})).await).0, "CONFLICT");
    }
}
