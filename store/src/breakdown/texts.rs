//! Values that are texts, of which clicks have as many as visitors care to send: grouped, searched, ordered, cut and
//! summed up by the database, in one statement that reads the clicks once.

use domain::ClickFilter;
use entity::click::Entity;
use sea_orm::sea_query::{
    Alias, CommonTableExpression, Expr, ExprTrait as _, Func, JoinType, Order, Query, SelectStatement, SimpleExpr, WithClause,
};
use sea_orm::{Condition, ConnectionTrait as _, EntityTrait as _, QueryFilter, QueryResult, QuerySelect, QueryTrait as _, Select};

use super::{BreakdownOrder, BreakdownOrderField, BreakdownRow};
use crate::filter_sql::{by_bytes, contains_expr};
use crate::grouped::{Grouping, VALUE};
use crate::{StoreError, WorkspaceScope};

/// Which of the groups.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextRequest<'a> {
    pub by: Grouping<'a>,
    pub search: Option<&'a str>,
    /// The most of them.
    pub first: u64,
    pub order: BreakdownOrder,
}

/// The first texts of an order.
pub(crate) struct Texts {
    pub rows: Vec<BreakdownRow>,
    /// The clicks of all texts, whatever was searched for.
    pub total: u64,
}

/// All groups, in a statement.
const ALL: &str = "found";
/// Those that are told.
const SHOWN: &str = "shown";

impl WorkspaceScope {
    /// Beside a range compared with, the texts of either range.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn largest_texts(
        &self,
        filter: &ClickFilter,
        compared: Option<&ClickFilter>,
        request: TextRequest<'_>,
    ) -> Result<Texts, StoreError> {
        let text = request.by.text(self.transaction.get_database_backend());
        let text = text.ok_or_else(|| StoreError::Internal("this dimension is no text".into()))?;
        let groups = match compared {
            Some(compared) => self.groups_of_both(filter, compared, text),
            None => self.groups(filter, text).column_as(Expr::cust("0"), "previous"),
        };
        let mut found = CommonTableExpression::new();
        found.table_name(Alias::new(ALL)).query(groups.into_query());
        let mut with = WithClause::new();
        with.cte(found);
        let mut sum = Query::select();
        sum.expr_as(Expr::cust("CAST(COALESCE(SUM(clicks), 0) AS BIGINT)"), Alias::new("total")).from(Alias::new(ALL));
        // Joined, so that the sum is told also where there is nothing to show.
        let mut query = Query::select();
        query
            .column(Alias::new("total"))
            .columns([VALUE, "clicks", "previous"].map(|column| (Alias::new(SHOWN), Alias::new(column))))
            .from_subquery(sum, Alias::new("summed"))
            .join_subquery(JoinType::LeftJoin, self.shown(request), Alias::new(SHOWN), Expr::cust("TRUE"));
        let rows = self.transaction.query_all(&query.with(with)).await?;
        let total = rows.first().map_or(Ok(0), |row| row.try_get::<i64>("", "total"))?.unsigned_abs();
        let told = rows.iter().map(|row| told(row, compared.is_some())).collect::<Result<Vec<_>, _>>()?;
        // What is joined has no order.
        Ok(Texts { rows: request.order.first(told.into_iter().flatten().collect(), request.first), total })
    }

    fn shown(&self, request: TextRequest<'_>) -> SelectStatement {
        let (field, direction) = (request.order.field, if request.order.descending { Order::Desc } else { Order::Asc });
        let by_value = if field == BreakdownOrderField::Value { direction.clone() } else { Order::Asc };
        let value = || Expr::col(Alias::new(VALUE));
        let mut shown = Query::select();
        shown
            .columns([VALUE, "clicks", "previous"].map(Alias::new))
            .from(Alias::new(ALL))
            .cond_where(Condition::all().add_option(request.search.map(|search| contains_expr(value(), search))));
        match field {
            BreakdownOrderField::Clicks => drop(shown.order_by(Alias::new("clicks"), direction)),
            BreakdownOrderField::Change => drop(shown.order_by_expr(Expr::cust("clicks - previous"), direction)),
            BreakdownOrderField::Value => {}
        }
        shown
            .order_by_expr(value().is_null(), Order::Asc)
            .order_by_expr(Expr::cust(format!("{VALUE}{}", by_bytes(self))), by_value)
            .limit(Ord::min(request.first, i64::MAX.unsigned_abs()));
        shown
    }

    /// The clicks of two ranges side by side.
    fn groups_of_both(&self, filter: &ClickFilter, compared: &ClickFilter, by: SimpleExpr) -> Select<Entity> {
        let (now, before) = (self.counted(filter), self.counted(compared));
        let sum = |of: &Condition| SimpleExpr::from(Func::sum(Expr::case(of.clone(), Expr::cust("1")).finally(Expr::cust("0"))));
        Entity::find()
            .select_only()
            .column_as(by, VALUE)
            .column_as(sum(&now), "clicks")
            .column_as(sum(&before), "previous")
            .filter(Condition::any().add(now).add(before))
            .group_by(Expr::cust(VALUE))
    }
}

/// `None` of the row that stands for nothing to show.
fn told(row: &QueryResult, has_previous: bool) -> Result<Option<BreakdownRow>, StoreError> {
    let Some(clicks) = row.try_get::<Option<i64>>("", "clicks")? else { return Ok(None) };
    let previous = if has_previous { Some(row.try_get::<i64>("", "previous")?.unsigned_abs()) } else { None };
    let value = row.try_get::<Option<String>>("", VALUE)?.into();
    Ok(Some(BreakdownRow { value, clicks: clicks.unsigned_abs(), previous }))
}
