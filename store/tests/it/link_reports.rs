//! Reports of links: stored for the link's workspace, bounded, read newest first.

use domain::{LinkCard, LinkId, LinkReportId, NewLinkReport, ReportReason};
use platform::Rng;
use store::{Access, PageRequest, Store, StoreError};

use crate::fixture::{NOON, link, new_link, target, workspace};

pub fn report(link: LinkId, at: i64) -> NewLinkReport {
    let id = LinkReportId::new(NOON.plus(at), Rng::System.entropy());
    NewLinkReport { id, link, reason: ReportReason::Phishing, text: Some("ä\nb".into()) }
}

async fn send(store: &Store, report: &NewLinkReport) -> bool {
    let of = store.workspace_of_link(report.link).await.unwrap().unwrap();
    let scope = store.workspace(of, Access::Write).await.unwrap();
    let stored = scope.report_link(report).await.unwrap();
    scope.commit().await.unwrap();
    stored
}

pub async fn a_report_reaches_the_links_own_workspace_only(store: &Store) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let (one, two) = (link(store, ours, "one").await.id, link(store, ours, "two").await.id);
    assert_eq!(store.workspace_of_link(LinkId::new(NOON, [0; 10])).await.unwrap(), None);
    let reports = [report(one, 1), report(two, 2), report(one, 3)];
    for report in &reports {
        assert!(send(store, report).await);
    }
    let scope = store.workspace(theirs, Access::Write).await.unwrap();
    assert!(matches!(scope.report_link(&report(one, 4)).await, Err(StoreError::NotFound)));
    assert!(matches!(scope.resolve_link_report(reports[0].id, NOON).await, Err(StoreError::NotFound)));
    assert_eq!(
        (scope.count_link_reports().await.unwrap(), scope.link_reports(&PageRequest::first(9)).await.unwrap().reports.len()),
        (0, 0)
    );
    drop(scope);
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    let page = scope.link_reports(&PageRequest::first(2)).await.unwrap();
    assert_eq!(page.reports.iter().map(|report| report.id).collect::<Vec<_>>(), [reports[2].id, reports[1].id]);
    assert_eq!((page.has_next, page.reports[0].text.as_deref(), page.reports[0].reason), (true, Some("ä\nb"), ReportReason::Phishing));
    let rest = scope.link_reports(&PageRequest { after: Some(reports[1].id), ..PageRequest::first(2) }).await.unwrap();
    assert_eq!(rest.reports.iter().map(|report| report.id).collect::<Vec<_>>(), [reports[0].id]);
    assert_eq!(scope.resolve_link_report(reports[2].id, NOON.plus(9)).await.unwrap().resolved_at, Some(NOON.plus(9)));
    assert_eq!(scope.resolve_link_report(reports[2].id, NOON.plus(10)).await.unwrap().resolved_at, Some(NOON.plus(9)));
    assert_eq!(scope.count_link_reports().await.unwrap(), 2);
}

pub async fn a_link_keeps_so_many_reports_and_no_more(store: &Store) {
    let ours = workspace(store, "ours").await;
    let (one, two) = (link(store, ours, "one").await.id, link(store, ours, "two").await.id);
    let mut stored = 0;
    for round in 0..12 {
        for at in 0..55 {
            stored += usize::from(send(store, &report(one, round * 100 + at)).await);
        }
        assert!(send(store, &report(two, round)).await, "another link has room of its own");
        assert_eq!(stored, (50 * (round as usize + 1)).min(500));
        let scope = store.workspace(ours, Access::Write).await.unwrap();
        let open = scope.link_reports(&PageRequest::first(100)).await.unwrap().reports;
        for report in open.iter().filter(|report| report.link == one) {
            scope.resolve_link_report(report.id, NOON).await.unwrap();
        }
        scope.commit().await.unwrap();
    }
}

pub async fn what_a_link_says_of_itself_is_resolved_with_it(store: &Store) {
    let ours = workspace(store, "ours").await;
    let mut new = new_link("card");
    new.title = Some("Spring \u{1f337}".into());
    new.about = domain::LinkAbout { description: Some("All of it".into()), image: Some(target("https://example.com/i.png")) };
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    let made = scope.create_link(&new, NOON).await.unwrap();
    scope.commit().await.unwrap();
    assert_eq!(made.about, new.about);
    let card = LinkCard { title: new.title, description: new.about.description, image: new.about.image };
    let resolved = store.resolve_link("card").await.unwrap().unwrap();
    assert_eq!(resolved.card.as_deref(), Some(&card));
    let states = store.links_after(None, 10).await.unwrap();
    assert_eq!(states[0].link.as_ref(), Some(&resolved));
    let bare = domain::LinkChange { title: Some(None), description: Some(None), image: Some(None), ..domain::LinkChange::default() };
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    assert_eq!(scope.update_link(made.id, bare, None, NOON).await.unwrap().about, domain::LinkAbout::default());
    scope.commit().await.unwrap();
    assert_eq!(store.resolve_link("card").await.unwrap().unwrap().card, None);
}
