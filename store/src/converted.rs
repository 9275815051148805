//! Clicks that led to a conversion, counted beside all clicks: of an experiment's variants, and of campaigns beside
//! all others. Each click counts once, however much it led to.

use domain::{ClickFilter, ClickProperties, LinkId, Millis, RuleId, Tried, Verdict};
use entity::click::{Column, Entity};
use entity::conversion;
use sea_orm::sea_query::{CaseStatement, Condition, Expr, ExprTrait as _, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait as _, DbBackend, EntityTrait, IdenStatic as _, Order, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

use crate::{StoreError, WorkspaceScope};

/// Variants of one rule, those it no longer has included.
const MOST_VARIANTS: u64 = 100;

/// Which of the campaign fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UtmField {
    Source,
    Medium,
    Campaign,
    Term,
    Content,
}

impl UtmField {
    fn column(self) -> Column {
        match self {
            Self::Source => Column::UtmSource,
            Self::Medium => Column::UtmMedium,
            Self::Campaign => Column::UtmCampaign,
            Self::Term => Column::UtmTerm,
            Self::Content => Column::UtmContent,
        }
    }
}

/// Campaigns by their clicks, most first.
#[derive(Clone, Debug)]
pub struct Campaigns {
    /// A campaign's value, and its clicks; `None` is clicks without one.
    pub rows: Vec<(Option<String>, Tried)>,
    /// Of all campaigns, also those that are not among the rows.
    pub all: Tried,
    /// The first instant the answer covers.
    pub data_from: Millis,
}

impl WorkspaceScope {
    /// How often people met each variant of a rule, and how many of these clicks converted; of one name, if given.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn variants_tried(&self, link: LinkId, rule: RuleId, name: Option<&str>) -> Result<Vec<(String, Tried)>, StoreError> {
        let include = ClickProperties {
            links: vec![link],
            rules: vec![Some(rule.to_string())],
            verdicts: vec![Verdict::Human],
            ..ClickProperties::default()
        };
        let rows: Vec<(i64, i64, Option<String>)> = self
            .tried(&include.into(), name)
            .column(Column::Variant)
            .filter(Column::Variant.is_not_null())
            .group_by(Column::Variant)
            .order_by(Column::Id.count(), Order::Desc)
            .limit(MOST_VARIANTS)
            .into_tuple()
            .all(&self.transaction)
            .await?;
        let tried = |(clicks, converted, variant): (i64, i64, Option<String>)| (variant.unwrap_or_default(), of(clicks, converted));
        Ok(rows.into_iter().map(tried).collect())
    }

    /// Clicks and converted clicks by a campaign field.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn campaigns(&self, field: UtmField, filter: &ClickFilter, name: Option<&str>, first: u64) -> Result<Campaigns, StoreError> {
        let filter = filter.with_default_verdicts(&[Verdict::Human]);
        let all: Option<(i64, i64)> = self.tried(&filter, name).into_tuple().one(&self.transaction).await?;
        let column = field.column();
        let postgres = self.transaction.get_database_backend() == DbBackend::Postgres;
        let by_bytes = Expr::cust(format!("{}{}", column.as_str(), if postgres { " COLLATE \"C\"" } else { "" }));
        let rows: Vec<(i64, i64, Option<String>)> = self
            .tried(&filter, name)
            .column(column)
            .group_by(column)
            .order_by(Column::Id.count(), Order::Desc)
            .order_by(Expr::col(column).is_null(), Order::Asc)
            .order_by(by_bytes, Order::Asc)
            .limit(first)
            .into_tuple()
            .all(&self.transaction)
            .await?;
        Ok(Campaigns {
            rows: rows.into_iter().map(|(clicks, converted, value)| (value, of(clicks, converted))).collect(),
            all: all.map_or_else(Tried::default, |(clicks, converted)| of(clicks, converted)),
            data_from: self.clicks_from(&filter).await?,
        })
    }

    /// Clicks, and those of them that converted.
    fn tried(&self, filter: &ClickFilter, name: Option<&str>) -> sea_orm::Select<Entity> {
        // Written out, since PostgreSQL sums bound numbers as another type.
        let converted = CaseStatement::new().case(Expr::exists(self.of_click(name)), Expr::cust("1")).finally(Expr::cust("0"));
        Entity::find()
            .select_only()
            .column_as(Column::Id.count(), "clicks")
            .expr_as(Expr::expr(converted).sum().if_null(Expr::cust("0")), "converted")
            .filter(self.counted(filter))
    }

    /// The conversions of the click in the statement around.
    fn of_click(&self, name: Option<&str>) -> SelectStatement {
        conversion::Entity::find()
            .select_only()
            .expr(Expr::cust("1"))
            .filter(conversion::Column::WorkspaceId.eq(self.workspace.0))
            .filter(Expr::col((conversion::Entity, conversion::Column::ClickId)).equals((Entity, Column::Id)))
            .filter(Condition::all().add_option(name.map(|name| conversion::Column::Name.eq(name))))
            .into_query()
    }
}

fn of(clicks: i64, converted: i64) -> Tried {
    Tried::new(clicks.unsigned_abs(), converted.unsigned_abs())
}
