//! A parameter that cells count, as the workspace's head has it.

/// A query parameter that a workspace has counted.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct CountedParameter {
    pub key: String,
    /// Of its own, for good.
    pub block: u32,
    /// The first quarter of the day from which on it is counted.
    pub since: i64,
    /// The first quarter of the day from which on it is counted no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

impl CountedParameter {
    pub fn counts(&self, quarter: i64) -> bool {
        self.since <= quarter && self.until.is_none_or(|until| quarter < until)
    }

    /// Whether cells are read for it: not once it was counted for the last time, nor where that never began.
    pub fn is_read(&self) -> bool {
        self.until.is_none_or(|until| until > self.since)
    }
}
