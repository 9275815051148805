//! TLS of the redirector itself, from certificate files that others renew: `<host>.crt` and
//! `<host>.key`, or `<host>/fullchain.pem` and `<host>/privkey.pem`, all PEM. The file's name is the
//! host that it is served for; `*.example.com` serves every name right below, `default` whoever names
//! no host or an unknown one. Without a default those are refused.
//!
//! A folder that cannot be used is an error at the start. Later its files are read again when they
//! change, and what was good stays in use until all of them are.

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use platform::{Health, Readiness};
use rustls::ServerConfig;
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

const LOOK_EVERY: Duration = Duration::from_secs(2);
const DEFAULT: &str = "default";
/// Files of a folder that anybody but its operator could have filled by accident.
const MAX_HOSTS: usize = 10_000;

/// Certificates that cannot be used: which, why, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("LINKLOGGER_TLS_CERTS: {0}")]
pub struct CertificateError(String);

type Hosts = HashMap<String, Arc<CertifiedKey>>;
/// Files, when they were written, and their sizes.
type Seen = Vec<(PathBuf, SystemTime, u64)>;

/// The certificates in use. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Certificates {
    folder: PathBuf,
    hosts: Arc<RwLock<Hosts>>,
    seen: Seen,
}

struct Pair {
    host: String,
    chain: PathBuf,
    key: PathBuf,
}

impl Certificates {
    /// # Errors
    /// [`CertificateError`] when the folder has no pair, or one that cannot be used.
    pub fn load(folder: &Path) -> Result<Self, CertificateError> {
        let pairs = pairs(folder)?;
        let seen = seen(&pairs);
        let hosts = read(folder, &pairs)?;
        Ok(Self { folder: folder.to_owned(), hosts: Arc::new(RwLock::new(hosts)), seen })
    }

    /// # Errors
    /// [`CertificateError`] when the crypto provider lacks what is needed.
    pub fn acceptor(&self) -> Result<TlsAcceptor, CertificateError> {
        let versions = ServerConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions();
        let builder = versions.map_err(|error| CertificateError(error.to_string()))?.with_no_client_auth();
        let mut config = builder.with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Takes up changed files until the stop.
    pub async fn follow(mut self, health: Health, stopping: CancellationToken) -> Result<(), Infallible> {
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stopping.cancelled() => return Ok(()),
            }
            let (folder, seen) = (self.folder.clone(), self.seen.clone());
            let looked = tokio::task::spawn_blocking(move || reread(&folder, &seen)).await;
            match looked {
                // Those in use, perhaps again.
                Ok(Ok(None)) => health.report("certificates", Readiness::Ready, ""),
                Ok(Ok(Some((hosts, seen)))) => {
                    tracing::info!(hosts = hosts.len(), "certificates were changed and are in use");
                    *self.hosts.write().unwrap_or_else(PoisonError::into_inner) = hosts;
                    self.seen = seen;
                    health.report("certificates", Readiness::Ready, "");
                }
                Ok(Err(error)) => {
                    health.report("certificates", Readiness::Degraded, format!("The certificates before stay in use. {error}"));
                }
                Err(error) => tracing::warn!(%error, "certificates cannot be looked at"),
            }
        }
    }

    fn of(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let hosts = self.hosts.read().unwrap_or_else(PoisonError::into_inner);
        let named = name.map(str::to_ascii_lowercase).and_then(|name| {
            let wildcard = || hosts.get(&format!("*.{}", name.split_once('.')?.1));
            hosts.get(&name).or_else(wildcard)
        });
        named.or_else(|| hosts.get(DEFAULT)).cloned()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.of(hello.server_name())
    }
}

fn reread(folder: &Path, before: &Seen) -> Result<Option<(Hosts, Seen)>, CertificateError> {
    let pairs = pairs(folder)?;
    let now = seen(&pairs);
    if now == *before {
        return Ok(None);
    }
    Ok(Some((read(folder, &pairs)?, now)))
}

/// The pairs in a folder, by host.
fn pairs(folder: &Path) -> Result<Vec<Pair>, CertificateError> {
    let unreadable = |error: std::io::Error| {
        CertificateError(format!("the folder {} cannot be read ({error}). Mend its path or permissions.", folder.display()))
    };
    let mut pairs = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).map(str::to_ascii_lowercase) else { continue };
        let pair = match name.strip_suffix(".crt") {
            Some(host) => Some(Pair { host: host.to_owned(), chain: path.clone(), key: path.with_extension("key") }),
            None if path.join("fullchain.pem").exists() => {
                Some(Pair { host: name, chain: path.join("fullchain.pem"), key: path.join("privkey.pem") })
            }
            None => None,
        };
        pairs.extend(pair);
    }
    pairs.sort_by(|one, other| one.chain.cmp(&other.chain));
    match pairs.len() {
        0 => Err(CertificateError(format!(
            "the folder {} has no certificates. Put <host>.crt and <host>.key there, or <host>/fullchain.pem and <host>/privkey.pem.",
            folder.display()
        ))),
        1..=MAX_HOSTS => Ok(pairs),
        _ => Err(CertificateError(format!(
            "the folder {} has more than {MAX_HOSTS} certificates. Remove those of hosts that are not served.",
            folder.display()
        ))),
    }
}

fn seen(pairs: &[Pair]) -> Seen {
    let look = |path: &PathBuf| {
        let about = std::fs::metadata(path).ok()?;
        Some((path.clone(), about.modified().ok()?, about.len()))
    };
    pairs.iter().flat_map(|pair| [&pair.chain, &pair.key]).filter_map(look).collect()
}

fn read(folder: &Path, pairs: &[Pair]) -> Result<Hosts, CertificateError> {
    let provider = default_provider();
    let mut hosts = Hosts::new();
    for pair in pairs {
        let certified = read_pair(pair, &provider).map_err(|problem| {
            CertificateError(format!(
                "the certificate of {} in {} cannot be used: {problem} Put a pair there that is good for it, or remove it.",
                pair.host,
                folder.display()
            ))
        })?;
        if hosts.insert(pair.host.clone(), Arc::new(certified)).is_some() {
            return Err(CertificateError(format!("{} has two certificates in {}. Remove one.", pair.host, folder.display())));
        }
    }
    Ok(hosts)
}

fn read_pair(pair: &Pair, provider: &CryptoProvider) -> Result<CertifiedKey, String> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let chain = CertificateDer::pem_file_iter(&pair.chain).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|error| format!("{} is no PEM certificate ({error}).", name(&pair.chain)))?;
    let Some(leaf) = chain.first().cloned() else { return Err(format!("{} holds no certificate.", name(&pair.chain))) };
    let key = PrivateKeyDer::from_pem_file(&pair.key).map_err(|error| format!("{} is no PEM private key ({error}).", name(&pair.key)))?;
    let certified = CertifiedKey::from_der(chain, key, provider)
        .map_err(|error| format!("{} and {} do not belong together ({error}).", name(&pair.chain), name(&pair.key)))?;
    if pair.host != DEFAULT {
        // Of a wildcard any name below will do.
        let host = ServerName::try_from(pair.host.replacen('*', "any", 1)).map_err(|_| "its file is not named like a host.".to_owned())?;
        let parsed = ParsedCertificate::try_from(&leaf).map_err(|error| error.to_string())?;
        verify_server_name(&parsed, &host).map_err(|_| format!("{} is for other hosts.", name(&pair.chain)))?;
    }
    Ok(certified)
}
