//! Lists of links: which ones, in which order, page by page.

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::{ApiScope, Invalid, Issue, IssueCode, Tag, UserId};
use store::{LinkPlace, LinkSelection, PageRequest, PlaceValue, Shelf, WorkspaceScope};

use super::click_properties::Checked;
use super::context::{Services, reader, services};
use super::domain::domains_named;
use super::error::ApiResult;
use super::link::Link;
use super::page::{Cursor, PageArgs, PageInfo, no_cursor, page_info};
use super::scalars::DateTime;

#[derive(Clone, Debug, SimpleObject)]
pub struct LinkEdge {
    pub cursor: String,
    pub node: Link,
}

/// Links, in the order that was asked for.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct LinkConnection {
    pub edges: Vec<LinkEdge>,
    pub nodes: Vec<Link>,
    pub page_info: PageInfo,
    #[graphql(skip)]
    selection: LinkSelection,
}

#[ComplexObject]
impl LinkConnection {
    /// How many links the list has; counted only when asked for.
    async fn total_count(&self, ctx: &Context<'_>) -> ApiResult<u64> {
        let scope = services(ctx)?.read(reader(ctx, ApiScope::LinksRead)?).await?;
        Ok(scope.count_links(self.selection.clone()).await?)
    }
}

/// Which links a list is of: within a field any value matches, between fields all must.
#[derive(Clone, Debug, Default, InputObject)]
pub struct LinkFilter {
    /// True for the archived links, false (the default) for the others.
    archived: Option<bool>,
    /// Only links on these hosts: the shared short domain, or the workspace's own.
    domains: Option<Vec<String>>,
    /// Only links with any of these tags, without regard to case; null is a link without tags.
    tags: Option<Vec<Option<String>>>,
    /// Only links in these folders; null is a link in none.
    folders: Option<Vec<Option<String>>>,
    /// Only links with this text in their slug, title, target URL, external id or a tag, without regard to case;
    /// at most 200 characters.
    search: Option<String>,
    /// Only links that were made or changed at that time or later.
    updated_since: Option<DateTime>,
    /// Only links that these users made, or their API keys; null is a link of which that was not noted.
    created_by: Option<Vec<Option<ID>>>,
}

/// What a list of links is ordered by. Links of the same value are in the order of their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "store::LinkOrderField")]
pub enum LinkOrderField {
    CreatedAt,
    UpdatedAt,
    /// Links without counted clicks come last in both directions.
    LastClickedAt,
    /// All counted clicks, of every verdict and of all time; 0 for links without.
    Clicks,
    /// Without regard to case.
    Slug,
}

/// Upwards or downwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum OrderDirection {
    /// The smallest, earliest or first of the alphabet comes first.
    Asc,
    /// The greatest, latest or last of the alphabet comes first.
    Desc,
}

/// The order of a list of links.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct LinkOrder {
    field: LinkOrderField,
    #[graphql(default_with = "OrderDirection::Desc")]
    direction: OrderDirection,
}

impl From<LinkOrder> for store::LinkOrder {
    fn from(order: LinkOrder) -> Self {
        Self { field: order.field.into(), descending: order.direction == OrderDirection::Desc }
    }
}

/// A place in a list of that order.
#[derive(Clone, Debug, PartialEq, Eq)]
struct LinkCursor {
    order: store::LinkOrder,
    place: LinkPlace,
}

/// How cursors name orders.
const FIELDS: [(char, store::LinkOrderField); 5] = [
    ('c', store::LinkOrderField::CreatedAt),
    ('u', store::LinkOrderField::UpdatedAt),
    ('l', store::LinkOrderField::LastClickedAt),
    ('n', store::LinkOrderField::Clicks),
    ('s', store::LinkOrderField::Slug),
];
/// No slug is that long.
const LONGEST_VALUE: usize = 200;

impl Cursor for LinkCursor {
    const PREFIX: &'static str = "l:";

