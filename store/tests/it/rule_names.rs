//! What rules are called, also when nothing is left of them but counts.

use std::collections::HashMap;

use domain::{ExperimentKey, Fresh, GateChange, LinkChange, LinkId, OwnHosts, RuleDraft, RuleId, Rules, ShortDomain, WorkspaceId};
use store::{Access, Store};

use crate::fixture::{Database, NOON, new_link, read, target, workspace};

fn id(seed: u8) -> RuleId {
    RuleId::new(NOON, [seed; 10])
}

/// Rules with these ids and names.
pub fn rules(named: &[(u8, &str)]) -> Rules {
    let one = |(seed, name): &(u8, &str)| {
        let draft = RuleDraft { name: Some((*name).to_owned()), target: Some("https://example.com/rule".into()), ..RuleDraft::default() };
        let fresh = || Fresh { id: id(*seed), key: ExperimentKey([9; 32]) };
        let own = ShortDomain::parse("go.example").unwrap();
        let rules = Rules::parse(vec![draft], OwnHosts::shared(&own), &Rules::default(), fresh).unwrap();
        serde_json::to_value(rules).unwrap()["rules"][0].clone()
    };
    let all: Vec<serde_json::Value> = named.iter().map(one).collect();
    serde_json::from_value(serde_json::json!({ "version": 1, "rules": all })).unwrap()
}

async fn save(store: &Store, workspace: WorkspaceId, link: LinkId, rules: Rules) {
    let gate = GateChange { rules: Some(rules), ..GateChange::default() };
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    scope.update_link(link, LinkChange { gate, ..LinkChange::default() }, None, NOON).await.unwrap();
    scope.commit().await.unwrap();
}

async fn link_with(store: &Store, workspace: WorkspaceId, slug: &str, rules: Rules) -> LinkId {
    let mut new = new_link(slug);
    new.gate.rules = rules;
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    let made = scope.create_link(&new, NOON).await.unwrap();
    scope.commit().await.unwrap();
    made.id
}

async fn names(store: &Store, workspace: WorkspaceId) -> HashMap<String, String> {
    let mut asked: Vec<String> = (1..=4).map(|seed| id(seed).to_string()).collect();
    asked.push("no id of a rule".into());
    read(store, workspace).await.rule_names(&asked).await.unwrap()
}

fn named(names: &[(u8, &str)]) -> HashMap<String, String> {
    names.iter().map(|(seed, name)| (id(*seed).to_string(), (*name).to_owned())).collect()
}

pub async fn rules_are_named_when_they_and_their_clicks_are_gone(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let link = link_with(store, ours, "a", rules(&[(1, "Germans"), (2, "Others")])).await;
    assert_eq!(names(store, ours).await, named(&[(1, "Germans"), (2, "Others")]));
    save(store, ours, link, rules(&[(1, "Germany"), (3, "Night")])).await;
    assert_eq!(names(store, ours).await, named(&[(1, "Germany"), (2, "Others"), (3, "Night")]));
    // A change of something else leaves them.
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    let change = LinkChange { target: Some(target("https://example.com/else")), ..LinkChange::default() };
    scope.update_link(link, change, None, NOON).await.unwrap();
    scope.delete_link(link, NOON).await.unwrap();
    scope.commit().await.unwrap();
    assert_eq!(names(store, ours).await, named(&[(1, "Germany"), (2, "Others"), (3, "Night")]));
    assert_eq!(names(store, theirs).await, HashMap::new());
}

pub async fn rules_of_before_are_named_by_the_migration(store: &Database) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    link_with(store, ours, "a", rules(&[(1, "Germans"), (2, "\"ä\"")])).await;
    link_with(store, ours, "b", Rules::default()).await;
    link_with(store, theirs, "c", rules(&[(4, "Theirs")])).await;
    store.execute("DROP TABLE rule_names").await;
    store.execute("DELETE FROM seaql_migrations WHERE version = 'm20261128_000014_rule_names'").await;
    store::migrate(store, NOON).await.unwrap();
    assert_eq!(names(store, ours).await, named(&[(1, "Germans"), (2, "\"ä\"")]));
    assert_eq!(names(store, theirs).await, named(&[(4, "Theirs")]));
}
