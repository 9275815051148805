//! What a stranger cannot do.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::MissedTickBehavior;

use crate::fixture::{Running, link, start};
use crate::hostile::{HOST, get, statuses};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_has_32_kib_at_most() {
    let running = start(&[]).await;
    running.know("a", link("https://example.com/"));
    for (bytes, status) in [(20_000, 302), (32_768, 302), (32_769, 431), (40_000, 431), (60_000, 431)] {
        let rest = get("/a", &format!("{HOST}X: \r\n")).len();
        let request = get("/a", &format!("{HOST}X: {}\r\n", "x".repeat(bytes - rest)));
        assert_eq!((request.len(), statuses(&running, &request).await), (bytes, vec![status]));
    }
}

/// A visitor whose machine holds so many bytes of what was not read.
async fn reluctant(running: &Running, bytes: u32) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(bytes).unwrap();
    socket.connect(running.address).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_no_answer_is_cut_off() {
    let running = start(&[]).await;
    let mut socket = reluctant(&running, 2_048).await;
    let requests = format!("GET / HTTP/1.1\r\n{HOST}\r\n").repeat(100);
    // Once nothing is taken any more a write ends with the connection or not at all.
    let asks = async {
        loop {
            if let Err(error) = socket.write_all(requests.as_bytes()).await {
                return error.kind();
            }
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(30), asks).await.expect("the connection is closed in time");
    assert!(matches!(ended, std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe), "{ended}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_slowly_but_steadily_gets_every_answer() {
    const ASKED: usize = 3_000;
    let running = start(&[]).await;
    let (mut read, mut write) = reluctant(&running, 65_536).await.into_split();
    let requests =
        format!("GET / HTTP/1.1\r\n{HOST}\r\n").repeat(ASKED - 1) + &format!("GET / HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n");
    let asks = tokio::spawn(async move {
        write.write_all(requests.as_bytes()).await.unwrap();
        write
    });
    let begun = tokio::time::Instant::now();
    let (mut answers, mut part) = (Vec::new(), vec![0; 16 * 1_024]);
    let mut pace = tokio::time::interval(Duration::from_millis(40));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        match tokio::time::timeout(Duration::from_secs(10), read.read(&mut part)).await.expect("answers go on").unwrap() {
            0 => break,
            some => answers.extend_from_slice(&part[..some]),
        }
    }
    // Twice as long as an answer may wait unread.
    assert!(begun.elapsed() > Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(String::from_utf8(answers).unwrap().matches("HTTP/1.1 200 OK").count(), ASKED);
    drop(asks.await.unwrap());
}
