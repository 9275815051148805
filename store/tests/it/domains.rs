//! Domains of workspaces: who has a host, since when, and for how long it stays theirs.

use domain::{
    CustomDomain, DomainId, DomainSettingsChange, DomainStatus, HostName, LinkAddress, Millis, NewLink, Slug, TargetUrl, WorkspaceId,
};
use platform::Rng;
use store::{Access, Conflict, MAX_DOMAINS, NewDomain, Proof, Store, StoreError};

use crate::fixture::{NOON, new_link, read, target, workspace};

const DAY: i64 = 24 * 3_600_000;

fn host(text: &str) -> HostName {
    HostName::from_store(text.into())
}

async fn add(store: &Store, workspace: WorkspaceId, name: &str) -> Result<CustomDomain, StoreError> {
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    let new = NewDomain { id: DomainId::new(NOON, Rng::System.entropy()), host: host(name), token: "token".into() };
    let added = scope.add_domain(&new, NOON).await?;
    scope.commit().await.unwrap();
    Ok(added)
}

async fn prove(store: &Store, workspace: WorkspaceId, id: DomainId, proof: Proof, now: Millis) -> Result<CustomDomain, StoreError> {
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    let domain = scope.record_proof(id, proof, now, now.plus(DAY)).await?;
    scope.commit().await.unwrap();
    Ok(domain)
}

pub async fn verified(store: &Store, workspace: WorkspaceId, name: &str) -> CustomDomain {
    let added = add(store, workspace, name).await.unwrap();
    prove(store, workspace, added.id, Proof::Found, NOON).await.unwrap()
}

async fn remove(store: &Store, workspace: WorkspaceId, id: DomainId) {
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    scope.remove_domain(id, NOON).await.unwrap();
    scope.commit().await.unwrap();
}

async fn update(store: &Store, workspace: WorkspaceId, id: DomainId, change: DomainSettingsChange) -> Result<CustomDomain, StoreError> {
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    let domain = scope.update_domain(id, change, None).await?;
    scope.commit().await.unwrap();
    Ok(domain)
}

async fn link_on(store: &Store, workspace: WorkspaceId, domain: DomainId, slug: &str) -> Result<domain::Link, StoreError> {
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    let link = scope.create_link(&NewLink { domain: Some(domain), ..new_link(slug) }, NOON).await?;
    scope.commit().await.unwrap();
    Ok(link)
}

fn conflict<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Conflict {
    match result {
        Err(StoreError::Conflict(conflict)) => conflict,
        other => panic!("no conflict: {other:?}"),
    }
}

pub async fn a_host_is_served_while_it_is_verified(store: &Store) {
    let ours = workspace(store, "ours").await;
    let added = add(store, ours, "go.acme.example").await.unwrap();
    assert_eq!((added.status, added.version, added.verified_at), (DomainStatus::Pending, 1, None));
    assert_eq!(conflict(add(store, ours, "go.acme.example").await), Conflict::Domain);
    assert_eq!(store.resolve_host(&added.host).await.unwrap(), None);
    let failed = prove(store, ours, added.id, Proof::Missing("not there".into()), NOON).await.unwrap();
    assert_eq!((failed.status, failed.problem.as_deref(), failed.checked_at), (DomainStatus::Failed, Some("not there"), Some(NOON)));
    let proven = prove(store, ours, added.id, Proof::Found, NOON).await.unwrap();
    assert_eq!((proven.status, proven.problem, proven.verified_at), (DomainStatus::Verified, None, Some(NOON)));
    let served = store.resolve_host(&added.host).await.unwrap().unwrap();
    assert_eq!((served.id, served.workspace, served.version), (added.id, ours, proven.version));
    assert_eq!(store.resolve_host(&host("acme.example")).await.unwrap(), None);

    let change = DomainSettingsChange { root: Some(Some(target("https://acme.example/"))), hsts: Some(true), ..Default::default() };
    let changed = update(store, ours, added.id, change).await.unwrap();
    let served = store.resolve_host(&added.host).await.unwrap().unwrap();
    assert!(served.settings == changed.settings && served.version == changed.version && served.settings.hsts);

    remove(store, ours, added.id).await;
    assert_eq!(store.resolve_host(&added.host).await.unwrap(), None);
    assert!(read(store, ours).await.domains().await.unwrap().is_empty());
}

