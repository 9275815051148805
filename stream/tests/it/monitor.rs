//! What a real server's monitoring says of its acks.

use platform::DurabilityClass;
use testkit::{NatsServer, free_port, wait_until};

use crate::fixture::{PATIENCE, connect};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_class_of_acks_is_read_where_the_server_tells() {
    let (mut server, mut other) = (NatsServer::start(), NatsServer::start());
    let (monitor, foreign) = (server.restart_monitored("always"), other.restart_monitored("2m"));
    let nats = connect(&server).await;
    let (class, note) = nats.durability(&monitor).await;
    assert!(class == DurabilityClass::Fsync && note.contains("sync_interval: always"), "{note}");
    let (class, note) = nats.durability(&foreign).await;
    assert!(class == DurabilityClass::Unknown && note.contains("another server"), "{note}");
    for wrong in [format!("http://127.0.0.1:{}", free_port()), server.url().replace("nats://", "http://")] {
        let (class, note) = nats.durability(&wrong).await;
        assert!(class == DurabilityClass::Unknown && note.contains("does not answer"), "{note}");
    }
    // Restarted with another setting it is another class.
    server.restart_monitored("1m");
    wait_until(PATIENCE, "the other class", async || (nats.durability(&monitor).await.0 == DurabilityClass::Os).then_some(())).await;
}
