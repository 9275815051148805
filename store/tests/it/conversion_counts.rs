//! What clicks led to, against a plain count in memory.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::{
    Click, ClickFilter, ClickId, Conversion, Currency, Dimension, DimensionValue, Millis, Money, Outcome, SignalSet, Verdict, WorkspaceId,
};
use platform::Rng;
use store::{
    Bounces, ConversionBreakdownRequest, ConversionDimension, ConversionQuestion, ConversionRow, ConversionTotals, FunnelGroup,
    FunnelRequest, Store, Tracked,
};

use crate::clicks::{filters, varied};
use crate::conversions::conversion;
use crate::fixture::{NOON, click, ingest, link, read, workspace};

const NAMES: [&str; 3] = ["signup", "sale", "renewal"];

/// Some of what the clicks led to, from a seed, and which of them were engaged.
pub async fn led_to(store: &Store, workspace: WorkspaceId, clicks: &[Click]) -> (Vec<Conversion>, HashSet<ClickId>) {
    let rng = Rng::seeded(3);
    let pick = |bound: u64| usize::try_from(rng.below(bound)).unwrap();
    let (mut conversions, mut engaged) = (Vec::new(), HashSet::new());
    for (number, click) in clicks.iter().enumerate() {
        if pick(2) == 0 {
            store.engage(workspace, click.id, click.occurred_at()).await.unwrap();
            engaged.insert(click.id);
        }
        for event in 0..[0, 0, 1, 2, 4][pick(5)] {
            let at = click.occurred_at().plus(i64::try_from(rng.below(5)).unwrap());
            let mut new = conversion(click, &format!("{number}-{event}"), NAMES[pick(3)], at);
            let currency = Currency::from_code(["EUR", "JPY"][pick(2)]).unwrap();
            new.value = (pick(3) > 0).then(|| Money { minor: i128::from(rng.below(3_000_000)) - 500_000, currency });
            let Tracked::Stored(stored) = store.track_conversion(workspace, &new).await.unwrap() else { panic!("it is new") };
            conversions.push(stored);
        }
    }
    (conversions, engaged)
}

fn sums<'a>(conversions: impl IntoIterator<Item = &'a Conversion>) -> Vec<Money> {
    let mut sums: BTreeMap<&str, Money> = BTreeMap::new();
    for value in conversions.into_iter().filter_map(|conversion| conversion.value) {
        sums.entry(value.currency.code()).or_insert(Money { minor: 0, ..value }).minor += value.minor;
    }
    sums.into_values().collect()
}

struct Counted {
    clicks: u64,
    converted: u64,
    conversions: u64,
    money: Vec<Money>,
}

fn count<'a>(clicks: impl Iterator<Item = &'a Click>, conversions: &[Conversion], name: Option<&str>) -> Counted {
    let ids: HashSet<ClickId> = clicks.map(|click| click.id).collect();
    let of: Vec<_> = conversions.iter().filter(|one| ids.contains(&one.click) && name.is_none_or(|name| one.name == name)).collect();
    let converted: HashSet<ClickId> = of.iter().map(|one| one.click).collect();
    Counted { clicks: ids.len() as u64, converted: converted.len() as u64, conversions: of.len() as u64, money: sums(of) }
}

