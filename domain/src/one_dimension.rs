//! Whether a filter asks for one property of clicks at most, beside their time, links and verdicts: so much is
//! counted in rollup cells.

use crate::{ClickFilter, ClickProperties, Dimension, DimensionValue, ParameterChoice};

/// The one property that a filter asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneDimension {
    pub dimension: Dimension,
    /// Of a parameter, its name.
    pub key: Option<String>,
    /// Any of these; `None` where it only leaves out.
    pub include: Option<Vec<DimensionValue>>,
    pub exclude: Vec<DimensionValue>,
}

/// A field that asks something.
struct Field<'a> {
    /// `None` where no cell knows.
    dimension: Option<Dimension>,
    key: Option<&'a str>,
    values: Vec<DimensionValue>,
}

impl ClickFilter {
    /// The one property that it asks for; `Some(None)` where it asks for none, `None` where for several, or for
    /// one that no cell knows.
    pub fn one_dimension(&self) -> Option<Option<OneDimension>> {
        let (mut include, mut exclude) = (fields(&self.include).into_iter(), fields(&self.exclude).into_iter());
        let (wanted, unwanted) = (include.next(), exclude.next());
        if include.next().is_some() || exclude.next().is_some() {
            return None;
        }
        let Some(any) = wanted.as_ref().or(unwanted.as_ref()) else { return Some(None) };
        let (dimension, key) = (any.dimension?, any.key);
        if unwanted.as_ref().is_some_and(|field| field.dimension != Some(dimension) || field.key != key) {
            return None;
        }
        Some(Some(OneDimension {
            dimension,
            key: key.map(str::to_owned),
            include: wanted.map(|field| field.values),
            exclude: unwanted.map(|field| field.values).unwrap_or_default(),
        }))
    }
}

fn fields(asked: &ClickProperties) -> Vec<Field<'_>> {
    let text = |dimension, values: &[Option<String>]| {
        let values: Vec<DimensionValue> = values.iter().cloned().map(DimensionValue::from).collect();
        Field { dimension, key: None, values }
    };
    let of = |dimension, values| text(Some(dimension), values);
    let coded = |dimension, values| Field { dimension: Some(dimension), key: None, values };
    let channel = |channel: &Option<_>| channel.map_or(DimensionValue::Unknown, DimensionValue::Channel);
    let outcomes = Field { dimension: None, key: None, values: vec![DimensionValue::Unknown; asked.outcomes.len()] };
    let fields = [
        of(Dimension::Country, &asked.countries),
        of(Dimension::Region, &asked.regions),
        of(Dimension::City, &asked.cities),
        of(Dimension::Browser, &asked.browsers),
        of(Dimension::Os, &asked.systems),
        coded(Dimension::Device, asked.devices.iter().copied().map(DimensionValue::Device).collect()),
        of(Dimension::Language, &asked.languages),
        coded(Dimension::Channel, asked.channels.iter().map(channel).collect()),
        of(Dimension::Referrer, &asked.referrers),
        of(Dimension::UtmSource, &asked.utm_sources),
        of(Dimension::UtmMedium, &asked.utm_mediums),
        of(Dimension::UtmCampaign, &asked.utm_campaigns),
        of(Dimension::UtmTerm, &asked.utm_terms),
        of(Dimension::UtmContent, &asked.utm_contents),
        of(Dimension::Rule, &asked.rules),
        of(Dimension::Variant, &asked.variants),
        text(None, &asked.networks),
        text(None, &asked.visitors),
        outcomes,
    ];
    let parameters = asked.parameters.iter().map(parameter);
    fields.into_iter().filter(|field| !field.values.is_empty()).chain(parameters).collect()
}

fn parameter(choice: &ParameterChoice) -> Field<'_> {
    let values = choice.values.iter().cloned().map(DimensionValue::from).collect();
    Field { dimension: Some(Dimension::Parameter), key: Some(&choice.key), values }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Device, LinkId, Outcome, Verdict};

    fn countries(codes: &[&str]) -> ClickProperties {
        ClickProperties { countries: codes.iter().map(|code| Some((*code).to_owned())).collect(), ..ClickProperties::default() }
    }

    #[test]
    fn one_property_may_be_asked_for_and_left_out() {
        let of_links =
            ClickProperties { links: vec![LinkId(uuid::Uuid::nil())], verdicts: vec![Verdict::Bot], ..ClickProperties::default() };
        assert_eq!(ClickFilter::from(of_links).one_dimension(), Some(None));
        let filter = ClickFilter { exclude: countries(&["FR"]), ..ClickFilter::from(countries(&["DE"])) };
        let asked = filter.one_dimension().flatten().unwrap();
        assert_eq!((asked.dimension, asked.include.unwrap().len(), asked.exclude.len()), (Dimension::Country, 1, 1));
        let left_out = ClickFilter { exclude: countries(&["FR"]), ..ClickFilter::default() };
        assert_eq!(left_out.one_dimension().flatten().unwrap().include, None);
    }

    #[test]
    fn more_than_one_and_what_no_cell_knows_needs_clicks() {
        let devices = ClickProperties { devices: vec![Device::Mobile], ..ClickProperties::default() };
        for filter in [
            ClickFilter { exclude: devices.clone(), ..ClickFilter::from(countries(&["DE"])) },
            ClickProperties { devices: vec![Device::Mobile], ..countries(&["DE"]) }.into(),
            ClickProperties { outcomes: vec![Outcome::Preview], ..ClickProperties::default() }.into(),
            ClickProperties { networks: vec![None], ..ClickProperties::default() }.into(),
        ] {
            assert_eq!(filter.one_dimension(), None, "{filter:?}");
        }
    }
}
