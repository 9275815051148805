//! Which clicks a question is about. One type serves queries, where the store turns it into SQL,
//! and subscriptions, where [`ClickFilter::matches`] is asked for each click.

use crate::{Channel, Click, Device, LinkId, Millis, Outcome, Verdict};

/// Within a field any value matches, between fields all must; an empty list asks nothing, a `None`
/// value means unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClickFilter {
    /// First instant included.
    pub from: Option<Millis>,
    /// First instant no longer included.
    pub to: Option<Millis>,
    pub links: Vec<LinkId>,
    pub verdicts: Vec<Verdict>,
    pub outcomes: Vec<Outcome>,
    pub countries: Vec<Option<String>>,
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
    /// Ids of rules; `None` is a click that no rule decided.
    pub rules: Vec<Option<String>>,
    /// Names of variants.
    pub variants: Vec<Option<String>>,
    /// As they are stored: /24 or /48.
    pub networks: Vec<Option<String>>,
    /// Keys of visitors.
    pub visitors: Vec<Option<String>>,
}

impl ClickFilter {
    /// The same with these verdicts, where it names none.
    #[must_use]
    pub fn with_default_verdicts(&self, verdicts: &[Verdict]) -> Self {
        let mut filter = self.clone();
        if filter.verdicts.is_empty() {
            filter.verdicts = verdicts.to_vec();
        }
        filter
    }

    /// The dimensions that rollup cells do not answer yet; if any is asked for, clicks are read.
    pub fn needs_clicks(&self) -> bool {
        let others = self.outcomes.is_empty() && self.devices.is_empty() && self.channels.is_empty();
        !others || self.text_fields().iter().any(|(_, values)| !values.is_empty())
    }

    /// The text dimensions with the column each is stored in.
    pub fn text_fields(&self) -> [(&'static str, &[Option<String>]); 13] {
        [
            ("country", &self.countries),
            ("city", &self.cities),
            ("browser", &self.browsers),
            ("os", &self.systems),
            ("language", &self.languages),
            ("referrer_host", &self.referrers),
            ("utm_source", &self.utm_sources),
            ("utm_medium", &self.utm_mediums),
            ("utm_campaign", &self.utm_campaigns),
            ("rule_id", &self.rules),
            ("variant", &self.variants),
            ("network", &self.networks),
            ("visitor", &self.visitors),
        ]
    }

    pub fn matches(&self, click: &Click) -> bool {
        let at = click.occurred_at();
        let rule = click.rule.as_ref().filter(|_| !self.rules.is_empty()).map(|rule| rule.id.to_string());
        let variant = click.rule.as_ref().filter(|_| !self.variants.is_empty()).and_then(|rule| rule.variant.clone());
        let visitor = click.visitor.as_ref().filter(|_| !self.visitors.is_empty()).map(|visitor| visitor.key.clone());
        let values = [
            &click.place.country,
            &click.place.city,
            &click.browser,
            &click.os,
            &click.language,
            &click.referrer_host,
            &click.utm.source,
            &click.utm.medium,
            &click.utm.campaign,
            &rule,
            &variant,
            &click.network,
            &visitor,
        ];
        self.from.is_none_or(|from| at >= from)
            && self.to.is_none_or(|to| at < to)
            && any(&self.links, &click.link)
            && any(&self.verdicts, &click.verdict)
            && any(&self.outcomes, &click.outcome)
            && any(&self.devices, &click.device)
            && any(&self.channels, &click.channel)
            && self.text_fields().iter().zip(values).all(|((_, wanted), value)| any(wanted, value))
    }
}

fn any<T: PartialEq>(wanted: &[T], value: &T) -> bool {
    wanted.is_empty() || wanted.contains(value)
}
