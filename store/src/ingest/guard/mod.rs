//! What may not come back: clicks that were erased, those of an erased visitor or link that were still
//! under way then, and everything of a workspace that goes.
//!
//! Asked under the head's lock, which whoever erases holds too, so that no click slips in between. It
//! costs nothing where nothing was erased lately: the head's row says so. Only hashes are kept of what was
//! erased, under a salt of their own that goes with them.

pub(super) mod postgres;
pub(super) mod sqlite;

use std::collections::{BTreeMap, HashMap, HashSet};

use std::net::IpAddr;

use domain::{Click, Millis};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Incoming;

/// `workspace_heads.guarded_until` of a workspace that goes.
pub(crate) const CLOSED: i64 = i64::MAX;

const HASH_BYTES: usize = 16;

/// A hash of an erased click.
pub(crate) fn hash_of_click(salt: &[u8], click: Uuid) -> Vec<u8> {
    hash(salt, b"click", click.as_bytes())
}

/// A hash of a visitor. What an id consented to is and what a day's key is never meet.
pub(crate) fn hash_of_visitor(salt: &[u8], recipe: i16, key: &str) -> Vec<u8> {
    let recipe = recipe.to_le_bytes();
    hash(salt, &[b"visitor".as_slice(), &recipe].concat(), key.as_bytes())
}

/// A hash of an address that is kept in full and the user agent beside it, `None` where none is stored.
pub(crate) fn hash_of_address(salt: &[u8], ip: IpAddr, agent: Option<&str>) -> Vec<u8> {
    let kind = if agent.is_some() { b"address with agent".as_slice() } else { b"address" };
    // No address has a line end.
    hash(salt, kind, format!("{}\n{}", ip.to_canonical(), agent.unwrap_or_default()).as_bytes())
}

/// A hash of a recipient's id under the parameter that holds it.
pub(crate) fn hash_of_recipient(salt: &[u8], parameter: &str, id: &str) -> Vec<u8> {
    // No parameter's name has a line end.
    hash(salt, b"recipient", format!("{parameter}\n{id}").as_bytes())
}

fn hash(salt: &[u8], kind: &[u8], value: &[u8]) -> Vec<u8> {
    let hash = Sha256::new().chain_update(salt).chain_update(kind).chain_update(value).finalize();
    hash.iter().take(HASH_BYTES).copied().collect()
}

/// What was erased of one workspace, as far as it must be kept from coming back.
#[derive(Debug, Default)]
pub(super) struct Guard {
    /// Salts with their ends, the last of which is used for what is added.
    salts: Vec<(Vec<u8>, i64)>,
    /// Links whose clicks made before an instant are erased.
    histories: Vec<(Uuid, i64)>,
    /// Parameters that hold the ids of recipients of whom some were erased.
    parameters: Vec<String>,
}

/// What the guard keeps out of a batch.
#[derive(Debug, Default)]
pub(super) struct Refused {
    pub clicks: HashSet<Uuid>,
    /// Those that nobody has counted yet: hash and end to be added, so that none is counted again.
    pub tombstones: Vec<(Vec<u8>, i64)>,
    /// How many of them, by the minute they were made in.
    pub minutes: BTreeMap<i64, i64>,
}

impl Guard {
    pub fn new(mut salts: Vec<(Vec<u8>, i64)>, histories: Vec<(Uuid, i64)>, parameters: Vec<String>) -> Self {
        salts.sort_by_key(|(_, until)| *until);
        Self { salts, histories, parameters }
    }

    /// What of a click may have been erased with whoever made it.
    fn hashes_of_whom(&self, salt: &[u8], click: &Click) -> impl Iterator<Item = Vec<u8>> {
        let visitor = click.visitor.as_ref().map(|visitor| hash_of_visitor(salt, visitor.recipe, &visitor.key));
        let address = click.ip.map(|ip| hash_of_address(salt, ip, click.user_agent.as_deref()));
        let recipients = click.parameters.iter().filter(|parameter| self.parameters.contains(&parameter.key));
        visitor.into_iter().chain(address).chain(recipients.map(|parameter| hash_of_recipient(salt, &parameter.key, &parameter.value)))
    }

    /// Everything that must be looked up for a batch.
    pub fn hashes(&self, batch: &[&Incoming]) -> Vec<Vec<u8>> {
        let mut all = HashSet::new();
        for (click, (salt, _)) in batch.iter().flat_map(|incoming| self.salts.iter().map(|salt| (&incoming.click, salt))) {
            all.insert(hash_of_click(salt, click.id.0));
            all.extend(self.hashes_of_whom(salt, click));
        }
        all.into_iter().collect()
    }

    /// What is kept out, given which hashes there are, with the instant before which each holds.
    pub fn refuse(&self, batch: &[&Incoming], found: &HashMap<Vec<u8>, Option<i64>>) -> Refused {
        let mut refused = Refused::default();
        for click in batch.iter().map(|incoming| &incoming.click) {
            let (id, made_at) = (click.id.0, click.occurred_at());
            let holds = |hash: Vec<u8>| found.get(&hash).is_some_and(|before| before.is_none_or(|before| made_at.0 < before));
            if self.salts.iter().any(|(salt, _)| holds(hash_of_click(salt, id))) {
                refused.clicks.insert(id);
                continue;
            }
            let of_visitor = self.salts.iter().any(|(salt, _)| self.hashes_of_whom(salt, click).any(holds));
            let of_history = self.histories.iter().any(|(link, before)| *link == click.link.0 && made_at.0 < *before);
            if (of_visitor || of_history) && refused.clicks.insert(id) {
                refused.tombstones.extend(self.salts.last().map(|(salt, until)| (hash_of_click(salt, id), *until)));
                *refused.minutes.entry(minute_of(made_at)).or_default() += 1;
            }
        }
        refused
    }
}

fn minute_of(at: Millis) -> i64 {
    at.0.div_euclid(60_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_of_one_thing_under_one_salt() {
        let id = Uuid::from_u128(1);
        let all = [
            hash_of_click(&[1; 32], id),
            hash_of_click(&[2; 32], id),
            hash_of_click(&[1; 32], Uuid::from_u128(2)),
            hash_of_visitor(&[1; 32], 1, "a"),
            hash_of_visitor(&[1; 32], 2, "a"),
            hash_of_address(&[1; 32], [203, 0, 113, 7].into(), Some("a")),
            hash_of_address(&[1; 32], [203, 0, 113, 7].into(), Some("")),
            hash_of_address(&[1; 32], [203, 0, 113, 7].into(), None),
            hash_of_address(&[1; 32], [203, 0, 113, 8].into(), None),
            hash_of_recipient(&[1; 32], "rid", "a"),
            hash_of_recipient(&[1; 32], "uid", "a"),
        ];
        assert!(all.iter().all(|hash| hash.len() == HASH_BYTES));
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }
}