pub async fn totals_and_breakdowns_are_those_of_a_plain_count(store: &Store) {
    let (ours, links, clicks) = varied(store, 200).await;
    let (conversions, _) = led_to(store, ours, &clicks).await;
    let (scope, other) = (read(store, ours).await, read(store, workspace(store, "theirs").await).await);
    for filter in filters(links) {
        for name in [None, Some("sale"), Some("never")] {
            let question = ConversionQuestion { filter: filter.clone(), name: name.map(str::to_owned) };
            let asked = filter.with_default_verdicts(&[Verdict::Human]);
            let wanted = count(clicks.iter().filter(|click| asked.matches(click)), &conversions, name);
            let found = scope.conversion_totals(&question).await.unwrap();
            assert_eq!((found.clicks, found.conversions, found.converted_clicks), (wanted.clicks, wanted.conversions, wanted.converted));
            assert_eq!(found.value, wanted.money, "{filter:?} {name:?}");
            let ConversionTotals { clicks, conversions, converted_clicks, .. } = other.conversion_totals(&question).await.unwrap();
            assert_eq!((clicks, conversions, converted_clicks), (0, 0, 0));
        }
        for &dimension in Dimension::ALL {
            let asked = filter.with_default_verdicts(dimension.default_verdicts());
            let mut by_value: HashMap<DimensionValue, Vec<&Click>> = HashMap::new();
            for click in clicks.iter().filter(|click| asked.matches(click)) {
                by_value.entry(dimension.of(click)).or_default().push(click);
            }
            let wanted: HashMap<_, _> =
                by_value.into_iter().map(|(value, clicks)| (value, count(clicks.into_iter(), &conversions, Some("sale")))).collect();
            let question = ConversionQuestion { filter: filter.clone(), name: Some("sale".into()) };
            let request = ConversionBreakdownRequest { by: ConversionDimension::new(dimension), question, first: 500 };
            let found = scope.conversion_breakdown(&request).await.unwrap();
            assert_eq!(found.rows.len(), wanted.len(), "{dimension:?} {filter:?}");
            let rank = |row: &ConversionRow| (u64::MAX - row.conversions, u64::MAX - row.clicks, row.value == DimensionValue::Unknown);
            assert!(found.rows.is_sorted_by_key(rank), "{dimension:?} {filter:?}");
            for row in &found.rows {
                let Counted { clicks, converted, conversions, money } = &wanted[&row.value];
                assert_eq!((row.clicks, row.converted_clicks, row.conversions), (*clicks, *converted, *conversions), "{dimension:?}");
                assert_eq!(&row.money, money, "{dimension:?} {filter:?}");
            }
            let total: u64 = found.rows.iter().map(|row| row.conversions).sum();
            assert_eq!(found.totals.conversions, total);
            let cut = scope.conversion_breakdown(&ConversionBreakdownRequest { first: 2, ..request }).await.unwrap();
            assert_eq!(cut.rows, found.rows[..found.rows.len().min(2)]);
        }
    }
}

/// How far a click went: how many steps after the click itself.
fn way(click: ClickId, conversions: &[Conversion], engaged: &HashSet<ClickId>, steps: &[&str]) -> usize {
    let (mut reached, mut at) = (0, Millis(0));
    for step in steps {
        let next = conversions.iter().filter(|one| one.click == click && one.name == *step && one.occurred_at >= at);
        let Some(next) = next.map(|one| one.occurred_at).min() else { break };
        (reached, at) = (reached + 1, next);
    }
    if reached > 0 { reached + 1 } else { usize::from(engaged.contains(&click)) }
}

fn reached<'a>(clicks: impl Iterator<Item = &'a Click>, led: &(Vec<Conversion>, HashSet<ClickId>), steps: &[&str]) -> Vec<u64> {
    let mut reached = vec![0; steps.len() + 2];
    for click in clicks {
        for step in &mut reached[..=way(click.id, &led.0, &led.1, steps)] {
            *step += 1;
        }
    }
    reached
}

