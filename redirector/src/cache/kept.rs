//! What is cached: links by address, the domains of hosts.

use std::hash::Hash;

use async_trait::async_trait;
use domain::{HostName, LinkAddress, ResolvedLink, ServedDomain};
use uuid::Uuid;

use crate::{LinkSource, LinkSourceDown};

/// What is looked up by a key, and kept.
#[async_trait]
pub(crate) trait Kept: Clone + std::fmt::Debug + Send + Sync + 'static {
    type Key: Clone + std::fmt::Debug + Eq + Hash + Send + Sync + 'static;
    /// Room for all entries.
    const MAX_BYTES: u64;

    async fn ask(source: &dyn LinkSource, key: &Self::Key) -> Result<Option<Self>, LinkSourceDown>;
    /// What versions of it have in common.
    fn id(&self) -> Uuid;
    fn version(&self) -> i32;
    /// About how many bytes its texts take.
    fn weight(&self) -> usize;
    fn key_weight(key: &Self::Key) -> usize;
}

#[async_trait]
impl Kept for ResolvedLink {
    type Key = LinkAddress;
    const MAX_BYTES: u64 = 64 << 20;

    async fn ask(source: &dyn LinkSource, address: &LinkAddress) -> Result<Option<Self>, LinkSourceDown> {
        source.resolve(address).await
    }

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn version(&self) -> i32 {
        self.version
    }

    fn weight(&self) -> usize {
        self.target.as_str().len() + self.gate.as_ref().map_or(0, |gate| gate.weight())
    }

    fn key_weight(address: &LinkAddress) -> usize {
        address.folded.len()
    }
}

#[async_trait]
impl Kept for ServedDomain {
    type Key = HostName;
    const MAX_BYTES: u64 = 16 << 20;

    async fn ask(source: &dyn LinkSource, host: &HostName) -> Result<Option<Self>, LinkSourceDown> {
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
