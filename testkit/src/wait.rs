//! Waiting for a state with a deadline, and free ports.

use std::time::{Duration, Instant};

const STEP: Duration = Duration::from_millis(20);

/// Asks again and again until there is an answer.
///
/// # Panics
/// When there is none within `limit`, naming `what`.
pub async fn wait_until<T>(limit: Duration, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        tokio::time::sleep(STEP).await;
    }
}

/// A port of the loopback that nobody listened on just now.
///
/// # Panics
/// When the machine has none.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Waits until something accepts connections on a port.
pub(crate) fn wait_for_port(port: u16, log: &std::path::Path) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        if Instant::now() >= deadline {
            let log = std::fs::read_to_string(log).unwrap_or_default();
            panic!("no server on port {port} within 30 s; its log:\n{log}");
        }
        std::thread::sleep(STEP);
    }
}
