//! The fields of a filter that name properties of clicks, as they are written and as they are checked.

use async_graphql::{ID, InputObject};
use domain::{HostName, Invalid, Issue, IssueCode, LinkId, MetadataChoice, ParameterChoice, RuleId, ShortDomain, Tag, parse_click_network};

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
    /// Tags of links as they are now, without regard to case: clicks of all links that have them, whenever they
    /// came. Null is a link without tags.
    tags: Option<Vec<Option<String>>>,
    /// Folders of links as they are now; null is a link in none.
    folders: Option<Vec<Option<String>>>,
    /// Metadata of links as it is now. Each is a field of its own, at most 10.
    metadata: Option<Vec<MetadataFilter>>,
    /// Where none are named, here or in exclude, counts are of people; whoever leaves some out has
    /// named all others.
    verdicts: Option<Vec<Verdict>>,
    outcomes: Option<Vec<Outcome>>,
    /// As Click.country has them, in whatever case.
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

/// A key of links' metadata.
#[derive(Clone, Debug, InputObject)]
pub struct MetadataFilter {
    /// Upper and lower case are told apart.
    key: String,
    /// Any of them matches: text as it is, numbers as JSON writes them, true or false. Null is a link without
    /// the key.
    values: Vec<Option<String>>,
}

/// The most values one field of a filter may have.
const MOST_VALUES: usize = 100;
/// Each parameter is looked for in the text of all parameters.
const MOST_KEYS: usize = 10;
/// Of all of these together, since a click's parameters may be 32 long texts.
const MOST_KEYED_VALUES: usize = 50;

/// A key with its values.
type Keyed = (String, Vec<Option<String>>);

impl ClickPropertiesInput {
    /// Checks the input, which stands at `path`, and adds its offences to `invalid`.
    pub(super) fn check(self, path: &str, short_domain: &ShortDomain, invalid: &mut Invalid) -> domain::ClickProperties {
        let mut at = Checked::new(path, invalid);
        let parameters = self.parameters.map(|wanted| wanted.into_iter().map(|wanted| (wanted.key, wanted.values)).collect());
        let metadata = self.metadata.map(|wanted| wanted.into_iter().map(|wanted| (wanted.key, wanted.values)).collect());
        let links = at.list("linkIds", self.link_ids);
        let domains = at.list("domains", self.domains);
        let (countries, rules, networks) =
            (at.list("countries", self.countries), at.list("rules", self.rules), at.list("networks", self.networks));
        domain::ClickProperties {
            links: at.each("linkIds", &links, parse_link),
            domains: at.each("domains", &domains, |host| parse_host(host, short_domain)),
            tags: at.list("tags", self.tags).into_iter().map(|tag| tag.map(Tag::from_store)).collect(),
            folders: at.list("folders", self.folders).into_iter().map(|folder| folder.map(|name| name.trim().to_owned())).collect(),
            metadata: at.keyed("metadata", metadata, |key, values| MetadataChoice { key, values }),
            verdicts: into(at.list("verdicts", self.verdicts)),
            outcomes: into(at.list("outcomes", self.outcomes)),
            countries: at.each("countries", &countries, or_unknown(|code: &CountryCode| parse_country(&code.0))),
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
            rules: at.each("rules", &rules, or_unknown(parse_rule)),
            variants: at.list("variants", self.variants),
            networks: at.each("networks", &networks, or_unknown(|network: &String| parse_network(network))),
            visitors: at.list("visitors", self.visitors),
            parameters: at.keyed("parameters", parameters, |key, values| ParameterChoice { key, values }),
        }
    }
}

/// Where offences are noted, and what of.
pub(super) struct Checked<'a> {
    path: &'a str,
    invalid: &'a mut Invalid,
}

impl<'a> Checked<'a> {
    pub(super) fn new(path: &'a str, invalid: &'a mut Invalid) -> Self {
        Self { path, invalid }
    }

    pub(super) fn list<T>(&mut self, field: &str, values: Option<Vec<T>>) -> Vec<T> {
        self.at_most(MOST_VALUES, "values", field, values)
    }

    fn at_most<T>(&mut self, most: usize, things: &str, field: &str, values: Option<Vec<T>>) -> Vec<T> {
        let Some(values) = values else { return Vec::new() };
        if values.is_empty() {
            self.offence(field, IssueCode::Required, "An empty list matches nothing. Leave the field out to ask nothing of it.".into());
        } else if values.len() > most {
            self.offence(field, IssueCode::TooLong, format!("Use at most {most} {things} here."));
            // What else is wrong with thousands of them helps nobody.
            return Vec::new();
        }
        values
    }

    fn each<T, P>(&mut self, field: &str, values: &[T], parse: impl Fn(&T) -> Result<P, &'static str>) -> Vec<P> {
        let parsed =
            values.iter().filter_map(|value| parse(value).map_err(|wrong| self.offence(field, IssueCode::Invalid, wrong.into())).ok());
        parsed.collect()
    }

    /// Values by key, each key a field of its own.
    fn keyed<T>(&mut self, field: &str, wanted: Option<Vec<Keyed>>, choice: impl Fn(String, Vec<Option<String>>) -> T) -> Vec<T> {
        let wanted = self.at_most(MOST_KEYS, "keys", field, wanted);
        let values = || wanted.iter().map(|(_, values)| values.len());
        if values().sum::<usize>() > MOST_KEYED_VALUES && values().all(|values| values <= MOST_KEYED_VALUES) {
            self.offence(field, IssueCode::TooLong, format!("Use at most {MOST_KEYED_VALUES} values of all {field} together."));
        }
        let checked = |(index, (key, values)): (usize, Keyed)| {
            let values = self.at_most(MOST_KEYED_VALUES, "values", &format!("{field}.{index}.values"), Some(values));
            choice(key, values)
        };
        wanted.into_iter().enumerate().map(checked).collect()
    }

    fn offence(&mut self, field: &str, code: IssueCode, message: String) {
        self.invalid.0.push(Issue::new(format!("{}.{field}", self.path), code, message));
    }
}

fn into<T: Into<U>, U>(values: Vec<T>) -> Vec<U> {
    values.into_iter().map(Into::into).collect()
}

/// A value that may be unknown.
fn or_unknown<T, P>(parse: impl Fn(&T) -> Result<P, &'static str>) -> impl Fn(&Option<T>) -> Result<Option<P>, &'static str> {
    move |value| value.as_ref().map(&parse).transpose()
}

fn parse_country(code: &str) -> Result<String, &'static str> {
    domain::parse_country(code).ok_or("This is no country. Write its two letters of ISO 3166-1, such as DE.")
}

fn parse_rule(id: &ID) -> Result<String, &'static str> {
    let rule: Result<RuleId, _> = id.parse();
    rule.map(|rule| rule.to_string()).map_err(|_| "This is no id of a rule. Ids of rules begin with rul_.")
}

fn parse_network(network: &str) -> Result<String, &'static str> {
    let advice =
        "Clicks keep the /24 of an IPv4 address and the /48 of an IPv6 one. Write such a network, as 203.0.113.0/24 or 2001:db8:1::/48.";
    parse_click_network(network).ok_or(advice)
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
