//! Misses: requests on the workspace's own domains for slugs that are no link. Lists of them, what was asked for most,
//! and how many there were beside the clicks.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, ID, InputObject, Object, SimpleObject};
use domain::{ApiScope, ClickFilter, ClickProperties, DomainId, HostName, Invalid, Issue, IssueCode, MissFilter, MissId, Verdict as Of};
use store::{PageRequest, WorkspaceScope};

use super::click::Verdict;
use super::context::{Services, reader, services};
use super::domain::domains_named;
use super::error::{ApiError, ApiResult};
use super::page::{Cursor, PageArgs, PageInfo, page_info};
use super::scalars::{CountryCode, DateTime};

const DEFAULT_SLUGS: i32 = 20;
const MOST_SLUGS: i32 = 100;
/// As many as a workspace may have.
const MOST_HOSTS: usize = 100;

/// Which misses are meant: within a field any value matches, between fields all must.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "MissFilter")]
pub struct MissFilterInput {
    /// First instant included.
    from: Option<DateTime>,
    /// First instant no longer included.
    to: Option<DateTime>,
    /// Hosts of the workspace's own domains; one that is not the workspace's names none.
    domains: Option<Vec<String>>,
    /// Left out, misses of everybody are meant, machines too.
    verdicts: Option<Vec<Verdict>>,
}

/// A request on one of the workspace's own domains for a slug that is no link.
#[derive(Clone, Debug, SimpleObject)]
pub struct Miss {
    pub id: ID,
    pub occurred_at: DateTime,
    /// The host that was asked. Null when its domain was removed since.
    pub domain: Option<String>,
    /// What was asked for in place of a slug, as slugs of its domain are looked up. Null for a path that can be no slug.
    pub slug: Option<String>,
    /// Who it was, judged by this request alone.
    pub verdict: Verdict,
    /// The visitor's network, /24 or /48. Null where clicks keep none either.
    pub network: Option<String>,
    pub country: Option<CountryCode>,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct MissEdge {
    pub cursor: String,
    pub node: Miss,
}

/// Misses, newest first.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct MissConnection {
    pub edges: Vec<MissEdge>,
    pub nodes: Vec<Miss>,
    pub page_info: PageInfo,
    /// `None` where nothing is meant.
    #[graphql(skip)]
    filter: Option<MissFilter>,
}

#[ComplexObject]
impl MissConnection {
    /// How many misses match and are kept; counted only when asked for.
    async fn total_count(&self, ctx: &Context<'_>) -> ApiResult<u64> {
        let Some(filter) = &self.filter else { return Ok(0) };
        let scope = services(ctx)?.read(reader(ctx, ApiScope::ClicksRead)?).await?;
        Ok(scope.count_kept_misses(filter).await?)
    }
}

/// What was asked for in place of a slug, and how often: a misprinted link, or one that is still missing.
#[derive(Clone, Debug, SimpleObject)]
pub struct MissedSlug {
    /// The host that was asked. Null when its domain was removed since.
    pub domain: Option<String>,
    /// Null for all paths together that can be no slug.
    pub slug: Option<String>,
    pub misses: u64,
    /// When it was asked for last.
    pub last_at: DateTime,
}

#[derive(Default)]
pub struct MissQuery;

