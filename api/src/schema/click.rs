//! Clicks as the API shows them, and the filter that chooses among them.

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, SimpleObject, dataloader::DataLoader};
use domain::{ClickFilter, ClickId, Invalid, Issue, IssueCode, LinkId, WorkspaceId};
use jiff::tz::TimeZone as Zone;

use super::context::{services, session};
use super::error::{ApiError, ApiResult};
use super::link::Link;
use super::loader::{LinkKey, LinkLoader};
use super::page::{Cursor, PageArgs, PageInfo, StoredCursor, page_info};
use super::period::Period;
use super::scalars::{CountryCode, DateTime, Url};

pub(crate) use super::counts::{ClickTotals, click_totals};

/// Who clicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Verdict")]
pub enum Verdict {
    /// A person, as far as can be told.
    Human,
    /// Possibly a machine.
    Suspected,
    /// A machine.
    Bot,
    /// The workspace's own people.
    Internal,
}

/// What became of a request that found a link. Counts take REDIRECTED and FALLBACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Outcome")]
pub enum Outcome {
    Redirected,
    Fallback,
    Expired,
    Disabled,
    Limit,
    Password,
    Preview,
}

/// The class of the visitor's device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Device")]
pub enum Device {
    Unknown,
    Desktop,
    Mobile,
    Tablet,
    Tv,
    Bot,
}

/// Why a click was judged as it was.
#[derive(Clone, Debug, SimpleObject)]
pub struct VerdictReason {
    /// Stable, for programs, such as HTTP_LIBRARY.
    pub code: &'static str,
    pub message: &'static str,
}

/// The campaign fields of the short URL, each falling back to the target's own.
#[derive(Clone, Debug, SimpleObject)]
pub struct Utm {
    /// Null when not given, as the others.
    pub source: Option<String>,
    pub medium: Option<String>,
    pub campaign: Option<String>,
    pub term: Option<String>,
    pub content: Option<String>,
}

/// A query parameter of the short URL.
#[derive(Clone, Debug, SimpleObject)]
pub struct Parameter {
    pub key: String,
    pub value: String,
}

/// One request that found a link.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Click {
    pub id: ID,
    pub occurred_at: DateTime,
    /// The link's version that decided.
    pub link_version: i32,
    pub outcome: Outcome,
    /// The HTTP status that was answered.
    pub status: i32,
    /// GET or HEAD.
    pub method: &'static str,
    /// The short URL as it was requested.
    pub url: String,
    /// Where the visitor was sent, or would have been.
    pub target_url: Url,
    pub verdict: Verdict,
    pub verdict_reason: VerdictReason,
    /// Null when the address is in no geo database.
    pub country: Option<CountryCode>,
    /// ISO 3166-2 where known. Null when the geo database has no regions or does not know.
    pub region: Option<String>,
    /// Null when the geo database has no cities or does not know.
    pub city: Option<String>,
    /// Degrees, WGS 84, of the place and not of the person. Null when unknown.
    pub latitude: Option<f64>,
    /// Degrees, WGS 84, of the place and not of the person. Null when unknown.
    pub longitude: Option<f64>,
    /// Null when the user agent names none that is known.
    pub browser: Option<String>,
    /// Null when unknown.
    pub browser_version: Option<String>,
    /// Null when the user agent names none that is known.
    pub os: Option<String>,
    /// Null when unknown.
    pub os_version: Option<String>,
    pub device: Device,
    /// The first accepted language, such as de. Null when the request named none.
    pub language: Option<String>,
    /// Null when the request carried none.
    pub user_agent: Option<String>,
    /// Null when the request carried none.
    pub referrer: Option<String>,
    /// Without www. Null without a referrer.
    pub referrer_host: Option<String>,
    pub utm: Utm,
    /// The other parameters of the short URL, in their order.
    pub parameters: Vec<Parameter>,
    /// The visitor's network, /24 of IPv4 or /48 of IPv6; the address itself is not kept. Null
    /// when it was not known.
    pub network: Option<String>,
    /// From the request read to the click captured, in microseconds.
    pub redirect_micros: u32,
    #[graphql(skip)]
    workspace: WorkspaceId,
    #[graphql(skip)]
    link_id: LinkId,
}

#[ComplexObject]
impl Click {
    /// The link as it is now, deleted or not.
    async fn link(&self, ctx: &Context<'_>) -> ApiResult<Link> {
        let key = LinkKey { workspace: self.workspace, link: self.link_id };
        let link = ctx
            .data::<DataLoader<LinkLoader>>()
            .map_err(|error| ApiError::Internal(error.message))?
            .load_one(key)
            .await
            .map_err(|error| ApiError::Internal(error.to_string()))?;
        let link = link.ok_or(ApiError::NotFound("link"))?;
        Ok(Link::new(services(ctx)?, link))
    }

