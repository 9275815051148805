//! Links' clicks of the last days, as lines that stand beside them in a list: read at once for all links of a page.

use std::collections::HashMap;
use std::convert::Infallible;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{Context, ID};
use domain::{ApiScope, Bucket, Invalid, Issue, IssueCode, LinkId, Verdict, WorkspaceId, first_buckets};
use futures_util::future::join_all;

use super::context::{Services, reader};
use super::error::{ApiError, ApiResult};
use super::link::link_id;
use super::period::zone_of;

const MOST_DAYS: i32 = 90;
/// Of a day without a change of the clocks.
const DAY_MILLIS: i64 = 24 * 3_600_000;
/// Lines of one question: a page of links, of which each has a cell for each day.
const MOST_AT_ONCE: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LineKey {
    workspace: WorkspaceId,
    link: LinkId,
    /// 1 to [`MOST_DAYS`].
    days: i32,
}

pub(crate) struct LineLoader(Services);

impl LineLoader {
    pub fn of(services: &Services) -> DataLoader<Self> {
        DataLoader::new(Self(services.clone()), tokio::spawn).max_batch_size(MOST_AT_ONCE)
    }

    async fn lines(&self, workspace: WorkspaceId, days: i32, links: Vec<LinkId>) -> ApiResult<HashMap<LineKey, Vec<u64>>> {
        let scope = self.0.read(workspace).await?;
        let (zone, now, count) = (zone_of(&scope).await?, self.0.clock.now(), days.unsigned_abs() as usize);
        // A long day may leave one too many at the beginning.
        let spans = first_buckets(Bucket::Day, &zone, now.plus(-i64::from(days) * DAY_MILLIS), now.plus(1), count + 2);
        let spans = spans.get(spans.len().saturating_sub(count)..).unwrap_or_default();
        let mut series = scope.series_of_links(links.clone(), spans).await?;
        let line = |link: LinkId| {
            let points = series.remove(&link).unwrap_or_else(|| vec![store::Counts::default(); spans.len()]);
            (LineKey { workspace, link, days }, points.iter().map(|counts| counts.of(&[Verdict::Human])).collect())
        };
        Ok(links.into_iter().map(line).collect())
    }
}

impl Loader<LineKey> for LineLoader {
    /// Each workspace's failure is its own, whoever else asks at the same moment.
    type Value = ApiResult<Vec<u64>>;
    type Error = Infallible;

    async fn load(&self, keys: &[LineKey]) -> Result<HashMap<LineKey, ApiResult<Vec<u64>>>, Infallible> {
        let mut asked: HashMap<(WorkspaceId, i32), Vec<LinkId>> = HashMap::new();
        for key in keys {
            asked.entry((key.workspace, key.days)).or_default().push(key.link);
        }
        let answers = asked.into_iter().map(async |((workspace, days), links)| match self.lines(workspace, days, links.clone()).await {
            Ok(lines) => lines.into_iter().map(|(key, line)| (key, Ok(line))).collect::<Vec<_>>(),
            Err(error) => links.into_iter().map(|link| (LineKey { workspace, link, days }, Err(error.clone()))).collect(),
        });
        Ok(join_all(answers).await.into_iter().flatten().collect())
    }
}

pub(super) async fn sparkline(ctx: &Context<'_>, link: &ID, days: i32) -> ApiResult<Vec<u64>> {
    let workspace = reader(ctx, ApiScope::ClicksRead)?;
    if !(1..=MOST_DAYS).contains(&days) {
        let message = format!("Ask for 1 to {MOST_DAYS} days. clickSeries has longer ranges.");
        return Err(Invalid::from(Issue::new("days", IssueCode::OutOfRange, message)).into());
    }
    let loader = ctx.data::<DataLoader<LineLoader>>().map_err(|error| ApiError::Internal(error.message))?;
    let Ok(line) = loader.load_one(LineKey { workspace, link: link_id(link)?, days }).await;
    line.unwrap_or_else(|| Err(ApiError::Internal("a link has no line".into())))
}
