//! What of a stored click says who clicked: all that it can be judged again by, and nothing else.

use crate::{Click, ClickId, LinkId, Method, Outcome, SignalSet, Verdict, VerdictReason};

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
