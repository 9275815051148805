//! Clicks by how old their link was, in days of the workspace's zone, so that they are counted from the cells of days:
//! the workspace's where nothing else is asked, which name each day's links, and else the links' own.

use std::collections::{BTreeMap, HashMap};

use domain::{ClickFilter, Dimension, LinkId, LocalDay, MAX_AGE_DAYS, Millis, Quarter, Verdict};
use entity::{click, link};
use futures_util::TryStreamExt as _;
use jiff::tz::TimeZone;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::cells::{Found, Question};
use crate::plan::{Pieces, Plan, Source};
use crate::rollup::LINK;
use crate::{StoreError, WorkspaceScope};

/// Clicks of the links of one cohort at one age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AgedClicks {
    /// The index of the period in which the links were made; `None` where that was before the first one, or after the last.
    pub cohort: Option<usize>,
    /// In days of the workspace's zone, 0 on the one that the link was made on; `None` above [`MAX_AGE_DAYS`].
    pub days: Option<u32>,
    pub clicks: u64,
}

/// How many links were made in each period, and the clicks of these and of all others.
#[derive(Clone, Debug)]
pub struct LinkAges {
    pub links: Vec<u64>,
    /// In the order of cohorts and ages.
    pub clicks: Vec<AgedClicks>,
    pub source: Source,
    /// The first instant the answer covers.
    pub data_from: Millis,
}

/// When a link was made.
#[derive(Clone, Copy)]
struct Made {
    cohort: Option<usize>,
    day: LocalDay,
}

/// What there is to sum up.
struct Ages {
    zone: TimeZone,
    links: HashMap<Uuid, Made>,
    clicks: BTreeMap<(Option<usize>, Option<u32>), u64>,
    /// The day of the piece that was met last: the next one is often of the same.
    last_day: Option<(Millis, LocalDay)>,
}

impl Ages {
    fn add(&mut self, link: &Uuid, start: Millis, clicks: u64) {
        let Some(made) = self.links.get(link).copied() else { return };
        let day = self.day_of(start);
        // A clock that is behind may tell of the day before; what is older nobody can have clicked then.
        let days = match day.0 - made.day.0 {
            ..-1 => return,
            -1 | 0 => Some(0),
            days => u32::try_from(days).ok().filter(|days| i64::from(*days) <= MAX_AGE_DAYS),
        };
        *self.clicks.entry((made.cohort, days)).or_default() += clicks;
    }

    fn day_of(&mut self, start: Millis) -> LocalDay {
        match self.last_day {
            Some((of, day)) if of == start => day,
            _ => {
                let day = LocalDay::of(start, &self.zone);
                self.last_day = Some((start, day));
                day
            }
        }
    }

    fn told(self) -> Vec<AgedClicks> {
        let clicks = self.clicks.into_iter().filter(|(_, clicks)| *clicks > 0);
        clicks.map(|((cohort, days), clicks)| AgedClicks { cohort, days, clicks }).collect()
    }
}

impl WorkspaceScope {
    /// Clicks by the age of their link; `edges` are those of the cohorts, one more than there are. Clicks without a
    /// link are left out, since theirs was never made, and those from before the day before their link was made.
    ///
    /// # Errors
    /// When the database does not answer; [`StoreError::Folded`].
    pub async fn link_ages(&self, filter: &ClickFilter, edges: &[Millis]) -> Result<LinkAges, StoreError> {
        let filter = filter.with_default_verdicts(&[Verdict::Human]);
        let (horizon, _) = self.horizon().await?;
        let (links, made) = self.links_made(&filter, edges, &horizon.zone).await?;
        let fresh = || Ages { zone: horizon.zone.clone(), links: links.clone(), clicks: BTreeMap::new(), last_day: None };
        let mut ages = fresh();
        let mut plan = match self.question_by_link(&filter).await? {
            Some(question) => self.ages_of_cells(&question, &filter, &mut ages).await?,
            None => None,
        };
        if plan.is_none() && filter.one_dimension() == Some(None) {
            // Each link knows its own clicks, where a day names too few links or is kept by the day only.
            ages = fresh();
            plan = self.ages_of_cells(&Question::of_links(&filter, horizon.clone()), &filter, &mut ages).await?;
        }
        let plan = plan.unwrap_or_else(|| {
            ages = fresh();
            Plan::of_clicks(filter.clone())
        });
        for part in &plan.clicks {
            self.ages_of_clicks(part, &mut ages).await?;
        }
        let data_from = self.data_from(&filter, &plan).await?;
        Ok(LinkAges { links: made, clicks: ages.told(), source: plan.source(), data_from })
    }

