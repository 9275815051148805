//! Domains: what they are, listing them, and finding the one a link is on.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use domain::{
    ApiScope, CustomDomain, DomainId, DomainStatus as Status, HostName, Issue, IssueCode, LinkAddress, ShortDomain, Slug, TargetUrl,
    WorkspaceId, plain_path,
};
use store::{StoreError, WorkspaceScope};

use super::context::{Services, reader, services};
use super::error::{ApiError, ApiResult};
use super::link_change::Warning;
use super::scalars::{DateTime, Url};
use crate::domains::{record_name, record_value};

/// What is known of the proof that a host is the workspace's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Status")]
pub enum DomainStatus {
    /// Not looked for yet.
    Pending,
    /// Found. Only such a domain serves links.
    Verified,
    /// Looked for, and not found; `problem` says what was there instead.
    Failed,
    /// The domain was verified, and the proof has been missing for days.
    Suspended,
}

/// The type of a DNS record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum DnsRecordType {
    /// A text.
    Txt,
    /// Another name for a host.
    Cname,
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
}

/// What a DNS record is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum DnsRecordPurpose {
    /// It proves that the host is the workspace's, and must stay.
    Proof,
    /// It leads visitors here. Where a host can have no CNAME, an A, AAAA or ALIAS record that ends
    /// at the same machine does as well.
    Traffic,
}

/// A record to be made where the host's DNS is kept.
#[derive(Clone, Debug, SimpleObject)]
pub struct DnsRecord {
    /// As DNS calls it.
    #[graphql(name = "type")]
    pub record_type: DnsRecordType,
    /// The complete name.
    pub name: String,
    /// What it says.
    pub value: String,
    /// Whether it proves or leads.
    pub purpose: DnsRecordPurpose,
}

/// A host of the workspace that serves its links, once it is verified.
#[derive(Clone, Debug, SimpleObject)]
pub struct Domain {
    /// Such as dom_01h455vb4pex5vsknk084sn02q.
    pub id: ID,
    /// In lower case and ASCII (IDNA).
    pub host: String,
    /// Whether it serves links, and if not, why.
    pub status: DomainStatus,
    /// What must stand in DNS.
    pub records: Vec<DnsRecord>,
    /// What the last look at DNS found instead of the proof. Null where nothing is wrong.
    pub problem: Option<String>,
    /// Raised by every change, from 1.
    pub version: i32,
    /// When it was added.
    pub created_at: DateTime,
    /// Since when it serves links. Null while it does not.
    pub verified_at: Option<DateTime>,
    /// When the proof was last looked for and DNS answered; about once a day. Null before.
    pub checked_at: Option<DateTime>,
    /// Since when the proof of a verified domain is missing; after three days it is suspended. Null
    /// while it is there.
    pub lapsed_since: Option<DateTime>,
    /// Where `/` leads. Null for a page that says nothing.
    pub root_url: Option<Url>,
    /// Where a slug that is no link leads. Null for a page that says so.
    pub not_found_url: Option<Url>,
    /// Where an expired link without a `fallbackUrl` of its own leads. Null for a page that says so.
    pub expired_url: Option<Url>,
    /// Whether slugs are told apart by case.
    pub case_sensitive: bool,
    /// Whether browsers are told to use https only (Strict-Transport-Security).
    pub hsts: bool,
    /// JSON. Null without one.
    pub apple_app_site_association: Option<String>,
    /// JSON. Null without one.
    pub asset_links: Option<String>,
    /// What robots.txt says. Null for one that allows everything.
    pub robots: Option<String>,
}

impl Domain {
    pub(crate) fn new(services: &Services, workspace: WorkspaceId, domain: CustomDomain) -> Self {
        let url = |target: Option<TargetUrl>| target.map(|target| Url(target.as_str().to_owned()));
        let settings = domain.settings;
        Self {
            id: domain.id.to_string().into(),
            records: records(services, workspace, &domain.host, &domain.token),
            host: domain.host.to_string(),
            status: domain.status.into(),
            problem: domain.problem,
            version: domain.version,
            created_at: DateTime(domain.created_at),
            verified_at: domain.verified_at.map(DateTime),
            checked_at: domain.checked_at.map(DateTime),
            lapsed_since: domain.lapsed_since.map(DateTime),
            root_url: url(settings.root),
            not_found_url: url(settings.not_found),
            expired_url: url(settings.expired),
            case_sensitive: settings.case_sensitive,
            hsts: settings.hsts,
            apple_app_site_association: settings.apple_app_site_association,
            asset_links: settings.asset_links,
            robots: settings.robots,
        }
    }
}

