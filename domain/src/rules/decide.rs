//! Which rule a visitor falls under, and which of its variants.

use std::net::IpAddr;

use super::{Destination, Experiment, ExperimentKey, Rule, Rules, Variant};
use crate::{GeoPlace, Millis, Parameter, TargetUrl, UserAgentFacts};

/// What rules may ask of a visitor. Answers that cost something are to be found when first asked
/// for, and not before.
pub trait Visitor {
    fn now(&self) -> Millis;
    fn ip(&self) -> IpAddr;
    /// By a look-up in the geo databases.
    fn place(&self) -> &GeoPlace;
    /// By parsing the user agent.
    fn agent(&self) -> &UserAgentFacts;
    /// The first accepted language as a primary subtag.
    fn language(&self) -> Option<&str>;
    /// The short URL's query.
    fn parameters(&self) -> &[Parameter];
    /// A number that looks random, but is the same whenever this visitor meets this key.
    fn draw(&self, key: &ExperimentKey) -> u64;
}

/// The rule that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice<'a> {
    pub rule: &'a Rule,
    pub variant: Option<&'a Variant>,
    pub target: &'a TargetUrl,
}

/// The first rule whose conditions all hold; `None` leaves the visitor to the link's own target.
pub fn decide<'a>(rules: &'a Rules, visitor: &impl Visitor) -> Option<Choice<'a>> {
    let rule = rules.iter().find(|rule| rule.conditions.hold(visitor))?;
    match &rule.destination {
        Destination::Target(target) => Some(Choice { rule, variant: None, target }),
        Destination::Variants(experiment) => {
            let variant = experiment.assign(visitor.draw(&experiment.key))?;
            Some(Choice { rule, variant: Some(variant), target: &variant.target })
        }
    }
}

