//! Gates with secrets (a password's hash, the keys of experiments) travel sealed under the
//! installation's key. Without the key a writer leaves them out and a reader has no link: it could
//! only lead past the password.

use domain::{Destination, Gate, LinkState, ResolvedLink};
use platform::{Rng, SealKey};

use super::broker;
use crate::StreamError;

/// The key, where the process has it, and what it seals with.
#[derive(Clone, Debug, Default)]
pub(super) struct Sealer {
    pub key: Option<SealKey>,
    pub rng: Rng,
}

/// Whether a link carries what not everybody who reads the bucket may know.
pub(super) fn has_secrets(state: &LinkState) -> bool {
    let gate = state.link.as_ref().and_then(|link| link.gate.as_deref());
    gate.is_some_and(|gate| gate.password.is_some() || gate.rules.iter().any(|rule| matches!(rule.destination, Destination::Variants(_))))
}

/// Bound to the link and its version, so that a gate cannot be put at another link or brought back.
fn purpose(link: &ResolvedLink) -> String {
    format!("gate {} {}", link.id, link.version)
}

impl Sealer {
    /// The state without its gate, and the gate sealed; empty without a key.
    pub fn closed(&self, state: &LinkState) -> Result<(LinkState, String), StreamError> {
        let mut closed = state.clone();
        let Some((link, gate)) = closed.link.as_mut().and_then(|link| link.gate.take().map(|gate| (link, gate))) else {
            return Ok((closed, String::new()));
        };
        let Some(key) = &self.key else { return Ok((closed, String::new())) };
        let gate = serde_json::to_vec(&gate).map_err(|error| broker(&error))?;
        let sealed = key.seal(&purpose(link), &gate, &self.rng).map_err(|error| broker(&error))?;
        Ok((closed, sealed))
    }

    /// The state with its gate; `None` where this process cannot open it.
    pub fn opened(&self, mut closed: LinkState, sealed: &str) -> Option<LinkState> {
        let link = closed.link.as_mut()?;
        let gate = self.key.as_ref()?.open(&purpose(link), sealed).ok()?;
        link.gate = Some(Box::new(serde_json::from_slice::<Gate>(&gate).ok()?));
        Some(closed)
    }
}
