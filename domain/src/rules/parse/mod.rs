//! Rules as somebody wrote them ▸ rules that can be stored. Every offence is told at once, each
//! with its path (`rules.0.conditions.countries.1`).

mod conditions;

pub use conditions::parse_country;

use std::collections::HashSet;

use super::{Destination, Experiment, ExperimentKey, Fresh, MAX_RULES, MAX_VARIANTS, Rule, RuleDraft, Rules, Variant, VariantDraft};
use crate::{Invalid, Issue, IssueCode, OwnHosts, RuleId, TargetUrl};

const MAX_NAME: usize = 80;
const MAX_WEIGHT: i64 = 10_000;
/// All rules of a link together, so that they fit into every place that links travel through.
const MAX_WEIGHT_BYTES: usize = 128 * 1_024;

impl Rules {
    /// Checks `drafts`. A draft that names a rule among `stored` keeps its id and its key, so that
    /// visitors keep their variants.
    ///
    /// # Errors
    /// All offences, with paths below `rules`.
    pub fn parse(drafts: Vec<RuleDraft>, own: OwnHosts<'_>, stored: &Self, mut fresh: impl FnMut() -> Fresh) -> Result<Self, Invalid> {
        let mut parser = Parser { invalid: Invalid::default(), own, stored, met: HashSet::new() };
        if drafts.len() > MAX_RULES {
            parser.refuse("rules", IssueCode::TooLong, format!("Use at most {MAX_RULES} rules for one link."));
        }
        let rules: Vec<Rule> =
            drafts.into_iter().take(MAX_RULES).enumerate().filter_map(|(index, draft)| parser.rule(index, draft, fresh())).collect();
        let rules = Self(rules);
        if rules.weight() > MAX_WEIGHT_BYTES {
            parser.refuse("rules", IssueCode::TooLong, "The rules of one link may take 128 KiB together. Use fewer or shorter ones.");
        }
        parser.invalid.finish()?;
        Ok(rules)
    }
}

struct Parser<'a> {
    invalid: Invalid,
    own: OwnHosts<'a>,
    stored: &'a Rules,
    /// Ids that earlier rules of the same input have.
    met: HashSet<RuleId>,
}

impl<'a> Parser<'a> {
    fn refuse(&mut self, path: impl Into<String>, code: IssueCode, message: impl Into<String>) {
        self.invalid.0.push(Issue::new(path, code, message));
    }

