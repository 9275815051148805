//! What a stranger cannot do.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::fixture::{Running, link, start};

pub async fn connect(running: &Running) -> TcpStream {
    TcpStream::connect(running.address).await.unwrap()
}

/// Everything until the other side closes.
pub async fn rest(mut socket: TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), socket.read_to_end(&mut bytes)).await.expect("the socket is closed in time");
    let _ = read;
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_head_is_cut_off() {
    let running = start(&[]).await;
    let mut socket = connect(&running).await;
    socket.write_all(b"GET /a HTTP/1.1\r\nHost: x\r\nX-").await.unwrap();
    // hyper closes without an answer.
    assert_eq!(rest(socket).await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_head_is_refused() {
    let running = start(&[]).await;
    let mut socket = connect(&running).await;
    let head = format!("GET /a HTTP/1.1\r\nHost: go.example\r\n{}", "X-A: 0123456789\r\n".repeat(10_000));
    let _ = socket.write_all(head.as_bytes()).await;
    let answer = rest(socket).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_in_a_row_on_one_connection_and_old_clients_are_served() {
    let running = start(&[]).await;
    running.know("a", link("https://example.com/"));
    let mut socket = connect(&running).await;
    socket.write_all(b"GET /a HTTP/1.1\r\nHost: go.example\r\n\r\nGET /b HTTP/1.1\r\nHost: go.example\r\n\r\nHEAD /a HTTP/1.1\r\nHost: go.example\r\nConnection: close\r\n\r\n").await.unwrap();
    let answers = rest(socket).await;
    assert_eq!(answers.matches("HTTP/1.1 302").count(), 2, "{answers}");
    assert_eq!(answers.matches("HTTP/1.1 404").count(), 1, "{answers}");
    let mut socket = connect(&running).await;
    socket.write_all(b"GET /a HTTP/1.0\r\n\r\n").await.unwrap();
    assert!(rest(socket).await.starts_with("HTTP/1.0 302"));
    assert_eq!(running.metric("redirector_clicks_total"), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_is_refused() {
    let running = start(&[]).await;
    for nonsense in ["\x16\x03\x01\x02\x00", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"] {
        let mut socket = connect(&running).await;
        socket.write_all(nonsense.as_bytes()).await.unwrap();
        let answer = rest(socket).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
}
