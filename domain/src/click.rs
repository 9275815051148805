//! Clicks: as captured by the redirector, and as enriched, judged and stored by the worker.

use std::net::IpAddr;

use crate::coded::coded;
use crate::{Channel, ClickId, LinkId, LinkKind, Millis, Parameter, RuleId, SignalSet, Signals, Utm, Verdict, VerdictReason, WorkspaceId};

/// The place of a stored click in its workspace's order of storage. Rises in commit order; may
/// have holes.
pub type Seq = i64;

coded!(
    /// What became of a request that found a link.
    Outcome {
        /// Sent on to the target.
        Redirected = 0,
        /// Sent on to the fallback address.
        Fallback = 1,
        Expired = 2,
        /// The link is deleted or switched off.
        Disabled = 3,
        /// The click limit was reached.
        Limit = 4,
        /// A password was asked for.
        Password = 5,
        /// Something was shown in place of leading on: a preview page, a card, a question; or the page was only
        /// fetched ahead.
        Preview = 6,
    }
);

impl Outcome {
    /// Whether counts include it: the visitor was sent on.
    pub fn is_counted(self) -> bool {
        matches!(self, Self::Redirected | Self::Fallback)
    }
}

coded!(
    /// The class of the visitor's device.
    Device { Unknown = 0, Desktop = 1, Mobile = 2, Tablet = 3, Tv = 4, Bot = 5 }
);

coded!(
    /// The request's method; others never reach a link.
    Method {
        Get = 0,
        Head = 1,
        /// A password or an answer was sent, or a click was logged by a program.
        Post = 2,
    }
);

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
        }
    }
}

/// The rule of its link that decided where a click went. The names are those of that moment, so
/// that they stay true when the rules change.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ClickRule {
    pub id: RuleId,
    pub name: String,
    pub variant: Option<String>,
}

/// What a captured click still tells of the visitor's address.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Address {
    #[default]
    Unknown,
    /// In full, for the worker to reduce.
    Full(IpAddr),
    /// Reduced by the redirector before anything was written (`LINKLOGGER_CAPTURE=strict`).
    Reduced(Box<ReducedAddress>),
}

/// Who runs the network that an address is in.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AutonomousSystem {
    pub number: u32,
    pub name: Option<String>,
}

/// What tells a visitor from others, and by which recipe it was made. Opaque.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct VisitorKey {
    pub key: String,
    pub recipe: i16,
}

/// What may be kept of an address.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReducedAddress {
    pub place: GeoPlace,
    /// When the database was built that knows the place, Unix seconds.
    pub geo_version: Option<i64>,
    pub system: Option<AutonomousSystem>,
    /// When the database was built that knows the system, or its list published, Unix seconds.
    pub system_version: Option<i64>,
    /// /24 or /48, as [`network_of`] gives it; empty where none is kept.
    pub network: String,
    pub visitor: Option<VisitorKey>,
}

/// A click as the redirector saw it: facts of one request. It lives in the spool and the stream
/// only, since it may hold the visitor's address.
#[derive(Clone, Debug, PartialEq)]
pub struct CapturedClick {
    pub id: ClickId,
    pub workspace: WorkspaceId,
    pub link: LinkId,
    pub link_version: i32,
    pub outcome: Outcome,
    /// The HTTP status answered.
    pub status: u16,
    pub method: Method,
    /// The short URL as requested, with its query.
    pub url: String,
    /// Where the visitor was sent.
    pub target: String,
    pub address: Address,
    pub user_agent: Option<String>,
    pub referrer: Option<String>,
    pub accept_language: Option<String>,
    /// From the request's first byte read to the record's append, in microseconds.
    pub redirect_micros: u32,
    /// `None` where no rule of the link decided.
    pub rule: Option<ClickRule>,
    /// Whether it was one too many of its address or link at that moment.
    pub above_rate: bool,
    pub signals: Signals,
    /// With strict capture, where the user agent must not be written: what was read of it, in its place.
    pub judged: Option<Box<JudgedAgent>>,
}

