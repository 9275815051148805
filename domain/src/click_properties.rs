//! What a filter names of clicks, field by field: once for those that are wanted, once for those
//! to be left out.

use std::borrow::Cow;

use crate::{Channel, Click, Device, HostName, LinkId, LinkLabels, Outcome, Parameter, Tag, Verdict};

/// Within a field any value matches; an empty list asks nothing, a `None` value means unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClickProperties {
    pub links: Vec<LinkId>,
    /// Hosts of the click's link, as it is now; `None` is the shared short domain.
    pub domains: Vec<Option<HostName>>,
    /// Tags of the click's link, as it is now, without regard to case; `None` is a link without any.
    pub tags: Vec<Option<Tag>>,
    /// Folders of the click's link, as it is now; `None` is a link in none.
    pub folders: Vec<Option<String>>,
    /// Metadata of the click's link, as it is now. Each is a field of its own.
    pub metadata: Vec<MetadataChoice>,
    pub verdicts: Vec<Verdict>,
    pub outcomes: Vec<Outcome>,
    pub countries: Vec<Option<String>>,
    pub regions: Vec<Option<String>>,
    pub cities: Vec<Option<String>>,
    pub browsers: Vec<Option<String>>,
    pub systems: Vec<Option<String>>,
    pub devices: Vec<Device>,
    pub languages: Vec<Option<String>>,
    pub channels: Vec<Option<Channel>>,
    pub referrers: Vec<Option<String>>,
    pub utm_sources: Vec<Option<String>>,
    pub utm_mediums: Vec<Option<String>>,
    pub utm_campaigns: Vec<Option<String>>,
    pub utm_terms: Vec<Option<String>>,
    pub utm_contents: Vec<Option<String>>,
    /// Ids of rules; `None` is a click that no rule decided.
    pub rules: Vec<Option<String>>,
    /// Names of variants.
    pub variants: Vec<Option<String>>,
    /// As they are stored: /24 or /48.
    pub networks: Vec<Option<String>>,
    /// Keys of visitors.
    pub visitors: Vec<Option<String>>,
    /// Each is a field of its own.
    pub parameters: Vec<ParameterChoice>,
}

/// A query parameter of the short URL: any of its values, should it be there more than once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterChoice {
    /// As clicks have it, case included.
    pub key: String,
    /// Never empty. `None` is a click without this parameter.
    pub values: Vec<Option<String>>,
}

/// A key of a link's metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataChoice {
    /// As links have it, case included.
    pub key: String,
    /// Never empty; each as [`MetadataValue::text`](crate::MetadataValue::text) has it. `None` is a link without this key.
    pub values: Vec<Option<String>>,
}

/// What a filter may ask of a click's link beside which it is.
#[derive(Clone, Copy, Debug)]
pub struct LinkTraits<'a> {
    /// `None` for the shared short domain.
    pub domain: Option<&'a HostName>,
    pub labels: &'a LinkLabels,
}

impl ParameterChoice {
    fn has(&self, parameters: &[Parameter]) -> bool {
        let mut here = parameters.iter().filter(|parameter| parameter.key == self.key).peekable();
        let missing = here.peek().is_none();
        missing && self.values.contains(&None) || here.any(|parameter| self.values.iter().flatten().any(|value| *value == parameter.value))
    }
}

impl ClickProperties {
    /// Whether it matters which link a click is of.
    pub(crate) fn names_links(&self) -> bool {
        !self.links.is_empty() || self.asks_of_links()
    }

    /// Whether anything is asked of links that their clicks do not say.
    pub(crate) fn asks_of_links(&self) -> bool {
        !(self.domains.is_empty() && self.tags.is_empty() && self.folders.is_empty() && self.metadata.is_empty())
    }

    /// Whether the link has all that is asked of it.
    pub(crate) fn has_all_of_link(&self, link: LinkTraits<'_>) -> bool {
        self.answers_of_link(link).all(|answer| answer)
    }

