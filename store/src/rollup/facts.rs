//! What cells tell of a click, from a click in memory or from its row, and in which block each dimension is.

use std::borrow::Cow;

use domain::{Click, Dimension, Millis, Outcome, Parameter};
use uuid::Uuid;

use super::cell::Block;
use crate::StoreError;
use crate::ingest::Marks;

/// The links of a workspace, in its own cells only.
pub(crate) const LINK: Block = Block(40);
/// The first of the query parameters that a workspace has counted; each has a block of its own.
pub(crate) const FIRST_PARAMETER: u32 = 64;

/// Blocks of texts, in the order of [`Facts::texts`].
pub(crate) const TEXT_BLOCKS: [Block; 14] = [
    Block(10),
    Block(11),
    Block(12),
    Block(13),
    Block(14),
    Block(15),
    Block(16),
    Block(17),
    Block(18),
    Block(19),
    Block(20),
    Block(21),
    Block(22),
    Block(23),
];
const DEVICE: Block = Block(30);
const CHANNEL: Block = Block(31);
const REASON: Block = Block(32);

/// Where a dimension is counted; `None` where it is told of clicks only, or is what entries are counted by anyway.
pub(crate) fn block_of(dimension: Dimension) -> Option<Block> {
    Some(match dimension {
        Dimension::Country => Block(10),
        Dimension::Region => Block(11),
        Dimension::City => Block(12),
        Dimension::Browser => Block(13),
        Dimension::Os => Block(14),
        Dimension::Language => Block(15),
        Dimension::Referrer => Block(16),
        Dimension::UtmSource => Block(17),
        Dimension::UtmMedium => Block(18),
        Dimension::UtmCampaign => Block(19),
        Dimension::UtmTerm => Block(20),
        Dimension::UtmContent => Block(21),
        Dimension::Rule => Block(22),
        Dimension::Variant => Block(23),
        Dimension::Device => DEVICE,
        Dimension::Channel => CHANNEL,
        Dimension::VerdictReason => REASON,
        Dimension::Link => LINK,
        // Those of links are told by the links that have them, parameters by the blocks that they were given.
        Dimension::Tag | Dimension::Folder | Dimension::Domain | Dimension::Metadata | Dimension::Parameter => return None,
        Dimension::Network | Dimension::Verdict => return None,
    })
}

/// The dimension that a block counts.
pub(crate) fn dimension_of(block: Block) -> Option<Dimension> {
    if block.0 >= FIRST_PARAMETER {
        return Some(Dimension::Parameter);
    }
    Dimension::ALL.iter().copied().find(|dimension| block_of(*dimension) == Some(block))
}

/// The value id of an enum's code.
pub(crate) fn coded(code: i16) -> u64 {
    u64::from(code.unsigned_abs()) + super::OTHER + 1
}

/// The code of a value id of an enum.
pub(crate) fn code_of(value: u64) -> Option<i16> {
    value.checked_sub(super::OTHER + 1).and_then(|code| i16::try_from(code).ok())
}

/// A click as far as cells go.
#[derive(Clone, Debug)]
pub(crate) struct Facts<'a> {
    pub id: Uuid,
    pub at: Millis,
    pub link: Uuid,
    pub is_counted: bool,
    pub verdict: i16,
    pub marks: Marks,
    pub micros: u32,
    /// As [`TEXT_BLOCKS`].
    pub texts: [Option<Cow<'a, str>>; 14],
    codes: [(Block, Option<i16>); 3],
    pub parameters: Cow<'a, [Parameter]>,
    /// The key of its visitor.
    pub visitor: Option<&'a str>,
}

impl<'a> Facts<'a> {
    pub fn of(click: &'a Click, marks: Marks) -> Self {
        let rule = click.rule.as_ref();
        let text = |text: &'a Option<String>| text.as_deref().map(Cow::Borrowed);
        Self {
            id: click.id.0,
            at: click.occurred_at(),
            link: click.link.0,
            is_counted: click.outcome.is_counted(),
            verdict: click.verdict.code(),
            marks,
            micros: click.redirect_micros,
            texts: [
                text(&click.place.country),
                text(&click.place.region),
                text(&click.place.city),
                text(&click.browser),
                text(&click.os),
                text(&click.language),
                text(&click.referrer_host),
                text(&click.utm.source),
                text(&click.utm.medium),
                text(&click.utm.campaign),
                text(&click.utm.term),
                text(&click.utm.content),
                rule.map(|rule| Cow::Owned(rule.id.to_string())),
                rule.and_then(|rule| rule.variant.as_deref()).map(Cow::Borrowed),
            ],
            codes: codes(click.device.code(), click.channel.map(|channel| channel.code()), click.verdict_reason.code()),
            parameters: Cow::Borrowed(&click.parameters),
            visitor: click.visitor.as_ref().map(|visitor| visitor.key.as_str()),
        }
    }

