//! Breakdowns against the same clicks counted in memory.

use std::collections::HashMap;

use domain::{Click, ClickFilter, ClickProperties, Dimension, DimensionValue, LinkChange, LinkId, Millis, Outcome, Verdict};
use store::{Access, Breakdown, BreakdownOrder, BreakdownOrderField, BreakdownRequest, BreakdownRow, Source, Store, WorkspaceScope};

use crate::clicks::{filters, varied};
use crate::fixture::{NOON, click, ingest, link, read, workspace};

pub fn request(dimension: Dimension, filter: ClickFilter) -> BreakdownRequest {
    BreakdownRequest::new(dimension, filter, 500)
}

fn counted(clicks: &[Click], dimension: Dimension, filter: &ClickFilter) -> HashMap<DimensionValue, u64> {
    let filter = filter.with_default_verdicts(dimension.default_verdicts());
    let mut counts = HashMap::new();
    for click in clicks.iter().filter(|click| filter.matches(click)) {
        *counts.entry(dimension.of(click)).or_default() += 1;
    }
    counts
}

/// The rows in their order, compared with the clicks of `compared`.
fn rows(clicks: &[Click], dimension: Dimension, filter: &ClickFilter, compared: &ClickFilter) -> Vec<BreakdownRow> {
    let previous = counted(clicks, dimension, compared);
    let row = |(value, clicks)| BreakdownRow { previous: Some(previous.get(&value).copied().unwrap_or(0)), clicks, value };
    let mut rows: Vec<_> = counted(clicks, dimension, filter).into_iter().map(row).collect();
    rows.sort_by_key(|row| {
        let text = row.value.text();
        (u64::MAX - row.clicks, text.is_none(), text)
    });
    rows
}

pub async fn every_dimension_is_a_count_of_the_clicks(store: &Store) {
    let (ours, links, clicks) = varied(store, 300).await;
    let theirs = workspace(store, "theirs").await;
    let (scope, other) = (read(store, ours).await, read(store, theirs).await);
    for filter in filters(links) {
        let compared = ClickFilter { from: Some(NOON.plus(600_000)), to: Some(NOON.plus(3_700_000)), ..filter.clone() };
        for &dimension in Dimension::ALL {
            let mut request = BreakdownRequest { compared: Some(compared.clone()), ..request(dimension, filter.clone()) };
            let wanted = rows(&clicks, dimension, &filter, &compared);
            let found = scope.breakdown(&request).await.unwrap();
            assert_eq!(found.rows, wanted, "{dimension:?} {filter:?}");
            let total: u64 = wanted.iter().map(|row| row.clicks).sum();
            assert_eq!((found.total, found.head), (total, 300), "{dimension:?} {filter:?}");
            request.first = 2;
            let cut = scope.breakdown(&request).await.unwrap();
            assert_eq!(cut.rows, wanted[..wanted.len().min(2)], "{dimension:?} {filter:?}");
            assert_eq!(cut.total, total, "{dimension:?} {filter:?}");
        }
    }
    for &dimension in Dimension::ALL {
        let found = other.breakdown(&request(dimension, ClickFilter::default())).await.unwrap();
        assert_eq!((found.rows, found.total), (vec![], 0), "{dimension:?}");
        // Nor by naming the other's link.
        let of_ours = ClickProperties { links: vec![links[0]], ..ClickProperties::default() }.into();
        assert_eq!(other.breakdown(&request(dimension, of_ours)).await.unwrap().total, 0, "{dimension:?}");
    }
}

pub async fn links_come_from_cells_where_they_can(store: &Store) {
    let (ours, links, _) = varied(store, 60).await;
    let scope = read(store, ours).await;
    let source = async |dimension, filter| scope.breakdown(&request(dimension, filter)).await.unwrap().source;
    let ragged = ClickFilter { from: Some(NOON.plus(1)), ..ClickProperties { links: vec![links[1]], ..ClickProperties::default() }.into() };
    assert_eq!(source(Dimension::Link, ragged.clone()).await, Source::Rollup);
    assert_eq!(
        source(
            Dimension::Link,
            ClickFilter { include: ClickProperties { countries: vec![None], ..ragged.include.clone() }, ..ragged.clone() }
        )
        .await,
        Source::Clicks
    );
    assert_eq!(source(Dimension::Country, ragged.clone()).await, Source::Rollup);
    assert_eq!(source(Dimension::Network, ragged).await, Source::Clicks);
}

