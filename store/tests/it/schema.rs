//! Migrations.

use store::{Store, StoreError, migrate};

use crate::fixture::{Database, NOON, link, workspace};

pub async fn migrating_again_changes_nothing(store: &Store) {
    let ours = workspace(store, "ours").await;
    link(store, ours, "a").await;
    let (first, second) = tokio::join!(migrate(store, NOON), migrate(store, NOON.plus(40 * 86_400_000)));
    first.unwrap();
    second.unwrap();
    store.check_schema().await.unwrap();
    assert!(store.resolve_link("a").await.unwrap().is_some());
}

pub async fn a_newer_database_is_refused(store: &Database) {
    store.execute("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29991231_000001_later', 0)").await;
    for result in [migrate(store, NOON).await, store.check_schema().await] {
        let Err(StoreError::Unusable(message)) = result else { panic!("{result:?}") };
        assert!(message.contains("newer version"), "{message}");
    }
}
