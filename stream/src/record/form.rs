//! The fields of a record and their tags, which never change their meaning.

use domain::{AutonomousSystem, Device, GeoPlace, JudgedAgent, ReducedAddress, UserAgentFacts, Verdict, VerdictReason, VisitorKey};
use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Record {
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub workspace: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub link: Vec<u8>,
    #[prost(int32, tag = "4")]
    pub link_version: i32,
    #[prost(uint32, tag = "5")]
    pub outcome: u32,
    #[prost(uint32, tag = "6")]
    pub status: u32,
    #[prost(uint32, tag = "7")]
    pub method: u32,
    #[prost(string, tag = "8")]
    pub url: String,
    #[prost(string, tag = "9")]
    pub target: String,
    /// 4 or 16 bytes, or none: unknown, or reduced.
    #[prost(bytes = "vec", tag = "10")]
    pub ip: Vec<u8>,
    #[prost(string, optional, tag = "11")]
    pub user_agent: Option<String>,
    #[prost(string, optional, tag = "12")]
    pub referrer: Option<String>,
    #[prost(string, optional, tag = "13")]
    pub accept_language: Option<String>,
    #[prost(uint32, tag = "14")]
    pub redirect_micros: u32,
    /// Empty where no rule decided.
    #[prost(bytes = "vec", tag = "20")]
    pub rule_id: Vec<u8>,
    #[prost(string, tag = "21")]
    pub rule_name: String,
    #[prost(string, optional, tag = "22")]
    pub variant: Option<String>,
    #[prost(bool, tag = "31")]
    pub above_rate: bool,
    /// Only where there is no address.
    #[prost(message, optional, tag = "30")]
    pub reduced: Option<Reduced>,
    #[prost(uint32, tag = "32")]
    pub signals: u32,
    #[prost(message, optional, tag = "33")]
    pub hints: Option<Hints>,
    #[prost(message, optional, tag = "34")]
    pub consent: Option<Consented>,
    /// Only where there is no user agent.
    #[prost(message, optional, tag = "35")]
    pub judged: Option<Judged>,
}

/// A miss. What it shares with a click has the same tag.
#[derive(Clone, PartialEq, Message)]
pub(super) struct MissRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub workspace: Vec<u8>,
    #[prost(uint32, tag = "7")]
    pub method: u32,
    /// 4 or 16 bytes, or none: unknown, or reduced.
    #[prost(bytes = "vec", tag = "10")]
    pub ip: Vec<u8>,
    #[prost(string, optional, tag = "11")]
    pub user_agent: Option<String>,
    /// Only where there is no address.
    #[prost(message, optional, tag = "30")]
    pub reduced: Option<Reduced>,
    #[prost(uint32, tag = "32")]
    pub signals: u32,
    /// Only where there is no user agent.
    #[prost(message, optional, tag = "35")]
    pub judged: Option<Judged>,
    #[prost(bytes = "vec", tag = "40")]
    pub domain: Vec<u8>,
    #[prost(string, optional, tag = "41")]
    pub slug: Option<String>,
}

/// What a user agent told that is not written.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Judged {
    #[prost(string, optional, tag = "1")]
    pub browser: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub browser_version: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub os: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub os_version: Option<String>,
    #[prost(int32, tag = "5")]
    pub device: i32,
    #[prost(int32, tag = "6")]
    pub verdict: i32,
    #[prost(int32, tag = "7")]
    pub reason: i32,
    #[prost(int32, tag = "8")]
    pub rules_version: i32,
}

impl Judged {
    pub fn of(judged: &JudgedAgent) -> Self {
        let UserAgentFacts { browser, browser_version, os, os_version, device } = judged.facts.clone();
        let (verdict, reason) = (judged.verdict.code().into(), judged.reason.code().into());
        let (device, rules_version) = (device.code().into(), judged.rules_version.into());
        Self { browser, browser_version, os, os_version, device, verdict, reason, rules_version }
    }

    /// A reason that only a later program has is none: the verdict says enough.
    pub fn agent(self) -> Option<JudgedAgent> {
        let Self { browser, browser_version, os, os_version, .. } = self;
        let code = |code: i32| i16::try_from(code).ok();
        Some(JudgedAgent {
            facts: UserAgentFacts { browser, browser_version, os, os_version, device: Device::from_code(code(self.device)?)? },
            verdict: Verdict::from_code(code(self.verdict)?)?,
            reason: VerdictReason::from_code(code(self.reason)?).unwrap_or(VerdictReason::NoSignal),
            rules_version: code(self.rules_version)?,
        })
    }
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Hints {
    #[prost(string, optional, tag = "1")]
    pub brands: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub platform: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub platform_version: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub model: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Consented {
    #[prost(bool, tag = "1")]
    pub given: bool,
    #[prost(string, optional, tag = "2")]
    pub visitor: Option<String>,
}

/// A reduced address.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Reduced {
    #[prost(string, optional, tag = "1")]
    pub country: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub region: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub city: Option<String>,
    #[prost(double, optional, tag = "4")]
    pub latitude: Option<f64>,
    #[prost(double, optional, tag = "5")]
    pub longitude: Option<f64>,
    #[prost(string, tag = "6")]
    pub network: String,
    #[prost(int64, optional, tag = "7")]
    pub geo_version: Option<i64>,
    #[prost(uint32, optional, tag = "8")]
    pub system: Option<u32>,
    #[prost(string, optional, tag = "9")]
    pub system_name: Option<String>,
    #[prost(string, optional, tag = "10")]
    pub visitor: Option<String>,
    #[prost(int32, tag = "11")]
    pub visitor_recipe: i32,
    #[prost(int64, optional, tag = "12")]
    pub system_version: Option<i64>,
}

impl Reduced {
    pub fn of(address: &ReducedAddress) -> Self {
        let ReducedAddress { place, geo_version, system, system_version, network, visitor } = address.clone();
        let GeoPlace { country, region, city, latitude, longitude } = place;
        let (system, system_name) = system.map_or((None, None), |system| (Some(system.number), system.name));
        let (visitor, recipe) = visitor.map_or((None, 0), |visitor| (Some(visitor.key), visitor.recipe));
        Self {
            country,
            region,
            city,
            latitude,
            longitude,
            network,
            geo_version,
            system,
            system_name,
            visitor,
            visitor_recipe: recipe.into(),
            system_version,
        }
    }

    pub fn address(self) -> ReducedAddress {
        let recipe = i16::try_from(self.visitor_recipe).unwrap_or_default();
        let Self { country, region, city, latitude, longitude, .. } = self;
        ReducedAddress {
            place: GeoPlace { country, region, city, latitude, longitude },
            geo_version: self.geo_version,
            system: self.system.map(|number| AutonomousSystem { number, name: self.system_name }),
            system_version: self.system_version,
            network: self.network,
            visitor: self.visitor.map(|key| VisitorKey { key, recipe }),
        }
    }
}
