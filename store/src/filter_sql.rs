//! [`ClickFilter`] as a condition on rows of `clicks`: the SQL twin of `ClickFilter::matches`.

use domain::{ClickFilter, ClickId, Millis, WorkspaceId};
use entity::click::Column;
use sea_orm::{
    ColumnTrait, Condition,
    sea_query::{Alias, Expr, ExprTrait},
};

pub(crate) fn condition(workspace: WorkspaceId, filter: &ClickFilter) -> Condition {
    let mut all = Condition::all().add(Column::WorkspaceId.eq(workspace.0));
    // Ranges of time are ranges of ids, which is what rows are found and partitioned by.
    if let Some(from) = filter.from {
        all = all.add(Column::Id.gte(ClickId::floor(from).0));
    }
    if let Some(to) = filter.to.filter(|to| *to < Millis::MAX) {
        all = all.add(Column::Id.lt(ClickId::floor(to).0));
    }
    if !filter.links.is_empty() {
        all = all.add(Column::LinkId.is_in(filter.links.iter().map(|link| link.0)));
    }
    if !filter.verdicts.is_empty() {
        all = all.add(Column::Verdict.is_in(filter.verdicts.iter().map(|verdict| verdict.code())));
    }
    if !filter.outcomes.is_empty() {
        all = all.add(Column::Outcome.is_in(filter.outcomes.iter().map(|outcome| outcome.code())));
    }
    if !filter.devices.is_empty() {
        all = all.add(Column::Device.is_in(filter.devices.iter().map(|device| device.code())));
    }
    for (column, wanted) in filter.text_fields() {
        if !wanted.is_empty() {
            all = all.add(any_of(column, wanted));
        }
    }
    all
}

fn any_of(column: &'static str, wanted: &[Option<String>]) -> Condition {
    let column = || Expr::col(Alias::new(column));
    let mut any = Condition::any();
    if wanted.contains(&None) {
        any = any.add(column().is_null());
    }
    let values: Vec<&str> = wanted.iter().flatten().map(String::as_str).collect();
    if values.is_empty() { any } else { any.add(column().is_in(values)) }
}
