//! What rules are called. Clicks and counts name them by ids, and outlive the rules, so each name is remembered when
//! its rule is saved: no click is read for it.

use std::collections::HashMap;

use domain::{RuleId, Rules};
use entity::rule_name::{ActiveModel, Column, Entity};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use crate::{StoreError, WorkspaceScope};

impl WorkspaceScope {
    /// Remembers what rules are called that a link is saved with.
    pub(crate) async fn remember_rules(&self, rules: &Rules) -> Result<(), StoreError> {
        if rules.is_empty() {
            return Ok(());
        }
        let row = |rule: &domain::Rule| ActiveModel {
            workspace_id: Set(self.workspace.0),
            rule_id: Set(rule.id.0),
            name: Set(rule.name.clone()),
        };
        Entity::insert_many(rules.iter().map(row))
            .on_conflict(OnConflict::columns([Column::WorkspaceId, Column::RuleId]).update_column(Column::Name).to_owned())
            .exec_without_returning(&self.transaction)
            .await?;
        Ok(())
    }

    /// What these rules are called, or were when they were saved last; without those that nobody saved here.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn rule_names(&self, ids: &[String]) -> Result<HashMap<String, String>, StoreError> {
        let ids: Vec<RuleId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = Entity::find()
            .filter(Column::WorkspaceId.eq(self.workspace.0))
            .filter(Column::RuleId.is_in(ids.iter().map(|id| id.0)))
            .all(&self.transaction)
            .await?;
        Ok(rows.into_iter().map(|row| (RuleId(row.rule_id).to_string(), row.name)).collect())
    }
}
