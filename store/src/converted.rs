//! Clicks that led to a conversion, counted beside all clicks: of an experiment's variants, and of campaigns beside
//! all others. Each click counts once, however much it led to.

use std::collections::HashMap;

use domain::{ClickFilter, ClickProperties, Dimension, DimensionValue, LinkId, Millis, RuleId, Tried, Verdict};

use crate::grouped::Grouping;
use crate::plan::Source;
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
    fn dimension(self) -> Dimension {
        match self {
            Self::Source => Dimension::UtmSource,
            Self::Medium => Dimension::UtmMedium,
            Self::Campaign => Dimension::UtmCampaign,
            Self::Term => Dimension::UtmTerm,
            Self::Content => Dimension::UtmContent,
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
    /// What the clicks were counted from.
    pub source: Source,
    /// The first instant the answer covers.
    pub data_from: Millis,
}

impl WorkspaceScope {
    /// How often people met each variant of a rule, and how many of these clicks converted; of one name, if given.
    /// The clicks of the rule's link are read.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn variants_tried(&self, link: LinkId, rule: RuleId, name: Option<&str>) -> Result<Vec<(String, Tried)>, StoreError> {
        let include = ClickProperties { links: vec![link], rules: vec![Some(rule.to_string())], ..ClickProperties::default() };
        let (filter, _) = self.attributable(&include.into(), &[Verdict::Human]).await?;
        // One more, since clicks without a variant are left out.
        let (rows, _) = self.tried_by(Dimension::Variant, &filter, name, MOST_VARIANTS + 1).await?;
        Ok(rows.into_iter().filter_map(|(variant, tried)| Some((variant?, tried))).collect())
    }

    /// Clicks and converted clicks by a campaign field.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn campaigns(&self, field: UtmField, filter: &ClickFilter, name: Option<&str>, first: u64) -> Result<Campaigns, StoreError> {
        let (filter, data_from) = self.attributable(filter, &[Verdict::Human]).await?;
        let all = self.totals_of(&filter, name, data_from).await?;
        let (rows, source) = self.tried_by(field.dimension(), &filter, name, first).await?;
        Ok(Campaigns { rows, all: Tried::new(all.clicks, all.converted_clicks), source, data_from })
    }

    /// Those with the most clicks, with those of them that converted, which are counted from the conversions' side.
    async fn tried_by(
        &self,
        dimension: Dimension,
        filter: &ClickFilter,
        name: Option<&str>,
        first: u64,
    ) -> Result<(Vec<(Option<String>, Tried)>, Source), StoreError> {
        let by = Grouping { dimension, key: None };
        let (clicked, source) = self.most_clicked(filter, by, first).await?;
        let values: Vec<DimensionValue> = clicked.iter().map(|(value, _)| value.clone()).collect();
        let led = if values.is_empty() { HashMap::new() } else { self.led_by(filter, name, by, Some(&values)).await? };
        let converted = |value: &DimensionValue| led.get(value).map_or(0, |led| led.clicks);
        let tried = |(value, clicks): &(DimensionValue, u64)| (value.text(), Tried::new(*clicks, converted(value)));
        Ok((clicked.iter().map(tried).collect(), source))
    }
}
