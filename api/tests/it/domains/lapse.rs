//! A proof that is gone is looked for over days.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::{DnsDown, DomainChecks, Proofs, TxtResolver};
use async_trait::async_trait;
use domain::HostName;
use platform::Rng;
use serde_json::json;
use store::Store;
use stream::{LinkEvent, LinkNotices as _, LocalNotices};

use super::{DAY, add, text, verified};
use crate::fixture::{Running, Setup, start_with};

/// What DNS says, as the test decides.
#[derive(Clone, Debug, Default)]
struct Told(Arc<Mutex<Option<Vec<String>>>>);

#[async_trait]
impl TxtResolver for Told {
    async fn txt(&self, _: &str) -> Result<Vec<String>, DnsDown> {
        self.0.lock().unwrap().clone().ok_or_else(|| DnsDown("switched off".into()))
    }
}

impl Told {
    fn say(&self, texts: Option<Vec<String>>) {
        *self.0.lock().unwrap() = texts;
    }
}

fn checks(running: &Running, store: &Store, resolver: &Told, notices: &LocalNotices) -> DomainChecks {
    DomainChecks {
        store: store.clone(),
        proofs: Proofs::new(Arc::new(resolver.clone())),
        notices: Arc::new(notices.clone()),
        clock: running.clock.clone(),
        rng: Rng::System,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_proof_is_looked_for_each_day_and_lapses_over_days() {
    let (resolver, notices) = (Told::default(), LocalNotices::default());
    let running = start_with(Setup { resolver: Arc::new(resolver.clone()), ..Setup::default() }).await;
    let ada = running.ada().await;
    let domain = add(&ada, "go.acme.example").await;
    let value = text(&domain["records"][0], "value").to_owned();
    resolver.say(Some(vec![value.clone()]));
    verified(&running, &ada, &domain).await;
    let checks = checks(&running, &running.store, &resolver, &notices);
    let mut heard = notices.follow().await.unwrap();
    let host = HostName::from_store("go.acme.example".into());
    let is_served = async || running.store.resolve_host(&host).await.unwrap().is_some();
    assert_eq!(checks.check_due().await.unwrap(), 0);
    // A DNS that is away for weeks takes nothing, and is asked more often.
    resolver.say(None);
    for _ in 0..30 {
        running.clock.advance(DAY + DAY / 12);
        assert_eq!(checks.check_due().await.unwrap(), 1);
        assert!(is_served().await);
        running.clock.advance(DAY / 16);
        assert_eq!(checks.check_due().await.unwrap(), 1);
    }
    // Missing for two days, and back.
    for texts in [vec![], vec!["other".to_owned()], vec![value.clone()], vec![], vec![], vec![]] {
        resolver.say(Some(texts));
        running.clock.advance(DAY + DAY / 12);
        assert_eq!(checks.check_due().await.unwrap(), 1);
        assert!(is_served().await);
    }
    running.clock.advance(DAY + DAY / 12);
    assert_eq!(checks.check_due().await.unwrap(), 1);
    assert!(!is_served().await);
    let event = tokio::time::timeout(Duration::from_secs(5), futures_util::StreamExt::next(&mut heard)).await.unwrap();
    assert_eq!(event, Some(LinkEvent::HostChanged { host: host.clone() }));
    let ada = running.anonymous().sign_in("ada").await;
    let listed = ada.data("{ domains { status problem lapsedSince } }", json!({})).await["domains"][0].take();
    assert_eq!(text(&listed, "status"), "SUSPENDED");
    assert!(listed["problem"].is_string() && listed["lapsedSince"].is_string(), "{listed}");
    // Nobody looks by themselves any more; the owner brings it back.
    running.clock.advance(3 * DAY);
    assert_eq!(checks.check_due().await.unwrap(), 0);
    resolver.say(Some(vec![value]));
    let ada = running.anonymous().sign_in("ada").await;
    assert_eq!(text(&verified(&running, &ada, &domain).await, "status"), "VERIFIED");
    assert!(is_served().await);
}
