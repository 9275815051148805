//! Questions for permits over a real nats-server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use domain::{LeaseId, LinkId, Millis, PermitLease, Wanted, WorkspaceId};
use stream::{NatsClient, PermitClient, PermitQuestion, serve_permits};
use testkit::{NatsServer, wait_until};
use tokio_util::sync::CancellationToken;

use crate::fixture::{PATIENCE, connect};

fn lease(number: u8) -> PermitLease {
    let id = [number; 10];
    PermitLease { id: LeaseId::new(Millis(0), id), link: LinkId::new(Millis(0), id), workspace: WorkspaceId::new(Millis(0), id) }
}

fn question(number: u8) -> PermitQuestion {
    PermitQuestion::Lease(lease(number), Wanted { at_least: 3, at_most: 40 })
}

/// Serves until dropped, and counts what it answers: as many as asked for at most, of link 9 nothing,
/// of link 8 never.
struct Serving(CancellationToken, Arc<AtomicU32>);

impl Serving {
    fn start(nats: NatsClient) -> Self {
        let (stopping, answered) = (CancellationToken::new(), Arc::<AtomicU32>::default());
        let count = answered.clone();
        let answer = move |question| {
            count.fetch_add(1, Ordering::SeqCst);
            async move {
                match question {
                    PermitQuestion::Lease(asked, _) if asked == lease(9) => Err("the database is away"),
                    PermitQuestion::Lease(asked, _) if asked == lease(8) => std::future::pending().await,
                    PermitQuestion::Lease(_, wanted) => Ok(wanted.at_least * 1_000 + wanted.at_most),
                    PermitQuestion::GiveBack(_, unused) => Ok(unused),
                }
            }
        };
        tokio::spawn(serve_permits(nats, answer, stopping.clone()));
        Self(stopping, answered)
    }

    fn answered(&self) -> u32 {
        self.1.load(Ordering::SeqCst)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_several_answers_and_the_answer_is_to_the_question() {
    let server = NatsServer::start();
    let client = PermitClient::new(connect(&server).await);
    let begun = Instant::now();
    assert!(client.ask(question(1)).await.unwrap_err().to_string().contains("no api"));
    assert!(begun.elapsed() < Duration::from_millis(900), "with nobody there nobody is waited for");
    let both = [Serving::start(connect(&server).await), Serving::start(connect(&server).await)];
    wait_until(PATIENCE, "somebody answers", async || (client.ask(question(1)).await.ok()? == 3_040).then_some(())).await;
    let before = both[0].answered() + both[1].answered();
    for number in 0..50 {
        assert_eq!(client.ask(PermitQuestion::GiveBack(lease(1), number)).await.unwrap(), number);
    }
    assert_eq!(both[0].answered() + both[1].answered() - before, 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_malformed_harms_nobody_and_silence_has_an_end() {
    let server = NatsServer::start();
    let nats = connect(&server).await;
    let client = PermitClient::new(nats.clone());
    let serving = Serving::start(connect(&server).await);
    wait_until(PATIENCE, "somebody answers", async || client.ask(question(1)).await.ok()).await;
    let before = serving.answered();
    let raw = async_nats::connect(server.url()).await.unwrap();
    for bytes in [vec![], vec![1], vec![9; 40], vec![1; 100_000]] {
        let answer = raw.request("permits.v1", bytes.into()).await.unwrap();
        assert_eq!(*answer.payload, [1], "a question that is none has no permits");
        raw.publish("permits.v1", vec![1, 2, 3].into()).await.unwrap();
    }
    assert_eq!(serving.answered(), before);
    assert!(client.ask(question(9)).await.unwrap_err().to_string().contains("cannot give permits"));
    let begun = Instant::now();
    client.ask(question(8)).await.unwrap_err();
    assert!((900..3_000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    assert_eq!(client.ask(question(1)).await.unwrap(), 3_040);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_broker_away_nobody_waits_and_with_it_back_it_goes_on() {
    let mut server = NatsServer::start();
    let client = PermitClient::new(connect(&server).await);
    let _serving = Serving::start(connect(&server).await);
    wait_until(PATIENCE, "somebody answers", async || client.ask(question(1)).await.ok()).await;
    server.kill();
    wait_until(PATIENCE, "the answer is that there is none, at once", async || {
        let begun = Instant::now();
        (client.ask(question(1)).await.is_err() && begun.elapsed() < Duration::from_millis(100)).then_some(())
    })
    .await;
    server.restart();
    wait_until(PATIENCE, "somebody answers again", async || client.ask(question(1)).await.ok()).await;
}