fn records(services: &Services, workspace: WorkspaceId, host: &HostName, token: &str) -> Vec<DnsRecord> {
    let here = services.short_domain.host();
    let address = here.trim_start_matches('[').trim_end_matches(']').parse();
    let (record_type, value) = match address {
        Ok(std::net::IpAddr::V4(ip)) => (DnsRecordType::A, ip.to_string()),
        Ok(std::net::IpAddr::V6(ip)) => (DnsRecordType::Aaaa, ip.to_string()),
        Err(_) => (DnsRecordType::Cname, here.to_owned()),
    };
    let proof = DnsRecord {
        record_type: DnsRecordType::Txt,
        name: record_name(host),
        value: record_value(workspace, host, token),
        purpose: DnsRecordPurpose::Proof,
    };
    vec![proof, DnsRecord { record_type, name: host.to_string(), value, purpose: DnsRecordPurpose::Traffic }]
}

#[derive(Default)]
pub struct DomainQuery;

#[Object]
impl DomainQuery {
    /// The workspace's own domains, by host; at most 100.
    async fn domains(&self, ctx: &Context<'_>) -> ApiResult<Option<Vec<Domain>>> {
        let (services, workspace) = (services(ctx)?, reader(ctx, ApiScope::LinksRead)?);
        let domains = services.read(workspace).await?.domains().await?;
        Ok(Some(domains.into_iter().map(|domain| Domain::new(services, workspace, domain)).collect()))
    }
}

/// The domain that a link is to be made on, by host or id, `None` for the shared one; an issue at
/// `domain` if there is no such domain.
pub(super) async fn domain_of_link(
    services: &Services,
    workspace: WorkspaceId,
    name: &str,
) -> ApiResult<Result<Option<CustomDomain>, Issue>> {
    if is_shared(&services.short_domain, name) {
        return Ok(Ok(None));
    }
    let none = || Err(Issue::new("domain", IssueCode::Invalid, "The workspace has no such domain. Add it first, or leave this out."));
    let scope = services.read(workspace).await?;
    let found = match name.parse::<DomainId>() {
        Ok(id) => scope.domain(id).await,
        Err(_) => match HostName::parse(name, &services.short_domain, None) {
            Ok(host) => scope.domain_by_host(&host).await,
            Err(_) => return Ok(none()),
        },
    };
    match found {
        Ok(domain) => Ok(Ok(Some(domain))),
        Err(StoreError::NotFound) => Ok(none()),
        Err(error) => Err(error.into()),
    }
}

/// What to know of a link on a domain that does not serve yet.
pub(super) fn unverified(domain: &CustomDomain) -> Option<Warning> {
    (domain.status != Status::Verified).then(|| Warning {
        code: "DOMAIN_NOT_VERIFIED".to_owned(),
        message: format!("The link leads nowhere until {} is verified.", domain.host),
    })
}

/// The address that a short URL on one of the workspace's own domains names.
pub(super) async fn own_address_of(scope: &WorkspaceScope, short_url: &str) -> ApiResult<Option<LinkAddress>> {
    let Ok(url) = url::Url::parse(short_url) else { return Ok(None) };
    let Some(host) = url.host_str().and_then(HostName::of_request) else { return Ok(None) };
    let domain = match scope.domain_by_host(&host).await {
        Ok(domain) => domain,
        Err(StoreError::NotFound) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let key = Slug::key_of_path(plain_path(url.path()).trim_matches('/'), domain.settings.case_sensitive);
    Ok(key.map(|key| LinkAddress::on(domain.id, key)))
}

/// As [`Link::domain`](super::link::Link) names it.
pub(super) fn is_shared(short_domain: &ShortDomain, host: &str) -> bool {
    host.trim().eq_ignore_ascii_case(&short_domain.authority())
}

/// The domains of these hosts, `None` for the shared one. A host that is not the workspace's names
/// none.
pub(super) async fn domains_named(services: &Services, scope: &WorkspaceScope, hosts: &[String]) -> ApiResult<Vec<Option<DomainId>>> {
    let own = scope.domains().await?;
    let named = |host: &String| {
        if is_shared(&services.short_domain, host) {
            return Some(None);
        }
        let parsed = HostName::parse(host, &services.short_domain, None).ok()?;
        own.iter().find(|domain| domain.host == parsed).map(|domain| Some(domain.id))
    };
    Ok(hosts.iter().filter_map(named).collect())
}

/// An id of another kind names no domain.
pub(super) fn domain_id(id: &ID) -> Result<DomainId, ApiError> {
    id.parse().map_err(|_| ApiError::NotFound("domain"))
}
