//! Requests for slugs that are no link, as a workspace sees them.

use domain::{DomainId, LossReason, Millis, Miss, MissId, Verdict, WorkspaceId};
use serde_json::{Value, json};
use testkit::GraphQl;

use crate::fixture::{NOON, Running, start, start_each, told, workspace_of};

const MISSES: &str = "query($f: MissFilter, $n: Int, $a: String) { misses(filter: $f, first: $n, after: $a) { \
    nodes { id occurredAt domain slug verdict network country } totalCount pageInfo { hasNextPage hasPreviousPage endCursor } } }";
const SLUGS: &str = "query($f: MissFilter, $n: Int) { missedSlugs(filter: $f, first: $n) { domain slug misses lastAt } }";
const TOTALS: &str = "query($f: ClickFilter) { clickTotals(filter: $f) { misses } }";
const MINUTE: i64 = 60_000;

async fn add_domain(api: &GraphQl, host: &str) -> DomainId {
    let add = "mutation($i: AddDomainInput!) { addDomain(input: $i) { domain { id } } }";
    let added = api.data(add, json!({ "i": { "host": host } })).await;
    added["addDomain"]["domain"]["id"].as_str().unwrap().parse().unwrap()
}

/// So many minutes after noon.
pub fn miss(domain: DomainId, slug: Option<&str>, verdict: Verdict, minutes: i64) -> Miss {
    Miss {
        id: MissId::new(NOON.plus(minutes * MINUTE), platform::Rng::System.entropy()),
        domain,
        slug: slug.map(str::to_owned),
        verdict,
        network: Some("203.0.113.0/24".into()),
        country: Some("DE".into()),
        user_agent: None,
    }
}

pub async fn store(running: &Running, workspace: WorkspaceId, misses: impl IntoIterator<Item = Miss>) {
    let incoming = |miss| store::IncomingMiss { workspace, miss, record: [].into(), frame: "frame".into() };
    let batch: Vec<_> = misses.into_iter().map(incoming).collect();
    assert_eq!(running.store.ingest_misses(&batch, NOON).await.unwrap().stored, batch.len() as u64);
}

