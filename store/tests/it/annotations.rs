//! Annotations: one's own, and what notes itself.

use domain::{Annotation, AnnotationChange, AnnotationId, AnnotationKind, Job, JobId, JobStatus, LinkChange, LinkId, Millis, WorkspaceId};
use platform::Rng;
use platform::config::Database as DatabaseUrl;
use store::{Access, AnnotationFilter, AnnotationPlace, Conflict, MAX_ANNOTATIONS, PageRequest, Store, StoreError};

use crate::fixture::{Database, NOON, link, read, target, workspace};

pub fn note(at: Millis, link: Option<LinkId>) -> Annotation {
    let id = AnnotationId::new(at, Rng::System.entropy());
    Annotation { id, at, until: None, kind: AnnotationKind::Note, text: "Sale began".into(), link, author: None, created_at: at }
}

pub async fn create(store: &Store, workspace: WorkspaceId, annotation: &Annotation) -> Result<(), StoreError> {
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    scope.create_annotation(annotation).await?;
    scope.commit().await
}

async fn all(store: &Store, workspace: WorkspaceId, filter: &AnnotationFilter) -> Vec<Annotation> {
    read(store, workspace).await.annotations(filter, &PageRequest::first(100)).await.unwrap().annotations
}

pub async fn annotations_are_found_by_time_link_and_kind(store: &Database) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let (a, foreign) = (link(store, ours, "a").await.id, link(store, theirs, "b").await.id);
    let (first, mut second) = (note(NOON, None), note(NOON.plus(10), Some(a)));
    second.until = Some(NOON.plus(20));
    for annotation in [&first, &second] {
        create(store, ours, annotation).await.unwrap();
    }
    assert!(matches!(create(store, ours, &note(NOON, Some(foreign))).await, Err(StoreError::NotFound)));
    let found = async |filter: AnnotationFilter| all(store, ours, &filter).await.into_iter().map(|found| found.id).collect::<Vec<_>>();
    let (f, s) = (first.id, second.id);
    assert_eq!(found(AnnotationFilter::default()).await, [s, f]);
    // A moment is in the range that it begins; what lasts also where it goes on.
    let between = |from, to| AnnotationFilter { from: Some(NOON.plus(from)), to: Some(NOON.plus(to)), ..AnnotationFilter::default() };
    for (filter, wanted) in [
        (between(0, 1), vec![f]),
        (between(1, 10), vec![]),
        (between(15, 99), vec![s]),
        (between(20, 99), vec![]),
        (between(0, 11), vec![s, f]),
    ] {
        assert_eq!(found(filter.clone()).await, wanted, "{filter:?}");
    }
    let of = |links: &[Option<LinkId>]| AnnotationFilter { links: links.to_vec(), ..AnnotationFilter::default() };
    assert_eq!((found(of(&[Some(a)])).await, found(of(&[None])).await, found(of(&[None, Some(a)])).await), (vec![s], vec![f], vec![s, f]));
    let alerts = AnnotationFilter { kinds: vec![AnnotationKind::Alert], ..AnnotationFilter::default() };
    assert_eq!((found(alerts.clone()).await, read(store, ours).await.count_annotations(&alerts).await.unwrap()), (vec![], 0));

    let scope = read(store, ours).await;
    let page = scope.annotations(&AnnotationFilter::default(), &PageRequest::first(1)).await.unwrap();
    assert!(page.annotations == [second.clone()] && page.has_next);
    let after = PageRequest { after: Some(AnnotationPlace { at: second.at, id: s }), ..PageRequest::first(9) };
    let rest = scope.annotations(&AnnotationFilter::default(), &after).await.unwrap();
    assert!(rest.annotations == [first.clone()] && !rest.has_next && rest.has_previous);
    drop(scope);

    let scope = store.workspace(theirs, Access::Write).await.unwrap();
    assert!(matches!(scope.update_annotation(f, AnnotationChange::default()).await, Err(StoreError::NotFound)));
    assert!(matches!(scope.delete_annotation(f).await, Err(StoreError::NotFound)));
    drop(scope);
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    let change = AnnotationChange { until: Some(None), text: Some("Sale".into()), ..AnnotationChange::default() };
    assert_eq!(scope.update_annotation(s, change).await.unwrap(), Annotation { until: None, text: "Sale".into(), ..second });
    scope.delete_annotation(f).await.unwrap();
    scope.commit().await.unwrap();
    assert_eq!(found(AnnotationFilter::default()).await, [s]);
}

