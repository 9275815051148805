//! Lists of a workspace's links: which ones, in which order, page by page.
//!
//! A place in a list is the value that its order goes by together with the link's id, so that a list goes on
//! where it was left although links were added or the one at that place has changed.

use domain::{DomainId, Link, LinkId, Millis, Tag, UserId};
use entity::{link, link_stat, link_tag};
use sea_orm::sea_query::{Expr, ExprTrait as _, SelectStatement, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, EntityTrait, Order, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select};

use crate::clicks::PageRequest;
use crate::filter_sql::{by_bytes, contains};
use crate::{StoreError, WorkspaceScope};

/// A part of the workspace's links.
#[derive(Clone, Debug)]
pub struct LinkPage {
    /// Each with its place in the list.
    pub links: Vec<(LinkPlace, Link)>,
    pub has_next: bool,
    pub has_previous: bool,
}

/// Which links a list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    InUse,
    Archived,
}

/// What a list is of; between the fields all must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkSelection {
    pub shelf: Shelf,
    /// Only links on these domains, `None` among them for the shared one; all where there is no list.
    pub domains: Option<Vec<Option<DomainId>>>,
    /// Only links with any of these tags, `None` among them for those without; all where there is no list.
    pub tags: Option<Vec<Option<Tag>>>,
    /// Only links in these folders, `None` among them for those in none; all where there is no list.
    pub folders: Option<Vec<Option<String>>>,
    /// Only links with this in their slug, title, target, external id or a tag, without regard to case.
    pub search: Option<String>,
    /// Only links made or changed at that time or later.
    pub updated_since: Option<Millis>,
    /// Only links that these users made, `None` among them for those of which that was not noted; all where there is no
    /// list.
    pub created_by: Option<Vec<Option<UserId>>>,
}

impl From<Shelf> for LinkSelection {
    fn from(shelf: Shelf) -> Self {
        Self { shelf, domains: None, tags: None, folders: None, search: None, updated_since: None, created_by: None }
    }
}

/// What a list is ordered by; links of the same value by their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkOrderField {
    CreatedAt,
    UpdatedAt,
    /// Links without clicks come last in both directions.
    LastClickedAt,
    /// Counted clicks of every verdict and of all time.
    Clicks,
    /// Without regard to case.
    Slug,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkOrder {
    pub field: LinkOrderField,
    pub descending: bool,
}

impl LinkOrder {
    pub const NEWEST: Self = Self { field: LinkOrderField::CreatedAt, descending: true };
}

/// A place in a list of links; of use in lists of the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkPlace {
    pub value: PlaceValue,
    pub id: LinkId,
}

/// The value that the order goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceValue {
    Number(i64),
    /// Of a slug, in lower case.
    Text(String),
}

impl LinkOrderField {
    /// Whether places of such an order have such a value.
    pub fn takes(self, value: &PlaceValue) -> bool {
        matches!(value, PlaceValue::Text(_)) == (self == Self::Slug)
    }
}

impl WorkspaceScope {
    /// # Errors
    /// When the database does not answer.
    pub async fn links(
        &self,
        selection: impl Into<LinkSelection>,
        order: LinkOrder,
        page: &PageRequest<LinkPlace>,
    ) -> Result<LinkPage, StoreError> {
        let value = self.ordered_by(order);
        let mut query = self.selected(&selection.into());
        if matches!(order.field, LinkOrderField::LastClickedAt | LinkOrderField::Clicks) {
            let same = Expr::col((link_stat::Entity, link_stat::Column::LinkId))
                .eq(Expr::col((link::Entity, link::Column::Id)))
                .and(Expr::col((link_stat::Entity, link_stat::Column::WorkspaceId)).eq(self.workspace.0));
            QuerySelect::query(&mut query).left_join(link_stat::Entity, same);
        }
        if let Some(after) = &page.after {
            query = query.filter(beyond(&value, after, order.descending));
        }
        if let Some(before) = &page.before {
            query = query.filter(beyond(&value, before, !order.descending));
        }
        let direction = if order.descending == page.backwards { Order::Asc } else { Order::Desc };
        let query = query.order_by(value, direction.clone()).order_by(link::Column::Id, direction);
        let rows = query.limit(page.limit + 1).all(&self.transaction).await?;
        let (rows, has_next, has_previous) = page.cut(rows);
        let places = self.places(&rows, order).await?;
        Ok(LinkPage { links: places.into_iter().zip(self.with_stats(rows).await?).collect(), has_next, has_previous })
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn count_links(&self, selection: impl Into<LinkSelection>) -> Result<u64, StoreError> {
        Ok(self.selected(&selection.into()).count(&self.transaction).await?)
    }

    /// Whether the workspace has such a link, deleted or not.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn knows_link(&self, id: LinkId) -> Result<bool, StoreError> {
        Ok(self.all().filter(link::Column::Id.eq(id.0)).count(&self.transaction).await? > 0)
    }

