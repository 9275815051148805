//! What is cached: links by address, the domains of hosts, API keys, what workspaces decide.

use std::borrow::Cow;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{ApiKeyId, ApiKeyState, HostName, LinkAddress, Privacy, ResolvedLink, ServedDomain, WorkspaceId};
use platform::SealKey;
use uuid::Uuid;

use crate::policies::{Decided, Policies};
use crate::settings::Settings;
use crate::{LinkSource, LinkSourceDown, PolicySource};

const POLICY_PATIENCE: Duration = Duration::from_millis(300);
/// What was revoked while nobody could hear of it is good for that long.
const HOUR_MILLIS: i64 = 3_600_000;

/// What is looked up by a key, and kept.
#[async_trait]
pub(crate) trait Kept: Clone + std::fmt::Debug + Send + Sync + 'static {
    type Key: Clone + std::fmt::Debug + Eq + Hash + Send + Sync + 'static;
    /// Where it is looked up.
    type Source: Clone + std::fmt::Debug + Send + Sync + 'static;
    /// What its cache's metrics begin with.
    const METRICS: &'static str;
    /// What its entries are called.
    const WHAT: &'static str;
    /// Room for all entries.
    const MAX_BYTES: u64;
    /// How long a value is served after its source last said so, while the source does not answer or
    /// lags behind.
    const OUTLASTS_MILLIS: i64 = i64::MAX;

    async fn ask(source: &Self::Source, key: &Self::Key) -> Result<Option<Self>, LinkSourceDown>;
    /// What versions of it have in common.
    fn id(&self) -> Uuid;
    fn version(&self) -> i32;
    /// Whether it tells that its key was not made up.
    fn is_real(&self) -> bool {
        true
    }
    /// About how many bytes its texts take.
    fn weight(&self) -> usize;
    fn key_weight(_: &Self::Key) -> usize {
        0
    }
}

/// A link, and what its workspace decided for all its redirects.
#[derive(Clone, Debug)]
pub(crate) struct CachedLink {
    pub link: ResolvedLink,
    pub settings: Settings,
}

impl CachedLink {
    /// Whether the link leads nowhere any more.
    pub fn is_gone(&self) -> bool {
        self.link.deleted || self.settings.is_closed()
    }

    /// The link as it is now: none of a workspace that is to be deleted leads anywhere.
    pub fn now(&self) -> Cow<'_, ResolvedLink> {
        match self.is_gone() {
            true => Cow::Owned(ResolvedLink { deleted: true, ..self.link.clone() }),
            false => Cow::Borrowed(&self.link),
        }
    }
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
    const METRICS: &'static str = "link_cache";
    const WHAT: &'static str = "Links";
    const MAX_BYTES: u64 = 128 << 20;

    async fn ask(source: &LinksAndPolicies, address: &LinkAddress) -> Result<Option<Self>, LinkSourceDown> {
        let Some(link) = source.links.resolve(address).await? else { return Ok(None) };
        // The link was found: what its workspace decides may come late, but not keep it.
        let settings = tokio::time::timeout(POLICY_PATIENCE, source.policies.settings(link.workspace)).await;
        let settings = match settings {
            Ok(settings) => settings,
            Err(_) => source.policies.settings_so_far(link.workspace).await,
        };
        Ok(Some(Self { link, settings }))
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
    const METRICS: &'static str = "host_cache";
    const WHAT: &'static str = "Hosts";
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

/// Revoked keys are kept as what they are, so that no source which lags behind brings one back.
#[async_trait]
impl Kept for ApiKeyState {
    type Key = ApiKeyId;
    type Source = Arc<dyn PolicySource>;
    const METRICS: &'static str = "key_cache";
    const WHAT: &'static str = "API keys";
    const MAX_BYTES: u64 = 32 << 20;
    const OUTLASTS_MILLIS: i64 = HOUR_MILLIS;

    async fn ask(source: &Arc<dyn PolicySource>, id: &ApiKeyId) -> Result<Option<Self>, LinkSourceDown> {
        source.api_key(*id).await
    }

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn version(&self) -> i32 {
        self.version
    }

    fn weight(&self) -> usize {
        self.right.as_ref().map_or(0, |right| size_of_val(right.scopes.as_slice()) + size_of_val(right.networks.as_slice()))
    }
}

/// Where workspaces' decisions are looked up, and what opens their secrets.
#[derive(Clone, Debug)]
pub(crate) struct DecisionSource {
    pub policies: Arc<dyn PolicySource>,
    pub seal_key: Option<Arc<SealKey>>,
}

#[async_trait]
impl Kept for Decided {
    type Key = WorkspaceId;
    type Source = DecisionSource;
    const METRICS: &'static str = "policy_cache";
    const WHAT: &'static str = "Workspaces' policies";
    const MAX_BYTES: u64 = 32 << 20;
    const OUTLASTS_MILLIS: i64 = HOUR_MILLIS;

    async fn ask(source: &DecisionSource, id: &WorkspaceId) -> Result<Option<Self>, LinkSourceDown> {
        let policy = source.policies.workspace_policy(*id).await?;
        Ok(Some(Self::opened(&policy, source.seal_key.as_deref())))
    }

    fn id(&self) -> Uuid {
        self.workspace.0
    }

    fn version(&self) -> i32 {
        self.version
    }

    /// A workspace that has decided nothing looks like one that does not exist.
    fn is_real(&self) -> bool {
        self.version > 0
    }

    fn weight(&self) -> usize {
        let secrets: usize = self.secrets.iter().flatten().map(|secret| size_of_val(secret) + secret.bytes.len()).sum();
        let Privacy { parameters, impersonal_parameters, controller, policy_url, own_networks, .. } = &self.privacy;
        let names = parameters.iter().flatten().chain(impersonal_parameters).chain(controller).chain(policy_url);
        secrets + names.map(|name| size_of_val(name) + name.len()).sum::<usize>() + size_of_val(own_networks.as_slice())
    }
}
