//! Erasing somebody by the id that they have as a recipient.

use domain::{
    Click, ErasureId, Millis, Parameter, Quarter, RecipientImport, RecipientListId, RecipientParameter, Verdict, VisitorKey, WorkspaceId,
};
use platform::Rng;
use store::{Access, FreshSalt, NewErasure, Store, Subject};

use crate::fixture::{Database, NOON, click, ingest, link, read, workspace};

const HOUR: i64 = 3_600_000;

fn erasure(parameter: &str, id: &str) -> NewErasure {
    let subject = Subject::Recipient(RecipientParameter::parse(parameter).unwrap(), id.into());
    NewErasure { id: ErasureId::new(NOON, Rng::System.entropy()), subject, from: Millis(0), before: NOON.plus(HOUR) }
}

/// How many clicks were erased, and off how many lists somebody was taken.
async fn erase(store: &Store, workspace: WorkspaceId, erasure: &NewErasure) -> (u64, u64) {
    let salt = || FreshSalt([7; 32]);
    let lists = store.begin_erasures(workspace, std::slice::from_ref(erasure), salt(), NOON).await.unwrap();
    let mut clicks = 0;
    loop {
        let step = store.erase_step(workspace, erasure.id, salt(), NOON).await.unwrap();
        clicks += step.clicks;
        if !step.more {
            return (clicks, lists);
        }
    }
}

fn having(parameters: &[(&str, &str)], click: Click) -> Click {
    let parameter = |(key, value): &(&str, &str)| Parameter { key: (*key).into(), value: (*value).into() };
    let visitor = Some(VisitorKey { key: "same".into(), recipe: 1 });
    Click { parameters: parameters.iter().map(parameter).collect(), visitor, ..click }
}

async fn differences(store: &Store, workspace: WorkspaceId) -> (u64, usize) {
    let scope = read(store, workspace).await;
    let first = Quarter::of(NOON.plus(-24 * HOUR));
    let end = scope.next_day(Quarter::of(NOON)).await.unwrap();
    let verified = scope.verify_cells(first, end).await.unwrap();
    (verified.cells, verified.differences.len())
}

async fn on_lists(store: &Store, workspace: WorkspaceId) -> Vec<String> {
    read(store, workspace).await.recipients_after(None, 100).await.unwrap().into_iter().map(|(_, id)| id).collect()
}

async fn import(store: &Store, workspace: WorkspaceId, list: &str, ids: &[&str]) {
    let scope = store.workspace(workspace, Access::Write).await.unwrap();
    let import = RecipientImport::parse(list, ids.iter().map(|id| (*id).to_owned()).collect()).unwrap();
    scope.import_recipients(&import, RecipientListId::new(NOON, Rng::System.entropy())).await.unwrap();
    scope.commit().await.unwrap();
}

pub async fn a_recipient_goes_with_their_clicks_and_from_lists(store: &Database) {
    let (ours, theirs) = (workspace(store, "ours").await, workspace(store, "theirs").await);
    let (a, c) = (link(store, ours, "a").await.id, link(store, theirs, "c").await.id);
    for of in [ours, theirs] {
        import(store, of, "May", &["ada", "eve"]).await;
        import(store, of, "June", &["ada"]).await;
    }
    let ada = |at: i64| having(&[("rid", "ada")], click(a, NOON.plus(at)));
    let gone = [ada(-5), ada(-3), having(&[("n", "1"), ("rid", "eve"), ("rid", "ada")], click(a, NOON.plus(-2)))];
    let stay = [
        having(&[("rid", "eve")], click(a, NOON.plus(-4))),
        having(&[("rid", "Ada")], click(a, NOON.plus(-1))),
        having(&[("RID", "ada")], click(a, NOON)),
        having(&[("n", "{\"key\":\"rid\",\"value\":\"ada\"}")], click(a, NOON)),
        click(a, NOON),
    ];
    ingest(store, ours, &[gone.as_slice(), &stay].concat()).await;
    ingest(store, theirs, &[having(&[("rid", "ada")], click(c, NOON))]).await;
    let asked = erasure("rid", "ada");
    assert_eq!(erase(store, ours, &asked).await, (3, 2));
    assert_eq!((on_lists(store, ours).await, on_lists(store, theirs).await.len()), (vec!["eve".to_owned()], 3));
    let page = store::PageRequest::first(100);
    let left = read(store, ours).await.clicks_by_storage(&domain::ClickFilter::default(), &page).await.unwrap().clicks;
    let ids = |clicks: &[Click]| clicks.iter().map(|click| click.id).collect::<Vec<_>>();
    assert_eq!(ids(&left), ids(&stay));
    let totals = read(store, ours).await.totals(&domain::ClickFilter::default()).await.unwrap();
    assert_eq!(totals.tally.counts.of(Verdict::ALL), 5);
    let (cells, differences_found) = differences(store, ours).await;
    assert!(cells > 0 && differences_found == 0, "{cells} {differences_found}");
    // What comes again, and what was under way, is kept out; of others it is not, nor elsewhere.
    let late = [gone[0].clone(), ada(-9), having(&[("rid", "eve")], click(a, NOON.plus(-8))), ada(2 * HOUR)];
    let report = ingest(store, ours, &late).await;
    assert_eq!((report.erased, report.stored[0].clicks.len()), (2, 2));
    assert_eq!(ingest(store, theirs, &[having(&[("rid", "ada")], click(c, NOON.plus(1)))]).await.erased, 0);
    // Nobody can tell afterwards whom it was about.
    assert_eq!(store.number("SELECT count(*) FROM erasures WHERE recipient IS NOT NULL").await, 0);
    assert_eq!(store.number("SELECT count(*) FROM erasures WHERE recipient_parameter = 'rid'").await, 1);
}

pub async fn many_clicks_are_looked_through_step_by_step(store: &Database) {
    let ours = workspace(store, "ours").await;
    let a = link(store, ours, "a").await.id;
    // More than are looked through at once, and more of one recipient than are erased at once.
    let of = |number: i64| if number % 20 == 0 { "ada" } else { "eve" };
    for part in 0..21_i64 {
        let numbers = part * 1_000..(part + 1) * 1_000;
        let clicks: Vec<Click> = numbers.map(|number| having(&[("rid", of(number))], click(a, NOON.plus(-number)))).collect();
        ingest(store, ours, &clicks).await;
    }
    let asked = erasure("rid", "ada");
    let begun = store.begin_erasures(ours, std::slice::from_ref(&asked), FreshSalt([7; 32]), NOON).await.unwrap();
    assert_eq!(begun, 0);
    let first = store.erase_step(ours, asked.id, FreshSalt([7; 32]), NOON).await.unwrap();
    assert_eq!((first.clicks, first.more), (500, true));
    // A worker goes on with it.
    assert_eq!(store.open_erasures(NOON).await.unwrap(), [(ours, asked.id)]);
    let mut rest = 0;
    loop {
        let step = store.erase_step(ours, asked.id, FreshSalt([7; 32]), NOON).await.unwrap();
        rest += step.clicks;
        if !step.more {
            break;
        }
    }
    assert_eq!(rest, 550);
    assert_eq!(store.open_erasures(NOON).await.unwrap(), []);
    assert_eq!(store.number("SELECT count(*) FROM clicks").await, 19_950);
}
