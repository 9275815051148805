//! A nats-server with JetStream on a random port. `scripts/nats-server` gets the program.

use std::path::PathBuf;

use crate::guardian::Guardian;
use crate::wait::{free_port, wait_for_port};

#[derive(Debug)]
pub struct NatsServer {
    folder: PathBuf,
    port: u16,
    guardian: Option<Guardian>,
    /// The port of its monitoring, and when it syncs.
    monitored: Option<(u16, &'static str)>,
    /// The most that JetStream may hold, where that is not all of the disk.
    room: Option<&'static str>,
}

impl NatsServer {
    /// Starts a server with empty streams.
    ///
    /// # Panics
    /// When there is no nats-server, or it does not start.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("ll-nats-").tempdir().expect("a folder").keep();
        let mut server = Self { folder, port: free_port(), guardian: None, monitored: None, room: None };
        server.restart();
        server
    }

    /// Starts a server whose JetStream holds at most so much, such as `64MB`.
    ///
    /// # Panics
    /// When there is no nats-server, or it does not start.
    pub fn start_with_room(room: &'static str) -> Self {
        let mut server = Self::start();
        server.kill();
        server.room = Some(room);
        server.restart();
        server
    }

    /// Starts it again with its monitoring at an address, and its files synced as `sync_interval` says.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart_monitored(&mut self, sync_interval: &'static str) -> String {
        let port = self.monitored.map_or_else(free_port, |(port, _)| port);
        self.monitored = Some((port, sync_interval));
        self.restart();
        format!("http://127.0.0.1:{port}")
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Ends it with SIGKILL; its streams stay.
    pub fn kill(&mut self) {
        if let Some(guardian) = self.guardian.take() {
            guardian.kill();
        }
    }

    /// Halts it with SIGSTOP: its connections stay, and nothing answers.
    pub fn halt(&mut self) {
        if let Some(guardian) = &mut self.guardian {
            guardian.halt();
        }
    }

    /// Lets it go on after [`NatsServer::halt`].
    pub fn go_on(&mut self) {
        if let Some(guardian) = &mut self.guardian {
            guardian.go_on();
        }
    }

    /// The folder of its streams, for a test to change while it is stopped.
    pub fn store(&self) -> PathBuf {
        self.folder.join("jetstream")
    }

    /// Starts it again with empty streams.
    ///
    /// # Panics
    /// When it does not start.
    pub fn wipe(&mut self) {
        self.kill();
        std::fs::remove_dir_all(self.store()).expect("its streams can be removed");
        self.restart();
    }

    /// Starts it again on the same port, with the same streams.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        self.kill();
        self.spawn();
    }

    fn spawn(&mut self) {
        let text = |text: &str| text.to_owned();
        let store = self.store().display().to_string();
        let mut command = vec![program(), text("-a"), text("127.0.0.1"), text("-p"), self.port.to_string()];
        match (self.monitored, self.room) {
            (None, Some(room)) => {
                let file = self.folder.join("nats.conf");
                std::fs::write(&file, format!("jetstream {{ store_dir: \"{store}\", max_file_store: {room} }}")).expect("a file");
                command.extend([text("-c"), file.display().to_string()]);
            }
            (None, None) => command.extend([text("-js"), text("-sd"), store]),
            (Some((port, sync_interval)), _) => {
                let file = self.folder.join("nats.conf");
                std::fs::write(&file, format!("jetstream {{ store_dir: \"{store}\", sync_interval: {sync_interval} }}")).expect("a file");
                command.extend([text("-c"), file.display().to_string(), text("-m"), port.to_string()]);
            }
        }
        self.guardian = Some(Guardian::spawn(&self.folder, &command));
        wait_for_port(self.port, &self.folder.join("log"));
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        if self.guardian.is_none() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// What `scripts/nats-server` left behind, made on demand.
fn program() -> String {
    // At run time: a target folder may be shared by several checkouts.
    #[expect(clippy::disallowed_methods, reason = "cargo tells a test by the environment where it is")]
    let root = std::env::var("CARGO_MANIFEST_DIR").map_or_else(|_| "..".to_owned(), |folder| format!("{folder}/.."));
    let program = format!("{root}/.tools/nats-server");
    if !std::path::Path::new(&program).exists() {
        let done = std::process::Command::new(format!("{root}/scripts/nats-server")).status().expect("scripts/nats-server runs");
        assert!(done.success(), "scripts/nats-server failed");
    }
    program
}