    /// The same for any of it.
    pub(crate) fn has_any_of_link(&self, link: LinkTraits<'_>) -> bool {
        self.answers_of_link(link).any(|answer| answer)
    }

    fn answers_of_link(&self, LinkTraits { domain, labels }: LinkTraits<'_>) -> impl Iterator<Item = bool> {
        let folder = labels.folder.as_ref().map(|folder| folder.as_str());
        let has_tag = |wanted: &Option<Tag>| match wanted {
            Some(wanted) => labels.tags.iter().any(|tag| tag.folded() == wanted.folded()),
            None => labels.tags.is_empty(),
        };
        let fields = [
            answer(&self.domains, |wanted| wanted.as_ref() == domain),
            answer(&self.tags, has_tag),
            answer(&self.folders, |wanted| wanted.as_deref() == folder),
        ];
        let metadata = self.metadata.iter().map(|wanted| {
            let value = labels.metadata.get(&wanted.key).map(crate::MetadataValue::text);
            wanted.values.contains(&value)
        });
        fields.into_iter().flatten().chain(metadata)
    }

    /// The text fields with the column each is stored in.
    pub fn text_fields(&self) -> [(&'static str, &[Option<String>]); 16] {
        [
            ("country", &self.countries),
            ("region", &self.regions),
            ("city", &self.cities),
            ("browser", &self.browsers),
            ("os", &self.systems),
            ("language", &self.languages),
            ("referrer_host", &self.referrers),
            ("utm_source", &self.utm_sources),
            ("utm_medium", &self.utm_mediums),
            ("utm_campaign", &self.utm_campaigns),
            ("utm_term", &self.utm_terms),
            ("utm_content", &self.utm_contents),
            ("network", &self.networks),
            ("variant", &self.variants),
            ("visitor", &self.visitors),
            ("rule_id", &self.rules),
        ]
    }

    /// Whether the click has all that is asked, but for what is asked of its link, which it does not say.
    pub(crate) fn has_all(&self, click: &Click) -> bool {
        self.answers(click).all(|answer| answer)
    }

    /// The same for any of it.
    pub(crate) fn has_any(&self, click: &Click) -> bool {
        self.answers(click).any(|answer| answer)
    }

    /// One for each field that asks anything.
    fn answers(&self, click: &Click) -> impl Iterator<Item = bool> {
        let codes = [
            answer(&self.links, |link| *link == click.link),
            answer(&self.verdicts, |verdict| *verdict == click.verdict),
            answer(&self.outcomes, |outcome| *outcome == click.outcome),
            answer(&self.devices, |device| *device == click.device),
            answer(&self.channels, |channel| *channel == click.channel),
        ];
        let stored = [
            &click.place.country,
            &click.place.region,
            &click.place.city,
            &click.browser,
            &click.os,
            &click.language,
            &click.referrer_host,
            &click.utm.source,
            &click.utm.medium,
            &click.utm.campaign,
            &click.utm.term,
            &click.utm.content,
            &click.network,
        ];
        let rule = click.rule.as_ref();
        let (variant, visitor) = (rule.and_then(|rule| rule.variant.as_deref()), click.visitor.as_ref());
        let borrowed = stored.map(Option::as_deref).into_iter().chain([variant, visitor.map(|visitor| visitor.key.as_str())]);
        let rule = rule.filter(|_| !self.rules.is_empty()).map(|rule| Cow::Owned(rule.id.to_string()));
        let texts = borrowed.map(|text| text.map(Cow::Borrowed)).chain([rule]);
        let texts = self.text_fields().into_iter().zip(texts);
        let texts = texts.map(|((_, wanted), text)| answer(wanted, |value| value.as_deref() == text.as_deref()));
        let parameters = self.parameters.iter().map(|parameter| Some(parameter.has(&click.parameters)));
        codes.into_iter().chain(texts).chain(parameters).flatten()
    }
}

fn answer<T>(wanted: &[T], is_it: impl Fn(&T) -> bool) -> Option<bool> {
    (!wanted.is_empty()).then(|| wanted.iter().any(is_it))
}