    fn rule(&mut self, index: usize, draft: RuleDraft, fresh: Fresh) -> Option<Rule> {
        let path = format!("rules.{index}");
        let stored = draft.id.and_then(|id| self.known(&format!("{path}.id"), &id));
        let name = draft.name.unwrap_or_default();
        let name = self.text(&format!("{path}.name"), &name, 0, MAX_NAME);
        let conditions = self.conditions(&format!("{path}.conditions"), draft.conditions);
        let key = match stored.map(|rule| &rule.destination) {
            Some(Destination::Variants(experiment)) => experiment.key.clone(),
            _ => fresh.key,
        };
        let destination = self.destination(&path, draft.target, draft.variants, key)?;
        let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| format!("Rule {}", index + 1));
        Some(Rule { id: stored.map_or(fresh.id, |rule| rule.id), name, conditions, destination })
    }

    fn known(&mut self, path: &str, text: &str) -> Option<&'a Rule> {
        let stored = self.stored;
        let found = text.parse().ok().and_then(|id| stored.find(id));
        match found {
            None => self.refuse(path, IssueCode::NotAllowed, "The link has no rule with this id. Leave the id out to make a new rule."),
            Some(rule) if !self.met.insert(rule.id) => {
                self.refuse(path, IssueCode::NotAllowed, "Another rule above has the same id. Leave the id out to make a new rule.");
            }
            Some(_) => {}
        }
        found
    }

    fn destination(&mut self, path: &str, target: Option<String>, variants: Vec<VariantDraft>, key: ExperimentKey) -> Option<Destination> {
        match target {
            Some(_) if !variants.is_empty() => {
                self.refuse(format!("{path}.variants"), IssueCode::NotAllowed, "Give a rule either targetUrl or variants, not both.");
                None
            }
            Some(target) => self.invalid.check(TargetUrl::parse(&format!("{path}.targetUrl"), &target, self.own)).map(Destination::Target),
            None if variants.is_empty() => {
                self.refuse(format!("{path}.targetUrl"), IssueCode::Required, "Say where this rule leads: give it targetUrl or variants.");
                None
            }
            None => {
                let variants = self.variants(&format!("{path}.variants"), variants);
                Some(Destination::Variants(Experiment { key, variants }))
            }
        }
    }

    fn variants(&mut self, path: &str, drafts: Vec<VariantDraft>) -> Vec<Variant> {
        if drafts.len() > MAX_VARIANTS {
            self.refuse(path, IssueCode::TooLong, format!("Use at most {MAX_VARIANTS} variants in one rule."));
        }
        if drafts.iter().all(|draft| draft.weight == 0) {
            self.refuse(path, IssueCode::OutOfRange, "At least one variant needs a weight above 0.");
        }
        let mut names = HashSet::new();
        let mut variants = Vec::new();
        for (index, draft) in drafts.into_iter().take(MAX_VARIANTS).enumerate() {
            let path = format!("{path}.{index}");
            let name = self.text(&format!("{path}.name"), &draft.name, 1, MAX_NAME);
            if name.as_ref().is_some_and(|name| !names.insert(name.to_lowercase())) {
                self.refuse(
                    format!("{path}.name"),
                    IssueCode::NotAllowed,
                    "Another variant of this rule has this name. Choose another one.",
                );
            }
            let target = self.invalid.check(TargetUrl::parse(&format!("{path}.targetUrl"), &draft.target, self.own));
            if !(0..=MAX_WEIGHT).contains(&draft.weight) {
                let message = format!("Use a whole number from 0 to {MAX_WEIGHT} as a weight.");
                self.refuse(format!("{path}.weight"), IssueCode::OutOfRange, message);
            }
            let weight = u32::try_from(draft.weight).unwrap_or_default();
            variants.extend(name.zip(target).map(|(name, target)| Variant { name, target, weight }));
        }
        variants
    }

    fn text(&mut self, path: &str, text: &str, least: usize, most: usize) -> Option<String> {
        self.invalid.check(check_text(path, text, least, most))
    }
}

