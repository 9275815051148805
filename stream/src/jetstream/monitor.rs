//! What a broker's ack survives. A client is not told; the server's monitoring tells
//! (<https://docs.nats.io/running-a-nats-service/nats_admin/monitoring>, `/jsz`): whether it syncs
//! its files before each ack (`sync_interval: always`) or, as it does by default, every two minutes.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::header::HOST;
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use platform::DurabilityClass;
use serde::Deserialize;
use tokio::net::TcpStream;

use super::NatsClient;

const PATIENCE: Duration = Duration::from_secs(2);
const LARGEST: usize = 256 * 1_024;
const PORT: u16 = 8222;

const ALWAYS: &str = "NATS runs with sync_interval: always";
const LATER: &str = "NATS runs without sync_interval: always, and acks before it syncs";
const SILENT: &str =
    "LINKLOGGER_NATS_MONITOR_URL does not answer as NATS's monitoring does; fsync if the server runs with sync_interval: always, else os";
const OTHER: &str = "LINKLOGGER_NATS_MONITOR_URL is of another server than this process is connected to";

#[derive(Deserialize)]
struct Jsz {
    server_id: String,
    config: Option<Config>,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    sync_always: bool,
}

impl NatsClient {
    /// The class of this server's acks, and why, by its monitoring at `monitor` (`http://host:8222`).
    pub async fn durability(&self, monitor: &str) -> (DurabilityClass, &'static str) {
        match tokio::time::timeout(PATIENCE, ask(monitor)).await.ok().flatten() {
            None | Some(Jsz { config: None, .. }) => (DurabilityClass::Unknown, SILENT),
            Some(Jsz { server_id, .. }) if server_id != self.client.server_info().server_id => (DurabilityClass::Unknown, OTHER),
            Some(Jsz { config: Some(Config { sync_always: true }), .. }) => (DurabilityClass::Fsync, ALWAYS),
            Some(Jsz { config: Some(Config { sync_always: false }), .. }) => (DurabilityClass::Os, LATER),
        }
    }
}

async fn ask(monitor: &str) -> Option<Jsz> {
    let uri: Uri = monitor.parse().ok()?;
    let (host, authority) = (uri.host()?.trim_matches(['[', ']']), uri.authority()?.as_str());
    let socket = TcpStream::connect((host, uri.port_u16().unwrap_or(PORT))).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.ok()?;
    let request = Request::get("/jsz").header(HOST, authority).body(Empty::<Bytes>::new()).ok()?;
    let answer = async {
        let answer = sender.send_request(request).await.ok()?;
        let body = Limited::new(answer.into_body(), LARGEST).collect().await.ok()?;
        serde_json::from_slice(&body.to_bytes()).ok()
    };
    tokio::select! {
        answer = answer => answer,
        // It ends with the answer at the earliest, unless it fails.
        Err(_) = connection => None,
    }
}
