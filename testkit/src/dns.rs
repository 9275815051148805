//! A DNS server on a random port, with the records that a test gives it. `scripts/dnsmasq` gets the
//! program.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::guardian::Guardian;
use crate::wait::{free_port, wait_for_port};

/// It knows every name below `example`, most of them to be none; asked for others it refuses.
#[derive(Debug)]
pub struct DnsServer {
    folder: PathBuf,
    port: u16,
    texts: BTreeMap<String, Vec<String>>,
    guardian: Option<Guardian>,
}

impl DnsServer {
    /// Starts a server without records.
    ///
    /// # Panics
    /// When there is no dnsmasq, or it does not start.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("ll-dns-").tempdir().expect("a folder").keep();
        let mut server = Self { folder, port: free_port(), texts: BTreeMap::new(), guardian: None };
        server.restart();
        server
    }

    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// Makes these, which hold no commas, the TXT records of a name, instead of what it had.
    ///
    /// # Panics
    /// When the server does not start again.
    pub fn set_texts(&mut self, name: &str, values: &[&str]) {
        self.texts.insert(name.to_owned(), values.iter().map(|value| (*value).to_owned()).collect());
        self.restart();
    }

    /// Ends it; nobody answers then.
    pub fn kill(&mut self) {
        if let Some(guardian) = self.guardian.take() {
            guardian.kill();
        }
    }

    /// Starts it again on the same port with the same records.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        self.kill();
        let text = |text: &str| text.to_owned();
        let mut command = vec![program()];
        command.extend(["--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--no-poll", "--bind-interfaces"].map(text));
        command.extend(["--pid-file", "--listen-address=127.0.0.1", "--local=/example/", "--user=", "--group="].map(text));
        command.push(format!("--port={}", self.port));
        for (name, values) in &self.texts {
            command.extend(values.iter().map(|value| format!("--txt-record={name},{value}")));
        }
        self.guardian = Some(Guardian::spawn(&self.folder, &command));
        wait_for_port(self.port, &self.folder.join("log"));
    }
}

fn program() -> String {
    let installed = "/usr/sbin/dnsmasq";
    if Path::new(installed).exists() { installed.into() } else { "dnsmasq".into() }
}
