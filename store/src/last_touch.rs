//! Last touch: which campaign the visitor of a conversion had come by last.
//!
//! Conversions and the clicks of their visitors are read, and put together here: a database would have to look for
//! each conversion's clicks by itself.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::{ClickFilter, ClickId, ClickProperties, Currency, Millis, Money, Verdict};
use entity::click::{Column, Entity};
use entity::conversion;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait as _, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use uuid::Uuid;

use crate::{StoreError, WorkspaceScope};

/// Conversions that one question may be about.
pub const MAX_CREDITED: usize = 20_000;
/// How long before its conversion a touch may be.
pub const TOUCH_DAYS: i64 = 90;
const DAY_MILLIS: i64 = 24 * 3_600 * 1_000;
/// Visitors of one statement.
const VISITORS: usize = 500;
/// Clicks that are read of the visitors at most, so that none of them can fill the memory.
const MOST_TOUCHES: u64 = 500_000;

/// What a campaign is told by: two conversions have the same where all three are.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Touch {
    pub source: Option<String>,
    pub medium: Option<String>,
    pub campaign: Option<String>,
}

/// What is credited to a campaign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credit {
    pub conversions: u64,
    /// Of these, those whose own click the campaign was.
    pub direct: u64,
    /// By currency.
    pub values: BTreeMap<&'static str, Money>,
}

#[derive(Clone, Debug)]
pub struct LastTouch {
    /// Most conversions first, then by name; a touch without any name is conversions of clicks without a campaign.
    pub rows: Vec<(Touch, Credit)>,
    /// The first instant the answer covers.
    pub data_from: Millis,
}

/// A visitor's key with its recipe: a day's key and a consented id of the same text are not the same.
type Visitor = (i16, String);

/// A click's id, its visitor's recipe and key, and its source, medium and campaign.
type TouchRow = (Uuid, Option<i16>, Option<String>, Option<String>, Option<String>, Option<String>);

struct Converted {
    at: Millis,
    click: ClickId,
    visitor: Option<Visitor>,
    own: Touch,
    value: Option<Money>,
}

impl WorkspaceScope {
    /// Conversions of the clicks that match, of one name if given, by the campaign of the last click of a person by
    /// the same visitor until the conversion that had one; by the click's own where there is none, or nobody is told.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] for more than [`MAX_CREDITED`] conversions; when the database does not answer.
    pub async fn last_touch(&self, filter: &ClickFilter, name: Option<&str>) -> Result<LastTouch, StoreError> {
        let filter = filter.with_default_verdicts(&[Verdict::Human]);
        let converted = self.to_credit(&filter, name).await?;
        let touches = self.touches(&converted).await?;
        let mut credits: HashMap<Touch, Credit> = HashMap::new();
        for one in &converted {
            let found = one.visitor.as_ref().and_then(|visitor| touches.get(visitor)).and_then(|touches| last(touches, one));
            let (touch, direct) = found.map_or((&one.own, true), |(click, touch)| (touch, *click == one.click));
            credits.entry(touch.clone()).or_default().add(one.value, direct);
        }
        let mut rows: Vec<(Touch, Credit)> = credits.into_iter().collect();
        rows.sort_by(|one, other| other.1.conversions.cmp(&one.1.conversions).then_with(|| one.0.cmp(&other.0)));
        Ok(LastTouch { rows, data_from: self.clicks_from(&filter).await? })
    }