pub async fn funnels_are_those_of_a_plain_count(store: &Store) {
    let (ours, links, clicks) = varied(store, 200).await;
    let led = led_to(store, ours, &clicks).await;
    let scope = read(store, ours).await;
    for filter in filters(links) {
        for steps in [&["signup", "sale", "renewal"][..], &["sale"], &["renewal", "signup"], &["never", "sale"]] {
            let ask = |by| FunnelRequest { filter: filter.clone(), steps: steps.iter().map(|&step| step.to_owned()).collect(), by };
            let asked = filter.with_default_verdicts(&[Verdict::Human]);
            let wanted = reached(clicks.iter().filter(|click| asked.matches(click)), &led, steps);
            assert_eq!(scope.funnel(&ask(None)).await.unwrap().reached, wanted, "{filter:?} {steps:?}");
            for dimension in [Dimension::Link, Dimension::UtmCampaign, Dimension::Variant, Dimension::Channel] {
                let found = scope.funnel(&ask(Some((ConversionDimension::new(dimension), 50)))).await.unwrap();
                assert_eq!(found.reached, wanted);
                for FunnelGroup { value, reached: found } in found.groups {
                    let of_value = |click: &&Click| asked.matches(click) && dimension.of(click) == value;
                    assert_eq!(found, reached(clicks.iter().filter(of_value), &led, steps), "{filter:?} {steps:?} {value:?}");
                }
            }
        }
    }
    let request = FunnelRequest {
        filter: ClickFilter::default(),
        steps: vec!["sale".into()],
        by: Some((ConversionDimension::new(Dimension::Country), 1)),
    };
    assert_eq!(scope.funnel(&request).await.unwrap().groups.len(), 1);
}

pub async fn sums_may_be_larger_than_any_amount(store: &Store) {
    let ours = workspace(store, "ours").await;
    let of_link = link(store, ours, "a").await.id;
    let clicks: Vec<Click> = (0..40).map(|at| click(of_link, NOON.plus(at))).collect();
    ingest(store, ours, &clicks).await;
    let currency = Currency::from_code("USD").unwrap();
    let mut wanted = 0;
    for (number, click) in clicks.iter().enumerate() {
        let mut new = conversion(click, &number.to_string(), "sale", NOON.plus(100));
        let minor = if number == 0 { -domain::MAX_AMOUNT + 1 } else { domain::MAX_AMOUNT };
        new.value = Some(Money { minor, currency });
        wanted += minor;
        store.track_conversion(ours, &new).await.unwrap();
    }
    let question = ConversionQuestion { filter: ClickFilter::default(), name: None };
    let totals = read(store, ours).await.conversion_totals(&question).await.unwrap();
    assert_eq!(totals.value, [Money { minor: wanted, currency }]);
}

pub async fn who_is_gone_at_once_is_told_where_pages_tell(store: &Store) {
    let ours = workspace(store, "ours").await;
    let (told, silent) = (link(store, ours, "told").await.id, link(store, ours, "silent").await.id);
    let bounces = async || read(store, ours).await.bounces(&ClickFilter::default()).await.unwrap();
    let objects = Click { signals: SignalSet::GPC | SignalSet::TAKEN, ..click(told, NOON) };
    let bot = Click { verdict: Verdict::Bot, ..click(told, NOON) };
    let shown = Click { outcome: Outcome::Preview, ..click(told, NOON) };
    let clicks: Vec<Click> = (0..5).map(|at| click(told, NOON.plus(at))).chain([objects, bot, shown, click(silent, NOON)]).collect();
    ingest(store, ours, &clicks).await;
    assert_eq!(bounces().await, Bounces::default());
    for click in [0, 1, 6] {
        store.engage(ours, clicks[click].id, NOON).await.unwrap();
    }
    assert_eq!(bounces().await, Bounces { engaged: 2, clicks: 5 });
    let later = ClickFilter { from: Some(NOON.plus(1)), ..ClickFilter::default() };
    let of = |links: Vec<domain::LinkId>| domain::ClickProperties { links, ..domain::ClickProperties::default() };
    let but = |link| ClickFilter { exclude: of(vec![link]), ..ClickFilter::default() };
    for (filter, engaged, clicks) in [
        (later.clone(), 1, 4),
        (ClickFilter { include: of(vec![told]), ..later }, 1, 4),
        (of(vec![told, silent]).into(), 2, 5),
        (of(vec![silent]).into(), 0, 0),
        (but(silent), 2, 5),
        (but(told), 0, 0),
    ] {
        assert_eq!(read(store, ours).await.bounces(&filter).await.unwrap(), Bounces { engaged, clicks }, "{filter:?}");
    }
}
