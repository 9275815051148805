//! How many clicks led to something, and how many were gone at once.

use domain::{ClickFilter, Millis, Money, Seq, Verdict};
use entity::{click, conversion, engagement, link};
use sea_orm::sea_query::{Expr, ExprTrait as _, SelectStatement, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Select};

use super::{ConversionQuestion, may_be_told_of, sums};
use crate::filter_sql::look_up;
use crate::plan::Source;
use crate::{StoreError, WorkspaceScope};

/// Of the clicks that are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversionTotals {
    /// All that these clicks led to.
    pub conversions: u64,
    /// Clicks that led to any.
    pub converted_clicks: u64,
    pub clicks: u64,
    /// Summed by currency, in the order of their codes.
    pub value: Vec<Money>,
    /// What the clicks were counted from.
    pub source: Source,
    /// The first instant that the answer covers.
    pub data_from: Millis,
    /// The head of the snapshot that was counted.
    pub head: Seq,
}

/// Of links whose target's page ever told of an engagement, without clicks whose browser objects to being
/// followed, since nothing is told of those.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounces {
    pub engaged: u64,
    pub clicks: u64,
}

impl WorkspaceScope {
    /// # Errors
    /// When the database does not answer.
    pub async fn conversion_totals(&self, question: &ConversionQuestion) -> Result<ConversionTotals, StoreError> {
        let (filter, data_from) = self.attributable(&question.filter, &[Verdict::Human]).await?;
        self.totals_of(&filter, question.name.as_deref(), data_from).await
    }

    /// The same of a filter that is made for it.
    pub(crate) async fn totals_of(
        &self,
        filter: &ClickFilter,
        name: Option<&str>,
        data_from: Millis,
    ) -> Result<ConversionTotals, StoreError> {
        let counted: Option<(i64, i64)> = self
            .converted(filter, name)
            .column_as(conversion::Column::EventId.count(), "conversions")
            .column_as(Expr::cust("COUNT(DISTINCT conversions.click_id)"), "clicks")
            .into_tuple()
            .one(&self.transaction)
            .await?;
        let (conversions, converted_clicks) = counted.unwrap_or_default();
        let totals = self.totals(filter).await?;
        Ok(ConversionTotals {
            conversions: conversions.unsigned_abs(),
            converted_clicks: converted_clicks.unsigned_abs(),
            clicks: totals.tally.counts.of(&filter.verdicts_or(Verdict::ALL)),
            value: self.value_of(filter, name).await?,
            source: totals.source,
            data_from,
            head: totals.head,
        })
    }

    /// Clicks of people, unless the filter names verdicts, whose visitors did something on the target, and all of
    /// which that would be known.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn bounces(&self, filter: &ClickFilter) -> Result<Bounces, StoreError> {
        let (filter, _) = self.attributable(filter, &[Verdict::Human]).await?;
        let of_click = Expr::col((click::Entity, click::Column::Id)).equals((engagement::Entity, engagement::Column::ClickId));
        let engaged = look_up(engagement::Entity::find(), click::Entity, of_click)
            .filter(self.counted(&filter))
            .filter(self.engagements_within(&filter))
            .filter(may_be_told_of());
        let of_links = click::Column::LinkId.in_subquery(self.links_told_of(&filter));
        let all = click::Entity::find().filter(self.counted(&filter)).filter(of_links).filter(may_be_told_of());
        Ok(Bounces { engaged: self.number(engaged).await?, clicks: self.number(all).await? })
    }

    /// Of the links that the filter lets through, those of whose clicks any was ever told of: one look for each link,
    /// since there may be a million engagements.
    fn links_told_of(&self, filter: &ClickFilter) -> SelectStatement {
        let told_of = engagement::Entity::find()
            .select_only()
            .column(engagement::Column::LinkId)
            .filter(engagement::Column::WorkspaceId.eq(self.workspace.0))
            .filter(Expr::col((engagement::Entity, engagement::Column::LinkId)).equals((link::Entity, link::Column::Id)));
        link::Entity::find()
            .select_only()
            .column(link::Column::Id)
            .filter(link::Column::WorkspaceId.eq(self.workspace.0))
            .filter(self.of_links(filter, link::Column::Id))
            .filter(Expr::exists(told_of.into_query()))
            .into_query()
    }

    async fn number<E: EntityTrait>(&self, query: Select<E>) -> Result<u64, StoreError> {
        let number: Option<i64> =
            query.select_only().column_as(click::Column::Id.count(), "clicks").into_tuple().one(&self.transaction).await?;
        Ok(number.unwrap_or_default().unsigned_abs())
    }

    /// Conversions, each with its click, found from the conversions' side; nothing is selected of them yet.
    pub(crate) fn converted(&self, filter: &ClickFilter, name: Option<&str>) -> Select<conversion::Entity> {
        let of_click = Expr::col((click::Entity, click::Column::Id)).equals((conversion::Entity, conversion::Column::ClickId));
        let conversions = look_up(conversion::Entity::find().select_only(), click::Entity, of_click);
        conversions.filter(self.counted(filter)).filter(self.conversions_within(filter, name))
    }

    async fn value_of(&self, filter: &ClickFilter, name: Option<&str>) -> Result<Vec<Money>, StoreError> {
        let [millions, rest]: [SimpleExpr; 2] = sums::parts();
        let rows: Vec<(String, i64, i64)> = self
            .converted(filter, name)
            .column(conversion::Column::Currency)
            .column_as(millions, "millions")
            .column_as(rest, "rest")
            .filter(conversion::Column::Amount.is_not_null())
            .group_by(conversion::Column::Currency)
            .into_tuple()
            .all(&self.transaction)
            .await?;
        sums::add_up(rows)
    }
}
