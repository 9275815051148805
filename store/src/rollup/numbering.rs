//! Numbers of values in a transaction of SeaORM's, for whoever counts stored clicks again.

use std::collections::BTreeSet;

use domain::WorkspaceId;
use entity::rollup_value::{ActiveModel, Column, Entity};
use entity::workspace_head;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};

use super::cell::Block;
use super::values::{Interner, Spelled, link_of};
use crate::StoreError;

/// Values in one statement.
const MOST: usize = 2_000;

/// Gives numbers to values that have none.
pub(crate) async fn give(
    transaction: &DatabaseTransaction,
    workspace: WorkspaceId,
    fresh: Vec<Spelled>,
    values: &mut Interner,
) -> Result<(), StoreError> {
    if fresh.is_empty() {
        return Ok(());
    }
    let given = values.give(fresh);
    for part in given.chunks(MOST) {
        let rows = part.iter().map(|(value, id)| ActiveModel {
            workspace_id: Set(workspace.0),
            block: Set(value.0.0.cast_signed()),
            value: Set(value.1.clone()),
            id: Set(*id),
            link_id: Set(link_of(value)),
        });
        Entity::insert_many(rows).exec_without_returning(transaction).await?;
    }
    workspace_head::Entity::update_many()
        .col_expr(workspace_head::Column::NextValue, Expr::value(values.next()))
        .filter(workspace_head::Column::WorkspaceId.eq(workspace.0))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Reads the numbers of these values; those that have none are returned.
pub(crate) async fn read(
    transaction: &DatabaseTransaction,
    workspace: WorkspaceId,
    missing: Vec<Spelled>,
    values: &mut Interner,
) -> Result<Vec<Spelled>, StoreError> {
    let mut fresh: BTreeSet<Spelled> = BTreeSet::new();
    for part in missing.chunks(MOST) {
        fresh.extend(part.iter().cloned());
        let keys: Vec<(i32, String)> = part.iter().map(|(block, text)| (block.0.cast_signed(), text.clone())).collect();
        let found = Entity::find()
            .filter(Column::WorkspaceId.eq(workspace.0))
            .filter(Expr::tuple([Expr::col(Column::Block), Expr::col(Column::Value)]).in_tuples(keys))
            .all(transaction)
            .await?;
        for row in found {
            let value = (Block(row.block.cast_unsigned()), row.value);
            fresh.remove(&value);
            values.learn(value, row.id.unsigned_abs());
        }
    }
    Ok(fresh.into_iter().collect())
}