pub async fn a_host_is_verified_in_one_workspace(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let mine = verified(store, ours, "go.acme.example").await;
    // Anybody may say that it is theirs; only one can be right.
    let other = add(store, theirs, "go.acme.example").await.unwrap();
    assert_eq!(conflict(prove(store, theirs, other.id, Proof::Found, NOON).await), Conflict::Host);
    let scope = read(store, theirs).await;
    assert_eq!(scope.domain(other.id).await.unwrap().status, DomainStatus::Pending);
    assert!(matches!(scope.domain(mine.id).await, Err(StoreError::NotFound)));
    drop(scope);
    for result in [
        link_on(store, theirs, mine.id, "x").await.map(drop),
        update(store, theirs, mine.id, DomainSettingsChange::default()).await.map(drop),
        prove(store, theirs, mine.id, Proof::Found, NOON).await.map(drop),
    ] {
        assert!(matches!(result, Err(StoreError::NotFound)), "{result:?}");
    }
    remove(store, ours, mine.id).await;
    // Freed, it is kept for whoever had it.
    assert_eq!(conflict(prove(store, theirs, other.id, Proof::Found, NOON.plus(30 * DAY - 1)).await), Conflict::HostQuarantined);
    let again = verified(store, ours, "go.acme.example").await;
    remove(store, ours, again.id).await;
    let taken = prove(store, theirs, other.id, Proof::Found, NOON.plus(30 * DAY)).await.unwrap();
    assert_eq!(store.resolve_host(&taken.host).await.unwrap().unwrap().workspace, theirs);
}

pub async fn nobody_slips_in_between(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let (mine, other) = (add(store, ours, "go.acme.example").await.unwrap(), add(store, theirs, "go.acme.example").await.unwrap());
    let (one, two) = tokio::join!(prove(store, ours, mine.id, Proof::Found, NOON), prove(store, theirs, other.id, Proof::Found, NOON));
    let won = if one.is_ok() { (ours, mine.id, theirs, other.id) } else { (theirs, other.id, ours, mine.id) };
    assert_eq!(conflict(if one.is_ok() { two } else { one }), Conflict::Host);

    // While the winner is freeing the host, the loser cannot get by the quarantine.
    let (winner, freed, loser, wanted) = won;
    let freeing = store.workspace(winner, Access::Write).await.unwrap();
    freeing.remove_domain(freed, NOON).await.unwrap();
    let taking = tokio::spawn({
        let store = store.clone();
        async move { prove(&store, loser, wanted, Proof::Found, NOON).await }
    });
    let mut taking = std::pin::pin!(taking);
    assert!(tokio::time::timeout(std::time::Duration::from_millis(300), &mut taking).await.is_err(), "it waits for what is under way");
    freeing.commit().await.unwrap();
    assert_eq!(conflict(taking.await.unwrap()), Conflict::HostQuarantined);
}

pub async fn a_removed_domain_comes_back_with_its_links(store: &Store) {
    let ours = workspace(store, "ours").await;
    let domain = verified(store, ours, "go.acme.example").await;
    let link = link_on(store, ours, domain.id, "Sale").await.unwrap();
    assert_eq!(link.address(), LinkAddress::on(domain.id, "sale"));
    // The same slug on the shared domain is another link's.
    let shared = crate::fixture::link(store, ours, "sale").await;
    assert_eq!(conflict(link_on(store, ours, domain.id, "SALE").await), Conflict::Slug);
    assert_eq!(store.resolve(&link.address()).await.unwrap().unwrap().id, link.id);
    assert_eq!(store.resolve_link("sale").await.unwrap().unwrap().id, shared.id);
    let scope = read(store, ours).await;
    assert_eq!(scope.link_at(&link.address()).await.unwrap().id, link.id);
    assert_eq!(scope.link(link.id).await.unwrap().domain.unwrap().host, domain.host);
    drop(scope);

    remove(store, ours, domain.id).await;
    assert!(matches!(link_on(store, ours, domain.id, "more").await, Err(StoreError::NotFound)));
    // The link is still there to be read and deleted.
    assert_eq!(read(store, ours).await.link(link.id).await.unwrap().domain.unwrap().id, domain.id);
    let back = verified(store, ours, "go.acme.example").await;
    assert_eq!(back.id, domain.id);
    assert_eq!(read(store, ours).await.link_at(&link.address()).await.unwrap().id, link.id);
}

pub async fn case_matters_where_it_was_asked_for(store: &Store) {
    let ours = workspace(store, "ours").await;
    let domain = verified(store, ours, "go.acme.example").await;
    let case = |matters| DomainSettingsChange { case_sensitive: Some(matters), ..Default::default() };
    update(store, ours, domain.id, case(true)).await.unwrap();
    let (upper, lower) = (link_on(store, ours, domain.id, "Sale").await.unwrap(), link_on(store, ours, domain.id, "sale").await.unwrap());
    for link in [&upper, &lower] {
        assert_eq!(link.address(), LinkAddress::on(domain.id, link.slug.as_str()));
        assert_eq!(store.resolve(&link.address()).await.unwrap().unwrap().id, link.id);
    }
    assert_eq!(conflict(link_on(store, ours, domain.id, "Sale").await), Conflict::Slug);
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    let change = domain::LinkChange { slug: Some(Slug::parse("SALE").unwrap()), ..Default::default() };
    scope.update_link(lower.id, change, None, NOON).await.unwrap();
    let mut slugs: Vec<String> = scope.slugs_of(lower.id).await.unwrap().into_iter().map(|address| address.folded).collect();
    slugs.sort();
    assert_eq!(slugs, ["SALE", "sale"]);
    scope.commit().await.unwrap();
    assert_eq!(conflict(update(store, ours, domain.id, case(false)).await), Conflict::DomainInUse);
    // Everything else can be changed.
    update(store, ours, domain.id, DomainSettingsChange { case_sensitive: Some(true), ..Default::default() }).await.unwrap();
}

