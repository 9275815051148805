//! When a rule applies: lists of values, each checked by itself.

use ipnet::IpNet;

use super::{Parser, check_text};
use crate::network::parse_network;
use crate::rules::{Conditions, ConditionsDraft, MAX_VALUES, ParameterCondition};
use crate::{Issue, IssueCode};

const MAX_TEXT: usize = 80;
const MAX_KEY: usize = 64;
const MAX_VALUE: usize = 512;

impl Parser<'_> {
    pub(super) fn conditions(&mut self, path: &str, draft: ConditionsDraft) -> Conditions {
        if draft.from.zip(draft.to).is_some_and(|(from, to)| to <= from) {
            self.refuse(format!("{path}.to"), IssueCode::OutOfRange, "The end of the time must be after its beginning.");
        }
        Conditions {
            countries: self.list(path, "countries", draft.countries, |_, path, text| country(path, &text)),
            regions: self.list(path, "regions", draft.regions, Self::name),
            devices: self.list(path, "devices", draft.devices, |_, _, device| Ok(device)),
            systems: self.list(path, "os", draft.systems, Self::name),
            browsers: self.list(path, "browsers", draft.browsers, Self::name),
            languages: self.list(path, "languages", draft.languages, |_, path, text| language(path, &text)),
            parameters: self.list(path, "parameters", draft.parameters, Self::parameter),
            ip_ranges: self.list(path, "ipRanges", draft.ip_ranges, |_, path, text| ip_range(path, &text)),
            from: draft.from,
            to: draft.to,
        }
    }

    fn list<T, U>(
        &mut self,
        path: &str,
        field: &str,
        values: Vec<T>,
        mut parse: impl FnMut(&mut Self, &str, T) -> Result<U, Issue>,
    ) -> Vec<U> {
        let path = format!("{path}.{field}");
        if values.len() > MAX_VALUES {
            self.refuse(&path, IssueCode::TooLong, format!("Use at most {MAX_VALUES} values in one condition."));
        }
        let mut parsed = Vec::new();
        for (index, value) in values.into_iter().take(MAX_VALUES).enumerate() {
            let value = parse(self, &format!("{path}.{index}"), value);
            parsed.extend(self.invalid.check(value));
        }
        parsed
    }

    fn name(&mut self, path: &str, text: String) -> Result<String, Issue> {
        check_text(path, &text, 1, MAX_TEXT)
    }

    fn parameter(&mut self, path: &str, draft: ParameterCondition) -> Result<ParameterCondition, Issue> {
        let values = self.list(path, "values", draft.values, |_, path, text| check_text(path, &text, 0, MAX_VALUE));
        Ok(ParameterCondition { key: check_text(&format!("{path}.key"), &draft.key, 1, MAX_KEY)?, values })
    }
}

/// A country by its two letters (ISO 3166-1 alpha-2) in whatever case, as clicks have it: in capitals.
pub fn parse_country(text: &str) -> Option<String> {
    let is_code = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_code.then(|| text.to_ascii_uppercase())
}

fn country(path: &str, text: &str) -> Result<String, Issue> {
    parse_country(text).ok_or_else(|| Issue::new(path, IssueCode::Invalid, "Write a country by its two letters, such as DE."))
}

fn language(path: &str, text: &str) -> Result<String, Issue> {
    if (2..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(Issue::new(path, IssueCode::Invalid, "Write a language by its two or three letters, such as de, without a country."))
}

fn ip_range(path: &str, text: &str) -> Result<IpNet, Issue> {
    parse_network(text).ok_or_else(|| {
        Issue::new(path, IssueCode::Invalid, "Write an address or a range of addresses, such as 203.0.113.0/24 or 2001:db8::/32.")
    })
}
