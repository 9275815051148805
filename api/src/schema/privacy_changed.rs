//! What the audit log is told of a change of what is kept: names and values are those of [`super::privacy`].

use async_graphql::resolver_utils::{EnumType, enum_value};
use domain::Privacy as Settings;
use serde_json::{Map, Value, json};

use super::privacy::{Privacy, Retention};

/// The level and the retention from then on, and of each setting that is another one what it was and is.
pub fn privacy_changed(before: Settings, after: Settings) -> Value {
    let (before, after) = (Privacy::from(before), Privacy::from(after));
    let Retention { clicks_days, addresses_days, audit_days } = after.retention;
    let retention = json!({ "clicksDays": clicks_days, "addressesDays": addresses_days, "auditDays": audit_days });
    let level = name(after.level);
    let pairs = leaves(before).into_iter().zip(leaves(after));
    let changed: Map<String, Value> = pairs
        .filter(|((_, from), (_, to))| from != to)
        .map(|((field, from), (_, to))| (field.to_owned(), json!({ "from": from, "to": to })))
        .collect();
    json!({ "level": level, "retention": retention, "changed": changed })
}

/// Every field, so that none is forgotten.
fn leaves(privacy: Privacy) -> [(&'static str, Value); 16] {
    let Privacy {
        level,
        keep_referrer_path,
        keep_user_agent,
        keep_city,
        keep_language,
        keep_parameters,
        parameters,
        impersonal_parameters,
        respect_dnt,
        consent,
        controller,
        policy_url,
        own_networks,
        retention: Retention { clicks_days, addresses_days, audit_days },
    } = privacy;
    [
        ("level", name(level)),
        ("keepReferrerPath", keep_referrer_path.into()),
        ("keepUserAgent", keep_user_agent.into()),
        ("keepCity", keep_city.into()),
        ("keepLanguage", keep_language.into()),
        ("keepParameters", keep_parameters.into()),
        ("parameters", parameters.into()),
        ("impersonalParameters", impersonal_parameters.into()),
        ("respectDnt", respect_dnt.into()),
        ("consent", name(consent)),
        ("controller", controller.into()),
        ("policyUrl", policy_url.into()),
        ("ownNetworks", own_networks.into()),
        ("retention.clicksDays", clicks_days.into()),
        ("retention.addressesDays", addresses_days.into()),
        ("retention.auditDays", audit_days.into()),
    ]
}

fn name(value: impl EnumType) -> Value {
    enum_value(value).into_json().unwrap_or_default()
}