pub async fn a_proof_is_missed_for_days_before_it_counts(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let domain = verified(store, ours, "go.acme.example").await;
    let missing = async |day: i64| prove(store, ours, domain.id, Proof::Missing("gone".into()), NOON.plus(day * DAY)).await.unwrap();
    for day in 1..4 {
        let missed = missing(day).await;
        assert_eq!((missed.status, missed.lapsed_since), (DomainStatus::Verified, Some(NOON.plus(DAY))));
    }
    // It is back in time: everything begins anew.
    let back = prove(store, ours, domain.id, Proof::Found, NOON.plus(4 * DAY)).await.unwrap();
    assert_eq!((back.lapsed_since, back.problem), (None, None));
    for day in 5..8 {
        assert_eq!(missing(day).await.status, DomainStatus::Verified);
    }
    assert!(store.resolve_host(&domain.host).await.unwrap().is_some());
    let suspended = missing(8).await;
    assert_eq!((suspended.status, suspended.problem.as_deref()), (DomainStatus::Suspended, Some("gone")));
    assert_eq!(store.resolve_host(&domain.host).await.unwrap(), None);
    // Somebody else may prove it now, in 30 days; the workspace itself at once.
    let other = add(store, theirs, "go.acme.example").await.unwrap();
    assert_eq!(conflict(prove(store, theirs, other.id, Proof::Found, NOON.plus(9 * DAY)).await), Conflict::HostQuarantined);
    assert_eq!(prove(store, ours, domain.id, Proof::Found, NOON.plus(9 * DAY)).await.unwrap().status, DomainStatus::Verified);
}

pub async fn checks_that_are_due_are_given_out_once(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let (mine, other) = (verified(store, ours, "a.example").await, verified(store, theirs, "b.example").await);
    add(store, ours, "pending.example").await.unwrap();
    assert_eq!(store.claim_domain_check(NOON, NOON.plus(DAY)).await.unwrap(), None);
    let due = NOON.plus(DAY);
    let mut claimed = Vec::new();
    while let Some(claim) = store.claim_domain_check(due, due.plus(10)).await.unwrap() {
        claimed.push((claim.id, claim.workspace, claim.host, claim.token));
    }
    claimed.sort_by(|one, other| one.2.cmp(&other.2));
    let wanted = |domain: &CustomDomain, workspace| (domain.id, workspace, domain.host.clone(), "token".to_owned());
    assert_eq!(claimed, [wanted(&mine, ours), wanted(&other, theirs)]);
    // A process that died with it is followed by another.
    assert!(store.claim_domain_check(due.plus(10), due.plus(20)).await.unwrap().is_some());
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    assert_eq!(scope.note_attempt(mine.id, NOON, 1_000).await.unwrap(), None);
    assert_eq!(scope.note_attempt(mine.id, NOON.plus(999), 1_000).await.unwrap(), Some(NOON.plus(1_000)));
    assert_eq!(scope.note_attempt(mine.id, NOON.plus(1_000), 1_000).await.unwrap(), None);
}

pub async fn changes_of_hosts_are_in_the_outbox(store: &Store) {
    let store = &store.clone().with_link_outbox();
    let ours = workspace(store, "ours").await;
    let domain = verified(store, ours, "go.acme.example").await;
    let states = async || store.domain_outbox(100).await.unwrap();
    let first = states().await.pop().unwrap();
    assert_eq!(first.state.domain, store.resolve_host(&domain.host).await.unwrap());
    assert_eq!(store.domains_after(None, 10).await.unwrap(), std::slice::from_ref(&first.state));
    assert!(store.domains_after(Some(&domain.host), 10).await.unwrap().is_empty());
    store.clear_domain_outbox(&[first.id]).await.unwrap();
    assert!(states().await.is_empty());
    let change = DomainSettingsChange { not_found: Some(Some(TargetUrl::from_store("https://x.example/".into()))), ..Default::default() };
    update(store, ours, domain.id, change).await.unwrap();
    remove(store, ours, domain.id).await;
    let last = states().await.pop().unwrap().state;
    // Newer than all before, so that nothing late brings it back.
    assert!(last.domain.is_none() && last.replaces(&first.state) && !first.state.replaces(&last), "{last:?}");
}

pub async fn a_workspace_has_a_bounded_number_of_domains(store: &Store) {
    let ours = workspace(store, "ours").await;
    for number in 0..MAX_DOMAINS {
        add(store, ours, &format!("d{number}.example")).await.unwrap();
    }
    assert_eq!(conflict(add(store, ours, "more.example").await), Conflict::DomainLimit);
    let one = read(store, ours).await.domains().await.unwrap().remove(0);
    remove(store, ours, one.id).await;
    add(store, ours, "more.example").await.unwrap();
}