    async fn question_by_link<'a>(&self, filter: &'a ClickFilter) -> Result<Option<Question<'a>>, StoreError> {
        if filter.one_dimension() == Some(None) {
            return self.question(filter, Some((Dimension::Link, None))).await;
        }
        Ok(self.question(filter, None).await?.map(|question| question.by_link(filter)))
    }

    /// What is left to be read from clicks; `None` where cells left out what is asked for.
    async fn ages_of_cells(&self, question: &Question<'_>, filter: &ClickFilter, ages: &mut Ages) -> Result<Option<Plan>, StoreError> {
        let plan = match question.plan(filter, Pieces::Any) {
            Err(StoreError::Folded(_)) if question.block == LINK => return Ok(None),
            plan => plan?,
        };
        let by_number = question.block == LINK;
        let numbers = if by_number { self.link_numbers(filter).await? } else { HashMap::new() };
        let verdicts = filter.verdicts_or(Verdict::ALL);
        let add = |found: Found| {
            let link = if by_number { numbers.get(&found.value) } else { Some(&found.link) };
            if let Some(link) = link.filter(|_| verdicts.contains(&found.verdict)) {
                ages.add(link, found.start, found.count.clicks.unsigned_abs());
            }
        };
        let capped = self.read_cells(question, &plan, add).await?;
        Ok((!capped || !by_number && !question.chooses()).then_some(plan))
    }

    async fn ages_of_clicks(&self, filter: &ClickFilter, ages: &mut Ages) -> Result<(), StoreError> {
        use click::Column;
        // Written out, since PostgreSQL takes two bound parameters for two different expressions.
        let quarter = || Expr::cust(format!("occurred_at / {}", Quarter::MILLIS));
        let rows = click::Entity::find()
            .select_only()
            .column(Column::LinkId)
            .column_as(quarter(), "quarter")
            .column_as(Column::Id.count(), "clicks")
            .filter(self.counted(filter))
            .group_by(Column::LinkId)
            .group_by(quarter())
            .into_tuple::<(Uuid, i64, i64)>();
        let mut rows = rows.stream(&self.transaction).await?;
        while let Some((link, quarter, clicks)) = rows.try_next().await? {
            ages.add(&link, Quarter(quarter).start(), clicks.unsigned_abs());
        }
        Ok(())
    }

    /// When each of the links that the filter lets through was made, deleted ones too, and how many in each period.
    async fn links_made(
        &self,
        filter: &ClickFilter,
        edges: &[Millis],
        zone: &TimeZone,
    ) -> Result<(HashMap<Uuid, Made>, Vec<u64>), StoreError> {
        let rows: Vec<(Uuid, i64)> = link::Entity::find()
            .select_only()
            .column(link::Column::Id)
            .column(link::Column::CreatedAt)
            .filter(link::Column::WorkspaceId.eq(self.workspace.0))
            .filter(link::Column::Id.ne(LinkId::logged(self.workspace).0))
            .filter(self.of_links(filter, link::Column::Id))
            .into_tuple()
            .all(&self.transaction)
            .await?;
        let mut made = vec![0; edges.len().saturating_sub(1)];
        let mut links = HashMap::with_capacity(rows.len());
        for (link, at) in rows {
            let at = Millis(at);
            let cohort = edges.partition_point(|edge| *edge <= at).checked_sub(1).filter(|cohort| *cohort < made.len());
            if let Some(count) = cohort.and_then(|cohort| made.get_mut(cohort)) {
                *count += 1;
            }
            links.insert(link, Made { cohort, day: LocalDay::of(at, zone) });
        }
        Ok((links, made))
    }
}
