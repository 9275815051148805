//! What stands between a link and its target.

use domain::{
    ClickLimit, ConditionsDraft, ExperimentKey, Fresh, Gate, GateChange, LimitMode, LinkChange, OwnHosts, PasswordHash, RuleDraft, RuleId,
    Rules, ShortDomain, VariantDraft,
};
use store::{Access, Store};

use crate::fixture::{NOON, new_link, target, workspace};

pub fn limit(limit: i64) -> Option<ClickLimit> {
    Some(ClickLimit::parse(limit).unwrap())
}

fn full() -> Gate {
    let variant = |name: &str| VariantDraft { name: name.into(), target: "https://example.com/v".into(), weight: 1 };
    let conditions = ConditionsDraft {
        countries: vec!["DE".into()],
        ip_ranges: vec!["10.0.0.0/8".into()],
        to: Some(NOON),
        ..ConditionsDraft::default()
    };
    let draft = RuleDraft { conditions, variants: vec![variant("A"), variant("ä")], ..RuleDraft::default() };
    let fresh = || Fresh { id: RuleId::new(NOON, [1; 10]), key: ExperimentKey([9; 32]) };
    Gate {
        disabled: true,
        starts_at: Some(NOON),
        expires_at: Some(NOON.plus(5)),
        fallback: Some(target("https://example.com/else")),
        password: Some(PasswordHash("$argon2id$".into())),
        click_limit: limit(100),
        limit_mode: LimitMode::Fast,
        rules: Rules::parse(vec![draft], OwnHosts::shared(&ShortDomain::parse("go.example").unwrap()), &Rules::default(), fresh).unwrap(),
    }
}

pub async fn gates_are_stored_and_resolved_as_they_are(store: &Store) {
    let ours = workspace(store, "ours").await;
    let mut new = new_link("gated");
    new.gate = full();
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    let made = scope.create_link(&new, NOON).await.unwrap();
    assert_eq!(made.gate, full());
    scope.commit().await.unwrap();
    let resolved = store.resolve_link("gated").await.unwrap().unwrap();
    assert_eq!(resolved.gate.as_deref(), Some(&full()));
    // It travels as JSON too, and what an older program wrote has no gate.
    let json = serde_json::to_value(&resolved).unwrap();
    assert_eq!(serde_json::from_value::<domain::ResolvedLink>(json.clone()).unwrap(), resolved);
    let mut older = json;
    older.as_object_mut().unwrap().remove("gate");
    assert_eq!(serde_json::from_value::<domain::ResolvedLink>(older).unwrap().gate, None);
    let change = GateChange { disabled: Some(false), starts_at: Some(None), rules: Some(Rules::default()), ..GateChange::default() };
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    let changed = scope.update_link(made.id, LinkChange { gate: change, ..LinkChange::default() }, None, NOON).await.unwrap();
    scope.commit().await.unwrap();
    assert_eq!(changed.gate, Gate { disabled: false, starts_at: None, rules: Rules::default(), ..full() });
}
