//! Forms that break off, or whose end is said twice: nothing is tried and nobody is led on by them.

use std::time::Duration;

use domain::Gate;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::fixture::{Running, gated, sesame, start};
use crate::hostile::{HOST, get, statuses};
use crate::limits::{connect, rest};

const VISITOR: &str = "X-Forwarded-For: 198.51.100.1\r\n";
const RIGHT: &str = "password=open+sesame";

async fn with_password() -> Running {
    let running = start(&["127.0.0.0/8"]).await;
    running.know("p", gated("https://example.com/secret", Gate { password: Some(sesame()), ..Gate::default() }));
    running
}

fn post(headers: &str, body: &str) -> String {
    format!("POST /p HTTP/1.1\r\n{HOST}{VISITOR}{headers}\r\n{body}")
}

fn chunked(body: &str) -> String {
    format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
}

/// The status of the only answer, and its text.
async fn told(running: &Running, request: &str, is_cut: bool) -> (u16, String) {
    let mut socket = connect(running).await;
    socket.write_all(request.as_bytes()).await.unwrap();
    if is_cut {
        socket.shutdown().await.unwrap();
    }
    let answer = rest(socket).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    (answer[9..12].parse().unwrap(), answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_breaks_off_is_no_attempt() {
    let running = with_password().await;
    for _ in 0..3 {
        for (request, is_cut, status, why) in [
            (post("Transfer-Encoding: chunked\r\n", "ZZ\r\n"), false, 400, "did not arrive whole"),
            (post("Transfer-Encoding: chunked\r\n", "14\r\npassword=wrong"), true, 400, "did not arrive whole"),
            (post("Content-Length: 30\r\n", "password=w"), true, 400, "did not arrive whole"),
            (post("Content-Length: 9000\r\n", &"x".repeat(9_000)), false, 413, "8 KiB"),
            (post("Transfer-Encoding: chunked\r\n", &chunked(&"x".repeat(9_000))), false, 413, "8 KiB"),
        ] {
            let (met, answer) = told(&running, &request, is_cut).await;
            assert!(met == status && answer.contains(why), "{request:.100}: {answer}");
        }
    }
    assert_eq!(running.metric("redirector_clicks_total"), 0);
    // Five that are not right would have been enough.
    assert_eq!(statuses(&running, post("Connection: close\r\nContent-Length: 20\r\n", RIGHT).as_bytes()).await, [303]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_does_not_come_is_not_waited_for() {
    let running = with_password().await;
    let own = format!("POST /ll-ignore HTTP/1.1\r\n{HOST}Content-Length: 30\r\n\r\nignore=1");
    let request = post("Content-Length: 30\r\n", "password=w");
    let (form, own) = tokio::join!(slow(&running, &request), slow(&running, &own));
    for answer in [form, own] {
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("within 10 seconds") && !answer.contains("set-cookie"), "{answer}");
    }
    assert_eq!(running.metric("redirector_clicks_total"), 0);
}

/// The answer to what never comes whole; the redirector gives it ten seconds.
async fn slow(running: &Running, request: &str) -> String {
    let mut socket = connect(running).await;
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = tokio::time::timeout(Duration::from_secs(30), socket.read_to_string(&mut answer)).await;
    read.expect("an answer in time").unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_with_two_ends_is_refused() {
    let running = with_password().await;
    let (length, coding) = ("Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n");
    let inner = get("/p", HOST);
    let inner = std::str::from_utf8(&inner).unwrap();
    let whole = post("Content-Length: 20\r\n", RIGHT);
    for headers in [
        format!("{length}{coding}"),
        format!("{coding}{length}"),
        format!("{coding}X: a\r\ncontent-LENGTH:0\r\n"),
        // One that is none is passed over as well.
        format!("{coding}Content-Length: x\r\n"),
        format!("{length}{length}{coding}"),
        format!("X: a\n{coding}X: b\nContent-Length: 3\n"),
    ] {
        let request = post(&headers, &format!("{}{inner}", chunked(RIGHT)));
        let (status, answer) = told(&running, &request, false).await;
        assert!(status == 400 && answer.contains("both a Content-Length and a Transfer-Encoding"), "{headers}: {answer}");
        // Behind others on the same connection.
        let pipelined = format!("GET /p HTTP/1.1\r\n{HOST}\r\n{whole}{request}");
        assert_eq!(statuses(&running, pipelined.as_bytes()).await, [200, 303, 400], "{headers}");
    }
    // Wherever the head was cut on its way, and whatever was answered meanwhile.
    let head = post(&format!("{length}{coding}"), "");
    for at in (1..head.len()).step_by(7) {
        let first = format!("GET /p HTTP/1.1\r\n{HOST}\r\n{}", &head[..at]);
        let rest = format!("{}{}{inner}", &head[at..], chunked(RIGHT));
        assert_eq!(in_two(&running, &first, &rest).await, [200, 400], "{at}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forms_with_either_end_follow_one_another() {
    let running = with_password().await;
    let (sized, coded) = (post("Content-Length: 20\r\n", RIGHT), post("Transfer-Encoding: chunked\r\n", &chunked(RIGHT)));
    assert_eq!(statuses(&running, format!("{sized}{sized}{coded}").as_bytes()).await, [303, 303, 303]);
    assert_eq!(in_two(&running, &sized, &coded).await, [303, 303]);
    let (head, body) = coded.split_at(coded.find("14\r\n").unwrap());
    assert_eq!(in_two(&running, &format!("{sized}{head}"), body).await, [303, 303]);
    // Nothing is served behind one of which others may find another end.
    assert_eq!(statuses(&running, format!("{coded}{sized}").as_bytes()).await, [303]);
}

/// The statuses of the answers, where the second part is sent once the first answer is there.
async fn in_two(running: &Running, first: &str, second: &str) -> Vec<u16> {
    let mut socket = connect(running).await;
    socket.write_all(first.as_bytes()).await.unwrap();
    let mut begun = [0; 12];
    socket.read_exact(&mut begun).await.unwrap();
    socket.write_all(second.as_bytes()).await.unwrap();
    let answers = format!("{}{}", String::from_utf8_lossy(&begun), rest(socket).await);
    answers.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].parse().unwrap()).collect()
}
