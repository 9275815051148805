//! What of a stored click says who clicked: all that it can be judged again by, and nothing else.

use crate::{
    AutonomousSystem, Channel, Click, ClickId, GeoPlace, LinkId, Method, Outcome, SignalSet, UserAgentFacts, Verdict, VerdictReason,
};

/// A stored click as far as its verdict goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedClick {
    pub id: ClickId,
    pub link: LinkId,
    pub outcome: Outcome,
    pub method: Method,
    pub verdict: Verdict,
    pub reason: VerdictReason,
    /// Of the rules that judged it.
    pub rules_version: i16,
    pub user_agent: Option<String>,
    pub signals: SignalSet,
    /// The number of the autonomous system that it came from.
    pub system: Option<u32>,
    /// /24 or /48.
    pub network: Option<String>,
    /// Tells its visitor from others.
    pub visitor: Option<String>,
}

impl From<&Click> for JudgedClick {
    fn from(click: &Click) -> Self {
        Self {
            id: click.id,
            link: click.link,
            outcome: click.outcome,
            method: click.method,
            verdict: click.verdict,
            reason: click.verdict_reason,
            rules_version: click.rules_version,
            user_agent: click.user_agent.clone(),
            signals: click.signals,
            system: click.system.as_ref().map(|system| system.number),
            network: click.network.clone(),
            visitor: click.visitor.as_ref().map(|visitor| visitor.key.clone()),
        }
    }
}

/// What was read of a click's request, and may be read anew by later rules and databases.
#[derive(Clone, Debug, PartialEq)]
pub struct Derived {
    pub facts: UserAgentFacts,
    pub channel: Option<Channel>,
    pub place: GeoPlace,
    pub geo_version: Option<i64>,
    pub system: Option<AutonomousSystem>,
    pub system_version: Option<i64>,
}

impl Derived {
    /// Whether both say the same, whichever databases said so.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let told = |derived: &Self| Self { geo_version: None, system_version: None, ..derived.clone() };
        told(self) == told(other)
    }
}

impl From<&Click> for Derived {
    fn from(click: &Click) -> Self {
        Self {
            facts: UserAgentFacts {
                browser: click.browser.clone(),
                browser_version: click.browser_version.clone(),
                os: click.os.clone(),
                os_version: click.os_version.clone(),
                device: click.device,
            },
            channel: click.channel,
            place: click.place.clone(),
            geo_version: click.geo_version,
            system: click.system.clone(),
            system_version: click.system_version,
        }
    }
}
