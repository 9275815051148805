//! Tags, folders and metadata of links: the input, checked, and what there is of them in the workspace.

use async_graphql::{Context, InputObject, Json, MaybeUndefined, Object, SimpleObject};
use domain::{ApiScope, Folder, Invalid, LinkLabelsChange, Metadata, parse_tags};
use store::Shared;

use super::changed::given;
use super::context::{reader, services};
use super::error::ApiResult;

/// In an update an absent field stays, null clears it.
#[derive(InputObject)]
pub struct LinkLabelsInput {
    /// At most 20 of 1 to 50 characters, in this order. They replace all the link has. Tags are told apart
    /// without regard to case: of several ways to write one the first stays.
    tags: MaybeUndefined<Vec<String>>,
    /// One name, or a path such as `mail/spring`; at most 100 characters. Told apart by case.
    folder: MaybeUndefined<String>,
    /// A flat object of at most 20 keys of 1 to 64 characters; values are text, numbers, true or false, of at most
    /// 500 characters. It replaces all the link has.
    metadata: MaybeUndefined<Json<serde_json::Value>>,
}

impl LinkLabelsInput {
    /// Checks the input and adds its offences to `invalid`.
    pub(super) fn check(self, invalid: &mut Invalid) -> LinkLabelsChange {
        let mut all = |result: Result<(), Invalid>| {
            if let Err(offences) = result {
                invalid.0.extend(offences.0);
            }
        };
        let mut change = LinkLabelsChange::default();
        all(given(self.tags, |tags| parse_tags(&tags)).map(|tags| change.tags = tags));
        let folder = given(self.folder, |text| Folder::parse(&text).map_err(Into::into));
        all(folder.map(|folder| change.folder = folder));
        all(given(self.metadata, |json| Metadata::parse(json.0)).map(|metadata| change.metadata = metadata));
        change
    }
}

/// A tag, with how many links have it.
#[derive(Clone, Debug, SimpleObject)]
pub struct LinkTag {
    /// Of several ways to write it the first in the order of bytes.
    pub name: String,
    /// Links that are not deleted; archived ones count.
    pub link_count: u64,
}

/// A folder, with how many links are in it.
#[derive(Clone, Debug, SimpleObject)]
pub struct LinkFolder {
    pub name: String,
    /// Links that are not deleted; archived ones count. Of a path those of the folders below it do not.
    pub link_count: u64,
}

#[derive(Default)]
pub struct LinkLabelsQuery;

#[Object]
impl LinkLabelsQuery {
    /// The tags of the workspace's links: those of most links first, then by name; at most 500.
    async fn tags(&self, ctx: &Context<'_>) -> ApiResult<Option<Vec<LinkTag>>> {
        let scope = services(ctx)?.read(reader(ctx, ApiScope::LinksRead)?).await?;
        let tag = |Shared { name, links }| LinkTag { name, link_count: links };
        Ok(Some(scope.tags().await?.into_iter().map(tag).collect()))
    }

    /// The folders of the workspace's links: those of most links first, then by name; at most 500.
    async fn folders(&self, ctx: &Context<'_>) -> ApiResult<Option<Vec<LinkFolder>>> {
        let scope = services(ctx)?.read(reader(ctx, ApiScope::LinksRead)?).await?;
        let folder = |Shared { name, links }| LinkFolder { name, link_count: links };
        Ok(Some(scope.folders().await?.into_iter().map(folder).collect()))
    }
}
