//! From a setting's text to its type. Each parser answers a wrong text with the sentence that says
//! how to write a right one.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use domain::ShortDomain;
use ipnet::IpNet;
use url::Url;

use crate::SealKey;

/// The roles of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleSet {
    pub api: bool,
    pub redirector: bool,
    pub worker: bool,
}

impl RoleSet {
    pub fn is_all(self) -> bool {
        self.api && self.redirector && self.worker
    }
}

/// Where rows are kept.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    Sqlite(PathBuf),
    /// A URL for PostgreSQL, password included.
    Postgres(String),
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
            Self::Postgres(_) => f.write_str("Postgres(hidden)"),
        }
    }
}

/// Where a redirector finds links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinksFrom {
    Database,
    /// The snapshot in NATS: a redirector to which no database was named uses none.
    Nats,
}

/// What the spool's append survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    Os,
    Fsync,
}

/// Who sees the visitor's full address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// The worker reduces it; until then it is in spool and stream.
    Worker,
    /// The redirector reduces it before anything is written.
    Strict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUp {
    Open,
    Invite,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// Which pages may call the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Any origin on this machine.
    Loopback,
    /// These, as browsers send them: `https://app.example.com`.
    Listed(Vec<String>),
}

impl Origins {
    pub(super) fn default_for(public_url: &Url) -> Self {
        if is_loopback(public_url) { Self::Loopback } else { Self::Listed(vec![public_url.origin().ascii_serialization()]) }
    }

    /// Whether a page with this `Origin` header may call.
    pub fn allow(&self, origin: &str) -> bool {
        match self {
            Self::Loopback => Url::parse(origin).is_ok_and(|url| is_loopback(&url)),
            Self::Listed(origins) => origins.iter().any(|allowed| allowed == origin),
        }
    }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

pub(super) fn roles(text: &str) -> Result<RoleSet, String> {
    let mut roles = RoleSet { api: false, redirector: false, worker: false };
    for item in items(text) {
        match item {
            "all" => roles = RoleSet { api: true, redirector: true, worker: true },
            "api" => roles.api = true,
            "redirector" => roles.redirector = true,
            "worker" => roles.worker = true,
            other => return Err(format!("\"{other}\" is no role. The roles are api, redirector and worker.")),
        }
    }
    if roles.api || roles.redirector || roles.worker {
        Ok(roles)
    } else {
        Err("name at least one of api, redirector and worker, or leave it out for all of them.".into())
    }
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let text = text.strip_prefix("localhost").map_or_else(|| text.to_owned(), |rest| format!("127.0.0.1{rest}"));
    text.parse().map_err(|_| "this is no address to listen on. Write it like 127.0.0.1:8080 or [::]:8080.".into())
}

pub(super) fn dns_server(text: &str) -> Result<SocketAddr, String> {
    let default_port = || text.parse::<std::net::IpAddr>().map(|ip| SocketAddr::new(ip, 53));
    text.parse().or_else(|_| default_port()).map_err(|_| "this is no DNS server. Write its address like 9.9.9.9 or 127.0.0.1:5353.".into())
}

pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("name a folder.".into()) } else { Ok(PathBuf::from(text)) }
}

pub(super) fn paths(text: &str) -> Result<Vec<PathBuf>, String> {
    Ok(items(text).map(PathBuf::from).collect())
}

pub(super) fn registry(text: &str) -> Result<Url, String> {
    let advice = || "this is no npm registry. Write it like https://registry.npmjs.org, without user and password.".to_owned();
    let mut url = Url::parse(text).map_err(|_| advice())?;
    let is_plain = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    if !is_plain || url.query().is_some() || url.fragment().is_some() {
        return Err(advice());
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let one = |item: &str| {
        let single = || item.parse::<std::net::IpAddr>().map(IpNet::from);
        item.parse::<IpNet>()
            .or_else(|_| single())
            .map_err(|_| format!("\"{item}\" is no network. Write CIDRs like 10.0.0.0/8, separated by commas."))
    };
    items(text).map(one).collect()
}

pub(super) fn short_domain(text: &str) -> Result<ShortDomain, String> {
    ShortDomain::parse(text).ok_or_else(|| "this is no host. Write it like go.example.com or 127.0.0.1:8081.".into())
}

pub(super) fn public_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| "this is no web address. Write it like https://links.example.com.".into())
}