/// A miss of each kind on two domains, one of which is nobody's any more, and of another workspace.
async fn some(running: &Running) -> (GraphQl, GraphQl) {
    let (ada, eve) = (running.ada().await, running.anonymous().sign_up("eve").await);
    let (go, other) = (add_domain(&ada, "go.acme.example").await, add_domain(&ada, "other.acme.example").await);
    let gone = DomainId::new(Millis(1), [9; 10]);
    let misses = [
        miss(go, Some("sael"), Verdict::Human, 0),
        miss(go, Some("sael"), Verdict::Human, 20),
        miss(go, Some("sael"), Verdict::Bot, 21),
        miss(other, None, Verdict::Bot, 30),
        miss(gone, Some("old"), Verdict::Human, 47),
    ];
    store(running, workspace_of(&ada).await, misses).await;
    let theirs = add_domain(&eve, "go.eve.example").await;
    store(running, workspace_of(&eve).await, [miss(theirs, Some("hers"), Verdict::Human, 5)]).await;
    (ada, eve)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn misses_are_listed_and_counted_for_their_workspace() {
    for running in start_each().await {
        let (ada, eve) = some(&running).await;
        let page = ada.data(MISSES, json!({ "n": 3 })).await["misses"].take();
        let slugs = |page: &Value| page["nodes"].as_array().unwrap().iter().map(|node| node["slug"].clone()).collect::<Vec<_>>();
        assert_eq!(slugs(&page), [json!("old"), Value::Null, json!("sael")]);
        assert_eq!(page["nodes"][0]["domain"], Value::Null);
        let third = &page["nodes"][2];
        assert!(third["id"].as_str().unwrap().starts_with("mis_"));
        let wanted = json!({ "id": third["id"], "occurredAt": "2026-03-01T12:21:00.000Z", "domain": "go.acme.example", "slug": "sael",
                             "verdict": "BOT", "network": "203.0.113.0/24", "country": "DE" });
        assert_eq!((third, &page["pageInfo"]["hasNextPage"], &page["totalCount"]), (&wanted, &json!(true), &json!(5)));
        let rest = ada.data(MISSES, json!({ "a": page["pageInfo"]["endCursor"] })).await["misses"].take();
        assert_eq!((slugs(&rest).len(), &rest["pageInfo"]["hasNextPage"]), (2, &json!(false)));
        let human = json!({ "domains": ["go.acme.example"], "verdicts": ["HUMAN"], "from": "2026-03-01T12:00:00.001Z" });
        let found = ada.data(MISSES, json!({ "f": human })).await["misses"].take();
        assert_eq!((slugs(&found), &found["totalCount"]), (vec![json!("sael")], &json!(1)));
        for nobodys in ["go.eve.example", "go.example"] {
            assert_eq!(slugs(&ada.data(MISSES, json!({ "f": { "domains": [nobodys] } })).await["misses"]).len(), 0, "{nobodys}");
        }
        let most = ada.data(SLUGS, json!({ "n": 1 })).await["missedSlugs"].take();
        let wanted = json!({ "domain": "go.acme.example", "slug": "sael", "misses": 3, "lastAt": "2026-03-01T12:21:00.000Z" });
        assert_eq!(most, json!([wanted]));
        assert_eq!(eve.data(SLUGS, json!({})).await["missedSlugs"].as_array().unwrap().len(), 1);
        assert_eq!(eve.data(SLUGS, json!({ "f": { "domains": ["go.acme.example"] } })).await["missedSlugs"], json!([]));

        for (filter, misses) in [
            (Value::Null, json!(3)),
            (json!({ "verdicts": ["HUMAN", "BOT"] }), json!(5)),
            (json!({ "exclude": { "verdicts": ["HUMAN"] } }), json!(2)),
            (json!({ "domains": ["go.acme.example"] }), json!(2)),
            (json!({ "domains": ["go.example"] }), json!(0)),
            (json!({ "from": "2026-03-01T12:00:00Z", "to": "2026-03-01T12:30:00Z" }), json!(2)),
            (json!({ "from": "2026-03-01T12:01:00Z", "to": "2026-03-01T12:47:00.001Z" }), json!(2)),
            (json!({ "countries": ["DE"] }), Value::Null),
            (json!({ "exclude": { "domains": ["go.example"] } }), Value::Null),
        ] {
            assert_eq!(ada.data(TOTALS, json!({ "f": filter })).await["clickTotals"]["misses"], misses, "{filter}");
        }
        let link = ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
        let of_link = "query($id: ID!) { link(by: { id: $id }) { clickTotals { misses } } }";
        assert_eq!(ada.data(of_link, json!({ "id": link["id"] })).await["link"]["clickTotals"]["misses"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_meant_is_told_at_once() {
    let running = start().await;
    let ada = running.ada().await;
    let filter = json!({ "from": "2026-03-01T12:00:00Z", "to": "2026-03-01T12:00:00Z", "domains": [], "verdicts": [] });
    let paths = ["filter.to", "filter.domains", "filter.verdicts"].map(str::to_owned);
    let wrong = told(&ada.error(MISSES, json!({ "f": filter, "n": 101, "a": "x" })).await);
    assert_eq!(wrong, ("VALIDATION".into(), [paths.as_slice(), &["first".to_owned(), "after".to_owned()]].concat()));
    let wrong = told(&ada.error(SLUGS, json!({ "f": filter, "n": 101 })).await);
    assert_eq!(wrong, ("VALIDATION".into(), [paths.as_slice(), &["first".to_owned()]].concat()));
    let many = json!({ "f": { "domains": vec!["a.example"; 101] } });
    assert_eq!(told(&ada.error(SLUGS, many).await), ("VALIDATION".into(), vec!["filter.domains".into()]));
    for (scope, code) in [("LINKS_READ", Some("FORBIDDEN")), ("CLICKS_READ", None)] {
        let secret = ada
            .data(&format!("mutation {{ createApiKey(input: {{ name: \"x\", scopes: [{scope}] }}) {{ secret }} }}"), json!({}))
            .await["createApiKey"]["secret"]
            .as_str()
            .unwrap()
            .to_owned();
        let answer = running.anonymous().with_token(&secret).send(SLUGS, json!({})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"].as_str(), code, "{answer}");
    }
    for query in [MISSES, SLUGS] {
        assert_eq!(told(&running.anonymous().error(query, json!({})).await).0, "UNAUTHENTICATED");
    }
}

/// Misses that were not kept are no lost clicks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn misses_above_the_rates_are_in_no_sum_of_lost_clicks() {
    let running = start().await;
    let ada = running.ada().await;
    let workspace = workspace_of(&ada).await;
    let loss = |counter, reason, count| domain::Loss {
        counter: uuid::Uuid::from_u128(counter),
        workspace,
        minute: NOON.0 / MINUTE,
        reason,
        count,
    };
    running.store.count_losses(&[loss(1, LossReason::Miss, 70), loss(2, LossReason::Disk, 1)]).await.unwrap();
    let losses = ada.data("{ ingestLosses { rows { reason clicks } clicks inDoubt } }", json!({})).await["ingestLosses"].take();
    let rows = json!([{ "reason": "DISK", "clicks": 1 }, { "reason": "MISS", "clicks": 70 }]);
    assert_eq!(losses, json!({ "rows": rows, "clicks": 1, "inDoubt": 0 }));
}
