//! Why a click was judged and counted so, on both databases.

use domain::{
    Address, AutonomousSystem, CapturedClick, Click, ClickId, LinkId, LocalDay, Method, Millis, Outcome, SignalSet, Signals, Verdict,
    VerdictReason, VisitorKey, WorkspaceId,
};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use store::{DeadLetter, Incoming, NewErasure, Subject};
use testkit::GraphQl;

use crate::fixture::{NOON, Running, click, start_each, told, workspace_of};

const EXPLAIN: &str =
    "query($i: ID!) { explainClick(id: $i) { click { id } counted verdict reasons { code message } steps { code message } } }";

async fn store(running: &Running, api: &GraphQl, clicks: &[Click]) {
    let workspace = workspace_of(api).await;
    let day = |click: &Click| Some(LocalDay::of(click.occurred_at(), &TimeZone::UTC));
    let incoming = |click: &Click| Incoming { workspace, day: day(click), click: click.clone(), record: [].into(), frame: "frame".into() };
    running.store.ingest(&clicks.iter().map(incoming).collect::<Vec<_>>(), NOON).await.unwrap();
}

async fn link(api: &GraphQl) -> LinkId {
    api.create_link("https://example.com/", json!({})).await["id"].as_str().unwrap().parse().unwrap()
}

async fn explain(api: &GraphQl, id: ClickId) -> Value {
    api.data(EXPLAIN, json!({ "i": id.to_string() })).await["explainClick"].take()
}