pub(super) fn nats_url(text: &str) -> Result<String, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "nats" | "tls") && url.has_host());
    url.map(|_| text.to_owned()).ok_or_else(|| "this is no NATS address. Write it like nats://127.0.0.1:4222.".into())
}

pub(super) fn nats_monitor_url(text: &str) -> Result<String, String> {
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "http" && url.has_host() && url.path() == "/" && url.query().is_none());
    url.map(|_| text.to_owned()).ok_or_else(|| "this is no address of NATS's monitoring. Write it like http://127.0.0.1:8222.".into())
}

pub(super) fn database(text: &str) -> Result<Database, String> {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return match Url::parse(text) {
            Ok(url) if url.path().len() > 1 => Ok(Database::Postgres(text.to_owned())),
            _ => Err("the address is incomplete. Write it like postgres://user:password@host:5432/database.".into()),
        };
    }
    let rest = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:"));
    match rest.map(|rest| rest.split('?').next().unwrap_or_default()) {
        Some(path) if !path.is_empty() && path != ":memory:" => Ok(Database::Sqlite(Path::new(path).to_owned())),
        _ => Err("this is no database address. Write sqlite://path/to/file.db or postgres://user:password@host:5432/database.".into()),
    }
}

pub(super) fn origins(text: &str) -> Result<Origins, String> {
    let one = |item: &str| {
        let url = Url::parse(item).ok().filter(|url| url.origin().is_tuple() && url.path() == "/" && url.query().is_none());
        url.map(|url| url.origin().ascii_serialization())
            .ok_or_else(|| format!("\"{item}\" is no origin. Write origins like https://app.example.com, separated by commas."))
    };
    items(text).map(one).collect::<Result<_, _>>().map(Origins::Listed)
}

pub(super) fn durability(text: &str) -> Result<Durability, String> {
    match text {
        "os" => Ok(Durability::Os),
        "fsync" => Ok(Durability::Fsync),
        _ => Err("write os or fsync.".into()),
    }
}

pub(super) fn quota(text: &str) -> Result<u64, String> {
    const LEAST: u64 = 1 << 20;
    let units = [("KiB", 1_u64 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];
    let (number, unit) = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit))).unwrap_or((text, 1));
    number
        .trim()
        .parse()
        .ok()
        .and_then(|number: u64| number.checked_mul(unit))
        .filter(|bytes| *bytes >= LEAST)
        .ok_or_else(|| "write a number of bytes, at least 1MiB, such as 512MiB or 4GiB.".into())
}

pub(super) fn seal_key(text: &str) -> Result<SealKey, String> {
    SealKey::parse(text).ok_or_else(|| "write 32 bytes as 64 hexadecimal digits or in base64, such as `openssl rand -hex 32` gives.".into())
}

pub(super) fn rate(text: &str) -> Result<u32, String> {
    let rate = text.parse().ok().filter(|rate| *rate <= 1_000_000);
    rate.ok_or_else(|| "write a whole number of requests a second, 0 to 1000000; 0 is no limit.".into())
}

pub(super) fn capture(text: &str) -> Result<Capture, String> {
    match text {
        "worker" => Ok(Capture::Worker),
        "strict" => Ok(Capture::Strict),
        _ => Err("write worker or strict.".into()),
    }
}

pub(super) fn sign_up(text: &str) -> Result<SignUp, String> {
    match text {
        "open" => Ok(SignUp::Open),
        "invite" => Ok(SignUp::Invite),
        "closed" => Ok(SignUp::Closed),
        _ => Err("write open, invite or closed.".into()),
    }
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("write text or json.".into()),
    }
}
