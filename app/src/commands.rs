//! The commands that end by themselves.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use platform::Clock;
use platform::config::{Config, Database, LinksFrom, Values};
use store::{Store, StoreError};

use crate::private;

/// Prints to standard output. A reader that has gone away is no failure.
pub(crate) fn say(text: &str) -> anyhow::Result<ExitCode> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// So many of them.
pub(crate) fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// Every setting with its origin, and what follows from them together.
pub(crate) fn show_config(config: &Config, values: &Values) -> anyhow::Result<ExitCode> {
    let links = match config.links_from {
        LinksFrom::Database => "",
        LinksFrom::Nats => "# This redirector uses no database: its links come from the snapshot in NATS.\n",
    };
    say(&(values.describe() + links))
}

/// One sentence on standard error.
pub(crate) fn complain(error: &anyhow::Error) {
    let _ = writeln!(std::io::stderr(), "linklogger: {error}");
}

/// Makes the data folder, so that what cannot be kept is known at once.
pub(crate) fn prepare_data_dir(config: &Config) -> anyhow::Result<()> {
    let dir = &config.data_dir;
    let mend = || {
        format!(
            "LINKLOGGER_DATA_DIR is {}, and that folder cannot be written to. Make it writable for this user, or set another one",
            dir.display()
        )
    };
    std::fs::create_dir_all(dir).map_err(|error| anyhow::anyhow!("{} ({error}).", mend()))?;
    let probe = dir.join(".writable");
    std::fs::write(&probe, "").map_err(|error| anyhow::anyhow!("{} ({error}).", mend()))?;
    let _ = std::fs::remove_file(probe);
    Ok(())
}

/// Opens the database and asks it for a sign of life.
pub(crate) async fn connect(config: &Config) -> anyhow::Result<Store> {
    anyhow::ensure!(
        config.links_from == LinksFrom::Database,
        "This process has no database: it is a redirector whose links come from NATS. Run the command where the api runs, with its \
         LINKLOGGER_DATABASE_URL and LINKLOGGER_ROLES."
    );
    let store = open(config).await?;
    store.reach().await.map_err(StoreError::not_waited_for)?;
    Ok(store)
}

/// Opens the database, be it away.
pub(crate) async fn open(config: &Config) -> anyhow::Result<Store> {
    if let Database::Sqlite(path) = &config.database
        && let Some(folder) = path.parent()
    {
        std::fs::create_dir_all(folder).map_err(|error| {
            anyhow::anyhow!(
                "The folder {} of the SQLite file cannot be made ({error}). Set another LINKLOGGER_DATABASE_URL.",
                folder.display()
            )
        })?;
    }
    let store = Store::open(&config.database).await?;
    // Over NATS redirectors may read links from a snapshot, which is fed from the outbox.
    Ok(if config.nats_url.is_some() { store.with_link_outbox() } else { store })
}

pub(crate) async fn migrate(config: &Config) -> anyhow::Result<ExitCode> {
    private::close_data(config);
    prepare_data_dir(config)?;
    let store = connect(config).await?;
    store::migrate(&store, Clock::System.now()).await?;
    store.close().await;
    tracing::info!("the schema is up to date");
    Ok(ExitCode::SUCCESS)
}

/// Asks `/readyz` of the process that listens on `address`.
pub(crate) fn healthcheck(address: SocketAddr) -> anyhow::Result<ExitCode> {
    const PATIENCE: Duration = Duration::from_secs(3);
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { std::net::Ipv4Addr::LOCALHOST.into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    let away = || format!("No process answers on LINKLOGGER_OPS_LISTEN ({address}). Start it with `linklogger serve`.");
    let mut socket = TcpStream::connect_timeout(&address, PATIENCE).with_context(away)?;
    socket.set_read_timeout(Some(PATIENCE)).with_context(away)?;
    write!(socket, "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").with_context(away)?;
    let mut answer = String::new();
    socket.take(64 * 1_024).read_to_string(&mut answer).with_context(away)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let ready = head.starts_with("HTTP/1.1 200");
    say(&format!("{body}\n"))?;
    Ok(if ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