fn codes(steps: &Value) -> Vec<&str> {
    steps.as_array().unwrap().iter().map(|step| step["code"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_is_explained_from_its_request_to_its_count() {
    for running in start_each().await {
        let ada = running.ada().await;
        let link = link(&ada).await;
        let visitor = || Some(VisitorKey { key: "k".into(), recipe: 1 });
        let person = Click { visitor: visitor(), ..click(link, 0) };
        let again = Click { visitor: visitor(), ..click(link, 2) };
        let bot = Click {
            verdict: Verdict::Bot,
            verdict_reason: VerdictReason::HttpLibrary,
            signals: SignalSet::TAKEN | SignalSet::GPC,
            system: Some(AutonomousSystem { number: 16_509, name: None }),
            ..click(link, 4)
        };
        let expired = Click { outcome: Outcome::Expired, ..click(link, 6) };
        store(&running, &ada, &[person.clone(), again.clone(), bot.clone(), expired.clone()]).await;

        let of_person = explain(&ada, person.id).await;
        assert_eq!((&of_person["counted"], &of_person["verdict"]), (&json!(true), &json!("HUMAN")));
        assert_eq!(codes(&of_person["reasons"]), ["SENT_ON", "HUMAN"]);
        assert_eq!(of_person["click"]["id"], json!(person.id.to_string()));
        let steps = codes(&of_person["steps"]);
        assert!(
            ["VERDICT_NO_SIGNAL", "RULES_OTHER", "VISITOR_OF_DAY", "FIRST_OF_DAY"].iter().all(|code| steps.contains(code)),
            "{steps:?}"
        );
        assert!(codes(&explain(&ada, again.id).await["steps"]).contains(&"NOT_FIRST"));

        let of_bot = explain(&ada, bot.id).await;
        assert_eq!((codes(&of_bot["reasons"]), &of_bot["counted"]), (vec!["SENT_ON", "BOT"], &json!(false)));
        // Both of its reasons say which counts have it, and agree with `counted`.
        let says = |place: usize| of_bot["reasons"][place]["message"].as_str().unwrap().to_owned();
        assert!(says(0).contains("counts of its verdict have it") && says(1).contains("counts of BOT have it"), "{of_bot}");
        let steps = codes(&of_bot["steps"]);
        let wanted = ["SIGNAL_GPC", "HEADERS_MISSING", "NETWORK_DATA_CENTRE", "VERDICT_HTTP_LIBRARY", "VISITOR_OBJECTS"];
        assert!(wanted.iter().all(|code| steps.contains(code)), "{steps:?}");

        let of_expired = explain(&ada, expired.id).await;
        assert_eq!((codes(&of_expired["reasons"])[0], &of_expired["counted"]), ("EXPIRED", &json!(false)));

        // Judged again since.
        let scope = running.store.workspace(workspace_of(&ada).await, store::Access::Write).await.unwrap();
        let id = domain::JobId::new(NOON, platform::Rng::System.entropy());
        let mut job = domain::Job::reclassify(id, workspace_of(&ada).await, (NOON, NOON.plus(180_000)), NOON);
        scope.create_job(&job, NOON).await.unwrap();
        scope.commit().await.unwrap();
        assert!(!codes(&explain(&ada, person.id).await["steps"]).contains(&"JUDGED_AGAIN"));
        (job.status, job.finished_at) = (domain::JobStatus::Done, Some(NOON.plus(1)));
        running.store.advance_job(&job, NOON).await.unwrap();
        assert!(codes(&explain(&ada, person.id).await["steps"]).contains(&"JUDGED_AGAIN"));
        assert!(!codes(&explain(&ada, bot.id).await["steps"]).contains(&"JUDGED_AGAIN"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_told_to_its_own_workspace_only() {
    for running in start_each().await {
        let (ada, bob) = (running.ada().await, running.anonymous().sign_up("bob").await);
        let link = link(&ada).await;
        let erased = Click { visitor: Some(VisitorKey { key: "gone".into(), recipe: 1 }), ..click(link, 0) };
        let kept = click(link, 2);
        store(&running, &ada, &[erased.clone(), kept.clone()]).await;
        let not_found = async |api: &GraphQl, id: &str| told(&api.error(EXPLAIN, json!({ "i": id })).await).0;
        assert_eq!(not_found(&bob, &kept.id.to_string()).await, "NOT_FOUND");
        assert_eq!(not_found(&ada, "clk_nonsense").await, "NOT_FOUND");
        assert_eq!(not_found(&ada, &click(link, 9).id.to_string()).await, "NOT_FOUND");

        let workspace = workspace_of(&ada).await;
        let id = domain::ErasureId::new(NOON, platform::Rng::System.entropy());
        let subject = Subject::Visitor(VisitorKey { key: "gone".into(), recipe: 1 });
        let erasure = NewErasure { id, subject, from: Millis(0), before: NOON.plus(60_000) };
        running.store.begin_erasures(workspace, &[erasure], store::FreshSalt([7; 32]), NOON).await.unwrap();
        while running.store.erase_step(workspace, id, store::FreshSalt([7; 32]), NOON).await.unwrap().more {}
        let explained = explain(&ada, erased.id).await;
        assert_eq!((codes(&explained["reasons"]), &explained["click"]), (vec!["ERASED"], &Value::Null));
        assert_eq!(not_found(&bob, &erased.id.to_string()).await, "NOT_FOUND");
    }
}

fn captured(workspace: WorkspaceId, link: LinkId, at: Millis) -> CapturedClick {
    CapturedClick {
        id: ClickId::new(at, [9; 10]),
        workspace,
        link,
        link_version: 1,
        outcome: Outcome::Redirected,
        status: 302,
        method: Method::Get,
        url: "https://go.example/a?odd=secret".into(),
        target: "https://example.com/".into(),
        address: Address::Unknown,
        user_agent: Some("Mozilla/5.0".into()),
        referrer: None,
        accept_language: None,
        redirect_micros: 1,
        rule: None,
        above_rate: false,
        signals: Signals::default(),
        judged: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_set_aside_is_told_to_its_own_workspace_only() {
    for running in start_each().await {
        let (ada, bob) = (running.ada().await, running.anonymous().sign_up("bob").await);
        let link = link(&ada).await;
        let workspace = workspace_of(&ada).await;
        let letter = |id: ClickId, record: Vec<u8>| DeadLetter {
            id: id.0,
            frame: "frame".into(),
            reason: "new row for relation \"clicks\" violates check constraint \"odd\" (23514)".into(),
            record,
            sealed: None,
            at: NOON.plus(5_000),
        };
        let click = captured(workspace, link, NOON);
        // Names a click of its own, and holds another.
        let (other, unreadable) = (ClickId::new(NOON, [8; 10]), ClickId::new(NOON, [7; 10]));
        let record = stream::encode_record(&click);
        let letters = [letter(click.id, record.clone()), letter(other, record), letter(unreadable, Vec::new())];
        running.store.set_aside(&letters).await.unwrap();

        let explained = explain(&ada, click.id).await;
        assert_eq!((&explained["click"], &explained["counted"]), (&Value::Null, &json!(false)));
        assert_eq!(codes(&explained["reasons"]), ["SET_ASIDE", "CAN_BE_REPLAYED"]);
        let text = explained.to_string();
        assert!(text.contains(&NOON.plus(5_000).to_string()) && text.contains(&click.id.0.to_string()), "{text}");
        assert!(!text.contains("secret") && !text.contains("constraint"), "{text}");
        let not_found = async |api: &GraphQl, id: ClickId| told(&api.error(EXPLAIN, json!({ "i": id.to_string() })).await).0;
        assert_eq!(not_found(&bob, click.id).await, "NOT_FOUND");
        for id in [other, unreadable] {
            assert_eq!(not_found(&ada, id).await, "NOT_FOUND");
        }
        running.store.keep_clicks_from(workspace, NOON.plus(60_000)).await.unwrap();
        assert_eq!(codes(&explain(&ada, click.id).await["reasons"]), ["SET_ASIDE", "NO_LONGER_KEPT"]);
        running.store.remove_dead_letter(click.id.0).await.unwrap();
        assert_ne!(not_found(&ada, click.id).await, "");
    }
}
