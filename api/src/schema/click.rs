//! A click as the API shows it.

use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject, dataloader::DataLoader};
use domain::{LinkId, Millis, WorkspaceId};

use super::context::services;
use super::error::{ApiError, ApiResult};
use super::link::Link;
use super::loader::{LinkKey, LinkLoader};
use super::scalars::{CountryCode, DateTime, Url};

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

/// How a visitor came to the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Channel")]
pub enum Channel {
    /// No referrer and no campaign.
    Direct,
    /// From a search engine.
    Search,
    /// From a social network.
    Social,
    /// From a mail program, or a link marked as sent by mail.
    Email,
    /// From an AI assistant.
    Ai,
    /// From any other site.
    Referral,
    /// By an advertisement or a link marked with a campaign.
    Campaign,
    /// By scanning a QR code.
    Qr,
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

/// The rule of its link that decided where a click went.
#[derive(Clone, Debug, SimpleObject)]
pub struct ClickRule {
    pub id: ID,
    /// As it was called at the click.
    pub name: String,
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
    /// GET, HEAD, or POST where a password was sent.
    pub method: &'static str,
    /// The short URL as it was requested.
    pub url: String,
    /// Where the visitor was sent, or would have been.
    pub target_url: Url,
    /// Null where no rule decided.
    pub rule: Option<ClickRule>,
    /// The name of the variant that the visitor met. Null where the rule had none.
    pub variant: Option<String>,
    pub verdict: Verdict,
    pub verdict_reason: VerdictReason,
    /// The version of the rules by which it was judged, or judged again (`reclassify`): a click of an older version
    /// may be judged otherwise today. 0 for clicks stored before the rules had versions.
    pub rules_version: i32,
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
    /// When the geo database was built that knew the place. Null when none knew it, when that database does not
    /// say, and for clicks stored before this was kept.
    pub geo_version: Option<DateTime>,
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
    /// The visitor's network, /24 of IPv4 or /48 of IPv6. Null when it was not known, or where the
    /// workspace keeps none.
    pub network: Option<String>,
    /// The number of the autonomous system that the address belongs to. Null when no database has it.
    pub asn: Option<u32>,
    /// Who runs that system. Null when no database has it.
    pub as_organization: Option<String>,
    /// When the database was built that knew the system, or its list published. Null when none knew it, when that
    /// database does not say, and for clicks stored before this was kept.
    pub asn_version: Option<DateTime>,
    /// The address itself. Null unless the workspace keeps addresses in full (`privacy.level: FULL`), and after
    /// `privacy.retention.addressesDays`.
    pub ip: Option<String>,
    /// Tells the visitor from others, for a day, or as long as the visitor has consented to. Null where visitors
    /// are not told apart: by the workspace's settings, or because the visitor's browser objects.
    pub visitor: Option<String>,
    /// Null for clicks stored before there were channels.
    pub channel: Option<Channel>,
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
        let variant = click.rule.as_ref().and_then(|rule| rule.variant.clone());
        Self {
            id: click.id.to_string().into(),
            occurred_at: DateTime(click.occurred_at()),
            link_version: click.link_version,
            outcome: click.outcome.into(),
            status: click.status.into(),
            method: click.method.as_str(),
            url: click.url,
            target_url: Url(click.target),
            rule: click.rule.map(|rule| ClickRule { id: rule.id.to_string().into(), name: rule.name }),
            variant,
            verdict: click.verdict.into(),
            verdict_reason: VerdictReason { code, message },
            rules_version: click.rules_version.into(),
            country: click.place.country.map(CountryCode),
            region: click.place.region,
            city: click.place.city,
            latitude: click.place.latitude,
            longitude: click.place.longitude,
            geo_version: built(click.geo_version),
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
            asn: click.system.as_ref().map(|system| system.number),
            as_organization: click.system.and_then(|system| system.name),
            asn_version: built(click.system_version),
            ip: click.ip.map(|ip| ip.to_string()),
            visitor: click.visitor.map(|visitor| visitor.key),
            channel: click.channel.map(Into::into),
            redirect_micros: click.redirect_micros,
            workspace,
            link_id: click.link,
        }
    }
}

/// Of Unix seconds.
fn built(seconds: Option<i64>) -> Option<DateTime> {
    seconds.map(|seconds| DateTime(Millis(seconds.saturating_mul(1_000))))
}
