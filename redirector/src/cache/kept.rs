//! What is cached: links by address, the domains of hosts.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{HostName, LinkAddress, ResolvedLink, ServedDomain};
use uuid::Uuid;

use crate::policies::{Policies, Referrer};
use crate::{LinkSource, LinkSourceDown};

const POLICY_PATIENCE: Duration = Duration::from_millis(300);

/// What is looked up by a key, and kept.
#[async_trait]
pub(crate) trait Kept: Clone + std::fmt::Debug + Send + Sync + 'static {
    type Key: Clone + std::fmt::Debug + Eq + Hash + Send + Sync + 'static;
    /// Where it is looked up.
    type Source: Clone + std::fmt::Debug + Send + Sync + 'static;
    /// Room for all entries.
    const MAX_BYTES: u64;

    async fn ask(source: &Self::Source, key: &Self::Key) -> Result<Option<Self>, LinkSourceDown>;
    /// What versions of it have in common.
    fn id(&self) -> Uuid;
    fn version(&self) -> i32;
    /// About how many bytes its texts take.
    fn weight(&self) -> usize;
    fn key_weight(key: &Self::Key) -> usize;
}

/// A link, and what its workspace lets browsers tell targets of where they came from.
#[derive(Clone, Debug)]
pub(crate) struct CachedLink {
    pub link: ResolvedLink,
    pub referrer: Referrer,
}

/// Where links and their workspaces' policies are looked up.
#[derive(Clone, Debug)]
pub(crate) struct LinksAndPolicies {
    pub links: Arc<dyn LinkSource>,
    pub policies: Policies,
}

#[async_trait]
impl Kept for CachedLink {
    type Key = LinkAddress;
    type Source = LinksAndPolicies;
    const MAX_BYTES: u64 = 128 << 20;

    async fn ask(source: &LinksAndPolicies, address: &LinkAddress) -> Result<Option<Self>, LinkSourceDown> {
        let Some(link) = source.links.resolve(address).await? else { return Ok(None) };
        // The link was found: what its workspace decides may come late, but not keep it.
        let referrer = tokio::time::timeout(POLICY_PATIENCE, source.policies.referrer(link.workspace)).await;
        let referrer = match referrer {
            Ok(referrer) => referrer,
            Err(_) => source.policies.cell(link.workspace).await,
        };
        Ok(Some(Self { link, referrer }))
    }

    fn id(&self) -> Uuid {
        self.link.id.0
    }

    fn version(&self) -> i32 {
        self.link.version
    }

    fn weight(&self) -> usize {
        let (gate, card) = (self.link.gate.as_ref(), self.link.card.as_ref());
        self.link.target.as_str().len() + gate.map_or(0, |gate| gate.weight()) + card.map_or(0, |card| card.weight())
    }

    fn key_weight(address: &LinkAddress) -> usize {
        address.folded.len()
    }
}

#[async_trait]
impl Kept for ServedDomain {
    type Key = HostName;
    type Source = Arc<dyn LinkSource>;
    const MAX_BYTES: u64 = 16 << 20;

    async fn ask(source: &Arc<dyn LinkSource>, host: &HostName) -> Result<Option<Self>, LinkSourceDown> {
        source.domain(host).await
    }

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn version(&self) -> i32 {
        self.version
    }

    fn weight(&self) -> usize {
        self.host.as_str().len() + self.settings.weight()
    }

    fn key_weight(host: &HostName) -> usize {
        host.as_str().len()
    }
}
