//! All caches together, kept true by notices.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use domain::ServedDomain;
use futures_util::StreamExt as _;
use platform::{Clock, Metrics};
use stream::{LinkEvent, LinkNotices};
use tokio_util::sync::CancellationToken;

use super::{CachedLink, LinksAndPolicies, LookUps};
use crate::policies::Policies;
use crate::{LinkSource, LookUpLimits};

/// The pause before notices are followed again: what changed meanwhile is seen after it.
const FOLLOW_AGAIN: Duration = Duration::from_millis(200);

/// Everything that is cached. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Caches {
    pub links: LookUps<CachedLink>,
    pub hosts: LookUps<ServedDomain>,
    policies: Policies,
}

impl Caches {
    /// Must be made on the main runtime.
    pub fn new(source: &Arc<dyn LinkSource>, policies: &Policies, limits: LookUpLimits, clock: &Clock, metrics: &Metrics) -> Self {
        let links = LinksAndPolicies { links: source.clone(), policies: policies.clone() };
        Self {
            links: LookUps::new(links, limits, clock.clone(), metrics),
            hosts: LookUps::new(source.clone(), limits, clock.clone(), metrics),
            policies: policies.clone(),
        }
    }

    fn alarm(&self) {
        self.links.alarm();
        self.hosts.alarm();
        self.policies.alarm();
    }

    /// Forgets what notices say has changed, until the stop.
    pub async fn follow(self, notices: Arc<dyn LinkNotices>, stopping: CancellationToken) -> Result<(), Infallible> {
        loop {
            tokio::select! {
                () = self.follow_once(&*notices) => {}
                () = stopping.cancelled() => return Ok(()),
            }
        }
    }

    async fn follow_once(&self, notices: &dyn LinkNotices) {
        match notices.follow().await {
            Ok(mut events) => {
                // Whatever was read before the listening began may have changed unheard.
                self.alarm();
                while let Some(event) = events.next().await {
                    match event {
                        LinkEvent::Changed { address } => self.links.expire(&address).await,
                        LinkEvent::HostChanged { host } => self.hosts.expire(&host).await,
                        LinkEvent::Key { id } => self.policies.key_changed(id).await,
                        LinkEvent::Workspace { id } => self.policies.workspace_changed(id).await,
                        LinkEvent::Unsure => self.alarm(),
                    }
                }
            }
            Err(error) => tracing::debug!(%error, "notices of changed links cannot be heard; trying again"),
        }
        tokio::time::sleep(FOLLOW_AGAIN).await;
    }
}