    async fn to_credit(&self, filter: &ClickFilter, name: Option<&str>) -> Result<Vec<Converted>, StoreError> {
        let query = self
            .converted(filter, name)
            .columns([Column::Id, Column::Visitor, Column::VisitorRecipe, Column::UtmSource, Column::UtmMedium, Column::UtmCampaign])
            .column_as(conversion::Column::OccurredAt, "converted_at")
            .columns([conversion::Column::Amount, conversion::Column::Currency])
            .limit(MAX_CREDITED as u64 + 1)
            .into_query();
        let rows = self.transaction.query_all(&query).await?;
        if rows.len() > MAX_CREDITED {
            return Err(StoreError::TooMany);
        }
        let read = |row: &sea_orm::QueryResult| {
            let (amount, currency): (Option<i64>, Option<String>) = (row.try_get("", "amount")?, row.try_get("", "currency")?);
            let currency = currency.as_deref().and_then(Currency::from_code);
            let visitor: (Option<i16>, Option<String>) = (row.try_get("", "visitor_recipe")?, row.try_get("", "visitor")?);
            Ok(Converted {
                at: Millis(row.try_get("", "converted_at")?),
                click: ClickId(row.try_get("", "id")?),
                visitor: visitor.0.zip(visitor.1),
                own: touch(row.try_get("", "utm_source")?, row.try_get("", "utm_medium")?, row.try_get("", "utm_campaign")?),
                value: amount.zip(currency).map(|(amount, currency)| Money { minor: amount.into(), currency }),
            })
        };
        rows.iter().map(read).collect()
    }

    /// The clicks with a campaign of these visitors, oldest first.
    async fn touches(&self, converted: &[Converted]) -> Result<HashMap<Visitor, Vec<(ClickId, Touch)>>, StoreError> {
        let visitors: HashSet<&Visitor> = converted.iter().filter_map(|one| one.visitor.as_ref()).collect();
        let visitors: Vec<&Visitor> = visitors.into_iter().collect();
        let mut touches: HashMap<Visitor, Vec<(ClickId, Touch)>> = HashMap::new();
        let (Some(first), Some(last)) = (converted.iter().map(|one| one.at).min(), converted.iter().map(|one| one.at).max()) else {
            return Ok(touches);
        };
        let people = ClickProperties { verdicts: vec![Verdict::Human], ..ClickProperties::default() };
        let range = ClickFilter { from: Some(first.plus(-TOUCH_DAYS * DAY_MILLIS)), to: Some(last.plus(1)), ..people.into() };
        let with_campaign = [Column::UtmSource, Column::UtmMedium, Column::UtmCampaign].map(|column| column.is_not_null());
        let mut left = MOST_TOUCHES;
        for some in visitors.chunks(VISITORS) {
            let rows: Vec<TouchRow> = Entity::find()
                .select_only()
                .columns([Column::Id, Column::VisitorRecipe, Column::Visitor, Column::UtmSource, Column::UtmMedium, Column::UtmCampaign])
                .filter(self.counted(&range))
                .filter(Column::Visitor.is_in(some.iter().map(|(_, key)| key.as_str())))
                .filter(with_campaign.iter().cloned().fold(Condition::any(), Condition::add))
                .order_by_asc(Column::Id)
                .limit(left + 1)
                .into_tuple()
                .all(&self.transaction)
                .await?;
            left = left.checked_sub(rows.len() as u64).ok_or(StoreError::TooMany)?;
            for (id, recipe, visitor, source, medium, campaign) in rows {
                if let Some(visitor) = recipe.zip(visitor) {
                    touches.entry(visitor).or_default().push((ClickId(id), touch(source, medium, campaign)));
                }
            }
        }
        Ok(touches)
    }
}

fn touch(source: Option<String>, medium: Option<String>, campaign: Option<String>) -> Touch {
    Touch { source, medium, campaign }
}

/// The last of a visitor's touches until a conversion, and not longer ago than [`TOUCH_DAYS`].
fn last<'a>(touches: &'a [(ClickId, Touch)], converted: &Converted) -> Option<&'a (ClickId, Touch)> {
    let until = touches.partition_point(|(click, _)| click.made_at() <= converted.at);
    let earliest = converted.at.plus(-TOUCH_DAYS * DAY_MILLIS);
    touches[..until].last().filter(|(click, _)| click.made_at() >= earliest)
}

impl Credit {
    fn add(&mut self, value: Option<Money>, direct: bool) {
        self.conversions += 1;
        self.direct += u64::from(direct);
        if let Some(value) = value {
            let sum = self.values.entry(value.currency.code()).or_insert(Money { minor: 0, currency: value.currency });
            sum.minor += value.minor;
        }
    }
}