    /// As in the index of that order, where there is one.
    fn ordered_by(&self, order: LinkOrder) -> SimpleExpr {
        match order.field {
            LinkOrderField::CreatedAt => Expr::col((link::Entity, link::Column::CreatedAt)),
            LinkOrderField::UpdatedAt => Expr::col((link::Entity, link::Column::UpdatedAt)),
            LinkOrderField::LastClickedAt => Expr::cust(format!("COALESCE(link_stats.last_clicked_at, {})", never(order))),
            LinkOrderField::Clicks => Expr::cust("COALESCE(link_stats.clicks, 0)"),
            LinkOrderField::Slug => Expr::cust(format!("lower(links.slug){}", by_bytes(self))),
        }
    }

    async fn places(&self, rows: &[link::Model], order: LinkOrder) -> Result<Vec<LinkPlace>, StoreError> {
        let stats = match order.field {
            LinkOrderField::LastClickedAt | LinkOrderField::Clicks => self.stats_of(rows).await?,
            _ => Vec::new(),
        };
        let stat = |row: &link::Model| stats.iter().find(|stat| stat.link_id == row.id);
        let value = |row: &link::Model| match order.field {
            LinkOrderField::CreatedAt => PlaceValue::Number(row.created_at),
            LinkOrderField::UpdatedAt => PlaceValue::Number(row.updated_at),
            LinkOrderField::LastClickedAt => PlaceValue::Number(stat(row).map_or(never(order), |stat| stat.last_clicked_at)),
            LinkOrderField::Clicks => PlaceValue::Number(stat(row).map_or(0, |stat| stat.clicks)),
            LinkOrderField::Slug => PlaceValue::Text(row.slug.to_ascii_lowercase()),
        };
        Ok(rows.iter().map(|row| LinkPlace { value: value(row), id: LinkId(row.id) }).collect())
    }

    fn selected(&self, selection: &LinkSelection) -> Select<link::Entity> {
        let on_shelf = match selection.shelf {
            Shelf::InUse => self.live().filter(link::Column::ArchivedAt.is_null()),
            Shelf::Archived => self.live().filter(link::Column::ArchivedAt.is_not_null()),
        };
        let domains = selection.domains.as_ref().map(|domains| {
            let own = link::Column::DomainId.is_in(domains.iter().flatten().map(|domain| domain.0));
            Condition::any().add(own).add_option(domains.contains(&None).then(|| link::Column::DomainId.is_null()))
        });
        let tags = selection.tags.as_ref().map(|tags| self.with_tags(tags, link::Column::Id));
        let folders = selection.folders.as_ref().map(|folders| {
            let named = link::Column::Folder.is_in(folders.iter().flatten().map(String::as_str));
            Condition::any().add(named).add_option(folders.contains(&None).then(|| link::Column::Folder.is_null()))
        });
        let found = selection.search.as_deref().map(|search| self.found(search));
        let since = selection.updated_since.map(|since| Condition::all().add(link::Column::UpdatedAt.gte(since.0)));
        let creators = selection.created_by.as_ref().map(|creators| {
            let named = link::Column::CreatedBy.is_in(creators.iter().flatten().map(|user| user.0));
            Condition::any().add(named).add_option(creators.contains(&None).then(|| link::Column::CreatedBy.is_null()))
        });
        [domains, tags, folders, found, since, creators].into_iter().flatten().fold(on_shelf, Select::filter)
    }

    fn found(&self, search: &str) -> Condition {
        use link::Column;
        let texts = [Column::Slug, Column::Title, Column::TargetUrl, Column::ExternalId];
        let of_link = texts.into_iter().fold(Condition::any(), |any, column| any.add(contains(column, search)));
        of_link.add(Column::Id.in_subquery(self.tagged_like(search)))
    }

    fn tagged_like(&self, search: &str) -> SelectStatement {
        link_tag::Entity::find()
            .select_only()
            .column(link_tag::Column::LinkId)
            .filter(link_tag::Column::WorkspaceId.eq(self.workspace.0))
            .filter(contains(link_tag::Column::Tag, search))
            .into_query()
    }
}

/// What stands for the time of a last click where there is none.
fn never(order: LinkOrder) -> i64 {
    if order.descending { -1 } else { i64::MAX }
}

/// The rows that an order comes to after that place; those before it where the order is turned round.
fn beyond(value: &SimpleExpr, place: &LinkPlace, descending: bool) -> Condition {
    let bound: SimpleExpr = match &place.value {
        PlaceValue::Number(number) => (*number).into(),
        PlaceValue::Text(text) => text.as_str().into(),
    };
    // SQLite goes along an index of an expression by the value alone, not by the pair.
    let near = if descending { value.clone().lte(bound.clone()) } else { value.clone().gte(bound.clone()) };
    let row = Expr::tuple([value.clone(), Expr::col((link::Entity, link::Column::Id))]);
    let bound = Expr::tuple([bound, place.id.0.into()]);
    Condition::all().add(near).add(if descending { row.lt(bound) } else { row.gt(bound) })
}
