//! How long addresses stay in the broker's files after their clicks were acked.

use std::fs;
use std::path::Path;
use std::time::Duration;

use async_nats::jetstream::stream::{Config, State, Stream};
use domain::Millis;
use platform::Clock;
use stream::{ClickSource, Delivery, JetStreamSource, Lane, Spool, SpoolFolder, SpoolOptions};
use testkit::{NatsServer, wait_until};

use crate::fixture::{PATIENCE, Shipping, append, clicks, connect, drain, open_as, ship};

const MINUTE: i64 = 60_000;
/// Of every click of the fixture.
const ADDRESS: [u8; 6] = [0x52, 4, 203, 0, 113, 1];

/// In how many places of the files below a folder the address lies.
fn addresses(dir: &Path) -> usize {
    let count = |path: &Path| {
        let bytes = fs::read(path).unwrap_or_default();
        bytes.windows(ADDRESS.len()).filter(|window| *window == ADDRESS).count()
    };
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    entries.map(|entry| entry.unwrap().path()).map(|path| if path.is_dir() { addresses(&path) } else { count(&path) }).sum()
}

/// A broker, and spools on one clock that send to it.
struct Installation {
    server: NatsServer,
    nats: stream::NatsClient,
    folder: tempfile::TempDir,
    clock: Clock,
}

impl Installation {
    async fn start() -> Self {
        let server = NatsServer::start();
        let nats = connect(&server).await;
        Self { server, nats, folder: tempfile::tempdir().unwrap(), clock: Clock::manual(Millis(1_772_366_400_000)) }
    }

    fn spool(&self, name: &str) -> (Spool, Shipping) {
        let dir = self.folder.path().join(name);
        let options = SpoolOptions { clock: self.clock.clone(), keep_acked: Duration::from_secs(13 * 60), ..SpoolOptions::new(dir) };
        let spool = open_as(options);
        let shipping = ship(&spool, &self.nats);
        (spool, shipping)
    }

    fn lanes(&self) -> Vec<Box<dyn Lane>> {
        JetStreamSource::new(self.nats.clone()).lanes()
    }

    fn addresses(&self) -> usize {
        addresses(&self.server.store())
    }

    async fn until_gone(&self) {
        wait_until(PATIENCE, "no address is in the broker's files", async || (self.addresses() == 0).then_some(())).await;
    }

    async fn stream(&self) -> Stream {
        let admin = async_nats::jetstream::new(async_nats::connect(self.server.url()).await.unwrap());
        admin.get_stream("CLICKS").await.unwrap()
    }

    async fn update(&self, config: Config) {
        let admin = async_nats::jetstream::new(async_nats::connect(self.server.url()).await.unwrap());
        admin.update_stream(config).await.unwrap();
    }

