//! The filter that chooses among clicks, as it is written and as it is checked.

use async_graphql::{ID, InputObject};
use domain::{AskedRange, ClickFilter, Invalid, Issue, IssueCode, LinkId};
use jiff::tz::TimeZone as Zone;
use store::WorkspaceScope;

use super::click::{Channel, Device, Outcome, Verdict};
use super::context::Services;
use super::error::ApiError;
use super::period::{Compare, Period, zone_of};
use super::scalars::{CountryCode, DateTime};

/// Which clicks are meant: within a field any value matches, between fields all must. A null value
/// means unknown. Without a range it covers everything.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "ClickFilter")]
pub struct ClickFilterInput {
    /// First instant included.
    from: Option<DateTime>,
    /// First instant no longer included.
    to: Option<DateTime>,
    /// A range by name, instead of from and to.
    period: Option<Period>,
    link_ids: Option<Vec<ID>>,
    verdicts: Option<Vec<Verdict>>,
    outcomes: Option<Vec<Outcome>>,
    countries: Option<Vec<Option<CountryCode>>>,
    cities: Option<Vec<Option<String>>>,
    browsers: Option<Vec<Option<String>>>,
    os: Option<Vec<Option<String>>>,
    devices: Option<Vec<Device>>,
    languages: Option<Vec<Option<String>>>,
    /// Null is a click that was stored before there were channels.
    channels: Option<Vec<Option<Channel>>>,
    /// Hosts, without www; null is direct.
    referrers: Option<Vec<Option<String>>>,
    utm_source: Option<Vec<Option<String>>>,
    utm_medium: Option<Vec<Option<String>>>,
    utm_campaign: Option<Vec<Option<String>>>,
    /// Ids of rules; null is a click that no rule decided.
    rules: Option<Vec<Option<ID>>>,
    /// Names of variants; null is a click without one.
    variants: Option<Vec<Option<String>>>,
    /// As Click.network has them, such as 203.0.113.0/24; null is a click of which none is kept.
    networks: Option<Vec<Option<String>>>,
    /// As Click.visitor has them; null is a click of nobody that could be told.
    visitors: Option<Vec<Option<String>>>,
}

/// The most values one field of a filter may have.
const MOST_VALUES: usize = 100;

impl ClickFilterInput {
    /// The same for one link only.
    pub(crate) fn of_link(self, id: &ID) -> Self {
        Self { link_ids: Some(vec![id.clone()]), ..self }
    }

    fn asked_range(&self) -> AskedRange {
        let between = AskedRange::Between(self.from.map(|from| from.0), self.to.map(|to| to.0));
        self.period.map_or(between, |period| AskedRange::Named(period.into()))
    }

    pub(crate) fn has_period(&self) -> bool {
        self.period.is_some()
    }

