//! What several links have counted each by itself, read at once: from their own cells, and from clicks where these
//! are no whole pieces.

use std::collections::HashMap;

use domain::{BucketSpan, ClickFilter, ClickProperties, LinkId, Millis, Verdict};
use entity::click::{Column, Entity};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::cells::{Found, Question};
use crate::counts::{Counts, bits, finest, index_of};
use crate::filter_sql::within;
use crate::ingest::Marks;
use crate::rollup::Count;
use crate::{StoreError, WorkspaceScope};

impl WorkspaceScope {
    /// The clicks of each of `links` in each of `spans`, which join and whose edges are edges of minutes. Links without
    /// any are left out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn series_of_links(&self, links: Vec<LinkId>, spans: &[BucketSpan]) -> Result<HashMap<LinkId, Vec<Counts>>, StoreError> {
        let mut series: HashMap<LinkId, Vec<Counts>> = HashMap::new();
        // Nothing named would be every link, and no spans the whole of time.
        if links.is_empty() || spans.is_empty() {
            return Ok(series);
        }
        let filter = within(&ClickProperties { links, ..ClickProperties::default() }.into(), spans);
        let add = |link, start, verdict, count: Count| {
            let points = series.entry(LinkId(link)).or_insert_with(|| vec![Counts::default(); spans.len()]);
            if let Some(point) = index_of(spans, start).and_then(|index| points.get_mut(index)) {
                point.add(verdict, count.clicks.unsigned_abs());
            }
        };
        self.sums_of_links(&filter, spans, add).await?;
        Ok(series)
    }

    /// Tells the counts of pieces of time of each link that the filter names, each piece within one of `spans`, or
    /// anywhere where there are none. The filter may ask for nothing but time, links and verdicts; of these cells have
    /// every verdict.
    pub(crate) async fn sums_of_links(
        &self,
        filter: &ClickFilter,
        spans: &[BucketSpan],
        mut each: impl FnMut(Uuid, Millis, Verdict, Count),
    ) -> Result<(), StoreError> {
        let (horizon, _) = self.horizon().await?;
        let question = Question::of_links(filter, horizon);
        let plan = question.plan(filter, question.pieces(spans))?;
        self.read_cells(&question, &plan, |found: Found| each(found.link, found.start, found.verdict, found.count)).await?;
        let width = finest(spans);
        // Written out, since PostgreSQL takes two bound parameters for two different expressions.
        let piece = || Expr::cust(format!("occurred_at / {width}"));
        for part in &plan.clicks {
            let rows = Entity::find()
                .select_only()
                .columns([Column::LinkId, Column::Verdict])
                .column_as(piece(), "piece")
                .column_as(Column::Id.count(), "clicks")
                .column_as(bits(Marks::FIRST_OF_LINK), "firsts")
                .column_as(bits(Marks::TOLD), "told")
                .filter(self.counted(part))
                .group_by(Column::LinkId)
                .group_by(Column::Verdict)
                .group_by(piece())
                .into_model::<Row>()
                .all(&self.transaction)
                .await?;
            for row in rows {
                let verdict = Verdict::from_code(row.verdict).ok_or_else(|| StoreError::Internal("a click has no known verdict".into()))?;
                let count = Count { clicks: row.clicks, firsts: row.firsts, told: row.told };
                each(row.link_id, Millis(row.piece * width), verdict, count);
            }
        }
        Ok(())
    }
}

#[derive(FromQueryResult)]
struct Row {
    link_id: Uuid,
    verdict: i16,
    piece: i64,
    clicks: i64,
    firsts: i64,
    told: i64,
}