pub async fn only_what_was_sent_on_is_broken_down(store: &Store) {
    let ours = workspace(store, "ours").await;
    let link = link(store, ours, "a").await.id;
    let of = |outcome| Click { outcome, ..click(link, NOON) };
    ingest(store, ours, &Outcome::ALL.iter().copied().map(of).collect::<Vec<_>>()).await;
    let bot = Click { verdict: Verdict::Bot, ..click(link, NOON) };
    ingest(store, ours, &[bot]).await;
    let scope = read(store, ours).await;
    let total = async |dimension, filter| scope.breakdown(&request(dimension, filter)).await.unwrap().total;
    let expired = ClickFilter::from(ClickProperties { outcomes: vec![Outcome::Expired], ..ClickProperties::default() });
    for dimension in [Dimension::Country, Dimension::Link, Dimension::Device] {
        assert_eq!(total(dimension, ClickFilter::default()).await, 2, "{dimension:?}");
        assert_eq!(total(dimension, expired.clone()).await, 0, "{dimension:?}");
    }
    // Everybody's, where verdicts are asked about.
    assert_eq!(total(Dimension::Verdict, ClickFilter::default()).await, 3);
    assert_eq!(total(Dimension::Verdict, ClickProperties { verdicts: vec![Verdict::Bot], ..ClickProperties::default() }.into()).await, 1);
}

async fn search(scope: &WorkspaceScope, dimension: Dimension, text: &str) -> Breakdown {
    let filter = ClickFilter::from(ClickProperties { verdicts: Verdict::ALL.to_vec(), ..ClickProperties::default() });
    scope.breakdown(&BreakdownRequest { search: Some(text.into()), ..request(dimension, filter) }).await.unwrap()
}

pub async fn a_search_is_for_plain_text_without_case(store: &Store) {
    let (ours, ..) = varied(store, 200).await;
    let scope = read(store, ours).await;
    let found = async |dimension, text: &str| {
        let answer = search(&scope, dimension, text).await;
        // The search chooses rows; it does not choose what is counted.
        assert_eq!(answer.total, 200);
        let mut values: Vec<String> = answer.rows.iter().map(|row| row.value.text().unwrap()).collect();
        values.sort_unstable();
        values
    };
    for (dimension, text, values) in [
        (Dimension::UtmCampaign, "% %_", vec!["100% %_"]),
        (Dimension::UtmCampaign, "_", vec!["100% %_"]),
        (Dimension::UtmCampaign, "1%0", vec![]),
        (Dimension::UtmCampaign, "!", vec![]),
        (Dimension::UtmCampaign, "\\", vec![]),
        (Dimension::UtmCampaign, "PRI", vec!["spring"]),
        (Dimension::City, "o'f", vec!["O'Fallon"]),
        (Dimension::Os, "os", vec!["iOS", "Örebro OS"]),
        (Dimension::Os, "öre", vec!["Örebro OS"]),
        (Dimension::Os, "ÖREBRO o", vec!["Örebro OS"]),
        (Dimension::UtmTerm, "Ä", vec!["ä"]),
        (Dimension::Device, "t", vec!["BOT", "DESKTOP", "TABLET", "TV"]),
        (Dimension::Verdict, "Human", vec!["HUMAN"]),
        (Dimension::VerdictReason, "agent", vec!["NO_USER_AGENT"]),
    ] {
        assert_eq!(found(dimension, text).await, values, "{dimension:?} {text}");
    }
}

