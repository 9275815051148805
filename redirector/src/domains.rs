//! Which domain a request is for, and what that domain answers besides its links.
//!
//! Hosts are matched exactly. A host that nobody has verified is served nothing, and nothing it is
//! told depends on the hosts of others.

use std::sync::Arc;
use std::time::Duration;

use domain::{DomainSettings, HostName, LinkAddress, Method, Outcome, ServedDomain, ShortDomain, Slug, TargetUrl};
use hyper::header::{HeaderValue, STRICT_TRANSPORT_SECURITY};
use platform::Metrics;
use prometheus_client::metrics::counter::Counter;

use crate::answer::{self, Answer, Page};
use crate::cache::{Asker, Known, LookUps, TooFast};
use crate::capture::Decision;
use crate::pages;

/// A year; subdomains are not this domain's to decide about.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");
const FOUND: u16 = 302;
/// For what is nearly always no domain that is served.
const LOOP_PATIENCE: Duration = Duration::from_millis(300);

/// What a host is to this installation.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// The shared short domain.
    Shared,
    /// A workspace's own domain.
    Own(Arc<ServedDomain>),
    /// Nobody's.
    Nowhere,
    /// The source is down and nothing was known before.
    CannotTell,
}

impl Place {
    fn settings(&self) -> Option<&DomainSettings> {
        match self {
            Self::Own(domain) => Some(&domain.settings),
            Self::Shared | Self::Nowhere | Self::CannotTell => None,
        }
    }

    /// The answer to a path that is no slug.
    pub fn document(&self, path: &str) -> Option<Answer> {
        if matches!(self, Self::Nowhere | Self::CannotTell) {
            return None;
        }
        let settings = self.settings();
        let json = |text: Option<&String>| Some(answer::document(text?.clone(), "application/json"));
        match path {
            "/" => Some(match settings.and_then(|settings| settings.root.as_ref()) {
                Some(root) => answer::redirect(FOUND, root.as_str()),
                None => answer::page(Page::Root),
            }),
            "/robots.txt" => Some(answer::robots(settings.and_then(|settings| settings.robots.as_deref()))),
            "/favicon.ico" => Some(pages::icon()),
            "/.well-known/apple-app-site-association" => json(settings?.apple_app_site_association.as_ref()),
            "/.well-known/assetlinks.json" => json(settings?.asset_links.as_ref()),
            _ => None,
        }
    }

    /// Where the link of a path is found, if the path can be a slug.
    pub fn address(&self, path: &str) -> Option<LinkAddress> {
        let slug = path.strip_prefix('/')?;
        let slug = slug.strip_suffix('/').unwrap_or(slug);
        match self {
            Self::Shared => Slug::fold_path(slug).map(LinkAddress::shared),
            Self::Own(domain) => Slug::key_of_path(slug, domain.settings.case_sensitive).map(|key| LinkAddress::on(domain.id, key)),
            Self::Nowhere | Self::CannotTell => None,
        }
    }

    /// Sends those who open an expired link without a fallback of its own to the domain's.
    pub fn expired(&self, decision: Decision, method: Method) -> Decision {
        match self.settings().and_then(|settings| settings.expired.as_ref()) {
            Some(target) if decision.outcome == Outcome::Expired && method != Method::Post => {
                Decision { outcome: Outcome::Fallback, status: FOUND, target: target.as_str().to_owned(), page: None, ..decision }
            }
            _ => decision,
        }
    }

    /// The answer of a workspace's own domain to a miss; `None` for one that is nobody's.
    pub fn own_miss(&self) -> Option<Answer> {
        Some(match &self.settings()?.not_found {
            Some(target) => answer::redirect(FOUND, target.as_str()),
            None => answer::page(Page::NotFound),
        })
    }

    /// Adds what every answer of the domain says. Only over https does HSTS mean anything.
    pub fn finish(&self, answer: &mut Answer, secure: bool) {
        if self.settings().is_some_and(|settings| settings.hsts) && secure {
            answer.headers_mut().insert(STRICT_TRANSPORT_SECURITY, HSTS);
        }
    }
}

/// Whether a host is served; what a proxy asks before it gets a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    Yes,
    No,
    /// The source of domains is down.
    CannotTell,
}

/// The domains that are served. Clones share everything.
#[derive(Clone, Debug)]
pub struct Domains {
    short_domain: ShortDomain,
    hosts: LookUps<ServedDomain>,
    misses: Counter,
}

impl Domains {
    pub(crate) fn new(short_domain: ShortDomain, hosts: LookUps<ServedDomain>, metrics: &Metrics) -> Self {
        let help = "Requests for slugs that are no link on workspaces' own domains";
        let misses = metrics.register("redirector_domain_misses", help, Counter::default());
        Self { short_domain, hosts, misses }
    }

    /// Whether exactly this host is served. A loopback host, which the shared short domain answers
    /// to by any name, is not: nobody can have a certificate for it.
    pub async fn serves(&self, host: &str) -> Served {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if host == self.short_domain.host() {
            return Served::Yes;
        }
        let Some(host) = HostName::of_request(&host) else { return Served::No };
        match self.hosts.resolve(&host, Asker::Anyone).await {
            Known::Found(_) => Served::Yes,
            Known::Nothing => Served::No,
            Known::CannotTell => Served::CannotTell,
        }
    }

    /// `host` as a request names it; `None` can only mean the shared short domain.
    ///
    /// # Errors
    /// [`TooFast`] where it is not known and `may_ask` says no.
    pub(crate) async fn place(&self, host: Option<&str>, may_ask: impl FnOnce() -> bool) -> Result<Place, TooFast> {
        let own = host.filter(|host| !self.short_domain.serves(host));
        let Some(host) = own else { return Ok(Place::Shared) };
        let Some(host) = HostName::of_request(host) else { return Ok(Place::Nowhere) };
        Ok(match self.hosts.resolve_if(&host, may_ask).await? {
            Known::Found(domain) => Place::Own(domain),
            Known::Nothing => Place::Nowhere,
            Known::CannotTell => Place::CannotTell,
        })
    }

    pub(crate) fn short(&self) -> &ShortDomain {
        &self.short_domain
    }

    /// Whether a target is on some workspace's domain. Where that cannot be told soon it leads on.
    pub(crate) async fn leads_back(&self, target: &TargetUrl, may_ask: impl FnOnce() -> bool) -> bool {
        let Some(host) = target.host() else { return false };
        let known = tokio::time::timeout(LOOP_PATIENCE, self.hosts.resolve_if(&host, may_ask)).await;
        matches!(known, Ok(Ok(Known::Found(_))))
    }

    /// The short URL that was asked for.
    pub(crate) fn url(&self, place: &Place, path: &str) -> String {
        let path = path.strip_prefix('/').unwrap_or(path);
        match place {
            Place::Own(domain) => domain.host.short_url(path),
            Place::Shared | Place::Nowhere | Place::CannotTell => self.short_domain.short_url(path),
        }
    }

    /// Counts a miss on a workspace's own domain.
    pub(crate) fn count_miss(&self) {
        self.misses.inc();
    }
}
