//! graphql-transport-ws: the order of messages, and each reason to close.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::Subscription;

use crate::fixture::{Running, start};

const ENDLESS: &str = "subscription { clicks { cursor } }";

async fn open(running: &Running) -> Subscription {
    Subscription::open(&running.authority).await
}

async fn acked(running: &Running) -> Subscription {
    let mut socket = open(running).await;
    socket.send(json!({ "type": "connection_init" })).await;
    assert_eq!(socket.receive().await.unwrap()["type"], "connection_ack");
    socket
}

fn subscribe(id: &str, query: &str) -> Value {
    json!({ "type": "subscribe", "id": id, "payload": { "query": query } })
}

/// The close code after everything that comes before it.
async fn closed(mut socket: Subscription) -> (u16, String) {
    loop {
        if let Err(closed) = socket.receive().await {
            return closed;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_offence_has_its_code() {
    let running = start().await;
    let mut socket = open(&running).await;
    socket.send(subscribe("1", "{ __typename }")).await;
    assert_eq!(closed(socket).await.0, 4401);

    let mut socket = acked(&running).await;
    socket.send(json!({ "type": "connection_init" })).await;
    assert_eq!(closed(socket).await.0, 4429);

    for nonsense in [json!({ "type": "nonsense" }), json!([]), json!({ "type": "subscribe" }), subscribe("", "{ __typename }")] {
        let mut socket = acked(&running).await;
        socket.send(nonsense.clone()).await;
        assert_eq!(closed(socket).await.0, 4400, "{nonsense}");
    }

    let mut socket = open(&running).await;
    socket.send(json!({ "type": "connection_init", "payload": { "authorization": "Bearer nonsense" } })).await;
    assert_eq!(closed(socket).await, (4403, "Forbidden".into()));

    let socket = Subscription::open_with(&running.authority, &[("sec-websocket-protocol", "graphql-ws")]).await;
    // A client that offers nothing we speak sees the refusal in one way or the other.
    if let Ok(socket) = socket {
        assert_eq!(closed(socket).await.0, 4406);
    }
    let foreign = [("sec-websocket-protocol", "graphql-transport-ws"), ("origin", "https://evil.example")];
    assert!(Subscription::open_with(&running.authority, &foreign).await.unwrap_err().to_string().contains("403"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_runs_once_at_a_time() {
    let running = start().await;
    let ada = running.ada().await;
    let mut socket = ada.subscribe(ENDLESS, json!({})).await;
    socket.send(subscribe("1", ENDLESS)).await;
    let (code, reason) = closed(socket).await;
    assert_eq!((code, reason.as_str()), (4409, "Subscriber for 1 already exists"));
    // Completed, it is free again.
    let mut socket = ada.subscribe(ENDLESS, json!({})).await;
    socket.send(json!({ "type": "complete", "id": "1" })).await;
    socket.send(subscribe("1", "{ __typename }")).await;
    assert_eq!(socket.receive().await.unwrap(), json!({ "type": "next", "id": "1", "payload": { "data": { "__typename": "Query" } } }));
    assert_eq!(socket.receive().await.unwrap(), json!({ "type": "complete", "id": "1" }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_run_on_sockets_and_bad_documents_are_errors() {
    let running = start().await;
    let mut socket = acked(&running).await;
    socket.send(json!({ "type": "ping", "payload": { "any": 1 } })).await;
    assert_eq!(socket.receive().await.unwrap()["type"], "pong");
    for query in ["{ nope }", "{"] {
        socket.send(subscribe("q", query)).await;
        let message = socket.receive().await.unwrap();
        assert_eq!((&message["type"], &message["payload"][0]["extensions"]["code"]), (&json!("error"), &json!("VALIDATION")));
    }
    let mut many = acked(&running).await;
    for number in 0..60 {
        many.send(subscribe(&number.to_string(), ENDLESS)).await;
    }
    // Anonymous subscriptions fail by themselves; the socket stays within its bounds either way.
    drop(many);
    socket.send(subscribe("q", "{ __typename }")).await;
    assert_eq!(socket.receive().await.unwrap()["type"], "next");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_socket_runs_a_bounded_number_of_operations() {
    let running = start().await;
    let ada = running.ada().await;
    let mut socket = ada.subscribe(ENDLESS, json!({})).await;
    for number in 2..=51 {
        socket.send(subscribe(&number.to_string(), ENDLESS)).await;
    }
    assert_eq!(closed(socket).await.0, 4429);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_ends_with_its_token_or_its_session() {
    let running = start().await;
    let ada = running.ada().await;
    let watching = ada.subscribe(ENDLESS, json!({})).await;
    ada.data("mutation { signOut { sessionId } }", json!({})).await;
    let end = tokio::time::timeout(Duration::from_secs(5), closed(watching)).await.expect("closed in time");
    assert_eq!(end, (4403, "session-revoked".into()));
    let eve = running.anonymous().sign_up("eve").await;
    running.clock.advance(15 * 60_000 - 800);
    let watching = eve.subscribe(ENDLESS, json!({})).await;
    let end = tokio::time::timeout(Duration::from_secs(5), closed(watching)).await.expect("closed in time");
    assert_eq!(end, (4403, "token-expired".into()));
}