pub async fn links_are_found_by_slug_or_title(store: &Store) {
    let ours = workspace(store, "ours").await;
    let (spring, autumn) = (link(store, ours, "Spring-1").await.id, link(store, ours, "b").await.id);
    let scope = store.workspace(ours, Access::Write).await.unwrap();
    let change = LinkChange { title: Some(Some("Äpfel 50%".into())), ..LinkChange::default() };
    scope.update_link(autumn, change, None, NOON).await.unwrap();
    scope.delete_link(autumn, NOON).await.unwrap();
    scope.commit().await.unwrap();
    let at = |link, count: i64| (0..count).map(move |number| click(link, Millis(NOON.0 + number)));
    ingest(store, ours, &at(spring, 2).chain(at(autumn, 1)).collect::<Vec<_>>()).await;
    let scope = read(store, ours).await;
    let found = async |text| {
        let answer = search(&scope, Dimension::Link, text).await;
        assert_eq!(answer.total, 3);
        answer.rows.into_iter().map(|row| row.value).collect::<Vec<_>>()
    };
    let value = |link: LinkId| DimensionValue::Link(link);
    assert_eq!(found("SPRING").await, [value(spring)]);
    assert_eq!(found("äpf").await, [value(autumn)]);
    assert_eq!(found("0%").await, [value(autumn)]);
    assert_eq!(found("1%").await, []);
}

/// In the order that is asked for; also values of the range compared with where that is by change.
fn ordered(
    clicks: &[Click],
    dimension: Dimension,
    (filter, compared): (&ClickFilter, &ClickFilter),
    order: BreakdownOrder,
) -> Vec<BreakdownRow> {
    let mut rows = rows(clicks, dimension, filter, compared);
    if order.field == BreakdownOrderField::Change {
        let now = counted(clicks, dimension, filter);
        let lost = counted(clicks, dimension, compared).into_iter().filter(|(value, _)| !now.contains_key(value));
        rows.extend(lost.map(|(value, previous)| BreakdownRow { value, clicks: 0, previous: Some(previous) }));
    }
    let rank = |row: &BreakdownRow| match order.field {
        BreakdownOrderField::Clicks => i64::try_from(row.clicks).unwrap(),
        BreakdownOrderField::Value => 0,
        BreakdownOrderField::Change => i64::try_from(row.clicks).unwrap() - i64::try_from(row.previous.unwrap()).unwrap(),
    };
    rows.sort_by(|one, other| {
        let (is_unknown, text) = (|row: &BreakdownRow| row.value == DimensionValue::Unknown, |row: &BreakdownRow| row.value.text());
        let (rank, text) = (rank(one).cmp(&rank(other)), text(one).cmp(&text(other)));
        let turned = |order_of: std::cmp::Ordering| if order.descending { order_of.reverse() } else { order_of };
        let by_text = if order.field == BreakdownOrderField::Value { turned(text) } else { text };
        turned(rank).then(is_unknown(one).cmp(&is_unknown(other))).then(by_text)
    });
    rows
}

pub async fn rows_are_in_the_order_that_was_asked_for(store: &Store) {
    let (ours, links, clicks) = varied(store, 300).await;
    let scope = read(store, ours).await;
    let bounds = [(Some(3_600_000), None), (Some(60_000), Some(7_200_000))];
    let fields = [BreakdownOrderField::Clicks, BreakdownOrderField::Value, BreakdownOrderField::Change];
    let orders = fields.into_iter().flat_map(|field| [true, false].map(|descending| BreakdownOrder { field, descending }));
    let orders: Vec<BreakdownOrder> = orders.collect();
    for filter in filters(links).into_iter().step_by(5) {
        for (from, to) in bounds {
            let filter = ClickFilter { from: from.map(|from| NOON.plus(from)), to: to.map(|to| NOON.plus(to)), ..filter.clone() };
            // The range before, to its start.
            let compared = ClickFilter { from: Some(NOON), to: filter.from, ..filter.clone() };
            for dimension in
                [Dimension::Country, Dimension::UtmTerm, Dimension::Network, Dimension::Link, Dimension::Device, Dimension::Verdict]
            {
                for &order in &orders {
                    let wanted = ordered(&clicks, dimension, (&filter, &compared), order);
                    let asked = BreakdownRequest { compared: Some(compared.clone()), order, ..request(dimension, filter.clone()) };
                    let found = scope.breakdown(&asked).await.unwrap();
                    assert_eq!(found.rows, wanted, "{dimension:?} {order:?} {filter:?}");
                    assert_eq!(found.other, 0);
                    let cut = scope.breakdown(&BreakdownRequest { first: 1, ..asked }).await.unwrap();
                    assert_eq!(cut.rows, wanted[..wanted.len().min(1)], "{dimension:?} {order:?} {filter:?}");
                    assert_eq!(cut.total, cut.other + cut.rows.iter().map(|row| row.clicks).sum::<u64>());
                }
            }
        }
    }
}
