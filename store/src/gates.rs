//! What stands between a link and its target, as columns and as the domain has it.

use domain::{ClickLimit, Gate, GateChange, LimitMode, Millis, PasswordHash, TargetUrl};
use entity::link;
use sea_orm::ActiveValue::Set;

use crate::StoreError;

/// A gate's columns.
#[derive(Debug)]
pub(crate) struct StoredGate {
    pub disabled: bool,
    pub starts_at: Option<i64>,
    pub expires_at: Option<i64>,
    pub fallback_url: Option<String>,
    pub password_hash: Option<String>,
    pub click_limit: Option<i64>,
    pub rules: Option<String>,
    pub click_limit_mode: i16,
}

impl StoredGate {
    pub fn read(self) -> Result<Gate, StoreError> {
        let rules = self.rules.map(|json| serde_json::from_str(&json)).transpose();
        let limit = self.click_limit.map(ClickLimit::parse).transpose();
        Ok(Gate {
            disabled: self.disabled,
            starts_at: self.starts_at.map(Millis),
            expires_at: self.expires_at.map(Millis),
            fallback: self.fallback_url.map(TargetUrl::from_store),
            password: self.password_hash.map(PasswordHash),
            click_limit: limit.map_err(|issue| StoreError::Internal(issue.message))?,
            limit_mode: LimitMode::from_code(self.click_limit_mode),
            rules: rules.map_err(|error| StoreError::Internal(format!("a link's rules cannot be read: {error}")))?.unwrap_or_default(),
        })
    }
}

/// Sets all columns.
pub(crate) fn write_gate(row: &mut link::ActiveModel, gate: &Gate) -> Result<(), StoreError> {
    let Gate { disabled, starts_at, expires_at, fallback, password, click_limit, limit_mode, rules } = gate.clone();
    let change = GateChange {
        disabled: Some(disabled),
        starts_at: Some(starts_at),
        expires_at: Some(expires_at),
        fallback: Some(fallback),
        password: Some(password),
        click_limit: Some(click_limit),
        limit_mode: Some(limit_mode),
        rules: Some(rules),
    };
    write_change(row, change)
}

/// Sets the columns of the fields that change.
pub(crate) fn write_change(row: &mut link::ActiveModel, change: GateChange) -> Result<(), StoreError> {
    if let Some(disabled) = change.disabled {
        row.disabled = Set(disabled);
    }
    if let Some(starts_at) = change.starts_at {
        row.starts_at = Set(starts_at.map(|at| at.0));
    }
    if let Some(expires_at) = change.expires_at {
        row.expires_at = Set(expires_at.map(|at| at.0));
    }
    if let Some(fallback) = change.fallback {
        row.fallback_url = Set(fallback.map(|target| target.as_str().to_owned()));
    }
    if let Some(password) = change.password {
        row.password_hash = Set(password.map(|hash| hash.0));
    }
    if let Some(limit) = change.click_limit {
        row.click_limit = Set(limit.map(|limit| limit.get().into()));
    }
    if let Some(mode) = change.limit_mode {
        row.click_limit_mode = Set(mode.code());
    }
    if let Some(rules) = change.rules {
        let json = serde_json::to_string(&rules).map_err(|error| StoreError::Internal(error.to_string()))?;
        row.rules = Set((!rules.is_empty()).then_some(json));
    }
    Ok(())
}