fn check_text(path: &str, text: &str, least: usize, most: usize) -> Result<String, Issue> {
    let text = text.trim();
    let length = text.chars().count();
    if length < least {
        return Err(Issue::new(path, IssueCode::Required, "Enter something here, or leave it out."));
    }
    if length > most {
        return Err(Issue::new(path, IssueCode::TooLong, format!("Use at most {most} characters here.")));
    }
    if text.chars().any(char::is_control) {
        return Err(Issue::new(path, IssueCode::Invalid, "Remove line breaks and other control characters here."));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{ConditionsDraft, ParameterCondition};
    use crate::{Device, Millis, ShortDomain};

    fn own() -> ShortDomain {
        ShortDomain::parse("go.example").unwrap()
    }

    fn parse(drafts: Vec<RuleDraft>, stored: &Rules) -> Result<Rules, Invalid> {
        let mut number = 0;
        let fresh = || {
            number += 1;
            Fresh { id: RuleId::new(Millis(1), [number; 10]), key: ExperimentKey([number; 32]) }
        };
        Rules::parse(drafts, OwnHosts::shared(&own()), stored, fresh)
    }

    fn variants(weights: &[i64]) -> Vec<VariantDraft> {
        let variant = |(index, weight): (usize, &i64)| VariantDraft {
            name: format!("v{index}"),
            target: format!("https://example.com/{index}"),
            weight: *weight,
        };
        weights.iter().enumerate().map(variant).collect()
    }

    fn to(target: &str) -> RuleDraft {
        RuleDraft { target: Some(target.into()), ..RuleDraft::default() }
    }

    fn texts(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn good_rules_are_put_into_one_form() {
        let conditions = ConditionsDraft {
            countries: texts(&["de"]),
            languages: texts(&["DE"]),
            ip_ranges: texts(&["203.0.113.9/24", "2001:db8::1"]),
            ..ConditionsDraft::default()
        };
        let rules = parse(vec![RuleDraft { conditions, ..to("https://EXAMPLE.com/a") }], &Rules::default()).unwrap();
        let rule = &rules.0[0];
        assert_eq!(
            (rule.name.as_str(), &rule.conditions.countries, &rule.conditions.languages),
            ("Rule 1", &texts(&["DE"]), &texts(&["de"]))
        );
        let ranges: Vec<String> = rule.conditions.ip_ranges.iter().map(ToString::to_string).collect();
        assert_eq!(ranges, ["203.0.113.0/24", "2001:db8::1/128"]);
        assert_eq!(rule.destination, Destination::Target(TargetUrl::from_store("https://example.com/a".into())));
    }

    #[test]
    fn every_offence_is_told_with_its_path() {
        let conditions = ConditionsDraft {
            countries: texts(&["DE", "Germany"]),
            languages: texts(&["de-DE"]),
            browsers: texts(&[""]),
            ip_ranges: texts(&["10.0.0.0/33"]),
            parameters: vec![ParameterCondition { key: String::new(), values: texts(&["a\nb"]) }],
            devices: vec![Device::Tv; 21],
            from: Some(Millis(5)),
            to: Some(Millis(5)),
            ..ConditionsDraft::default()
        };
        let bad_variants = vec![
            VariantDraft { name: "a".into(), target: "x".into(), weight: -1 },
            VariantDraft { name: "A".into(), target: "https://example.com/".into(), weight: 1 },
        ];
        let drafts = vec![
            RuleDraft { conditions, ..to("ftp://example.com/") },
            RuleDraft { variants: bad_variants, ..RuleDraft::default() },
            RuleDraft::default(),
            RuleDraft { variants: variants(&[0, 0]), ..RuleDraft::default() },
            RuleDraft { variants: variants(&[1]), ..to("https://example.com/") },
            RuleDraft { id: Some("rul_x".into()), name: Some("x".repeat(81)), ..to("https://go.example/loop") },
        ];
        let paths: Vec<String> = parse(drafts, &Rules::default()).unwrap_err().0.into_iter().map(|issue| issue.path).collect();
        assert_eq!(
            paths,
            [
                "rules.0.conditions.to",
                "rules.0.conditions.countries.1",
                "rules.0.conditions.devices",
                "rules.0.conditions.browsers.0",
                "rules.0.conditions.languages.0",
                "rules.0.conditions.parameters.0.values.0",
                "rules.0.conditions.parameters.0.key",
                "rules.0.conditions.ipRanges.0",
                "rules.0.targetUrl",
                "rules.1.variants.0.targetUrl",
                "rules.1.variants.0.weight",
                "rules.1.variants.1.name",
                "rules.2.targetUrl",
                "rules.3.variants",
                "rules.4.variants",
                "rules.5.id",
                "rules.5.name",
                "rules.5.targetUrl",
            ]
        );
        assert_eq!(parse(vec![to("https://example.com/"); 51], &Rules::default()).unwrap_err().0[0].path, "rules");
        let many = RuleDraft { variants: variants(&[1; 21]), ..RuleDraft::default() };
        assert_eq!(parse(vec![many], &Rules::default()).unwrap_err().0[0].path, "rules.0.variants");
        let long = RuleDraft { target: Some(format!("https://example.com/{}", "x".repeat(2_000))), ..RuleDraft::default() };
        assert!(parse(vec![long.clone(); 50], &Rules::default()).is_ok());
        let mut all = variants(&[1; 20]);
        all.iter_mut().for_each(|variant| variant.target.clone_from(long.target.as_ref().unwrap()));
        assert_eq!(parse(vec![RuleDraft { variants: all, ..RuleDraft::default() }; 4], &Rules::default()).unwrap_err().0[0].path, "rules");
    }

    #[test]
    fn a_rule_that_stays_keeps_its_id_and_its_key() {
        let stored =
            parse(vec![to("https://example.com/"), RuleDraft { variants: variants(&[1, 1]), ..RuleDraft::default() }], &Rules::default())
                .unwrap();
        let (plain, tested) = (&stored.0[0], &stored.0[1]);
        let kept = RuleDraft { id: Some(tested.id.to_string()), variants: variants(&[1, 3]), ..RuleDraft::default() };
        let changed = parse(vec![kept.clone()], &stored).unwrap();
        let key = |rule: &Rule| match &rule.destination {
            Destination::Variants(experiment) => experiment.key.clone(),
            Destination::Target(_) => panic!("no variants"),
        };
        assert_eq!((changed.0[0].id, key(&changed.0[0])), (tested.id, key(tested)));
        assert_ne!(plain.id, tested.id);
        assert_eq!(parse(vec![kept.clone(), kept], &stored).unwrap_err().0[0].path, "rules.1.id");
    }
}
