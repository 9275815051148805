//! Visitors of several links, each told apart by day.

use std::collections::HashMap;

use domain::{ClickFilter, LinkId, Verdict};
use uuid::Uuid;

use crate::rollup::Count;
use crate::{StoreError, WorkspaceScope};

impl WorkspaceScope {
    /// Of each of `links`, which the filter lets through, the visitors whose first click of a day there
    /// matches: of people when it names no verdict. Without links none of whose clicks says who it is of, and without any where the
    /// filter asks for another property of clicks than time, link and verdict, since the first click may then
    /// be another one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn daily_uniques_of(&self, filter: &ClickFilter, links: Vec<LinkId>) -> Result<HashMap<LinkId, u64>, StoreError> {
        if links.is_empty() || filter.one_dimension() != Some(None) {
            return Ok(HashMap::new());
        }
        let verdicts = filter.verdicts_or(&[Verdict::Human]);
        let mut filter = filter.with_default_verdicts(&[Verdict::Human]);
        filter.include.links = links;
        // The workspace's own cells know whose first click of a day anywhere it was, not of each link.
        let mut sums: HashMap<Uuid, Count> = HashMap::new();
        let add = |link, _, verdict, count| {
            if verdicts.contains(&verdict) {
                sums.entry(link).or_default().add(count);
            }
        };
        self.sums_of_links(&filter, &[], add).await?;
        let told = sums.into_iter().filter(|(_, count)| count.told > 0);
        Ok(told.map(|(link, count)| (LinkId(link), count.firsts.unsigned_abs())).collect())
    }
}
