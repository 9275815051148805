//! The subscription: every stored click once, in the order of storage.

use async_graphql::{Context, SimpleObject, Subscription};
use domain::ApiScope;
use futures_util::{Stream, StreamExt as _};

use super::click::Click;
use super::context::{reader, services};
use super::error::ApiError;
use super::filter::{ClickFilterInput, resolve};
use super::page::{Cursor, StoredCursor};
use crate::live::{Start, Told};

/// Clicks that can no longer be told, since they are not kept any more. Some of those between may still be
/// there: they follow.
#[derive(Clone, Debug, SimpleObject)]
pub struct Gap {
    /// How many. Null when that is not known either.
    pub dropped: Option<u64>,
    /// Cursor before the first.
    pub from: String,
    /// Cursor of the last.
    pub to: String,
}

/// A click as it is stored.
#[derive(Clone, Debug, SimpleObject)]
pub struct ClickEvent {
    /// Subscribing after it goes on where this event ends.
    pub cursor: String,
    /// Null when this event tells of a gap.
    pub click: Option<Click>,
    /// Null when nothing is missing.
    pub gap: Option<Gap>,
}

#[derive(Default)]
pub struct ClickSubscription;

#[Subscription]
impl ClickSubscription {
    /// Every stored click that the filter lets through, once, in the order of storage. Without
    /// `after` it begins with the next one; with a cursor of an earlier event, or a `liveCursor`,
    /// it goes on from there without gap or repeat; where clicks after it are not kept any more, an event
    /// with a `gap` says so first.
    async fn clicks(
        &self,
        ctx: &Context<'_>,
        filter: Option<ClickFilterInput>,
        after: Option<String>,
    ) -> Result<impl Stream<Item = ClickEvent>, ApiError> {
        let (services, workspace) = (services(ctx)?, reader(ctx, ApiScope::ClicksRead)?);
        let filter = {
            let scope = services.read(workspace).await?;
            resolve(services, &scope, filter).await?
        };
        let after = after.map(|after| StoredCursor::decode("after", &after)).transpose()?;
        let start = after.map_or(Start::Now, |cursor| Start::After(cursor.0));
        let Some(clicks) = services.hub.follow(workspace, filter, start).await? else {
            return Err(StoredCursor::ahead().into());
        };
        let cursor = |seq| StoredCursor(seq).encode();
        Ok(clicks.map(move |told| match told {
            Told::Click(click) => ClickEvent { cursor: cursor(click.seq), click: Some(Click::new(workspace, *click)), gap: None },
            // Whoever goes on after it is told of it again, and misses nothing that is there.
            Told::Gap { after, to } => {
                let gap = Gap { dropped: None, from: cursor(after), to: cursor(to) };
                ClickEvent { cursor: cursor(after), click: None, gap: Some(gap) }
            }
        }))
    }
}