    /// The first parameter of that name. Null when there is none.
    async fn parameter(&self, key: String) -> Option<&str> {
        self.parameters.iter().find(|parameter| parameter.key == key).map(|parameter| parameter.value.as_str())
    }
}

impl Click {
    pub(crate) fn new(workspace: WorkspaceId, click: domain::Click) -> Self {
        let (code, message) = click.verdict_reason.describe();
        Self {
            id: click.id.to_string().into(),
            occurred_at: DateTime(click.occurred_at()),
            link_version: click.link_version,
            outcome: click.outcome.into(),
            status: click.status.into(),
            method: click.method.as_str(),
            url: click.url,
            target_url: Url(click.target),
            verdict: click.verdict.into(),
            verdict_reason: VerdictReason { code, message },
            country: click.place.country.map(CountryCode),
            region: click.place.region,
            city: click.place.city,
            latitude: click.place.latitude,
            longitude: click.place.longitude,
            browser: click.browser,
            browser_version: click.browser_version,
            os: click.os,
            os_version: click.os_version,
            device: click.device.into(),
            language: click.language,
            user_agent: click.user_agent,
            referrer: click.referrer,
            referrer_host: click.referrer_host,
            utm: Utm {
                source: click.utm.source,
                medium: click.utm.medium,
                campaign: click.utm.campaign,
                term: click.utm.term,
                content: click.utm.content,
            },
            parameters: click.parameters.into_iter().map(|parameter| Parameter { key: parameter.key, value: parameter.value }).collect(),
            network: click.network,
            redirect_micros: click.redirect_micros,
            workspace,
            link_id: click.link,
        }
    }
}

/// Which clicks are meant: within a field any value matches, between fields all must. A null value
/// means unknown. Without a range it covers everything.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "ClickFilter")]
pub struct ClickFilterInput {
    /// First instant included.
    from: Option<DateTime>,
    /// First instant no longer included.
    to: Option<DateTime>,
    /// A range by name, instead of from and to.
    period: Option<Period>,
    link_ids: Option<Vec<ID>>,
    verdicts: Option<Vec<Verdict>>,
    outcomes: Option<Vec<Outcome>>,
    countries: Option<Vec<Option<CountryCode>>>,
    cities: Option<Vec<Option<String>>>,
    browsers: Option<Vec<Option<String>>>,
    os: Option<Vec<Option<String>>>,
    devices: Option<Vec<Device>>,
    languages: Option<Vec<Option<String>>>,
    /// Hosts, without www; null is direct.
    referrers: Option<Vec<Option<String>>>,
    utm_source: Option<Vec<Option<String>>>,
    utm_medium: Option<Vec<Option<String>>>,
    utm_campaign: Option<Vec<Option<String>>>,
}

/// The most values one field of a filter may have.
const MOST_VALUES: usize = 100;

impl ClickFilterInput {
    /// The same for one link only.
    pub(crate) fn of_link(self, id: &ID) -> Self {
        Self { link_ids: Some(vec![id.clone()]), ..self }
    }

    pub(crate) fn has_period(&self) -> bool {
        self.period.is_some()
    }

    /// Checks the input. `zone` and `now` give named periods their instants.
    ///
    /// # Errors
    /// All offences at once, with paths below `filter`.
    pub(crate) fn check(self, zone: &Zone, now: domain::Millis) -> Result<ClickFilter, Invalid> {
        let mut invalid = Invalid::default();
        let (mut from, mut to) = (self.from.map(|from| from.0), self.to.map(|to| to.0));
        if let Some(period) = self.period {
            if from.is_some() || to.is_some() {
                invalid.0.push(Issue::new("filter.period", IssueCode::NotAllowed, "Give a period, or from and to, not both."));
            }
            (from, to) = period.range(zone, now);
        }
        if from.zip(to).is_some_and(|(from, to)| from >= to) {
            invalid.0.push(Issue::new("filter.to", IssueCode::OutOfRange, "The end of the range must be after its beginning."));
        }
        let links = list(&mut invalid, "linkIds", self.link_ids);
        let links = links.iter().filter_map(|id| invalid.check(parse_link(id))).collect();
        let codes =
            |values: Vec<Option<CountryCode>>| values.into_iter().map(|code| code.map(|code| code.0.to_ascii_uppercase())).collect();
        let filter = ClickFilter {
            from,
            to,
            links,
            verdicts: list(&mut invalid, "verdicts", self.verdicts).into_iter().map(Into::into).collect(),
            outcomes: list(&mut invalid, "outcomes", self.outcomes).into_iter().map(Into::into).collect(),
            countries: codes(list(&mut invalid, "countries", self.countries)),
            cities: list(&mut invalid, "cities", self.cities),
            browsers: list(&mut invalid, "browsers", self.browsers),
            systems: list(&mut invalid, "os", self.os),
            devices: list(&mut invalid, "devices", self.devices).into_iter().map(Into::into).collect(),
            languages: list(&mut invalid, "languages", self.languages),
            referrers: list(&mut invalid, "referrers", self.referrers),
            utm_sources: list(&mut invalid, "utmSource", self.utm_source),
            utm_mediums: list(&mut invalid, "utmMedium", self.utm_medium),
            utm_campaigns: list(&mut invalid, "utmCampaign", self.utm_campaign),
        };
        invalid.finish()?;
        Ok(filter)
    }
}