    fn text(&self) -> String {
        let field = FIELDS.iter().find(|(_, field)| *field == self.order.field).map_or('c', |(letter, _)| *letter);
        let (direction, id) = (if self.order.descending { 'd' } else { 'a' }, self.place.id);
        match &self.place.value {
            PlaceValue::Number(number) => format!("{field}{direction}:{id}:{number}"),
            PlaceValue::Text(text) => format!("{field}{direction}:{id}:{text}"),
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        let (order, rest) = text.split_once(':')?;
        let (id, value) = rest.split_once(':')?;
        let (letter, descending) =
            order.strip_suffix('d').map(|letter| (letter, true)).or(order.strip_suffix('a').map(|letter| (letter, false)))?;
        let field = FIELDS.iter().find(|(known, _)| letter.chars().eq([*known])).map(|(_, field)| *field)?;
        let value = match field {
            store::LinkOrderField::Slug if value.len() <= LONGEST_VALUE && !value.contains('\0') => PlaceValue::Text(value.to_owned()),
            store::LinkOrderField::Slug => return None,
            _ => PlaceValue::Number(value.parse().ok()?),
        };
        Some(Self { order: store::LinkOrder { field, descending }, place: LinkPlace { value, id: id.parse().ok()? } })
    }
}

#[derive(Default)]
pub struct LinkListQuery;

#[Object]
impl LinkListQuery {
    /// The workspace's links, newest first unless another order is asked for; archived ones only when asked for.
    /// Cursors are of use in the order that they come from.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn links(
        &self,
        ctx: &Context<'_>,
        filter: Option<LinkFilter>,
        order_by: Option<LinkOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> ApiResult<Option<LinkConnection>> {
        let (services, workspace) = (services(ctx)?, reader(ctx, ApiScope::LinksRead)?);
        let order = order_by.map_or(store::LinkOrder::NEWEST, Into::into);
        let scope = services.read(workspace).await?;
        let mut invalid = Invalid::default();
        let request = match (PageArgs { first, after, last, before }).request::<LinkCursor>() {
            Ok(request) => Some(checked(&scope, request, order, &mut invalid).await?),
            Err(offences) => {
                invalid.0.extend(offences.0);
                None
            }
        };
        let selection = selection(services, &scope, filter.unwrap_or_default(), &mut invalid).await?;
        invalid.finish()?;
        let page = scope.links(selection.clone(), order, &request.unwrap_or(PageRequest::first(0))).await?;
        let (places, links): (Vec<LinkPlace>, Vec<domain::Link>) = page.links.into_iter().unzip();
        let cursors: Vec<String> = places.into_iter().map(|place| LinkCursor { order, place }.encode()).collect();
        let nodes: Vec<Link> = links.into_iter().map(|link| Link::new(services, link)).collect();
        let edges = cursors.iter().cloned().zip(&nodes).map(|(cursor, node)| LinkEdge { cursor, node: node.clone() }).collect();
        Ok(Some(LinkConnection { edges, page_info: page_info(&cursors, page.has_next, page.has_previous), nodes, selection }))
    }
}

/// The same, where its cursors are of links of this workspace in that order.
async fn checked(
    scope: &WorkspaceScope,
    request: PageRequest<LinkCursor>,
    order: store::LinkOrder,
    invalid: &mut Invalid,
) -> ApiResult<PageRequest<LinkPlace>> {
    for (path, cursor) in [("after", &request.after), ("before", &request.before)] {
        let Some(cursor) = cursor else { continue };
        if cursor.order != order {
            let message = "This cursor is of a list in another order. Begin anew without it, or ask for the order it came from.";
            invalid.0.push(Issue::new(path, IssueCode::Invalid, message));
        } else if !scope.knows_link(cursor.place.id).await? {
            invalid.0.push(no_cursor(path));
        }
    }
    Ok(request.map(|cursor| cursor.place))
}

/// In characters.
const LONGEST_SEARCH: usize = 200;

async fn selection(services: &Services, scope: &WorkspaceScope, filter: LinkFilter, invalid: &mut Invalid) -> ApiResult<LinkSelection> {
    let mut at = Checked::new("filter", invalid);
    let mut texts = |field, values: Option<Vec<Option<String>>>| {
        let given = values.is_some();
        let values = at.list(field, values);
        given.then(|| values.into_iter().map(|value| value.map(|text| text.trim().to_owned())).collect::<Vec<_>>())
    };
    let (tags, folders) = (texts("tags", filter.tags), texts("folders", filter.folders));
    let creators = texts("createdBy", filter.created_by.map(|ids| ids.into_iter().map(|id| id.map(|id| id.0)).collect()));
    let hosts = filter.domains.map(|hosts| at.list("domains", Some(hosts)));
    let search = filter.search.map(|search| search.trim().to_owned()).filter(|search| !search.is_empty());
    if search.as_ref().is_some_and(|search| search.chars().count() > LONGEST_SEARCH) {
        let message = format!("Search for at most {LONGEST_SEARCH} characters.");
        invalid.0.push(Issue::new("filter.search", IssueCode::TooLong, message));
    }
    Ok(LinkSelection {
        shelf: if filter.archived.unwrap_or(false) { Shelf::Archived } else { Shelf::InUse },
        domains: match hosts {
            Some(hosts) => Some(domains_named(services, scope, &hosts).await?),
            None => None,
        },
        tags: tags.map(|tags| tags.into_iter().map(|tag| tag.map(Tag::from_store)).collect()),
        folders,
        search,
        updated_since: filter.updated_since.map(|since| since.0),
        created_by: creators.map(|ids| users(ids, invalid)),
    })
}

fn users(ids: Vec<Option<String>>, invalid: &mut Invalid) -> Vec<Option<UserId>> {
    let mut users = Vec::with_capacity(ids.len());
    for (at, id) in ids.into_iter().enumerate() {
        match id.map(|id| id.parse()).transpose() {
            Ok(user) => users.push(user),
            Err(_) => {
                let message = "This is no user's id. Those begin with usr_, as in viewer { user { id } }.";
                invalid.0.push(Issue::new(format!("filter.createdBy.{at}"), IssueCode::Invalid, message));
            }
        }
    }
    users
}

#[cfg(test)]
mod tests {
    use domain::{LinkId, Millis};

    use super::*;

    #[test]
    fn cursors_come_back_as_they_were_and_others_are_none() {
        let id = LinkId::new(Millis(5), [1; 10]);
        for (_, field) in FIELDS {
            for descending in [false, true] {
                let value = if field == store::LinkOrderField::Slug { PlaceValue::Text("a:b".into()) } else { PlaceValue::Number(-1) };
                let cursor = LinkCursor { order: store::LinkOrder { field, descending }, place: LinkPlace { value, id } };
                assert_eq!(LinkCursor::decode("after", &cursor.encode()), Ok(cursor));
            }
        }
        for text in
            [String::new(), format!("cd:{id}:x"), format!("xd:{id}:1"), format!("c:{id}:1"), "cd:lnk_x:1".into(), format!("sd:{id}:\0")]
        {
            assert_eq!(LinkCursor::from_text(&text), None, "{text}");
        }
    }
}
