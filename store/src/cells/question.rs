//! What a question asks of cells: whose, which block of them, and which values.

use std::collections::HashSet;

use domain::{ClickFilter, Dimension, DimensionValue, Millis, OneDimension, Quarter};

use crate::plan::{Horizon, Kept, Pieces, Plan};
use crate::rollup::{Block, CountedParameter, LINK, UNKNOWN, block_of, coded};
use crate::{StoreError, WorkspaceScope};

/// Whose cells.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CellsOf<'a> {
    Workspace,
    /// Of the links that the filter lets through.
    Links(&'a ClickFilter),
    EveryLink,
}

/// What a question asks of cells.
#[derive(Clone, Debug)]
pub(crate) struct Question<'a> {
    pub of: CellsOf<'a>,
    pub block: Block,
    pub kept: Kept,
    /// The values that are asked for; `None` for all of them.
    include: Option<HashSet<u64>>,
    exclude: HashSet<u64>,
    pub horizon: Horizon,
}

impl Question<'_> {
    /// Whether only some of the values are asked for.
    pub fn chooses(&self) -> bool {
        self.include.is_some() || !self.exclude.is_empty()
    }

    /// The totals of each link that the filter lets through.
    pub fn of_links(filter: &ClickFilter, horizon: Horizon) -> Question<'_> {
        let of = if filter.names_links() { CellsOf::Links(filter) } else { CellsOf::EveryLink };
        Question { of, block: Block::TOTALS, kept: Kept::Totals, include: None, exclude: HashSet::new(), horizon }
    }

    /// The same question, of each link's own cells.
    pub fn of_each_link<'b>(&self, filter: &'b ClickFilter) -> Question<'b> {
        Question::of_links(filter, self.horizon.clone())
    }

    /// The same question of the links' own cells, which have every dimension too.
    pub fn by_link<'b>(self, filter: &'b ClickFilter) -> Question<'b> {
        let Self { block, kept, include, exclude, horizon, .. } = self;
        Question { of: Question::of_links(filter, horizon.clone()).of, block, kept, include, exclude, horizon }
    }

    /// How long the redirects took of the clicks that it is about, whatever their links.
    pub fn of_latency<'b>(&self, filter: &'b ClickFilter) -> Question<'b> {
        let of = if filter.names_links() { CellsOf::Links(filter) } else { CellsOf::Workspace };
        Question { of, block: Block::LATENCY, kept: Kept::Latency, ..self.of_each_link(filter) }
    }

    /// The widest pieces that lie within one of `spans` each.
    pub fn pieces(&self, spans: &[domain::BucketSpan]) -> Pieces {
        Pieces::within(spans, self.kept, &self.horizon)
    }

    pub(super) fn wants(&self, value: u64) -> bool {
        self.include.as_ref().is_none_or(|wanted| wanted.contains(&value)) && !self.exclude.contains(&value)
    }

    /// # Errors
    /// [`StoreError::Folded`] where it would have to count clicks that are not there any more, since it asks for
    /// less than a day of a time that is kept by the day.
    pub fn plan(&self, filter: &ClickFilter, pieces: Pieces) -> Result<Plan, StoreError> {
        let plan = Plan::of(filter, self.kept, pieces, &self.horizon);
        let folded = Quarter(self.horizon.folded_before).start().min(self.horizon.kept_from);
        let is_folded = |part: &ClickFilter| part.from.is_some_and(|from| Quarter::of(from).0 >= self.horizon.since && from < folded);
        if self.kept == Kept::Dimension && plan.clicks.iter().any(is_folded) { Err(StoreError::Folded(folded)) } else { Ok(plan) }
    }
}

