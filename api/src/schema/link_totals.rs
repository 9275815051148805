//! The counts of many links read at once, in one snapshot: those that one list shows, wherever it asks the same of them.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use async_graphql::Context;
use async_graphql::dataloader::{DataLoader, Loader};
use domain::{ApiScope, ClickFilter, LinkId, WorkspaceId};
use store::WorkspaceScope;

use super::context::{Services, reader};
use super::counts::{ClickTotals, Wanted, previous_totals, told_totals};
use super::error::ApiError;
use super::filter::{ClickFilterInput, resolve_compared};
use super::period::Compare;

/// What is asked of a link.
#[derive(Debug)]
struct Asked {
    filter: ClickFilterInput,
    compare: Option<Compare>,
    wanted: Wanted,
    /// All of this, written out: what reads the same is the same question.
    text: String,
}

/// One link's counts.
#[derive(Clone, Debug)]
pub(crate) struct TotalsKey {
    workspace: WorkspaceId,
    link: LinkId,
    asked: Arc<Asked>,
}

impl PartialEq for TotalsKey {
    fn eq(&self, other: &Self) -> bool {
        (self.workspace, self.link, &self.asked.text) == (other.workspace, other.link, &other.asked.text)
    }
}

impl Eq for TotalsKey {}

impl Hash for TotalsKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.workspace, self.link, &self.asked.text).hash(state);
    }
}

pub(crate) struct TotalsLoader(pub Services);

/// What was found of each link; a question that cannot be answered keeps no other one from its answer.
type Found = HashMap<TotalsKey, Result<ClickTotals, ApiError>>;

impl Loader<TotalsKey> for TotalsLoader {
    type Value = Result<ClickTotals, ApiError>;
    type Error = ApiError;

    async fn load(&self, keys: &[TotalsKey]) -> Result<Found, ApiError> {
        let mut asked: HashMap<WorkspaceId, HashMap<&str, Vec<&TotalsKey>>> = HashMap::new();
        for key in keys {
            asked.entry(key.workspace).or_default().entry(&key.asked.text).or_default().push(key);
        }
        let mut found = HashMap::with_capacity(keys.len());
        for (workspace, questions) in asked {
            let scope = self.0.read(workspace).await?;
            for keys in questions.into_values() {
                match self.answer(&scope, &keys).await {
                    Ok(totals) => found.extend(totals.into_iter().map(|(key, totals)| (key, Ok(totals)))),
                    Err(error) => found.extend(keys.into_iter().map(|key| (key.clone(), Err(error.clone())))),
                }
            }
        }
        Ok(found)
    }
}

impl TotalsLoader {
    /// Of links of which the same is asked.
    async fn answer(&self, scope: &WorkspaceScope, keys: &[&TotalsKey]) -> Result<Vec<(TotalsKey, ClickTotals)>, ApiError> {
        let Some(asked) = keys.first().map(|key| &key.asked) else { return Ok(Vec::new()) };
        let (filter, compared) = resolve_compared(&self.0, scope, Some(asked.filter.clone()), asked.compare).await?;
        let links: Vec<LinkId> = keys.iter().map(|key| key.link).collect();
        let totals = scope.totals_of_links(&filter, &links).await?;
        let before = match &compared {
            Some(compared) => scope.totals_of_links(compared, &links).await?,
            None => HashMap::new(),
        };
        let mut told = Vec::with_capacity(keys.len());
        for key in keys {
            let Some(totals) = totals.get(&key.link) else { continue };
            let mut found = told_totals(scope, &of_link(&filter, key.link), totals, asked.wanted.now).await?;
            if let Some((compared, before)) = compared.as_ref().zip(before.get(&key.link)) {
                found.previous = previous_totals(scope, &of_link(compared, key.link), before, asked.wanted.previous).await?;
            }
            told.push(((*key).clone(), found));
        }
        Ok(told)
    }
}

fn of_link(filter: &ClickFilter, link: LinkId) -> ClickFilter {
    let mut filter = filter.clone();
    filter.include.links = vec![link];
    filter
}

/// The totals of one link for a field of type [`ClickTotals`], which `ctx` stands at.
pub(super) async fn link_totals(
    ctx: &Context<'_>,
    link: LinkId,
    filter: Option<ClickFilterInput>,
    compare: Option<Compare>,
) -> Result<ClickTotals, ApiError> {
    let workspace = reader(ctx, ApiScope::ClicksRead)?;
    // Its links are given when it is known which they are.
    let filter = filter.unwrap_or_default().of_any_link();
    let wanted = Wanted::of(&ctx.look_ahead());
    let text = format!("{filter:?} {compare:?} {wanted:?}");
    let key = TotalsKey { workspace, link, asked: Arc::new(Asked { filter, compare, wanted, text }) };
    let loader = ctx.data::<DataLoader<TotalsLoader>>().map_err(|error| ApiError::Internal(error.message))?;
    loader.load_one(key).await?.ok_or(ApiError::NotFound("link"))?
}
