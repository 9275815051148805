//! The redirector's source of links: the store.

use async_trait::async_trait;
use domain::ResolvedLink;
use redirector::{LinkSource, LinkSourceDown};
use store::Store;

/// Links straight from the database.
#[derive(Clone, Debug)]
pub(crate) struct StoredLinks(pub Store);

#[async_trait]
impl LinkSource for StoredLinks {
    async fn resolve(&self, folded_slug: &str) -> Result<Option<ResolvedLink>, LinkSourceDown> {
        self.0.resolve_link(folded_slug).await.map_err(|error| LinkSourceDown(error.to_string()))
    }
}