fn list<T>(invalid: &mut Invalid, field: &str, values: Option<Vec<T>>) -> Vec<T> {
    let path = || format!("filter.{field}");
    match values {
        None => Vec::new(),
        Some(values) if values.is_empty() => {
            invalid.0.push(Issue::new(
                path(),
                IssueCode::Required,
                "An empty list matches nothing. Leave the field out to match everything.",
            ));
            values
        }
        Some(values) => {
            if values.len() > MOST_VALUES {
                invalid.0.push(Issue::new(path(), IssueCode::TooLong, format!("Use at most {MOST_VALUES} values here.")));
            }
            values
        }
    }
}

fn parse_link(id: &ID) -> Result<LinkId, Issue> {
    id.parse().map_err(|_| Issue::new("filter.linkIds", IssueCode::Invalid, "This is no id of a link. Ids of links begin with lnk_."))
}

/// How a list of clicks is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum ClickOrder {
    /// By time, newest first.
    Newest,
    /// As they were stored, oldest first; the cursors are the subscription's.
    Stored,
}

#[derive(Clone, Debug, SimpleObject)]
pub struct ClickEdge {
    pub cursor: String,
    pub node: Click,
}

#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct ClickConnection {
    pub edges: Vec<ClickEdge>,
    pub nodes: Vec<Click>,
    pub page_info: PageInfo,
    #[graphql(skip)]
    filter: ClickFilter,
}

#[ComplexObject]
impl ClickConnection {
    /// How many clicks match; counted only when asked for.
    async fn total_count(&self, ctx: &Context<'_>) -> ApiResult<u64> {
        let scope = services(ctx)?.read(session(ctx)?.workspace).await?;
        Ok(scope.count_clicks(&self.filter).await?)
    }
}

#[derive(Default)]
pub struct ClickQuery;

#[Object]
impl ClickQuery {
    /// Clicks of every verdict, unless the filter says otherwise.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn clicks(
        &self,
        ctx: &Context<'_>,
        filter: Option<ClickFilterInput>,
        #[graphql(default_with = "ClickOrder::Newest")] order: ClickOrder,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> ApiResult<Option<ClickConnection>> {
        let (services, session) = (services(ctx)?, session(ctx)?);
        let scope = services.read(session.workspace).await?;
        let filter = super::period::resolve(services, &scope, filter).await?;
        let args = PageArgs { first, after, last, before };
        let (page, cursors): (_, Vec<String>) = match order {
            ClickOrder::Newest => {
                let request = args.request::<ClickId>()?;
                let page = scope.clicks_by_time(&filter, &request).await?;
                let cursors = page.clicks.iter().map(|click| click.id.encode()).collect();
                (page, cursors)
            }
            ClickOrder::Stored => {
                let request = args.request::<StoredCursor>()?.map(|cursor| cursor.0);
                let page = scope.clicks_by_storage(&filter, &request).await?;
                let cursors = page.clicks.iter().map(|click| StoredCursor(click.seq).encode()).collect();
                (page, cursors)
            }
        };
        let nodes: Vec<Click> = page.clicks.into_iter().map(|click| Click::new(session.workspace, click)).collect();
        let edges = cursors.iter().cloned().zip(&nodes).map(|(cursor, node)| ClickEdge { cursor, node: node.clone() }).collect();
        Ok(Some(ClickConnection { edges, page_info: page_info(&cursors, page.has_next, page.has_previous), nodes, filter }))
    }
}
