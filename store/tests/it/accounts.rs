//! Accounts and sessions.

use domain::Email;
use platform::Rng;
use store::{Conflict, RefreshOutcome, Store, StoreError};

use crate::fixture::{NOON, account, read, refresh};

pub async fn signing_up_is_all_or_nothing(store: &Store) {
    let rng = Rng::seeded(1);
    let (first, mut second) = (account("ada", &rng), account("eve", &rng));
    second.email = first.email.clone();
    let (first_id, second_id) = (first.workspace.id, second.workspace.id);
    store.sign_up(first).await.unwrap();
    assert!(matches!(store.sign_up(second).await, Err(StoreError::Conflict(Conflict::Email))));
    assert_eq!(read(store, first_id).await.get().await.unwrap().name, "ada");
    assert!(matches!(read(store, second_id).await.get().await, Err(StoreError::NotFound)));
    let account = store.account_by_email(&Email::parse("ADA@example.com").unwrap()).await.unwrap().unwrap();
    let memberships = store.memberships_of(account.id).await.unwrap();
    assert_eq!(memberships.len(), 1);
    assert_eq!((memberships[0].workspace.id, memberships[0].role), (first_id, domain::Role::Owner));
}

pub async fn refresh_tokens_are_used_once(store: &Store) {
    let mut new = account("ada", &Rng::System);
    new.session.refresh = refresh(1);
    store.sign_up(new).await.unwrap();
    let renew =
        async |presented: u8, next: u8, at: i64| store.renew_session(refresh(presented).hash, refresh(next), NOON.plus(at)).await.unwrap();
    let renewed = |outcome| matches!(outcome, RefreshOutcome::Renewed(_));
    assert!(renewed(renew(1, 2, 0).await));
    // A lost answer: the same token again within the grace.
    assert!(renewed(renew(1, 3, 29_000).await));
    assert_eq!(renew(9, 4, 0).await, RefreshOutcome::Refused);
    assert_eq!(renew(2, 5, 1_000_000).await, RefreshOutcome::Refused);
    // A stolen one: everything of its family ends.
    assert!(matches!(renew(1, 6, 31_000).await, RefreshOutcome::Reused(_)));
    assert_eq!(renew(3, 7, 31_000).await, RefreshOutcome::Refused);
}

pub async fn ended_sessions_stay_ended(store: &Store) {
    let mut new = account("ada", &Rng::System);
    new.session.refresh = refresh(1);
    let id = new.session.id;
    store.sign_up(new).await.unwrap();
    assert!(!store.session(id).await.unwrap().unwrap().revoked);
    store.end_session(id, NOON).await.unwrap();
    store.end_session(id, NOON).await.unwrap();
    assert!(store.session(id).await.unwrap().unwrap().revoked);
    assert_eq!(store.renew_session(refresh(1).hash, refresh(2), NOON).await.unwrap(), RefreshOutcome::Refused);
}
