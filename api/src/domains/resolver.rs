//! Asking DNS for TXT records: of the system's servers, or of one that the operator names. Answers
//! are not kept, since whoever asks has just changed them.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData};

const TIMEOUT: Duration = Duration::from_secs(3);
const ATTEMPTS: usize = 2;

/// DNS did not say what is there: no answer in time, or an error of a server. That is no sign that
/// a record is missing.
#[derive(Clone, Debug, thiserror::Error)]
#[error("DNS does not answer: {0}")]
pub struct DnsDown(pub String);

/// DNS cannot be asked at all.
#[derive(Clone, Debug, thiserror::Error)]
#[error("DNS cannot be asked: {0}")]
pub struct ResolverSetupError(String);

/// Where the texts at a name are looked up.
#[async_trait]
pub trait TxtResolver: Send + Sync + std::fmt::Debug {
    /// The values of the TXT records at a complete name; none where there are no records.
    ///
    /// # Errors
    /// [`DnsDown`].
    async fn txt(&self, name: &str) -> Result<Vec<String>, DnsDown>;
}

/// DNS itself. Clones share the connections.
#[derive(Clone, Debug)]
pub struct DnsResolver(TokioResolver);

impl DnsResolver {
    /// Asks `server`, or without one the servers of the system; where those are not written down,
    /// the one of this machine, as the system itself does.
    ///
    /// # Errors
    /// [`ResolverSetupError`] when there can be no resolver.
    pub fn new(server: Option<SocketAddr>) -> Result<Self, ResolverSetupError> {
        let of_one = |server| TokioResolver::builder_with_config(only(server), TokioRuntimeProvider::default());
        let mut builder = match server {
            Some(server) => of_one(server),
            None => TokioResolver::builder_tokio().unwrap_or_else(|_| of_one(SocketAddr::from((Ipv4Addr::LOCALHOST, 53)))),
        };
        let options = builder.options_mut();
        options.timeout = TIMEOUT;
        options.attempts = ATTEMPTS;
        options.cache_size = 0;
        builder.build().map(Self).map_err(|error| ResolverSetupError(error.to_string()))
    }
}

fn only(server: SocketAddr) -> ResolverConfig {
    let at_port = |mut connection: ConnectionConfig| {
        connection.port = server.port();
        connection
    };
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(at_port).into();
    ResolverConfig::from_parts(None, vec![], vec![NameServerConfig::new(server.ip(), true, connections)])
}

#[async_trait]
impl TxtResolver for DnsResolver {
    async fn txt(&self, name: &str) -> Result<Vec<String>, DnsDown> {
        let mut name = Name::from_ascii(name).map_err(|error| DnsDown(error.to_string()))?;
        // Never below the machine's own domain.
        name.set_fqdn(true);
        match self.0.txt_lookup(name).await {
            Ok(found) => Ok(found.answers().iter().filter_map(|record| text(&record.data)).collect()),
            Err(NetError::Dns(DnsError::NoRecordsFound(none)))
                if matches!(none.response_code, ResponseCode::NXDomain | ResponseCode::NoError) =>
            {
                Ok(Vec::new())
            }
            Err(error) => Err(DnsDown(error.to_string())),
        }
    }
}

/// A record's strings are one text, cut for transport.
fn text(data: &RData) -> Option<String> {
    let RData::TXT(txt) = data else { return None };
    Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned())
}
