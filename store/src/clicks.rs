//! Stored clicks, page by page, in the order of time or the order of storage.

use domain::{
    AutonomousSystem, Channel, Click, ClickFilter, ClickId, ClickRule, Device, GeoPlace, LinkId, Method, Outcome, Seq, SignalSet, Utm,
    Verdict, VerdictReason, VisitorKey,
};
use entity::click::{Column, Entity, Model};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{StoreError, WorkspaceScope};

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest<C> {
    pub limit: u64,
    /// Only what stands after this in the list.
    pub after: Option<C>,
    /// Only what stands before this in the list.
    pub before: Option<C>,
    /// Whether the last rows of that part are wanted, rather than the first.
    pub backwards: bool,
}

impl<C> PageRequest<C> {
    pub fn first(limit: u64) -> Self {
        Self { limit, after: None, before: None, backwards: false }
    }

    /// The same with other cursors.
    pub fn map<D>(self, to: impl Fn(C) -> D) -> PageRequest<D> {
        PageRequest { limit: self.limit, after: self.after.map(&to), before: self.before.map(&to), backwards: self.backwards }
    }

    /// Takes the row too many off again, restores the list's order, and says whether there is
    /// more after and before.
    pub(crate) fn cut<T>(&self, mut rows: Vec<T>) -> (Vec<T>, bool, bool) {
        let more = rows.len() as u64 > self.limit;
        rows.truncate(usize::try_from(self.limit).unwrap_or(usize::MAX));
        if self.backwards {
            rows.reverse();
            (rows, self.before.is_some(), more)
        } else {
            (rows, more, self.after.is_some())
        }
    }
}

#[derive(Clone, Debug)]
pub struct ClickPage {
    pub clicks: Vec<Click>,
    pub has_next: bool,
    pub has_previous: bool,
}

impl WorkspaceScope {
    /// Clicks by time, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn clicks_by_time(&self, filter: &ClickFilter, page: &PageRequest<ClickId>) -> Result<ClickPage, StoreError> {
        let mut query = Entity::find().filter(self.matching(filter));
        if let Some(after) = page.after {
            query = query.filter(Column::Id.lt(after.0));
        }
        if let Some(before) = page.before {
            query = query.filter(Column::Id.gt(before.0));
        }
        let query = if page.backwards { query.order_by_asc(Column::Id) } else { query.order_by_desc(Column::Id) };
        self.page(page, query).await
    }

    /// Clicks in the order of storage, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn clicks_by_storage(&self, filter: &ClickFilter, page: &PageRequest<Seq>) -> Result<ClickPage, StoreError> {
        let mut query = Entity::find().filter(self.matching(filter));
        if let Some(after) = page.after {
            query = query.filter(Column::Seq.gt(after));
        }
        if let Some(before) = page.before {
            query = query.filter(Column::Seq.lt(before));
        }
        let query = if page.backwards { query.order_by_desc(Column::Seq) } else { query.order_by_asc(Column::Seq) };
        self.page(page, query).await
    }

    /// Clicks by time, oldest first, after that one, of those stored by the time that `head` was the last.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn clicks_stored_by(
        &self,
        filter: &ClickFilter,
        after: Option<ClickId>,
        head: Seq,
        limit: u64,
    ) -> Result<Vec<Click>, StoreError> {
        let mut query = Entity::find().filter(self.matching(filter)).filter(Column::Seq.lte(head));
        if let Some(after) = after {
            query = query.filter(Column::Id.gt(after.0));
        }
        let rows = query.order_by_asc(Column::Id).limit(limit).all(&self.transaction).await?;
        rows.into_iter().map(to_click).collect()
    }

    async fn page<C>(&self, page: &PageRequest<C>, query: sea_orm::Select<Entity>) -> Result<ClickPage, StoreError> {
        let rows = query.limit(page.limit + 1).all(&self.transaction).await?;
        let (rows, has_next, has_previous) = page.cut(rows);
        Ok(ClickPage { clicks: rows.into_iter().map(to_click).collect::<Result<_, _>>()?, has_next, has_previous })
    }

    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn click(&self, id: ClickId) -> Result<Click, StoreError> {
        let query = Entity::find_by_id(id.0).filter(Column::WorkspaceId.eq(self.workspace.0));
        to_click(query.one(&self.transaction).await?.ok_or(StoreError::NotFound)?)
    }

    /// How many clicks match.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count_clicks(&self, filter: &ClickFilter) -> Result<u64, StoreError> {
        use sea_orm::PaginatorTrait;
        Ok(Entity::find().filter(self.matching(filter)).count(&self.transaction).await?)
    }

    /// The place of the last click stored in this scope's snapshot; 0 when there is none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn head(&self) -> Result<Seq, StoreError> {
        Ok(self.head_row().await?.map_or(0, |row| row.head))
    }
}

pub(crate) fn to_click(row: Model) -> Result<Click, StoreError> {
    let unknown = |what: &str, code: i16| StoreError::Internal(format!("no {what} has the code {code}"));
    Ok(Click {
        id: ClickId(row.id),
        seq: row.seq,
        link: LinkId(row.link_id),
        link_version: row.link_version,
        outcome: Outcome::from_code(row.outcome).ok_or_else(|| unknown("outcome", row.outcome))?,
        status: row.status.unsigned_abs(),
        method: Method::from_code(row.method).ok_or_else(|| unknown("method", row.method))?,
        url: row.url,
        target: row.target_url,
        verdict: Verdict::from_code(row.verdict).ok_or_else(|| unknown("verdict", row.verdict))?,
        verdict_reason: VerdictReason::from_code(row.verdict_reason).ok_or_else(|| unknown("reason", row.verdict_reason))?,
        place: GeoPlace { country: row.country, region: row.region, city: row.city, latitude: row.latitude, longitude: row.longitude },
        browser: row.browser,
        browser_version: row.browser_version,
        os: row.os,
        os_version: row.os_version,
        device: Device::from_code(row.device).ok_or_else(|| unknown("device", row.device))?,
        language: row.language,
        user_agent: row.user_agent,
        referrer: row.referrer,
        referrer_host: row.referrer_host,
        utm: Utm {
            source: row.utm_source,
            medium: row.utm_medium,
            campaign: row.utm_campaign,
            term: row.utm_term,
            content: row.utm_content,
        },
        parameters: serde_json::from_str(&row.parameters).map_err(|_| StoreError::Internal("a click's parameters are no JSON".into()))?,
        network: row.network,
        redirect_micros: row.redirect_micros.unsigned_abs(),
        rule: rule(row.rule_id, row.rule_name, row.variant)?,
        channel: row.channel.map(|code| Channel::from_code(code).ok_or_else(|| unknown("channel", code))).transpose()?,
        rules_version: row.rules_version,
        geo_version: row.geo_version,
        system: row
            .system_number
            .and_then(|number| u32::try_from(number).ok())
            .map(|number| AutonomousSystem { number, name: row.system_name }),
        system_version: row.system_version,
        visitor: row.visitor.zip(row.visitor_recipe).map(|(key, recipe)| VisitorKey { key, recipe }),
        ip: row.ip.and_then(|ip| ip.parse().ok()),
        signals: SignalSet::from_bits(u32::try_from(row.signals).unwrap_or_default()),
    })
}

fn rule(id: Option<String>, name: Option<String>, variant: Option<String>) -> Result<Option<ClickRule>, StoreError> {
    let Some(id) = id else { return Ok(None) };
    let id = id.parse().map_err(|_| StoreError::Internal("a click's rule has no id".into()))?;
    Ok(Some(ClickRule { id, name: name.unwrap_or_default(), variant }))
}