    /// The values of enums that are known, each with its block.
    pub fn codes(&self) -> impl Iterator<Item = (Block, u64)> + '_ {
        self.codes.iter().filter_map(|(block, code)| Some((*block, coded((*code)?))))
    }
}

fn codes(device: i16, channel: Option<i16>, reason: i16) -> [(Block, Option<i16>); 3] {
    [(DEVICE, Some(device)), (CHANNEL, channel), (REASON, Some(reason))]
}

/// The columns of [`CountedRow`].
pub(crate) const COLUMNS: &str = "id, occurred_at, link_id, outcome, verdict, verdict_reason, first_of_day, redirect_micros, country, region, \
     city, browser, os, language, referrer_host, utm_source, utm_medium, utm_campaign, utm_term, utm_content, rule_id, variant, device, \
     channel, parameters, visitor";

/// A row of `clicks`, as far as cells go.
#[derive(Clone, Debug, sea_orm::FromQueryResult)]
pub(crate) struct CountedRow {
    pub id: Uuid,
    occurred_at: i64,
    pub link_id: Uuid,
    outcome: i16,
    pub verdict: i16,
    pub verdict_reason: i16,
    pub first_of_day: i16,
    redirect_micros: i32,
    country: Option<String>,
    region: Option<String>,
    city: Option<String>,
    browser: Option<String>,
    os: Option<String>,
    language: Option<String>,
    referrer_host: Option<String>,
    utm_source: Option<String>,
    utm_medium: Option<String>,
    utm_campaign: Option<String>,
    utm_term: Option<String>,
    utm_content: Option<String>,
    rule_id: Option<String>,
    variant: Option<String>,
    device: i16,
    channel: Option<i16>,
    parameters: String,
    visitor: Option<String>,
}

impl CountedRow {
    /// # Errors
    /// When the row has other columns than [`COLUMNS`].
    pub fn of(row: impl Into<sea_orm::QueryResult>) -> Result<Self, StoreError> {
        Ok(sea_orm::FromQueryResult::from_query_result(&row.into(), "")?)
    }

    pub fn is_counted(&self) -> bool {
        Outcome::from_code(self.outcome).is_some_and(Outcome::is_counted)
    }

    /// What was read anew of it, in place of what was read before.
    pub fn derive(&mut self, derived: &domain::Derived) {
        self.country.clone_from(&derived.place.country);
        self.region.clone_from(&derived.place.region);
        self.city.clone_from(&derived.place.city);
        self.browser.clone_from(&derived.facts.browser);
        self.os.clone_from(&derived.facts.os);
        self.device = derived.facts.device.code();
        self.channel = derived.channel.map(|channel| channel.code());
    }

    /// # Errors
    /// When the row's parameters cannot be read.
    pub fn facts(&self) -> Result<Facts<'_>, StoreError> {
        let text = |text: &'static str| StoreError::Internal(text.to_owned());
        let borrowed = |text: &'_ Option<String>| text.as_ref().map(|text| Cow::Owned(text.clone()));
        let parameters: Vec<Parameter> = match self.parameters.as_str() {
            "[]" => Vec::new(),
            written => serde_json::from_str(written).map_err(|_| text("a click's parameters cannot be read"))?,
        };
        Ok(Facts {
            id: self.id,
            at: Millis(self.occurred_at),
            link: self.link_id,
            is_counted: self.is_counted(),
            verdict: self.verdict,
            marks: Marks(self.first_of_day),
            micros: self.redirect_micros.unsigned_abs(),
            texts: [
                &self.country,
                &self.region,
                &self.city,
                &self.browser,
                &self.os,
                &self.language,
                &self.referrer_host,
                &self.utm_source,
                &self.utm_medium,
                &self.utm_campaign,
                &self.utm_term,
                &self.utm_content,
                &self.rule_id,
                &self.variant,
            ]
            .map(borrowed),
            codes: codes(self.device, self.channel, self.verdict_reason),
            parameters: Cow::Owned(parameters),
            visitor: self.visitor.as_deref(),
        })
    }
}

/// # Errors
/// When a row's parameters cannot be read.
pub(crate) fn facts_of(rows: &[CountedRow]) -> Result<Vec<Facts<'_>>, StoreError> {
    rows.iter().map(CountedRow::facts).collect()
}
