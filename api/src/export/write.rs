//! Writing a whole workspace into an archive: one file after another, each in pages, so that however much there
//! is no more than a page of it is in memory.

use domain::{
    Annotation, AnnotationId, AuditEntry, AuditId, Click, ClickFilter, ClickId, Conversion, LinkId, LinkReport, LinkReportId, Miss, MissId,
    RecipientListId, Seq, WorkspaceId,
};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use store::{Access, Engagement, PageRequest, RecipientList, StoreError, WorkspaceScope};

use super::archive::Archive;
use super::tables::{
    ANNOTATIONS, API_KEYS, AUDIT_LOG, CLICKS, CONVERSIONS, COUNTS, DOMAINS, ENGAGEMENTS, Format, LINK_REPORTS, LINKS, LOSSES, LinkRow,
    MEMBERS, MISS_COUNTS, MISSES, RECIPIENTS, RecipientRow, SETTINGS, Settings, Table,
};
use super::{Broken, Exports, readme};

/// Rows read at a time.
const ROWS: u64 = 1_000;

/// Some rows, and where those after them begin; `None` at the end.
type Page<T, C> = Result<(Vec<T>, Option<C>), StoreError>;

impl Exports {
    pub(super) async fn write(&self, workspace: WorkspaceId, archive: &mut Archive) -> Result<(), Broken> {
        let scope = self.store.workspace(workspace, Access::Read).await?;
        let scope = &scope;
        archive.file("README.txt", readme::text().into_bytes()).await?;
        small(archive, &SETTINGS, &[self.settings(scope).await?]).await?;
        small(archive, &MEMBERS, &scope.members().await?).await?;
        small(archive, &API_KEYS, &scope.api_keys_of_any_state().await?).await?;
        small(archive, &DOMAINS, &scope.domains().await?).await?;
        large(archive, &LINKS, |after| self.links(scope, after).boxed()).await?;
        large(archive, &LINK_REPORTS, |after| reports(scope, after).boxed()).await?;
        large(archive, &ANNOTATIONS, |after| annotations(scope, after).boxed()).await?;
        let lists = &scope.recipient_lists().await?;
        large(archive, &RECIPIENTS, |after| recipients(scope, lists, after).boxed()).await?;
        large(archive, &CLICKS, |after| clicks(scope, after).boxed()).await?;
        large(archive, &CONVERSIONS, |after| conversions(scope, after).boxed()).await?;
        large(archive, &ENGAGEMENTS, |after| engagements(scope, after).boxed()).await?;
        large(archive, &COUNTS, |after| scope.cell_rows(after, ROWS).boxed()).await?;
        large(archive, &MISSES, |after| misses(scope, after).boxed()).await?;
        large(archive, &MISS_COUNTS, |after| scope.miss_counts_after(after, ROWS).boxed()).await?;
        large(archive, &LOSSES, |after| scope.lost_clicks_after(after, ROWS).boxed()).await?;
        large(archive, &AUDIT_LOG, |after| audit_log(scope, after).boxed()).await?;
        archive.finish().await
    }

    async fn settings(&self, scope: &WorkspaceScope) -> Result<Settings, StoreError> {
        Ok(Settings {
            workspace: scope.get().await?,
            policy: self.store.workspace_policy(scope.workspace()).await?,
            deletion_at: scope.deletion_at().await?,
            attribution_days: scope.attribution_days().await?,
            recipient_parameter: scope.recipient_parameter().await?,
            counted_parameters: scope.counted_parameters().await?,
        })
    }

    async fn links(&self, scope: &WorkspaceScope, after: Option<LinkId>) -> Page<LinkRow, LinkId> {
        let links = scope.links_of_any_state(after, ROWS).await?;
        let end = links.last().map(|last| last.link.id);
        Ok((links.into_iter().map(|link| LinkRow::new(link, &self.short_domain)).collect(), end))
    }
}

async fn annotations(scope: &WorkspaceScope, after: Option<AnnotationId>) -> Page<Annotation, AnnotationId> {
    let annotations = scope.annotations_after(after, ROWS).await?;
    let end = annotations.last().map(|last| last.id);
    Ok((annotations, end))
}

async fn reports(scope: &WorkspaceScope, after: Option<LinkReportId>) -> Page<LinkReport, LinkReportId> {
    let reports = scope.link_reports_of_any_state(after, ROWS).await?;
    let end = reports.last().map(|last| last.id);
    Ok((reports, end))
}

async fn recipients(
    scope: &WorkspaceScope,
    lists: &[RecipientList],
    after: Option<(RecipientListId, String)>,
) -> Page<RecipientRow, (RecipientListId, String)> {
    let rows = scope.recipients_after(after, ROWS).await?;
    let end = rows.last().cloned();
    let name = |id| lists.iter().find(|list| list.id == id).map(|list| list.name.clone()).unwrap_or_default();
    let row = |(list, recipient)| RecipientRow { list, list_name: name(list), recipient };
    Ok((rows.into_iter().map(row).collect(), end))
}

async fn clicks(scope: &WorkspaceScope, after: Option<Seq>) -> Page<Click, Seq> {
    let page = PageRequest { after, ..PageRequest::first(ROWS) };
    let clicks = scope.clicks_by_storage(&ClickFilter::default(), &page).await?.clicks;
    let end = clicks.last().map(|last| last.seq);
    Ok((clicks, end))
}

async fn misses(scope: &WorkspaceScope, after: Option<MissId>) -> Page<Miss, MissId> {
    let misses = scope.misses_after(after, ROWS).await?;
    let end = misses.last().map(|last| last.id);
    Ok((misses, end))
}

async fn conversions(scope: &WorkspaceScope, after: Option<String>) -> Page<Conversion, String> {
    let conversions = scope.conversions_after(after.as_deref(), ROWS).await?;
    let end = conversions.last().map(|last| last.event_id.clone());
    Ok((conversions, end))
}

async fn engagements(scope: &WorkspaceScope, after: Option<ClickId>) -> Page<Engagement, ClickId> {
    let engagements = scope.engagements_after(after, ROWS).await?;
    let end = engagements.last().map(|last| last.click);
    Ok((engagements, end))
}

async fn audit_log(scope: &WorkspaceScope, after: Option<AuditId>) -> Page<AuditEntry, AuditId> {
    let entries = scope.audit_log(&PageRequest { after, ..PageRequest::first(ROWS) }).await?.entries;
    let end = entries.last().map(|last| last.id);
    Ok((entries, end))
}

async fn small<T>(archive: &mut Archive, table: &Table<T>, rows: &[T]) -> Result<(), Broken> {
    for format in Format::ALL {
        archive.file(&table.file(format), [table.head(format), table.rows(format, rows)].concat()).await?;
    }
    Ok(())
}

/// A table whose rows are read page by page, once for each format.
async fn large<'a, T, C>(
    archive: &mut Archive,
    table: &Table<T>,
    read: impl Fn(Option<C>) -> BoxFuture<'a, Page<T, C>>,
) -> Result<(), Broken> {
    for format in Format::ALL {
        archive.begin(&table.file(format)).await?;
        archive.write(table.head(format)).await?;
        let mut after = None;
        loop {
            let (rows, end) = read(after).await?;
            if end.is_none() {
                break;
            }
            archive.write(table.rows(format, &rows)).await?;
            after = end;
        }
    }
    Ok(())
}