pub async fn what_changes_counts_notes_itself(store: &Database) {
    let ours = workspace(store, "ours").await;
    let id = link(store, ours, "a").await.id;
    let texts = async || all(store, ours, &AnnotationFilter::default()).await.into_iter().map(|found| found.text).collect::<Vec<_>>();
    let update = async |change: LinkChange, at: i64| {
        let scope = store.workspace(ours, Access::Write).await.unwrap();
        scope.update_link(id, change, None, NOON.plus(at)).await.unwrap();
        scope
    };
    // What leads nowhere else is not noted, nor is what was not committed.
    update(LinkChange { title: Some(Some("A".into())), ..LinkChange::default() }, 1).await.commit().await.unwrap();
    update(LinkChange { target: Some(target("https://example.com/landing")), ..LinkChange::default() }, 1).await.commit().await.unwrap();
    drop(update(LinkChange { target: Some(target("https://example.com/other")), ..LinkChange::default() }, 1).await);
    assert_eq!(texts().await, Vec::<String>::new());

    let mut change = LinkChange { target: Some(target("https://example.com/new")), ..LinkChange::default() };
    change.gate.disabled = Some(true);
    update(change, 2).await.commit().await.unwrap();
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    scope.archive_link(id, true, NOON.plus(3)).await.unwrap();
    scope.archive_link(id, false, NOON.plus(4)).await.unwrap();
    scope.delete_link(id, NOON.plus(5)).await.unwrap();
    scope.commit().await.unwrap();
    let wanted = [
        "The link was deleted.",
        "The link was taken out of the archive.",
        "The link was archived.",
        "The target is https://example.com/new now; The link was switched off.",
    ];
    assert_eq!(texts().await, wanted);
    let noted = all(store, ours, &AnnotationFilter { links: vec![Some(id)], ..AnnotationFilter::default() }).await;
    assert!(noted.iter().all(|noted| noted.kind == AnnotationKind::LinkChanged && noted.author.is_none()));
    assert_eq!(noted[0].at, NOON.plus(5));
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    let fixed = scope.update_annotation(noted[0].id, AnnotationChange::default()).await;
    assert!(matches!(fixed, Err(StoreError::Conflict(Conflict::Fixed))), "{fixed:?}");
    drop(scope);

    // A job that is done says so once, however often it is said.
    let mut job = Job::reclassify(JobId::new(NOON, Rng::System.entropy()), ours, (NOON.plus(-1_000), NOON), NOON);
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    scope.create_job(&job, NOON).await.unwrap();
    scope.commit().await.unwrap();
    (job.looked, job.changed) = (9, 4);
    store.advance_job(&job, NOON).await.unwrap();
    let again = AnnotationFilter { kinds: vec![AnnotationKind::Reclassified], ..AnnotationFilter::default() };
    assert_eq!(all(store, ours, &again).await, []);
    (job.status, job.finished_at) = (JobStatus::Done, Some(NOON.plus(7)));
    for _ in 0..2 {
        store.advance_job(&job, NOON).await.unwrap();
    }
    let noted = all(store, ours, &again).await;
    assert_eq!((noted.len(), noted[0].at), (1, NOON.plus(7)));
    assert!(noted[0].text.contains("4 of 9"), "{}", noted[0].text);
}

pub async fn annotations_are_bounded_and_ones_own_are_kept(store: &Database) {
    let ours = workspace(store, "ours").await;
    let id = link(store, ours, "a").await.id;
    let delete = async |at: i64| {
        let scope = store.workspace(ours, Access::Write).await.unwrap();
        scope.archive_link(id, at % 2 == 1, NOON.plus(at)).await.unwrap();
        scope.commit().await.unwrap();
    };
    delete(1).await;
    fill(store).await;
    let count = async || read(store, ours).await.count_annotations(&AnnotationFilter::default()).await.unwrap();
    assert_eq!(count().await, MAX_ANNOTATIONS);
    // What noted itself first makes room: for what notes itself, and for one's own.
    let noted = AnnotationFilter { kinds: vec![AnnotationKind::LinkChanged], ..AnnotationFilter::default() };
    delete(2).await;
    assert_eq!(
        (all(store, ours, &noted).await.len(), all(store, ours, &noted).await[0].at, count().await),
        (1, NOON.plus(2), MAX_ANNOTATIONS)
    );
    create(store, ours, &note(NOON, None)).await.unwrap();
    assert_eq!((all(store, ours, &noted).await.len(), count().await), (0, MAX_ANNOTATIONS));
    assert!(matches!(create(store, ours, &note(NOON, None)).await, Err(StoreError::TooMany)));
    // A link can be changed all the same.
    delete(3).await;
    assert_eq!((all(store, ours, &noted).await.len(), count().await), (0, MAX_ANNOTATIONS));
}

/// One's own, as many as there is room for beside one.
async fn fill(store: &Database) {
    macro_rules! insert {
        ($id:literal) => {
            concat!(
                "INSERT INTO annotations (id, workspace_id, at, kind, text, created_at) \
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) SELECT ",
                $id,
                ", w.id, i, 0, 'own', i FROM n CROSS JOIN workspaces w"
            )
        };
    }
    let sql = match &store.url {
        DatabaseUrl::Postgres(_) => insert!("gen_random_uuid()"),
        DatabaseUrl::Sqlite(_) => insert!("randomblob(16)"),
    };
    store.execute(sql).await;
}
