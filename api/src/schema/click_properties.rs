//! The fields of a filter that name properties of clicks, as they are written and as they are checked.

use async_graphql::{ID, InputObject};
use domain::{HostName, Invalid, Issue, IssueCode, LinkId, ParameterChoice, ShortDomain};

use super::click::{Channel, Device, Outcome, Verdict};
use super::domain::is_shared;
use super::scalars::CountryCode;

/// Properties of clicks. Within a field any value matches; a null value means unknown.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "ClickProperties")]
pub struct ClickPropertiesInput {
    pub(super) link_ids: Option<Vec<ID>>,
    /// Hosts, as Link.domain has them: clicks of all links that are there, whenever they came.
    domains: Option<Vec<String>>,
    /// Where none are named, here or in exclude, counts are of people; whoever leaves some out has
    /// named all others.
    verdicts: Option<Vec<Verdict>>,
    outcomes: Option<Vec<Outcome>>,
    countries: Option<Vec<Option<CountryCode>>>,
    /// As Click.region has them: ISO 3166-2 where known, such as DE-BE.
    regions: Option<Vec<Option<String>>>,
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
    utm_term: Option<Vec<Option<String>>>,
    utm_content: Option<Vec<Option<String>>>,
    /// Ids of rules; null is a click that no rule decided.
    rules: Option<Vec<Option<ID>>>,
    /// Names of variants; null is a click without one.
    variants: Option<Vec<Option<String>>>,
    /// As Click.network has them, such as 203.0.113.0/24; null is a click of which none is kept.
    networks: Option<Vec<Option<String>>>,
    /// As Click.visitor has them; null is a click of nobody that could be told.
    visitors: Option<Vec<Option<String>>>,
    /// Each is a field of its own, at most 10.
    parameters: Option<Vec<ParameterFilter>>,
}

/// A query parameter of the short URL, as Click.parameters has them.
#[derive(Clone, Debug, InputObject)]
pub struct ParameterFilter {
    /// Upper and lower case are told apart.
    key: String,
    /// If the click has the parameter more than once, any of its values matches; null is a click
    /// without it.
    values: Vec<Option<String>>,
}

/// The most values one field of a filter may have.
const MOST_VALUES: usize = 100;
/// Each is looked for in the text of all parameters.
const MOST_PARAMETERS: usize = 10;
/// Of all of these together, since a click's parameters may be 32 long texts.
const MOST_PARAMETER_VALUES: usize = 50;

impl ClickPropertiesInput {
    /// Checks the input, which stands at `path`, and adds its offences to `invalid`.
    pub(super) fn check(self, path: &str, short_domain: &ShortDomain, invalid: &mut Invalid) -> domain::ClickProperties {
        let mut at = Checked { path, invalid };
        let links = at.list("linkIds", self.link_ids);
        let domains = at.list("domains", self.domains);
        let codes = |codes: Vec<Option<CountryCode>>| codes.into_iter().map(|code| code.map(|code| code.0.to_ascii_uppercase())).collect();
        domain::ClickProperties {
            links: at.each("linkIds", &links, parse_link),
            domains: at.each("domains", &domains, |host| parse_host(host, short_domain)),
            verdicts: into(at.list("verdicts", self.verdicts)),
            outcomes: into(at.list("outcomes", self.outcomes)),
            countries: codes(at.list("countries", self.countries)),
            regions: at.list("regions", self.regions),
            cities: at.list("cities", self.cities),
            browsers: at.list("browsers", self.browsers),
            systems: at.list("os", self.os),
            devices: into(at.list("devices", self.devices)),
            languages: at.list("languages", self.languages),
            channels: at.list("channels", self.channels).into_iter().map(|channel| channel.map(Into::into)).collect(),
            referrers: at.list("referrers", self.referrers),
            utm_sources: at.list("utmSource", self.utm_source),
            utm_mediums: at.list("utmMedium", self.utm_medium),
            utm_campaigns: at.list("utmCampaign", self.utm_campaign),
            utm_terms: at.list("utmTerm", self.utm_term),
            utm_contents: at.list("utmContent", self.utm_content),
            rules: at.list("rules", self.rules).into_iter().map(|id| id.map(|id| id.to_string())).collect(),
            variants: at.list("variants", self.variants),
            networks: at.list("networks", self.networks).into_iter().map(|network| network.map(as_stored)).collect(),
            visitors: at.list("visitors", self.visitors),
            parameters: at.parameters(self.parameters),
        }
    }
}

/// Where offences are noted, and what of.
struct Checked<'a> {
    path: &'a str,
    invalid: &'a mut Invalid,
}

impl Checked<'_> {
    fn list<T>(&mut self, field: &str, values: Option<Vec<T>>) -> Vec<T> {
        self.at_most(MOST_VALUES, "values", field, values)
    }

    fn at_most<T>(&mut self, most: usize, things: &str, field: &str, values: Option<Vec<T>>) -> Vec<T> {
        let Some(values) = values else { return Vec::new() };
        if values.is_empty() {
            self.offence(field, IssueCode::Required, "An empty list matches nothing. Leave the field out to ask nothing of it.".into());
        } else if values.len() > most {
            self.offence(field, IssueCode::TooLong, format!("Use at most {most} {things} here."));
        }
        values
    }

    fn each<T, P>(&mut self, field: &str, values: &[T], parse: impl Fn(&T) -> Result<P, &'static str>) -> Vec<P> {
        let parsed =
            values.iter().filter_map(|value| parse(value).map_err(|wrong| self.offence(field, IssueCode::Invalid, wrong.into())).ok());
        parsed.collect()
    }

    fn parameters(&mut self, wanted: Option<Vec<ParameterFilter>>) -> Vec<ParameterChoice> {
        let wanted = self.at_most(MOST_PARAMETERS, "keys", "parameters", wanted);
        let values = || wanted.iter().map(|wanted| wanted.values.len());
        if values().sum::<usize>() > MOST_PARAMETER_VALUES && values().all(|values| values <= MOST_PARAMETER_VALUES) {
            let message = format!("Use at most {MOST_PARAMETER_VALUES} values of all parameters together.");
            self.offence("parameters", IssueCode::TooLong, message);
        }
        let wanted = wanted.into_iter().enumerate();
        let choice = |(index, ParameterFilter { key, values })| {
            let values = self.at_most(MOST_PARAMETER_VALUES, "values", &format!("parameters.{index}.values"), Some(values));
            ParameterChoice { key, values }
        };
        wanted.map(choice).collect()
    }

    fn offence(&mut self, field: &str, code: IssueCode, message: String) {
        self.invalid.0.push(Issue::new(format!("{}.{field}", self.path), code, message));
    }
}

fn into<T: Into<U>, U>(values: Vec<T>) -> Vec<U> {
    values.into_iter().map(Into::into).collect()
}

/// Networks are stored in the shortest form of IPv6, in lower case.
fn as_stored(network: String) -> String {
    network.trim().to_ascii_lowercase()
}

fn parse_link(id: &ID) -> Result<LinkId, &'static str> {
    id.parse().map_err(|_| "This is no id of a link. Ids of links begin with lnk_.")
}

/// The shared short domain is `None`. Whose another host is makes no difference: strangers' have no clicks here.
fn parse_host(host: &str, short_domain: &ShortDomain) -> Result<Option<HostName>, &'static str> {
    if is_shared(short_domain, host) {
        return Ok(None);
    }
    HostName::parse(host, short_domain, None).map(Some).map_err(|_| "No links are on such a host. Write it as Link.domain has it.")
}
