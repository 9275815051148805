//! Too few open files: whatever strangers open, those who are connected already go on being led on
//! and counted, and everybody else is again as soon as connections close.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testkit::{Program, ProgramOptions, wait_until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::journey::{PATIENCE, numbers, stored, wait_for_clicks};
use crate::program;

/// Connections that ask nothing: more than any process here has files.
const IDLE: usize = 400;

/// A visitor's connection; unlike a browser it never opens another one.
struct Visitor {
    socket: TcpStream,
    host: String,
}

impl Visitor {
    async fn connect(redirect: &str) -> Self {
        Self { socket: TcpStream::connect(redirect).await.unwrap(), host: redirect.to_owned() }
    }

    /// Clicks, and expects to be led on. A connection that was not accepted yet has no answer.
    async fn click(&mut self, number: u32) {
        self.ask(number).await;
        let answer = tokio::time::timeout(PATIENCE, self.answer()).await.expect("an answer in time");
        assert!(answer.starts_with("HTTP/1.1 302"), "{answer}");
    }

    async fn ask(&mut self, number: u32) {
        let request = format!("GET /a?n={number} HTTP/1.1\r\nHost: {}\r\nUser-Agent: Mozilla/5.0\r\n\r\n", self.host);
        self.socket.write_all(request.as_bytes()).await.unwrap();
    }

    async fn answer(&mut self) -> String {
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            assert!(self.socket.read_buf(&mut answer).await.unwrap() > 0, "the connection was closed");
        }
        String::from_utf8(answer).unwrap()
    }
}

async fn idle(address: &str) -> Vec<TcpStream> {
    let mut sockets = Vec::new();
    while sockets.len() < IDLE {
        sockets.push(TcpStream::connect(address).await.unwrap());
    }
    sockets
}

async fn warning(program: &Program) -> Option<String> {
    let report = program.readyz().await;
    let warnings = report["warnings"].as_array().unwrap();
    warnings.iter().filter_map(Value::as_str).find(|warning| warning.contains("LimitNOFILE=")).map(str::to_owned)
}

async fn metric(program: &Program, name: &str) -> u64 {
    let url = format!("http://{}/metrics", program.setting("OPS_LISTEN"));
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("the metric");
    line.trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_who_open_more_connections_than_there_are_files_disturb_nobody_who_is_connected() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(program(), ProgramOptions { max_files: Some(200), ..ProgramOptions::serve(folder.path()) });
    assert_eq!(program.ready().await["warnings"], json!([]));
    let ada = program.api().sign_up("ada").await;
    ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    let redirect = program.setting("REDIRECT_LISTEN").to_owned();
    let mut known = Visitor::connect(&redirect).await;
    known.click(0).await;

    let strangers = idle(&redirect).await;
    let told = async || warning(&program).await;
    let told = wait_until(PATIENCE, "the listeners' want of files is told of", told).await;
    // With many threads their least shares may be more than there is: then it is files, not room.
    let room = metric(&program, "linklogger_connections_refused_total{reason=\"room\"}").await;
    let files = metric(&program, "linklogger_connections_refused_total{reason=\"files\"}").await;
    assert!(room + files > 0, "{told}");
    let mut late = Visitor::connect(&redirect).await;
    late.ask(100).await;
    for number in 1..100 {
        known.click(number).await;
    }
    wait_for_clicks(&ada, 100).await;
    // Who came after the strangers waits for one of them to leave, and no longer.
    drop(strangers);
    let answer = tokio::time::timeout(PATIENCE, late.answer()).await.expect("an answer once there is room");
    assert!(answer.starts_with("HTTP/1.1 302"), "{answer}");
    wait_for_clicks(&ada, 101).await;
    assert_eq!(stored(&ada).await.into_iter().collect::<BTreeSet<_>>(), numbers(0..101));
    assert_eq!(program.stop().await, Some(0));
}

/// No file can be opened at all: not for a connection, not for the spool's next segment.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_file_left_clicks_are_kept_and_the_reason_is_told() {
    let folder = tempfile::tempdir().unwrap();
    // Segments of a hundred clicks or two.
    let mut program = Program::start(program(), ProgramOptions::serve(folder.path()).with("SPOOL_QUOTA", "1MiB"));
    program.ready().await;
    let ada = program.api().sign_up("ada").await;
    ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
    let redirect = program.setting("REDIRECT_LISTEN").to_owned();
    let mut known = Visitor::connect(&redirect).await;
    known.click(0).await;
    wait_for_clicks(&ada, 1).await;

    program.limit_files(program.first_free_file());
    // Should it close a file, one of these takes its place.
    let strangers = idle(&redirect).await;
    let mut late = Visitor::connect(&redirect).await;
    late.ask(1_000).await;
    wait_until(PATIENCE, "the want of files is in the log", async || program.log().contains("LimitNOFILE=").then_some(())).await;
    for number in 1..1_000 {
        known.click(number).await;
    }
    assert!(program.log().contains("The spool's next segment cannot be opened"), "no segment was due: {}", program.log());
    program.limit_files(4_096);
    let answer = tokio::time::timeout(PATIENCE, late.answer()).await.expect("an answer once there are files");
    assert!(answer.starts_with("HTTP/1.1 302"), "{answer}");
    wait_for_clicks(&ada, 1_001).await;
    assert_eq!(stored(&ada).await.into_iter().collect::<BTreeSet<_>>(), numbers(0..1_001));
    drop(strangers);
    assert!(warning(&program).await.is_some_and(|warning| warning.contains("cannot be accepted")));
    assert!(metric(&program, "linklogger_connections_refused_total{reason=\"files\"}").await > 0);
    assert_eq!(metric(&program, "linklogger_spool_lost_total{reason=\"disk\"}").await, 0);
    assert_eq!(program.stop().await, Some(0));
}
