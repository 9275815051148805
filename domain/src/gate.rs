//! What may stand between a link and its target: a switch, a schedule, a password, a limit of
//! clicks, rules. Most links have none of it, and then the redirector asks one question only.

use crate::{Issue, IssueCode, Millis, Rules, TargetUrl};

/// The conditions of a link under which it leads on, and where else it leads.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Gate {
    /// Switched off by its owner.
    pub disabled: bool,
    /// The first instant at which the link leads on.
    pub starts_at: Option<Millis>,
    /// The first instant at which it no longer does.
    pub expires_at: Option<Millis>,
    /// Where visitors are sent outside the schedule and above the limit.
    pub fallback: Option<TargetUrl>,
    pub password: Option<PasswordHash>,
    pub click_limit: Option<ClickLimit>,
    pub limit_mode: LimitMode,
    pub rules: Rules,
}

/// A change to a gate: `None` leaves a field as it is, `Some(None)` clears it.
#[derive(Clone, Debug, Default)]
pub struct GateChange {
    pub disabled: Option<bool>,
    pub starts_at: Option<Option<Millis>>,
    pub expires_at: Option<Option<Millis>>,
    pub fallback: Option<Option<TargetUrl>>,
    pub password: Option<Option<PasswordHash>>,
    pub click_limit: Option<Option<ClickLimit>>,
    pub limit_mode: Option<LimitMode>,
    pub rules: Option<Rules>,
}

/// What the clock says of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    Early,
    Open,
    Expired,
}

impl Gate {
    /// The gate as the redirector carries it: `None` where it never stands in anybody's way.
    pub fn closed(self) -> Option<Box<Self>> {
        let open = Self { fallback: self.fallback.clone(), limit_mode: self.limit_mode, ..Self::default() };
        (self != open).then(|| Box::new(self))
    }

    pub fn timing(&self, now: Millis) -> Timing {
        if self.expires_at.is_some_and(|end| now >= end) {
            Timing::Expired
        } else if self.starts_at.is_some_and(|start| now < start) {
            Timing::Early
        } else {
            Timing::Open
        }
    }

    /// The same with a change made to it.
    #[must_use]
    pub fn with(mut self, change: GateChange) -> Self {
        set(&mut self.disabled, change.disabled);
        set(&mut self.starts_at, change.starts_at);
        set(&mut self.expires_at, change.expires_at);
        set(&mut self.fallback, change.fallback);
        set(&mut self.password, change.password);
        set(&mut self.click_limit, change.click_limit);
        set(&mut self.limit_mode, change.limit_mode);
        set(&mut self.rules, change.rules);
        self
    }

    /// # Errors
    /// An issue at `expiresAt` where the link would end before it begins.
    pub fn check_schedule(&self) -> Result<(), Issue> {
        if self.starts_at.zip(self.expires_at).is_some_and(|(start, end)| end <= start) {
            return Err(Issue::new(
                "expiresAt",
                IssueCode::OutOfRange,
                "The link must expire after it starts. Choose a later end or an earlier start.",
            ));
        }
        Ok(())
    }

    /// About how many bytes its texts take in memory.
    pub fn weight(&self) -> usize {
        std::mem::size_of::<Self>() + self.fallback.as_ref().map_or(0, |target| target.as_str().len()) + self.rules.weight()
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// How often a link leads to its target at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ClickLimit(u32);

impl ClickLimit {
    pub const MOST: u32 = 1_000_000_000;

    /// # Errors
    /// An issue at `clickLimit` outside 1 to 1,000,000,000.
    pub fn parse(limit: i64) -> Result<Self, Issue> {
        match u32::try_from(limit) {
            Ok(limit @ 1..=Self::MOST) => Ok(Self(limit)),
            _ => {
                let message = "Use a whole number from 1 to 1,000,000,000 as the click limit, or leave it out for none.";
                Err(Issue::new("clickLimit", IssueCode::OutOfRange, message))
            }
        }
    }

    pub fn get(self) -> u32 {
        self.0
    }
}

/// How exactly a click limit holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum LimitMode {
    /// Never over: whoever has no permit waits for one.
    #[default]
    Strict,
    /// Each redirector may lead on [`LimitMode::FAST_OVER`] above it, and but for the first nobody waits until it did.
    Fast,
}

impl LimitMode {
    /// How often a redirector leads on in fast mode without a permit, at most.
    pub const FAST_OVER: u32 = 100;

    /// The number it is stored as.
    pub fn code(self) -> i16 {
        match self {
            Self::Strict => 0,
            Self::Fast => 1,
        }
    }

    /// What is not known is strict.
    pub fn from_code(code: i16) -> Self {
        if code == Self::Fast.code() { Self::Fast } else { Self::Strict }
    }
}

/// The PHC string of a link's password; never the password. Not printed, since it can be guessed at.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PasswordHash(pub String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_that_hinders_nobody_is_none() {
        assert_eq!(Gate::default().closed(), None);
        let fallback = Some(TargetUrl::from_store("https://example.com/".into()));
        assert_eq!(Gate { fallback, limit_mode: LimitMode::Fast, ..Gate::default() }.closed(), None);
        assert!(Gate { disabled: true, ..Gate::default() }.closed().is_some());
    }

    #[test]
    fn schedules_are_half_open() {
        let gate = Gate { starts_at: Some(Millis(10)), expires_at: Some(Millis(20)), ..Gate::default() };
        assert_eq!([9, 10, 19, 20].map(|at| gate.timing(Millis(at))), [Timing::Early, Timing::Open, Timing::Open, Timing::Expired]);
        assert_eq!(gate.check_schedule(), Ok(()));
        let backwards = gate.with(GateChange { expires_at: Some(Some(Millis(10))), ..GateChange::default() });
        assert_eq!(backwards.check_schedule().unwrap_err().path, "expiresAt");
        let endless = backwards.with(GateChange { expires_at: Some(None), ..GateChange::default() });
        assert_eq!((endless.starts_at, endless.check_schedule()), (Some(Millis(10)), Ok(())));
    }

    #[test]
    fn limits_and_hashes() {
        assert_eq!(ClickLimit::parse(7).unwrap().get(), 7);
        for limit in [0, -1, 1_000_000_001, i64::MAX] {
            assert_eq!(ClickLimit::parse(limit).unwrap_err().path, "clickLimit", "{limit}");
        }
        assert_eq!(format!("{:?}", PasswordHash("$argon2id$x".into())), "PasswordHash(hidden)");
    }
}