#[Object]
impl MissQuery {
    /// Requests on the workspace's own domains for slugs that are no link, newest first. They are kept for as long as
    /// clicks (`Workspace.clicksKeptFrom`), 2 a second of one address and 20 of one domain, ten times as many at once; what
    /// comes above is counted by the hour, in `ingestLosses`.
    async fn misses(
        &self,
        ctx: &Context<'_>,
        filter: Option<MissFilterInput>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> ApiResult<Option<MissConnection>> {
        let (services, workspace) = (services(ctx)?, reader(ctx, ApiScope::ClicksRead)?);
        let filter = filter.unwrap_or_default();
        let mut invalid = filter.offences();
        let request = PageArgs { first, after, last, before }.request();
        let request: Option<PageRequest<MissId>> = request.map_err(|offences| invalid.0.extend(offences.0)).ok();
        invalid.finish()?;
        let scope = services.read(workspace).await?;
        let filter = filter.meant(services, &scope).await?;
        let page = match (&filter, request) {
            (Some(filter), Some(request)) => scope.misses(filter, &request).await?,
            _ => store::MissPage { misses: Vec::new(), has_next: false, has_previous: false },
        };
        let hosts = hosts(&scope).await?;
        let cursors: Vec<String> = page.misses.iter().map(|miss| miss.id.encode()).collect();
        let nodes: Vec<Miss> = page.misses.into_iter().map(|miss| Miss::new(miss, &hosts)).collect();
        let edges = cursors.iter().cloned().zip(&nodes).map(|(cursor, node)| MissEdge { cursor, node: node.clone() }).collect();
        Ok(Some(MissConnection { edges, page_info: page_info(&cursors, page.has_next, page.has_previous), nodes, filter }))
    }

    /// The slugs that are no link and were asked for most, of the misses that are kept. `first` is 20 unless it says
    /// otherwise, and at most 100.
    async fn missed_slugs(
        &self,
        ctx: &Context<'_>,
        filter: Option<MissFilterInput>,
        first: Option<i32>,
    ) -> ApiResult<Option<Vec<MissedSlug>>> {
        let (services, workspace) = (services(ctx)?, reader(ctx, ApiScope::ClicksRead)?);
        let filter = filter.unwrap_or_default();
        let mut invalid = filter.offences();
        let most = first.unwrap_or(DEFAULT_SLUGS);
        if !(0..=MOST_SLUGS).contains(&most) {
            invalid.0.push(Issue::new("first", IssueCode::OutOfRange, format!("Ask for 0 to {MOST_SLUGS} slugs.")));
        }
        invalid.finish()?;
        let scope = services.read(workspace).await?;
        let Some(filter) = filter.meant(services, &scope).await? else { return Ok(Some(Vec::new())) };
        let hosts = hosts(&scope).await?;
        let slugs = scope.missed_slugs(&filter, most.unsigned_abs().into()).await?;
        let slug = |slug: store::MissedSlug| MissedSlug {
            domain: hosts.get(&slug.domain).cloned(),
            slug: slug.slug,
            misses: slug.misses,
            last_at: DateTime(slug.last_at),
        };
        Ok(Some(slugs.into_iter().map(slug).collect()))
    }
}

/// The misses of a range beside its clicks, of the same verdicts; `None` where the filter asks for what a miss does not
/// have.
pub(super) async fn misses_beside(scope: &WorkspaceScope, filter: &ClickFilter) -> Result<Option<u64>, ApiError> {
    if !asks_for_misses(filter) {
        return Ok(None);
    }
    let domains = own_named(scope, &filter.include.domains).await?;
    let verdicts = filter.verdicts_or(&[Of::Human]);
    if verdicts.is_empty() || domains.is_empty() && !filter.include.domains.is_empty() {
        return Ok(Some(0));
    }
    Ok(Some(scope.count_misses(&MissFilter { from: filter.from, to: filter.to, domains, verdicts }).await?))
}

/// Whether nothing is named but domains and verdicts.
fn asks_for_misses(filter: &ClickFilter) -> bool {
    let others = |properties: &ClickProperties| ClickProperties { verdicts: Vec::new(), ..properties.clone() };
    let include = ClickProperties { domains: Vec::new(), ..others(&filter.include) };
    include == ClickProperties::default() && others(&filter.exclude) == ClickProperties::default()
}

async fn own_named(scope: &WorkspaceScope, hosts: &[Option<HostName>]) -> Result<Vec<DomainId>, ApiError> {
    if hosts.is_empty() {
        return Ok(Vec::new());
    }
    let own = scope.domains().await?;
    Ok(own.iter().filter(|domain| hosts.iter().flatten().any(|host| *host == domain.host)).map(|domain| domain.id).collect())
}

async fn hosts(scope: &WorkspaceScope) -> Result<HashMap<DomainId, String>, ApiError> {
    Ok(scope.domains().await?.into_iter().map(|domain| (domain.id, domain.host.as_str().to_owned())).collect())
}

impl MissFilterInput {
    fn offences(&self) -> Invalid {
        let mut invalid = Invalid::default();
        if self.from.zip(self.to).is_some_and(|(from, to)| from.0 >= to.0) {
            invalid.0.push(Issue::new("filter.to", IssueCode::OutOfRange, "The end of the range must be after its beginning."));
        }
        for (path, values) in
            [("filter.domains", self.domains.as_ref().map(Vec::len)), ("filter.verdicts", self.verdicts.as_ref().map(Vec::len))]
        {
            match values {
                Some(0) => {
                    let message = "An empty list matches nothing. Leave the field out to ask nothing of it.";
                    invalid.0.push(Issue::new(path, IssueCode::Required, message));
                }
                Some(many) if many > MOST_HOSTS => {
                    invalid.0.push(Issue::new(path, IssueCode::TooLong, format!("Use at most {MOST_HOSTS} values here.")));
                }
                _ => {}
            }
        }
        invalid
    }

    /// `None` where no domain of the workspace is named, so that nothing is meant.
    async fn meant(&self, services: &Services, scope: &WorkspaceScope) -> Result<Option<MissFilter>, ApiError> {
        let domains = match &self.domains {
            None => Vec::new(),
            Some(hosts) => domains_named(services, scope, hosts).await?.into_iter().flatten().collect(),
        };
        if self.domains.is_some() && domains.is_empty() {
            return Ok(None);
        }
        let verdicts = self.verdicts.iter().flatten().map(|verdict| (*verdict).into()).collect();
        Ok(Some(MissFilter { from: self.from.map(|from| from.0), to: self.to.map(|to| to.0), domains, verdicts }))
    }
}

impl Miss {
    fn new(miss: domain::Miss, hosts: &HashMap<DomainId, String>) -> Self {
        Self {
            id: miss.id.to_string().into(),
            occurred_at: DateTime(miss.occurred_at()),
            domain: hosts.get(&miss.domain).cloned(),
            slug: miss.slug,
            verdict: miss.verdict.into(),
            network: miss.network,
            country: miss.country.map(CountryCode),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_miss_has_no_more_than_a_domain_and_a_verdict() {
        let meant = |include: ClickProperties, exclude: ClickProperties| asks_for_misses(&ClickFilter { exclude, ..include.into() });
        let bots = || ClickProperties { verdicts: vec![Of::Bot], ..ClickProperties::default() };
        let none = ClickProperties::default;
        assert!(meant(none(), none()) && meant(bots(), bots()));
        assert!(meant(ClickProperties { domains: vec![None], ..none() }, none()));
        assert!(!meant(none(), ClickProperties { domains: vec![None], ..none() }));
        assert!(!meant(ClickProperties { countries: vec![None], ..none() }, none()));
        assert!(!meant(ClickProperties { links: vec![domain::LinkId::floor(domain::Millis(0))], ..none() }, none()));
    }
}
