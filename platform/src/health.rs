//! Readiness: what each part of the process says of itself, joined for `/readyz`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

/// How far a hop's acknowledgement reaches: `os` survives the death of the process, `fsync` a
/// power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DurabilityClass {
    Os,
    Fsync,
    /// The hop's server does not say.
    Unknown,
}

impl DurabilityClass {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Os => "os",
            Self::Fsync => "fsync",
            Self::Unknown => "unknown",
        }
    }
}

/// One hop of a click's way and its class.
#[derive(Clone, Debug, Serialize)]
pub struct HopDurability {
    pub class: DurabilityClass,
    pub note: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Readiness {
    Ready,
    /// Works, but something it would use is away.
    Degraded,
    /// Cannot serve.
    Down,
}

#[derive(Debug, Default)]
struct State {
    parts: BTreeMap<&'static str, (Readiness, String)>,
    warnings: BTreeMap<&'static str, String>,
    durability: BTreeMap<&'static str, HopDurability>,
}

/// Shared by all parts of a process; each part reports under its own name.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<State>>);

/// What `/readyz` prints.
#[derive(Debug, Serialize)]
pub struct Report {
    pub status: Readiness,
    pub parts: BTreeMap<&'static str, Part>,
    pub warnings: Vec<String>,
    pub durability: BTreeMap<&'static str, HopDurability>,
}

#[derive(Debug, Serialize)]
pub struct Part {
    pub status: Readiness,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Health {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports the state of `part`. The detail is for operators: sentences that say what is and what to
    /// do; no addresses of visitors, no secrets.
    pub fn report(&self, part: &'static str, readiness: Readiness, detail: impl Into<String>) {
        let detail = detail.into();
        let previous = self.state().parts.insert(part, (readiness, detail.clone()));
        match (previous.map(|(before, _)| before), readiness) {
            (Some(before), now) if before == now => {}
            (None, Readiness::Ready) => {}
            (_, Readiness::Ready) => tracing::info!(part, ?readiness, detail, "readiness changed"),
            _ => tracing::warn!(part, ?readiness, detail, "readiness changed"),
        }
    }

    /// A part that will report once it has started, and is down until then; `detail` says what it waits for.
    pub fn expect(&self, part: &'static str, detail: &str) {
        self.state().parts.insert(part, (Readiness::Down, detail.to_owned()));
    }

    /// Raises a standing warning, or says it anew; true the first time.
    pub fn warn(&self, key: &'static str, text: impl Into<String>) -> bool {
        self.state().warnings.insert(key, text.into()).is_none()
    }

    /// Takes a warning back, if it was raised.
    pub fn settle(&self, key: &'static str) {
        self.state().warnings.remove(key);
    }

    pub fn durability(&self, hop: &'static str, class: DurabilityClass, note: &'static str) {
        self.state().durability.insert(hop, HopDurability { class, note });
    }

    pub fn snapshot(&self) -> Report {
        let state = self.state();
        let status =
            state.parts.values().map(|(readiness, _)| *readiness).max_by_key(|readiness| *readiness as u8).unwrap_or(Readiness::Down);
        Report {
            status,
            parts: state.parts.iter().map(|(name, (status, detail))| (*name, Part { status: *status, detail: detail.clone() })).collect(),
            warnings: state.warnings.values().cloned().collect(),
            durability: state.durability.clone(),
        }
    }
}