impl WorkspaceScope {
    /// The question that cells can answer; `None` where clicks must be read.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn question<'a>(
        &self,
        filter: &'a ClickFilter,
        grouped: Option<(Dimension, Option<&str>)>,
    ) -> Result<Option<Question<'a>>, StoreError> {
        let Some(chosen) = filter.one_dimension() else { return Ok(None) };
        // Entries are counted by verdict anyway.
        let grouped = grouped.filter(|(dimension, _)| *dimension != Dimension::Verdict);
        let asked = match (chosen.as_ref().map(|one| (one.dimension, one.key.as_deref())), grouped) {
            (None, grouped) => grouped,
            (chosen, None) => chosen,
            (chosen, grouped) if chosen == grouped => grouped,
            _ => return Ok(None),
        };
        let (horizon, parameters) = self.horizon().await?;
        let of = if filter.names_links() { CellsOf::Links(filter) } else { CellsOf::Workspace };
        let totals = Question { of, block: Block::TOTALS, kept: Kept::Totals, include: None, exclude: HashSet::new(), horizon };
        let Some(asked) = asked else { return self.totals_or_links(filter, totals).await.map(Some) };
        if asked.0 == Dimension::Link {
            return self.links_question(filter, totals).await.map(Some);
        }
        let Some((block, since)) = block(asked, &parameters, totals.horizon.since) else { return Ok(None) };
        let mut question = Question { block, kept: Kept::Dimension, ..totals };
        question.horizon.since = since;
        if let Some(chosen) = &chosen {
            self.choose(&mut question, chosen).await?;
        }
        Ok(Some(question))
    }

    /// One link has its own cells; of several the workspace's tell as much with less.
    async fn totals_or_links<'a>(&self, filter: &'a ClickFilter, totals: Question<'a>) -> Result<Question<'a>, StoreError> {
        let is_one = filter.include.links.len() == 1;
        if is_one || !filter.names_links() { Ok(totals) } else { self.links_question(filter, totals).await }
    }

    async fn links_question<'a>(&self, filter: &'a ClickFilter, totals: Question<'a>) -> Result<Question<'a>, StoreError> {
        let include = if filter.names_links() { Some(self.link_numbers(filter).await?.into_keys().collect()) } else { None };
        Ok(Question { of: CellsOf::Workspace, block: LINK, kept: Kept::Dimension, include, ..totals })
    }

    async fn choose(&self, question: &mut Question<'_>, chosen: &OneDimension) -> Result<(), StoreError> {
        let include = chosen.include.as_deref().unwrap_or_default();
        let texts: Vec<Option<String>> = include.iter().chain(&chosen.exclude).map(DimensionValue::text).collect();
        let known = self.numbers(question.block, &texts).await?;
        let number = |value: &DimensionValue| match value {
            DimensionValue::Unknown => Some(UNKNOWN),
            DimensionValue::Device(device) => Some(coded(device.code())),
            DimensionValue::Channel(channel) => Some(coded(channel.code())),
            other => other.text().and_then(|text| known.get(&text).copied()),
        };
        question.include = chosen.include.as_ref().map(|values| values.iter().filter_map(number).collect());
        question.exclude = chosen.exclude.iter().filter_map(number).collect();
        Ok(())
    }

    /// What there is to be read, and the parameters that are counted.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn horizon(&self) -> Result<(Horizon, Vec<CountedParameter>), StoreError> {
        let head = self.head_row().await?.ok_or(StoreError::NotFound)?;
        let horizon = Horizon {
            zone: crate::zones::zone(&head.day_zone),
            since: head.dimensions_from,
            folded_before: head.folded_before,
            kept_from: Millis(head.kept_from),
        };
        Ok((horizon, serde_json::from_str(&head.counted_parameters).unwrap_or_default()))
    }
}

/// Where a dimension is counted, and from which quarter on.
fn block((dimension, key): (Dimension, Option<&str>), parameters: &[CountedParameter], since: i64) -> Option<(Block, i64)> {
    if dimension == Dimension::Parameter {
        let counted = parameters.iter().find(|counted| Some(counted.key.as_str()) == key && counted.until.is_none())?;
        return Some((Block(counted.block), counted.since.max(since)));
    }
    block_of(dimension).map(|block| (block, since))
}