impl CapturedClick {
    /// Whether it was logged without a link made beforehand: then its target is the visitor's alone, and no author's.
    pub fn is_logged(&self) -> bool {
        LinkKind::of(self.link, self.workspace) == LinkKind::Logged
    }
}

/// Where an address is, as far as the geo database knows.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct GeoPlace {
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// ISO 3166-2 where known.
    pub region: Option<String>,
    pub city: Option<String>,
    pub latitude: Option<f64>,
    pub longitude: Option<f64>,
}

/// What a user agent says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserAgentFacts {
    pub browser: Option<String>,
    pub browser_version: Option<String>,
    pub os: Option<String>,
    pub os_version: Option<String>,
    pub device: Device,
}

/// What a user agent told the redirector, which left it out, and how the click was judged by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedAgent {
    pub facts: UserAgentFacts,
    pub verdict: Verdict,
    pub reason: VerdictReason,
    /// Of the rules that judged.
    pub rules_version: i16,
}

/// A click as stored, queried and pushed live.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Click {
    pub id: ClickId,
    /// Zero until the store has given it its place.
    pub seq: Seq,
    pub link: LinkId,
    pub link_version: i32,
    pub outcome: Outcome,
    pub status: u16,
    pub method: Method,
    pub url: String,
    pub target: String,
    pub verdict: Verdict,
    pub verdict_reason: VerdictReason,
    pub place: GeoPlace,
    pub browser: Option<String>,
    pub browser_version: Option<String>,
    pub os: Option<String>,
    pub os_version: Option<String>,
    pub device: Device,
    /// The first language of Accept-Language, as a primary subtag (`de`).
    pub language: Option<String>,
    pub user_agent: Option<String>,
    pub referrer: Option<String>,
    pub referrer_host: Option<String>,
    pub utm: Utm,
    /// Custom query parameters of the short URL: all but the five UTM ones.
    pub parameters: Vec<Parameter>,
    /// The visitor's network, /24 or /48.
    pub network: Option<String>,
    pub redirect_micros: u32,
    #[serde(default)]
    pub rule: Option<ClickRule>,
    /// `None` for clicks stored before there were channels.
    #[serde(default)]
    pub channel: Option<Channel>,
    /// The version of the rules that judged it; 0 before they had one.
    #[serde(default)]
    pub rules_version: i16,
    /// When the geo database was built that knew the place, Unix seconds.
    #[serde(default)]
    pub geo_version: Option<i64>,
    #[serde(default)]
    pub system: Option<AutonomousSystem>,
    /// When the database was built that knew the system, or its list published, Unix seconds.
    #[serde(default)]
    pub system_version: Option<i64>,
    #[serde(default)]
    pub visitor: Option<VisitorKey>,
    /// Only where the workspace keeps addresses in full, and not for long.
    #[serde(default)]
    pub ip: Option<IpAddr>,
    /// By which it can be judged again.
    #[serde(default)]
    pub signals: SignalSet,
}

impl Click {
    /// When it happened: the millisecond that its id was made in.
    pub fn occurred_at(&self) -> Millis {
        self.id.made_at()
    }
}

/// The network of an address that may be kept: /24 of IPv4, /48 of IPv6, IPv4-mapped as IPv4.
pub fn network_of(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(ip) => {
            let [a, b, c, ..] = ip.segments();
            format!("{}/48", std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hide_the_host() {
        let of = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(of("203.0.113.77"), "203.0.113.0/24");
        assert_eq!(of("::ffff:203.0.113.77"), "203.0.113.0/24");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1::/48");
    }

    #[test]
    fn codes_go_both_ways() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::from_code(outcome.code()), Some(*outcome));
        }
        assert_eq!(Verdict::from_code(99), None);
    }
}
