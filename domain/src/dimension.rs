//! What clicks can be broken down by. One type serves the store, which groups by a column, and
//! whoever holds clicks in memory: [`Dimension::of`] is the twin of that column.

use crate::{Channel, Click, Device, LinkId, Verdict, VerdictReason};

/// The properties of a click, and of its link, by which clicks are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dimension {
    Country,
    Region,
    City,
    Browser,
    Os,
    Device,
    Language,
    Referrer,
    Channel,
    UtmSource,
    UtmMedium,
    UtmCampaign,
    UtmTerm,
    UtmContent,
    Link,
    Network,
    Rule,
    Variant,
    Verdict,
    VerdictReason,
    /// Of the click's link, as it is now, as the four after it.
    Tag,
    Folder,
    Domain,
    Metadata,
    /// Of the short URL.
    Parameter,
}

/// One value of a dimension.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DimensionValue {
    Text(String),
    Device(Device),
    Channel(Channel),
    Verdict(Verdict),
    VerdictReason(VerdictReason),
    Link(LinkId),
    /// Not known, or for a referrer: there was none.
    Unknown,
}

impl Dimension {
    /// Those whose value a click tells by itself.
    pub const ALL: &'static [Self] = &[
        Self::Country,
        Self::Region,
        Self::City,
        Self::Browser,
        Self::Os,
        Self::Device,
        Self::Language,
        Self::Referrer,
        Self::Channel,
        Self::UtmSource,
        Self::UtmMedium,
        Self::UtmCampaign,
        Self::UtmTerm,
        Self::UtmContent,
        Self::Link,
        Self::Network,
        Self::Rule,
        Self::Variant,
        Self::Verdict,
        Self::VerdictReason,
    ];

    /// The verdicts that are counted when nobody names any: people, unless verdicts are what is
    /// asked about.
    pub fn default_verdicts(self) -> &'static [Verdict] {
        match self {
            Self::Verdict | Self::VerdictReason => Verdict::ALL,
            _ => &[Verdict::Human],
        }
    }

    /// Whether it is a property of the click's link, as that is now.
    pub fn is_of_links(self) -> bool {
        matches!(self, Self::Tag | Self::Folder | Self::Domain | Self::Metadata)
    }

    /// Whether it is one of many, told apart by a key.
    pub fn has_key(self) -> bool {
        matches!(self, Self::Metadata | Self::Parameter)
    }

    /// The click's value. Unknown where a click alone does not tell, or not without a key.
    pub fn of(self, click: &Click) -> DimensionValue {
        let text = match self {
            Self::Device => return DimensionValue::Device(click.device),
            Self::Channel => return click.channel.map_or(DimensionValue::Unknown, DimensionValue::Channel),
            Self::Link => return DimensionValue::Link(click.link),
            Self::Verdict => return DimensionValue::Verdict(click.verdict),
            Self::VerdictReason => return DimensionValue::VerdictReason(click.verdict_reason),
            Self::Rule => return click.rule.as_ref().map(|rule| rule.id.to_string()).into(),
            Self::Variant => return click.rule.as_ref().and_then(|rule| rule.variant.clone()).into(),
            Self::Country => &click.place.country,
            Self::Region => &click.place.region,
            Self::City => &click.place.city,
            Self::Browser => &click.browser,
            Self::Os => &click.os,
            Self::Language => &click.language,
            Self::Referrer => &click.referrer_host,
            Self::UtmSource => &click.utm.source,
            Self::UtmMedium => &click.utm.medium,
            Self::UtmCampaign => &click.utm.campaign,
            Self::UtmTerm => &click.utm.term,
            Self::UtmContent => &click.utm.content,
            Self::Network => &click.network,
            Self::Tag | Self::Folder | Self::Domain | Self::Metadata | Self::Parameter => return DimensionValue::Unknown,
        };
        text.clone().into()
    }
}

impl DimensionValue {
    /// As programs write it: an enum's name, an id with its prefix. `None` when unknown.
    pub fn text(&self) -> Option<String> {
        let name = match self {
            Self::Unknown => return None,
            Self::Text(text) => return Some(text.clone()),
            Self::Link(link) => return Some(link.to_string()),
            Self::Channel(channel) => channel.name(),
            Self::VerdictReason(reason) => reason.describe().0,
            Self::Verdict(Verdict::Human) => "HUMAN",
            Self::Verdict(Verdict::Suspected) => "SUSPECTED",
            Self::Verdict(Verdict::Bot) => "BOT",
            Self::Verdict(Verdict::Internal) => "INTERNAL",
            Self::Device(Device::Unknown) => "UNKNOWN",
            Self::Device(Device::Desktop) => "DESKTOP",
            Self::Device(Device::Mobile) => "MOBILE",
            Self::Device(Device::Tablet) => "TABLET",
            Self::Device(Device::Tv) => "TV",
            Self::Device(Device::Bot) => "BOT",
        };
        Some(name.to_owned())
    }
}

impl From<Option<String>> for DimensionValue {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Unknown, Self::Text)
    }
}
