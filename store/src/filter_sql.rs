//! [`ClickFilter`] as a condition on rows of `clicks`: the SQL twin of `ClickFilter::matches`.
//! Text from outside is bound, never written into a statement.

use domain::{BucketSpan, ClickFilter, ClickId, Millis, Outcome, WorkspaceId};
use entity::click::Column;
use sea_orm::{
    ColumnTrait, Condition,
    sea_query::{Alias, Expr, ExprTrait, Func, LikeExpr},
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
    if !filter.channels.is_empty() {
        let known = Column::Channel.is_in(filter.channels.iter().flatten().map(|channel| channel.code()));
        let unknown = filter.channels.contains(&None).then(|| Column::Channel.is_null());
        all = all.add(Condition::any().add(known).add_option(unknown));
    }
    for (column, wanted) in filter.text_fields() {
        if !wanted.is_empty() {
            all = all.add(any_of(column, wanted));
        }
    }
    all
}

/// The clicks that match and that counts take.
pub(crate) fn counted(workspace: WorkspaceId, filter: &ClickFilter) -> Condition {
    let counted = Outcome::ALL.iter().filter(|outcome| outcome.is_counted()).map(|outcome| outcome.code());
    condition(workspace, filter).add(Column::Outcome.is_in(counted))
}

/// The same filter, cut to the range of `spans`.
pub(crate) fn within(filter: &ClickFilter, spans: &[BucketSpan]) -> ClickFilter {
    let (first, last) = (spans.first().map(|span| span.start), spans.last().map(|span| span.end));
    let to = filter.to.into_iter().chain(last).min();
    ClickFilter { from: filter.from.max(first), to, ..filter.clone() }
}

/// Whether a text has `part` in it, without regard to case.
///
/// SQLite, and PostgreSQL under the C collation, know the case of ASCII letters only; others match
/// where they are all small or all capital in the text, like the first letter of "Örebro".
pub(crate) fn contains(column: impl ColumnTrait, part: &str) -> Condition {
    let pattern = |part: &str| {
        let mut pattern = String::from("%");
        for letter in part.chars() {
            if matches!(letter, '%' | '_' | ESCAPE) {
                pattern.push(ESCAPE);
            }
            pattern.push(letter);
        }
        LikeExpr::new(pattern + "%").escape(ESCAPE)
    };
    let text = || Expr::expr(Func::lower(Expr::col(column)));
    Condition::any().add(text().like(pattern(&part.to_lowercase()))).add(text().like(pattern(&part.to_uppercase().to_ascii_lowercase())))
}

/// Not the backslash, which PostgreSQL can be set to read twice.
const ESCAPE: char = '!';

pub(crate) fn any_of(column: &'static str, wanted: &[Option<String>]) -> Condition {
    let column = || Expr::col(Alias::new(column));
    let mut any = Condition::any();
    if wanted.contains(&None) {
        any = any.add(column().is_null());
    }
    let values: Vec<&str> = wanted.iter().flatten().map(String::as_str).collect();
    if values.is_empty() { any } else { any.add(column().is_in(values)) }
}
