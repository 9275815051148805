//! What stands between a link and its target, and permits of limited links.

use domain::{
    ClickLimit, ConditionsDraft, ExperimentKey, Fresh, Gate, GateChange, LinkChange, PasswordHash, RuleDraft, RuleId, Rules, ShortDomain,
    VariantDraft,
};
use store::{Access, Store};

use crate::fixture::{NOON, new_link, target, workspace};

fn limit(limit: i64) -> Option<ClickLimit> {
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
        rules: Rules::parse(vec![draft], &ShortDomain::parse("go.example").unwrap(), &Rules::default(), fresh).unwrap(),
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

pub async fn permits_never_pass_the_limit(store: &Store) {
    let ours = workspace(store, "ours").await;
    let mut new = new_link("limited");
    new.gate.click_limit = limit(100);
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    let id = scope.create_link(&new, NOON).await.unwrap().id;
    scope.commit().await.unwrap();
    let takers: Vec<_> = (0..4)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let (mut all, mut blocks) = (0, Vec::new());
                loop {
                    let leased = store.lease(id, 50).await.unwrap();
                    if leased == 0 {
                        return (all, blocks);
                    }
                    all += leased;
                    blocks.push(leased);
                }
            })
        })
        .collect();
    let mut sum = 0;
    for taker in takers {
        let (all, blocks) = taker.await.unwrap();
        sum += all;
        // An eighth of what is left at most, down to one by one.
        assert!(blocks.iter().all(|block| *block <= 12) && blocks.is_sorted_by(|a, b| a >= b), "{blocks:?}");
    }
    assert_eq!(sum, 100);
    store.return_permits(id, 2).await.unwrap();
    assert_eq!([store.lease(id, 5).await.unwrap(), store.lease(id, 5).await.unwrap(), store.lease(id, 5).await.unwrap()], [1, 1, 0]);
    // A raised limit goes on from there; one taken away and given back does not begin again.
    for (limit, leased) in [(limit(101), 1), (None, 0), (limit(101), 0), (limit(90), 0)] {
        let change = LinkChange { gate: GateChange { click_limit: Some(limit), ..GateChange::default() }, ..LinkChange::default() };
        let scope = store.workspace(ours, Access::Write).await.unwrap();
        scope.update_link(id, change, None, NOON).await.unwrap();
        scope.commit().await.unwrap();
        assert_eq!(store.lease(id, 1).await.unwrap(), leased, "{limit:?}");
    }
}