    /// Checks the input. `zone` and `now` give named periods their instants.
    ///
    /// # Errors
    /// All offences at once, with paths below `filter`.
    pub(crate) fn check(self, zone: &Zone, now: domain::Millis) -> Result<ClickFilter, Invalid> {
        let mut invalid = Invalid::default();
        if self.period.is_some() && (self.from.is_some() || self.to.is_some()) {
            invalid.0.push(Issue::new("filter.period", IssueCode::NotAllowed, "Give a period, or from and to, not both."));
        }
        let (from, to) = self.asked_range().edges(zone, now);
        if from.zip(to).is_some_and(|(from, to)| from >= to) {
            invalid.0.push(Issue::new("filter.to", IssueCode::OutOfRange, "The end of the range must be after its beginning."));
        }
        let links = list(&mut invalid, "linkIds", self.link_ids);
        let links = links.iter().filter_map(|id| invalid.check(parse_link(id))).collect();
        let codes =
            |values: Vec<Option<CountryCode>>| values.into_iter().map(|code| code.map(|code| code.0.to_ascii_uppercase())).collect();
        let filter = ClickFilter {
            from,
            to,
            links,
            verdicts: list(&mut invalid, "verdicts", self.verdicts).into_iter().map(Into::into).collect(),
            outcomes: list(&mut invalid, "outcomes", self.outcomes).into_iter().map(Into::into).collect(),
            countries: codes(list(&mut invalid, "countries", self.countries)),
            cities: list(&mut invalid, "cities", self.cities),
            browsers: list(&mut invalid, "browsers", self.browsers),
            systems: list(&mut invalid, "os", self.os),
            devices: list(&mut invalid, "devices", self.devices).into_iter().map(Into::into).collect(),
            languages: list(&mut invalid, "languages", self.languages),
            channels: list(&mut invalid, "channels", self.channels).into_iter().map(|channel| channel.map(Into::into)).collect(),
            referrers: list(&mut invalid, "referrers", self.referrers),
            utm_sources: list(&mut invalid, "utmSource", self.utm_source),
            utm_mediums: list(&mut invalid, "utmMedium", self.utm_medium),
            utm_campaigns: list(&mut invalid, "utmCampaign", self.utm_campaign),
            rules: list(&mut invalid, "rules", self.rules).into_iter().map(|id| id.map(|id| id.to_string())).collect(),
            variants: list(&mut invalid, "variants", self.variants),
            networks: list(&mut invalid, "networks", self.networks).into_iter().map(|network| network.map(as_stored)).collect(),
            visitors: list(&mut invalid, "visitors", self.visitors),
        };
        invalid.finish()?;
        Ok(filter)
    }
}

fn list<T>(invalid: &mut Invalid, field: &str, values: Option<Vec<T>>) -> Vec<T> {
    let path = || format!("filter.{field}");
    match values {
        None => Vec::new(),
        Some(values) if values.is_empty() => {
            invalid.0.push(Issue::new(
                path(),
                IssueCode::Required,
                "An empty list matches nothing. Leave the field out to match everything.",
            ));
            values
        }
        Some(values) => {
            if values.len() > MOST_VALUES {
                invalid.0.push(Issue::new(path(), IssueCode::TooLong, format!("Use at most {MOST_VALUES} values here.")));
            }
            values
        }
    }
}

/// Networks are stored in the shortest form of IPv6, in lower case.
fn as_stored(network: String) -> String {
    network.trim().to_ascii_lowercase()
}

fn parse_link(id: &ID) -> Result<LinkId, Issue> {
    id.parse().map_err(|_| Issue::new("filter.linkIds", IssueCode::Invalid, "This is no id of a link. Ids of links begin with lnk_."))
}

/// The filter of a field's argument; the workspace's zone is read only where it is needed.
pub(crate) async fn resolve(
    services: &Services,
    scope: &WorkspaceScope,
    filter: Option<ClickFilterInput>,
) -> Result<ClickFilter, ApiError> {
    let filter = filter.unwrap_or_default();
    let zone = if filter.has_period() { zone_of(scope).await? } else { Zone::UTC };
    Ok(filter.check(&zone, services.clock.now())?)
}

/// As [`resolve`], with the same question about the range that this one is compared with: `None`
/// when nobody asked, or when the filter's range has no beginning.
pub(crate) async fn resolve_compared(
    services: &Services,
    scope: &WorkspaceScope,
    filter: Option<ClickFilterInput>,
    compare: Option<Compare>,
) -> Result<(ClickFilter, Option<ClickFilter>), ApiError> {
    let Some(compare) = compare else { return Ok((resolve(services, scope, filter).await?, None)) };
    let (zone, now, filter) = (zone_of(scope).await?, services.clock.now(), filter.unwrap_or_default());
    let range = filter.asked_range();
    let filter = filter.check(&zone, now)?;
    let earlier = range.compared(compare.into(), &zone, now);
    let compared = earlier.map(|(from, to)| ClickFilter { from: Some(from), to: Some(to), ..filter.clone() });
    Ok((filter, compared))
}
