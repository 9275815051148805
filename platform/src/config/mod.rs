//! The one configuration: flags, then environment, then `linklogger.toml`, then defaults.
//!
//! `settings.rs` is the table of all settings; flags, variables, file keys and help come from it.
//! `values.rs` finds where each value comes from, this file turns them into typed fields and says
//! what is wrong with one that does not fit.

mod parse;
mod settings;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;

use domain::ShortDomain;
use ipnet::IpNet;

use crate::SealKey;

pub use parse::{Capture, Database, Durability, LinksFrom, LogFormat, Origins, RoleSet, SignUp};
pub use settings::{SETTINGS, Setting};
pub use values::{Flags, Source, Values};

/// A value that cannot be used: which, where it came from, what is wrong, how to mend it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// TLS of the redirector itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectTls {
    pub listen: SocketAddr,
    /// The folder of certificates and keys.
    pub certs: PathBuf,
}

/// Everything a process is told from outside.
#[derive(Clone, Debug)]
pub struct Config {
    pub roles: RoleSet,
    pub data_dir: PathBuf,
    pub database: Database,
    /// Where a redirector finds links.
    pub links_from: LinksFrom,
    pub nats_url: Option<String>,
    /// Where the NATS server's monitoring answers.
    pub nats_monitor_url: Option<String>,
    pub api_listen: SocketAddr,
    pub redirect_listen: SocketAddr,
    /// None where a proxy in front speaks TLS.
    pub redirect_tls: Option<RedirectTls>,
    pub ops_listen: SocketAddr,
    pub short_domain: ShortDomain,
    pub public_url: url::Url,
    pub allowed_origins: Origins,
    pub trusted_proxies: Vec<IpNet>,
    /// Requests a second, ten times as many at once; 0 is no limit, as in the next two.
    pub click_rate: u32,
    pub link_rate: u32,
    pub miss_rate: u32,
    /// None for what lies in [`Config::geoip_folder`].
    pub geoip_db: Option<Vec<PathBuf>>,
    /// An npm registry; its path ends in a slash.
    pub geoip_registry: url::Url,
    pub durability: Durability,
    /// In bytes.
    pub spool_quota: u64,
    /// In bytes.
    pub stream_quota: u64,
    pub capture: Capture,
    pub sign_up: SignUp,
    pub outbound_allow: Vec<IpNet>,
    /// None for the servers of the system.
    pub dns_server: Option<SocketAddr>,
    pub seal_key: Option<SealKey>,
    pub seal_key_file: Option<PathBuf>,
    pub log: String,
    pub log_format: LogFormat,
}

impl Config {
    /// Reads flags, environment and file, and checks every value.
    ///
    /// # Errors
    /// [`ConfigError`] naming the first value that does not fit.
    pub fn load(flags: &Flags) -> Result<(Self, Values), ConfigError> {
        let values = Values::gather(flags)?;
        let config = Self::from_values(&values)?;
        Ok((config, values))
    }

