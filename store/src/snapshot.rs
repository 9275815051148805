//! What a reading scope knows of its snapshot already: the two rows that nearly every question begins with. They are
//! the same for as long as the scope lives, so each is read once, however much is asked in it. A scope that writes
//! keeps nothing, since it may change them.

use std::sync::Arc;

use entity::workspace_head::{Entity, Model};
use sea_orm::EntityTrait;
use tokio::sync::OnceCell;

use crate::{StoreError, Workspace, WorkspaceScope};

#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub workspace: OnceCell<Workspace>,
    head: OnceCell<Option<Arc<Model>>>,
}

impl WorkspaceScope {
    /// What the workspace's head says.
    pub(crate) async fn head_row(&self) -> Result<Option<Arc<Model>>, StoreError> {
        match &self.snapshot {
            Some(snapshot) => Ok(snapshot.head.get_or_try_init(|| self.read_head()).await?.clone()),
            None => self.read_head().await,
        }
    }

    async fn read_head(&self) -> Result<Option<Arc<Model>>, StoreError> {
        Ok(Entity::find_by_id(self.workspace.0).one(&self.transaction).await?.map(Arc::new))
    }
}