impl Experiment {
    /// Scales `draw` to the sum of the weights. A variant of weight 0 is never met.
    pub fn assign(&self, draw: u64) -> Option<&Variant> {
        let sum: u64 = self.variants.iter().map(|variant| u64::from(variant.weight)).sum();
        let mut place = ((u128::from(draw) * u128::from(sum)) >> 64) as u64;
        self.variants.iter().find(|variant| {
            let weight = u64::from(variant.weight);
            let here = place < weight;
            place = place.saturating_sub(weight);
            here
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::super::{Conditions, ParameterCondition};
    use super::*;
    use crate::{Device, RuleId};

    struct Person {
        place: GeoPlace,
        agent: UserAgentFacts,
        parameters: Vec<Parameter>,
        draw: u64,
        asked: Cell<(u32, u32)>,
    }

    impl Visitor for Person {
        fn now(&self) -> Millis {
            Millis(1_000)
        }
        fn ip(&self) -> IpAddr {
            [203, 0, 113, 9].into()
        }
        fn place(&self) -> &GeoPlace {
            self.asked.set((self.asked.get().0 + 1, self.asked.get().1));
            &self.place
        }
        fn agent(&self) -> &UserAgentFacts {
            self.asked.set((self.asked.get().0, self.asked.get().1 + 1));
            &self.agent
        }
        fn language(&self) -> Option<&str> {
            Some("de")
        }
        fn parameters(&self) -> &[Parameter] {
            &self.parameters
        }
        fn draw(&self, _key: &ExperimentKey) -> u64 {
            self.draw
        }
    }

    fn person() -> Person {
        let place = GeoPlace { country: Some("DE".into()), region: Some("DE-BE".into()), ..GeoPlace::default() };
        let agent = UserAgentFacts {
            browser: Some("Firefox".into()),
            browser_version: None,
            os: Some("Android".into()),
            os_version: None,
            device: Device::Mobile,
        };
        let parameters = vec![Parameter { key: "src".into(), value: "qr".into() }];
        Person { place, agent, parameters, draw: 0, asked: Cell::default() }
    }

    fn url(text: &str) -> TargetUrl {
        TargetUrl::from_store(format!("https://example.com/{text}"))
    }

    fn rule(name: &str, conditions: Conditions) -> Rule {
        Rule { id: RuleId::new(Millis(1), [7; 10]), name: name.into(), conditions, destination: Destination::Target(url(name)) }
    }

    fn texts(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    /// Conditions that hold for the person, and the same that do not.
    fn pairs() -> Vec<(Conditions, Conditions)> {
        let none = Conditions::default;
        let parameter = |value: &str| vec![ParameterCondition { key: "src".into(), values: texts(&["mail", value]) }];
        let ranges = |text: &str| vec![text.parse().unwrap()];
        vec![
            (Conditions { countries: texts(&["FR", "DE"]), ..none() }, Conditions { countries: texts(&["FR"]), ..none() }),
            (Conditions { regions: texts(&["de-be"]), ..none() }, Conditions { regions: texts(&["DE-BY"]), ..none() }),
            (Conditions { devices: vec![Device::Tablet, Device::Mobile], ..none() }, Conditions { devices: vec![Device::Tv], ..none() }),
            (Conditions { systems: texts(&["android"]), ..none() }, Conditions { systems: texts(&["iOS"]), ..none() }),
            (Conditions { browsers: texts(&["FIREFOX"]), ..none() }, Conditions { browsers: texts(&["Chrome"]), ..none() }),
            (Conditions { languages: texts(&["en", "de"]), ..none() }, Conditions { languages: texts(&["en"]), ..none() }),
            (Conditions { parameters: parameter("qr"), ..none() }, Conditions { parameters: parameter("QR"), ..none() }),
            (Conditions { ip_ranges: ranges("203.0.113.0/24"), ..none() }, Conditions { ip_ranges: ranges("2001:db8::/32"), ..none() }),
            (Conditions { from: Some(Millis(1_000)), ..none() }, Conditions { from: Some(Millis(1_001)), ..none() }),
            (Conditions { to: Some(Millis(1_001)), ..none() }, Conditions { to: Some(Millis(1_000)), ..none() }),
        ]
    }

    /// Puts what `from` asks into `into`.
    fn merge(into: &mut Conditions, from: Conditions) {
        into.countries.extend(from.countries);
        into.regions.extend(from.regions);
        into.devices.extend(from.devices);
        into.systems.extend(from.systems);
        into.browsers.extend(from.browsers);
        into.languages.extend(from.languages);
        into.parameters.extend(from.parameters);
        into.ip_ranges.extend(from.ip_ranges);
        into.from = into.from.or(from.from);
        into.to = into.to.or(from.to);
    }

    #[test]
    fn a_parameter_without_values_need_only_be_there() {
        let of =
            |key: &str| Conditions { parameters: vec![ParameterCondition { key: key.into(), values: vec![] }], ..Conditions::default() };
        assert!(of("src").hold(&person()) && !of("ref").hold(&person()));
        let mut both = of("src");
        merge(&mut both, of("ref"));
        assert!(!both.hold(&person()));
    }

    #[test]
    fn nothing_is_looked_up_that_no_rule_asks_for() {
        let visitor = person();
        let cheap =
            Conditions { languages: texts(&["fr"]), countries: texts(&["DE"]), devices: vec![Device::Mobile], ..Conditions::default() };
        assert_eq!(decide(&Rules(vec![rule("a", cheap)]), &visitor), None);
        assert_eq!(visitor.asked.get(), (0, 0));
        let agent = Conditions { devices: vec![Device::Tv], countries: texts(&["DE"]), ..Conditions::default() };
        assert_eq!(decide(&Rules(vec![rule("a", agent)]), &visitor), None);
        assert_eq!(visitor.asked.get(), (0, 1));
    }

    proptest! {
        #[test]
        fn all_conditions_must_hold(which in proptest::collection::vec(0..3_u8, 10)) {
            let mut conditions = Conditions::default();
            for (choice, (holds, fails)) in which.iter().zip(pairs()) {
                match choice {
                    0 => merge(&mut conditions, holds),
                    1 => merge(&mut conditions, fails),
                    _ => {}
                }
            }
            prop_assert_eq!(conditions.hold(&person()), !which.contains(&1));
        }

        #[test]
        fn the_first_match_wins(matches in proptest::collection::vec(any::<bool>(), 0..20)) {
            let conditions = |holds| Conditions { countries: texts(&[if holds { "DE" } else { "FR" }]), ..Conditions::default() };
            let rules = Rules(matches.iter().enumerate().map(|(i, holds)| rule(&i.to_string(), conditions(*holds))).collect());
            let found = decide(&rules, &person()).map(|choice| choice.rule.name.clone());
            prop_assert_eq!(found, matches.iter().position(|holds| *holds).map(|i| i.to_string()));
        }

        #[test]
        fn every_draw_meets_a_variant_with_weight(weights in proptest::collection::vec(0..1_000_u32, 1..20), draw: u64) {
            let variants = weights.iter().map(|weight| Variant { name: weight.to_string(), target: url("v"), weight: *weight }).collect();
            let experiment = Experiment { key: ExperimentKey([0; 32]), variants };
            let met = experiment.assign(draw).map(|variant| variant.weight);
            prop_assert_eq!(met.is_some(), weights.iter().any(|weight| *weight > 0));
            prop_assert_ne!(met, Some(0));
        }

        #[test]
        fn draws_fall_by_weight(a in 1..1_000_u32, b in 1..1_000_u32) {
            // Told apart by name, since they may weigh the same.
            let variant = |name: &str, weight| Variant { name: name.into(), target: url("v"), weight };
            let experiment = Experiment { key: ExperimentKey([0; 32]), variants: vec![variant("a", a), variant("b", b)] };
            let draws = 10_000_u64;
            let met = (0..draws).filter(|i| experiment.assign(i * (u64::MAX / draws)) == Some(&experiment.variants[0])).count() as f64;
            let wanted = f64::from(a) / f64::from(a + b);
            prop_assert!((met / draws as f64 - wanted).abs() < 0.001, "{} {}", met, wanted);
        }
    }

    #[test]
    fn what_is_stored_carries_its_version() {
        let (conditions, _) = pairs().swap_remove(7);
        let rules = Rules(vec![rule("a", conditions)]);
        let json = serde_json::to_string(&rules).unwrap();
        assert!(json.starts_with(r#"{"version":1,"rules":[{"id":""#), "{json}");
        assert_eq!(serde_json::from_str::<Rules>(&json).unwrap(), rules);
        let later = json.replacen("\"version\":1", "\"version\":2", 1);
        assert!(serde_json::from_str::<Rules>(&later).unwrap_err().to_string().contains("version 2"));
        // A condition that a later program added is not read as if it were not there.
        let more = json.replacen("\"ip_ranges\"", "\"asns\":[1],\"ip_ranges\"", 1);
        assert!(serde_json::from_str::<Rules>(&more).is_err());
    }
}