    async fn state(&self) -> State {
        self.stream().await.cached_info().state.clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acked_is_gone_fifteen_minutes_later() {
    let installation = Installation::start().await;
    let (spool, shipping) = installation.spool("one");
    append(&spool, 0, 1);
    drain(installation.lanes(), 1).await;
    // Until then a file goes with the last click in it.
    let marked = async || (installation.state().await.messages > 0).then_some(());
    wait_until(PATIENCE, "the spool's mark", marked).await;
    append(&spool, 1, 101);
    drain(installation.lanes(), 100).await;
    assert!(installation.addresses() >= 100, "NATS overwrites nothing");
    installation.clock.advance(15 * MINUTE);
    installation.until_gone().await;
    // All goes on, and so do the rounds.
    append(&spool, 101, 111);
    assert_eq!(drain(installation.lanes(), 10).await.len(), 10);
    assert!(installation.addresses() >= 10);
    installation.clock.advance(15 * MINUTE);
    installation.until_gone().await;
    assert_eq!(shipping.fallbacks(), 0);
    shipping.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn also_where_others_are_idle_or_gone_for_good() {
    let installation = Installation::start().await;
    let (gone, going) = installation.spool("gone");
    append(&gone, 0, 10);
    going.stop().await;
    drop(gone);
    let (idle, idling) = installation.spool("idle");
    append(&idle, 10, 20);
    let (busy, shipping) = installation.spool("busy");
    append(&busy, 20, 30);
    drain(installation.lanes(), 30).await;
    assert!(installation.addresses() >= 30);
    installation.clock.advance(15 * MINUTE);
    installation.until_gone().await;
    // Who finds its mark at another place has lost nothing and takes the broker for what it is.
    append(&idle, 30, 40);
    append(&busy, 40, 50);
    drain(installation.lanes(), 20).await;
    idling.stop().await;
    drop(idle);
    let (back, returned) = installation.spool("gone");
    append(&back, 50, 60);
    assert_eq!(drain(installation.lanes(), 10).await.len(), 10);
    for shipping in [shipping, returned] {
        assert_eq!(shipping.fallbacks(), 0);
        shipping.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clicks_that_no_worker_has_stored_stay() {
    let installation = Installation::start().await;
    let (spool, shipping) = installation.spool("one");
    let mut lanes = installation.lanes();
    append(&spool, 0, 40);
    ack(take(&mut lanes, 40).await).await;
    append(&spool, 40, 60);
    let held = take(&mut lanes, 20).await;
    let tool = SpoolFolder::new(installation.folder.path().join("one")).unwrap();
    let marked = async || (tool.inspect().unwrap().unshipped == 0).then_some(());
    wait_until(PATIENCE, "a mark of all clicks", marked).await;
    let before = installation.state().await.last_sequence;
    installation.clock.advance(15 * MINUTE);
    // All of the padding, and the mark again.
    let begun = async || (installation.state().await.last_sequence == before + 37).then_some(());
    wait_until(PATIENCE, "a round waits", begun).await;
    // These come behind what the round writes.
    append(&spool, 60, 70);
    let later = take(&mut lanes, 10).await;
    assert!(installation.state().await.first_sequence <= before, "it waits for those before");
    ack(held).await;
    wait_until(PATIENCE, "the round ends", async || (installation.addresses() <= 10).then_some(())).await;
    assert_eq!(installation.addresses(), 10);
    ack(later).await;
    installation.clock.advance(5 * MINUTE);
    installation.until_gone().await;
    append(&spool, 70, 80);
    assert_eq!(clicks(&take(&mut lanes, 10).await).len(), 10, "none came twice");
    assert_eq!(shipping.fallbacks(), 0);
    shipping.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_round_knows_whether_clicks_came_meanwhile() {
    let installation = Installation::start().await;
    let (spool, shipping) = installation.spool("one");
    append(&spool, 0, 10);
    drain(installation.lanes(), 10).await;
    installation.clock.advance(15 * MINUTE);
    wait_until(PATIENCE, "a round during which no clicks came", async || {
        let note = installation.stream().await.get_last_raw_message_by_subject("clicks.v1.tidy").await.ok()?;
        let expected = u64::from_le_bytes(note.payload.get(9..17)?.try_into().unwrap());
        if note.payload.len() == 17 && expected != note.sequence {
            // In the first round there may have been a mark more.
            installation.clock.advance(5 * MINUTE);
        }
        (expected == note.sequence && expected == installation.state().await.last_sequence).then_some(())
    })
    .await;
    shipping.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn that_they_cannot_be_tidied_is_told_of_until_they_are() {
    let installation = Installation::start().await;
    let (spool, shipping) = installation.spool("one");
    append(&spool, 0, 10);
    drain(installation.lanes(), 10).await;
    let warned = async |count: usize| (shipping.health.snapshot().warnings.len() == count).then_some(());
    assert_eq!((shipping.tidied(), warned(0).await), (0, Some(())));
    let marked = async || (installation.state().await.messages > 0).then_some(());
    wait_until(PATIENCE, "the spool's mark", marked).await;
    let full = Config { max_bytes: 1_024, ..installation.stream().await.cached_info().config.clone() };
    installation.update(full.clone()).await;
    installation.clock.advance(15 * MINUTE + 1);
    wait_until(PATIENCE, "a warning", async || warned(1).await).await;
    let text = shipping.health.snapshot().warnings.remove(0);
    assert!(text.contains("$JS.API.STREAM.PURGE.CLICKS"), "{text}");
    assert_eq!(shipping.tidied(), 0);

    installation.update(Config { max_bytes: 64 << 20, ..full }).await;
    installation.clock.advance(5 * MINUTE);
    wait_until(PATIENCE, "the warning is taken back", async || warned(0).await).await;
    assert_eq!(shipping.tidied(), installation.clock.now().0 / 1_000);
    // While nothing comes there is nothing to be tidied, however long that is.
    for _ in 0..3 {
        installation.clock.advance(60 * MINUTE);
        let now = installation.clock.now().0 / 1_000;
        wait_until(PATIENCE, "nothing is found to be tidied", async || (shipping.tidied() == now).then_some(())).await;
        assert_eq!(warned(0).await, Some(()));
    }
    shipping.stop().await;
}

/// Takes so many clicks of any lanes.
async fn take(lanes: &mut [Box<dyn Lane>], count: usize) -> Vec<Delivery> {
    let mut taken = Vec::new();
    while clicks(&taken).len() < count {
        let next = futures_util::future::select_all(lanes.iter_mut().map(|lane| lane.next(64)));
        let (deliveries, ..) = tokio::time::timeout(PATIENCE, next).await.unwrap();
        taken.extend(deliveries.unwrap());
    }
    taken
}

async fn ack(deliveries: Vec<Delivery>) {
    for delivery in deliveries {
        delivery.ack().await.unwrap();
    }
}
