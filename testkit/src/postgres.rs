//! A PostgreSQL server with temporary data on a random port, and databases copied from migrated
//! templates. It does not run as root, so root runs it as the user `postgres`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::guardian::Guardian;
use crate::wait::{free_port, wait_for_port};

#[derive(Debug)]
pub struct Postgres {
    folder: PathBuf,
    data: PathBuf,
    /// Whether it waits for the disk, as it does unless told otherwise.
    durable: bool,
    programs: PathBuf,
    port: u16,
    guardian: Option<Guardian>,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

impl Postgres {
    /// The server that all tests of this process share.
    ///
    /// # Panics
    /// When PostgreSQL's server programs are not installed, or do not start.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// A server of one's own, to be stopped and started.
    ///
    /// # Panics
    /// As [`Postgres::shared`].
    pub fn start() -> Self {
        Self::start_with(None, false)
    }

    /// A server with PostgreSQL's own settings, which waits for the disk: to measure, not to test. `data` is
    /// where its data are and stay, to be used again; the user `postgres` must come that far. Without it they
    /// end with the server.
    ///
    /// # Panics
    /// As [`Postgres::shared`].
    pub fn start_durable(data: Option<PathBuf>) -> Self {
        Self::start_with(data, true)
    }

    fn start_with(data: Option<PathBuf>, durable: bool) -> Self {
        let folder = tempfile::Builder::new().prefix("ll-pg-").tempdir().expect("a folder").keep();
        let data = data.unwrap_or_else(|| folder.join("data"));
        let mut server = Self { folder, data, durable, programs: programs(), port: free_port(), guardian: None };
        server.init();
        server.restart();
        server
    }

    /// Makes the data, where there are none yet.
    fn init(&self) {
        std::fs::create_dir_all(&self.data).expect("a folder for the data");
        if is_root() {
            run(Command::new("chown").arg("postgres").args([&self.folder, &self.data]));
        }
        if self.data.join("PG_VERSION").exists() {
            return;
        }
        let mut initdb = vec![self.programs.join("initdb").display().to_string(), "-D".into(), self.data.display().to_string()];
        initdb.extend(["-A", "trust", "-U", "postgres", "--no-sync"].map(String::from));
        let initdb = as_postgres(&initdb);
        run(Command::new(&initdb[0]).args(&initdb[1..]).current_dir("/"));
    }

    /// Ends it with SIGKILL; its data stay.
    pub fn kill(&mut self) {
        if let Some(guardian) = self.guardian.take() {
            guardian.kill();
            let _ = std::fs::remove_file(self.data.join("postmaster.pid"));
        }
    }

    /// Starts it again on the same port, with the same data.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        self.kill();
        let (data, port) = (self.data.display().to_string(), self.port.to_string());
        let mut command = vec![self.programs.join("postgres").display().to_string(), "-D".into(), data, "-p".into(), port];
        command.extend(["-k".into(), self.folder.display().to_string()]);
        command.extend(["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=300"].map(String::from));
        if !self.durable {
            command.extend(["-c", "fsync=off"].map(String::from));
        }
        self.guardian = Some(Guardian::spawn(&self.folder, &as_postgres(&command)));
        wait_for_port(self.port, &self.folder.join("log"));
        self.sql("postgres", "SELECT 1");
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Starts it again with TLS and a certificate of its own for 127.0.0.1; returns the
    /// certificate's file.
    ///
    /// # Panics
    /// When no certificate can be made, or the server does not start.
    pub fn restart_with_tls(&mut self) -> PathBuf {
        let (key, certificate) = (self.data.join("server.key"), self.data.join("server.crt"));
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]);
        openssl
            .args(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&certificate);
        run(&mut openssl);
        run(Command::new("chmod").arg("600").arg(&key));
        if is_root() {
            run(Command::new("chown").arg("postgres").args([&key, &certificate]));
        }
        let public = self.folder.join("server.crt");
        std::fs::copy(&certificate, &public).expect("a copy of the certificate");
        self.sql("postgres", "ALTER SYSTEM SET ssl = on");
        self.restart();
        public
    }

    /// Runs statements in a database.
    ///
    /// # Panics
    /// When one fails.
    pub fn sql(&self, database: &str, statements: &str) -> String {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-c", statements]).arg(self.url(database));
        // Right after its start the server may still refuse.
        for _ in 0..200 {
            let output = psql.output().expect("psql runs");
            if output.status.success() {
                return String::from_utf8_lossy(&output.stdout).trim().to_owned();
            }
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(["starting up", "not yet accepting", "onnection refused"].iter().any(|known| error.contains(known)), "{error}");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("PostgreSQL does not come up");
    }

    /// The name of a new, empty database.
    pub fn create_database(&self) -> String {
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// The URL of a new copy of a template, which `init` fills when it is asked for first.
    pub async fn copy_of(&self, template: &str, init: impl AsyncFnOnce(String)) -> String {
        static MADE: Mutex<Vec<String>> = Mutex::new(Vec::new());
        static MAKING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let _making = MAKING.lock().await;
        let key = format!("{}/{template}", self.port);
        let made = MADE.lock().unwrap_or_else(PoisonError::into_inner).contains(&key);
        if !made {
            self.sql("postgres", &format!("CREATE DATABASE {template}"));
            init(self.url(template)).await;
            MADE.lock().unwrap_or_else(PoisonError::into_inner).push(key);
        }
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {template}"));
        self.url(&name)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.guardian.is_none() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// The folder of the newest server programs.
fn programs() -> PathBuf {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let newest = installed
        .filter(|bin| bin.join("initdb").exists())
        .max_by_key(|bin| bin.parent().and_then(Path::file_name).and_then(|version| version.to_str()?.parse::<u32>().ok()));
    newest.unwrap_or_else(|| {
        let found = Command::new("sh").args(["-c", "dirname \"$(command -v initdb)\""]).output().expect("sh runs");
        let bin = PathBuf::from(String::from_utf8_lossy(&found.stdout).trim());
        assert!(bin.join("initdb").exists(), "PostgreSQL's server programs are missing: run scripts/postgres");
        bin
    })
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout.trim_ascii() == b"0"
}

fn as_postgres(command: &[String]) -> Vec<String> {
    let prefix: &[&str] = if is_root() { &["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] } else { &[] };
    prefix.iter().map(|part| (*part).to_owned()).chain(command.iter().cloned()).collect()
}

fn run(command: &mut Command) {
    let output = command.output().expect("the command runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
