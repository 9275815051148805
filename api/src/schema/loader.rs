//! Links of many clicks read at once.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use domain::{Link, LinkId, WorkspaceId};
use store::{Access, Store, StoreError};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LinkKey {
    pub workspace: WorkspaceId,
    pub link: LinkId,
}

pub(crate) struct LinkLoader(pub Store);

impl Loader<LinkKey> for LinkLoader {
    type Value = Link;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[LinkKey]) -> Result<HashMap<LinkKey, Link>, Self::Error> {
        let mut by_workspace: HashMap<WorkspaceId, Vec<LinkId>> = HashMap::new();
        for key in keys {
            by_workspace.entry(key.workspace).or_default().push(key.link);
        }
        let mut found = HashMap::new();
        for (workspace, ids) in by_workspace {
            let scope = self.0.workspace(workspace, Access::Read).await.map_err(Arc::new)?;
            for link in scope.links_by_id(&ids).await.map_err(Arc::new)? {
                found.insert(LinkKey { workspace, link: link.id }, link);
            }
        }
        Ok(found)
    }
}