    /// # Errors
    /// [`ConfigError`] naming the first value that does not fit.
    pub fn from_values(values: &Values) -> Result<Self, ConfigError> {
        let api_listen = values.parsed("api_listen", parse::address)?;
        let redirect_listen = values.parsed("redirect_listen", parse::address)?;
        let data_dir = values.parsed("data_dir", parse::path)?;
        let short_domain = match values.text("short_domain") {
            Some(_) => values.parsed("short_domain", parse::short_domain)?,
            None => parse::short_domain(&local_authority(redirect_listen)).map_err(ConfigError)?,
        };
        let public_url = match values.text("public_url") {
            Some(_) => values.parsed("public_url", parse::public_url)?,
            None => parse::public_url(&format!("http://{}", local_authority(api_listen))).map_err(ConfigError)?,
        };
        let database = match values.text("database_url") {
            Some(_) => values.parsed("database_url", parse::database)?,
            None => Database::Sqlite(data_dir.join("linklogger.db")),
        };
        let roles = values.parsed("roles", parse::roles)?;
        let nats_url = values.optional("nats_url", parse::nats_url)?;
        let only_redirects = roles == RoleSet { api: false, redirector: true, worker: false };
        let links_from = match values.text("database_url") {
            None if only_redirects && nats_url.is_some() => LinksFrom::Nats,
            _ => LinksFrom::Database,
        };
        let redirect_tls = match (values.optional("redirect_tls_listen", parse::address)?, values.optional("tls_certs", parse::path)?) {
            (Some(listen), Some(certs)) => Some(RedirectTls { listen, certs }),
            (None, None) => None,
            _ => {
                return Err(ConfigError(
                    "LINKLOGGER_REDIRECT_TLS_LISTEN and LINKLOGGER_TLS_CERTS belong together: the address of https, and the folder of its certificates. Set both, or neither.".into(),
                ));
            }
        };
        let allowed_origins = match values.text("allowed_origins") {
            Some(_) => values.parsed("allowed_origins", parse::origins)?,
            None => Origins::default_for(&public_url),
        };
        let config = Self {
            roles,
            nats_url,
            nats_monitor_url: values.optional("nats_monitor_url", parse::nats_monitor_url)?,
            links_from,
            ops_listen: values.parsed("ops_listen", parse::address)?,
            trusted_proxies: values.parsed("trusted_proxies", parse::networks)?,
            click_rate: values.parsed("click_rate", parse::rate)?,
            link_rate: values.parsed("link_rate", parse::rate)?,
            miss_rate: values.parsed("miss_rate", parse::rate)?,
            geoip_db: values.optional("geoip_db", parse::paths)?,
            geoip_registry: values.parsed("geoip_registry", parse::registry)?,
            durability: values.parsed("durability", parse::durability)?,
            spool_quota: values.parsed("spool_quota", parse::quota)?,
            stream_quota: values.parsed("stream_quota", parse::quota)?,
            capture: values.parsed("capture", parse::capture)?,
            sign_up: values.parsed("sign_up", parse::sign_up)?,
            outbound_allow: values.parsed("outbound_allow", parse::networks)?,
            dns_server: values.optional("dns_server", parse::dns_server)?,
            seal_key: values.optional("seal_key", parse::seal_key)?,
            seal_key_file: values.optional("seal_key_file", parse::path)?,
            log: values.parsed("log", |text| Ok(text.to_owned()))?,
            log_format: values.parsed("log_format", parse::log_format)?,
            api_listen,
            redirect_listen,
            redirect_tls,
            data_dir,
            short_domain,
            public_url,
            allowed_origins,
            database,
        };
        config.check()
    }

    /// Where fetched geo databases lie.
    pub fn geoip_folder(&self) -> PathBuf {
        self.data_dir.join("geoip")
    }

    /// Where visitors post reports of links: at the API, if they can reach it. One on this machine is
    /// out of reach for visitors of a short domain that is not.
    pub fn report_url(&self) -> Option<String> {
        let in_reach = !parse::is_loopback(&self.public_url) || self.short_domain.is_loopback();
        self.public_url.join("/report").ok().filter(|_| in_reach).map(String::from)
    }

    fn check(self) -> Result<Self, ConfigError> {
        if !self.roles.is_all() && self.nats_url.is_none() {
            return Err(ConfigError(
                "LINKLOGGER_ROLES splits the roles over processes, which meet over NATS. Set LINKLOGGER_NATS_URL (such as nats://127.0.0.1:4222), or leave out LINKLOGGER_ROLES.".into(),
            ));
        }
        if self.seal_key.is_some() && self.seal_key_file.is_some() {
            return Err(ConfigError("LINKLOGGER_SEAL_KEY and LINKLOGGER_SEAL_KEY_FILE are both set. Leave out one of them.".into()));
        }
        Ok(self)
    }
}

/// What a listener's address is called on this machine: an unspecified one is reached by loopback.
fn local_authority(address: SocketAddr) -> String {
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { std::net::Ipv4Addr::LOCALHOST.into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    address.to_string()
}

#[cfg(test)]
mod tests;
