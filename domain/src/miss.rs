//! Misses: requests on a workspace's own domain for a slug that is no link, as captured and as stored.

use crate::{Address, DomainId, JudgedAgent, Method, Millis, MissId, SignalSet, Verdict, WorkspaceId};

/// A miss as the redirector saw it. It lives in the spool and the stream only, since it may hold the
/// visitor's address; of the request's path it holds the slug, if it can be one, and nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct CapturedMiss {
    pub id: MissId,
    pub workspace: WorkspaceId,
    pub domain: DomainId,
    /// As links are looked up by it, at most 64 characters; `None` for a path that can be no slug.
    pub slug: Option<String>,
    pub method: Method,
    pub address: Address,
    pub user_agent: Option<String>,
    pub signals: SignalSet,
    /// With strict capture, where the user agent must not be written: what was read of it, in its place.
    pub judged: Option<Box<JudgedAgent>>,
}

/// A miss as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    pub id: MissId,
    pub domain: DomainId,
    pub slug: Option<String>,
    /// By the request alone: nothing beside it is asked.
    pub verdict: Verdict,
    /// The visitor's network, /24 or /48, where the workspace keeps it of clicks.
    pub network: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// Where the workspace keeps it of clicks.
    pub user_agent: Option<String>,
}

impl Miss {
    /// When it happened: the millisecond that its id was made in.
    pub fn occurred_at(&self) -> Millis {
        self.id.made_at()
    }
}

/// Which misses a question is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MissFilter {
    /// First instant included.
    pub from: Option<Millis>,
    /// First instant no longer included.
    pub to: Option<Millis>,
    /// Those on one of these; on any when there is none.
    pub domains: Vec<DomainId>,
    /// Those with one of these; with any when there is none.
    pub verdicts: Vec<Verdict>,
}
