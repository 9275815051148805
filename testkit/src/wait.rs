//! Waiting for a state with a deadline, and free ports.

use std::sync::atomic::{AtomicU32, Ordering};
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

/// Ports that the system does not give to outgoing connections, so that none is taken between
/// being found free and being listened on, or while its server is down.
const PORTS: std::ops::Range<u32> = 20_000..32_000;

/// A port of the loopback that nobody listens on; never the same twice in a process.
///
/// # Panics
/// When the machine has none.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(97);
    let free = PORTS.clone().find_map(|_| {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(PORTS.start + start.wrapping_add(step) % (PORTS.end - PORTS.start)).ok()?;
        std::net::TcpListener::bind(("127.0.0.1", port)).ok().map(|_| port)
    });
    free.expect("a free port")
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
