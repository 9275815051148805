//! Clicks by the hour of the week. Pieces are summed up as they are read, so that it takes no more memory for many links
//! or years than for one of each.
//!
//! Hours of cells do wherever a zone's clocks differ by whole hours from those of the workspace's zone; elsewhere
//! quarter-hours, which are kept of totals only.

use domain::{ClickFilter, Millis, Quarter, Seq, Verdict, WeekHour};
use jiff::tz::TimeZone;

use crate::cells::{Found, Question};
use crate::plan::{Kept, Pieces, Plan, Source};
use crate::rollup::{FINE_QUARTERS, LINK};
use crate::{StoreError, WorkspaceScope};

/// Clicks of the filter's verdicts, of people when it names none.
#[derive(Clone, Debug)]
pub struct WeekHours {
    /// By the place of the hour in the week.
    pub clicks: Vec<u64>,
    pub source: Source,
    pub data_from: Millis,
    pub head: Seq,
}

/// What is being summed up.
struct Sums<'a> {
    zone: &'a TimeZone,
    verdicts: Vec<Verdict>,
    clicks: Vec<u64>,
    /// Whether a piece lay in two hours of the week, so that nobody knows where its clicks were.
    split: bool,
}

impl Sums<'_> {
    fn add(&mut self, start: Quarter, end: Quarter, verdict: Verdict, clicks: i64) {
        if !self.verdicts.contains(&verdict) {
            return;
        }
        let hour = WeekHour::of(start, self.zone);
        self.split |= end.0 > start.0 + 1 && WeekHour::of(Quarter(end.0 - 1), self.zone) != hour;
        if let Some(sum) = self.clicks.get_mut(hour.index()) {
            *sum += clicks.unsigned_abs();
        }
    }
}

impl WorkspaceScope {
    /// The clicks of each hour of the week as the clocks of `zone` show it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn week_hours(&self, filter: &ClickFilter, zone: &TimeZone) -> Result<WeekHours, StoreError> {
        let fresh = || Sums { zone, verdicts: filter.verdicts_or(&[Verdict::Human]), clicks: vec![0; WeekHour::COUNT], split: false };
        let any = filter.of_any_verdict();
        let mut sums = fresh();
        let mut plan = match self.question(&any, None).await? {
            Some(question) => self.hours_of_cells(&question, &any, &mut sums).await?,
            None => None,
        };
        if plan.is_none() && any.names_links() && any.one_dimension() == Some(None) {
            // Each link has its quarter-hours for ever.
            sums = fresh();
            let question = Question::of_links(&any, self.horizon().await?.0);
            plan = self.hours_of_cells(&question, &any, &mut sums).await?;
        }
        let plan = plan.unwrap_or_else(|| {
            sums = fresh();
            Plan::of_clicks(any.clone())
        });
        for part in &plan.clicks {
            let add = |start: Millis, verdict, count: crate::rollup::Count| {
                let quarter = Quarter::of(start);
                sums.add(quarter, Quarter(quarter.0 + 1), verdict, count.clicks);
            };
            self.add_clicks(part, Quarter::MILLIS, &mut { add }).await?;
        }
        let (data_from, head) = (self.data_from(filter, &plan).await?, self.head().await?);
        Ok(WeekHours { clicks: sums.clicks, source: plan.source(), data_from, head })
    }

    /// What is left to be read from clicks; `None` where these cells cannot tell.
    async fn hours_of_cells(&self, question: &Question<'_>, filter: &ClickFilter, sums: &mut Sums<'_>) -> Result<Option<Plan>, StoreError> {
        let by_hours = question.kept == Kept::Dimension;
        let folded = Quarter(question.horizon.folded_before).start();
        // A first look, which spares reading what is of no use; what changes later is noticed where it is.
        if by_hours && !is_hourly(sums.zone, &question.horizon.zone, folded.max(filter.from.unwrap_or(folded))) {
            return Ok(None);
        }
        // Not asked of the question, which refuses what clicks are gone of: this says from when on it covers.
        let plan = Plan::of(filter, question.kept, Pieces::Fine, &question.horizon);
        let is_before = |part: &ClickFilter| part.from.is_none_or(|from| from < folded);
        if question.block == LINK && plan.clicks.iter().any(is_before) {
            return Ok(None);
        }
        let add = |found: Found| {
            let start = Quarter::of(found.start);
            let end = start.0 + if by_hours { FINE_QUARTERS } else { 1 };
            sums.add(start, Quarter(end), found.verdict, found.count.clicks);
        };
        let capped = self.read_cells(question, &plan, add).await?;
        let is_vague = sums.split || capped && question.chooses();
        Ok((!is_vague).then_some(plan))
    }
}

/// Whether the clocks of two zones differ by whole hours at an instant.
fn is_hourly(zone: &TimeZone, own: &TimeZone, at: Millis) -> bool {
    let seconds = |zone: &TimeZone| zone.to_offset(at.timestamp()).seconds();
    (seconds(zone) - seconds(own)) % 3_600 == 0
}
