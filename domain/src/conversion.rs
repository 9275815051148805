//! What clicks lead to: conversions, as they are told of and as they are kept.

use std::collections::HashSet;

use crate::coded::coded;
use crate::currency::wrong_amount;
use crate::{ClickId, Currency, Invalid, Issue, IssueCode, LinkId, Millis, Money};

const DAY_MILLIS: i64 = 24 * 3_600 * 1_000;
/// How far ahead of ours the clock of who tells may be.
const AHEAD_MILLIS: i64 = 5 * 60 * 1_000;
const MAX_EVENT_ID: usize = 128;
const MAX_NAME: usize = 64;
const DEFAULT_NAME: &str = "conversion";
/// Of a funnel, beside the click and the engagement.
pub const MAX_FUNNEL_STEPS: usize = 8;

coded!(
    /// Who told of a conversion.
    ConversionSource {
        /// A program of the workspace, with its key, or a member.
        Api = 1,
        /// A pixel in a page, which anybody can ask for who knows the click's id.
        Pixel = 2,
    }
);

/// How long after its click a conversion is taken, in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttributionDays(u8);

impl AttributionDays {
    pub const DEFAULT: Self = Self(30);

    /// # Errors
    /// An issue at `attributionDays` for anything but 1 to 90.
    pub fn parse(days: i64) -> Result<Self, Issue> {
        u8::try_from(days)
            .ok()
            .filter(|days| (1..=90).contains(days))
            .map(Self)
            .ok_or_else(|| Issue::new("attributionDays", IssueCode::OutOfRange, "Use 1 to 90 days."))
    }

    pub fn get(self) -> u8 {
        self.0
    }

    /// The last instant at which what came of a click of `clicked_at` is taken.
    pub fn end(self, clicked_at: Millis) -> Millis {
        clicked_at.plus(i64::from(self.0) * DAY_MILLIS)
    }

    /// Whether a conversion at that time is a click's of `clicked_at`.
    ///
    /// # Errors
    /// An issue at `occurredAt`.
    pub fn check(self, clicked_at: Millis, occurred_at: Millis) -> Result<(), Issue> {
        let refuse = |message: String| Err(Issue::new("occurredAt", IssueCode::OutOfRange, message));
        if occurred_at < clicked_at {
            return refuse(format!("The conversion is from before its click, which was at {clicked_at}."));
        }
        if occurred_at > self.end(clicked_at) {
            return refuse(format!("The conversion is later than {} days after its click, which was at {clicked_at}.", self.0));
        }
        Ok(())
    }
}

/// A conversion as it is told of, unchecked.
#[derive(Clone, Debug, Default)]
pub struct ConversionDraft {
    pub click_id: String,
    pub event_id: String,
    pub name: Option<String>,
    /// A decimal, and the code of its currency: both or neither.
    pub amount: Option<String>,
    pub currency: Option<String>,
    /// When it happened; left out, now.
    pub occurred_at: Option<Millis>,
}

/// A conversion to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewConversion {
    /// The caller's own: the same one is the same conversion.
    pub event_id: String,
    pub click: ClickId,
    pub name: String,
    pub value: Option<Money>,
    pub occurred_at: Millis,
    pub received_at: Millis,
    pub source: ConversionSource,
}

/// A conversion as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    pub event_id: String,
    pub click: ClickId,
    pub link: LinkId,
    pub name: String,
    pub value: Option<Money>,
    pub occurred_at: Millis,
    pub received_at: Millis,
    pub source: ConversionSource,
}

impl ConversionDraft {
    /// Reads it at `now`.
    ///
    /// # Errors
    /// All offences at once.
    pub fn check(self, source: ConversionSource, now: Millis) -> Result<NewConversion, Invalid> {
        let mut invalid = Invalid::default();
        let click = invalid.check(self.click_id.trim().parse::<ClickId>().map_err(|_| {
            let message = "This is no id of a click. It is the value of the parameter ll_click, such as clk_ and 26 more characters.";
            Issue::new("clickId", IssueCode::Invalid, message)
        }));
        let event_id = invalid.check(parse_event_id(&self.event_id));
        let name = invalid.check(parse_conversion_name("name", self.name.as_deref().unwrap_or(DEFAULT_NAME)));
        let value = parse_value(self.amount.as_deref(), self.currency.as_deref(), &mut invalid);
        let occurred_at = self.occurred_at.unwrap_or(now);
        if occurred_at > now.plus(AHEAD_MILLIS) {
            let message = "The conversion lies in the future. Check the clock of who tells of it.";
            invalid.0.push(Issue::new("occurredAt", IssueCode::OutOfRange, message));
        }
        match (click, event_id, name) {
            (Some(click), Some(event_id), Some(name)) if invalid.0.is_empty() => {
                Ok(NewConversion { event_id, click, name, value, occurred_at, received_at: now, source })
            }
            _ => Err(invalid),
        }
    }
}

fn parse_event_id(text: &str) -> Result<String, Issue> {
    parse_short("eventId", text, MAX_EVENT_ID, "Give the event an id of your own, such as the order's number, so that it counts once.")
}

/// What a conversion is called, at `path`: 1 to 64 characters.
///
/// # Errors
/// An issue at `path`.
pub fn parse_conversion_name(path: &str, text: &str) -> Result<String, Issue> {
    parse_short(path, text, MAX_NAME, "Name the conversion, or leave the name out.")
}

/// The names of a funnel's steps: 1 to 8, each once.
///
/// # Errors
/// All offences at once, below `steps`.
pub fn parse_funnel_steps(names: &[String]) -> Result<Vec<String>, Invalid> {
    if !(1..=MAX_FUNNEL_STEPS).contains(&names.len()) {
        return Err(Issue::new("steps", IssueCode::OutOfRange, "Name 1 to 8 conversions, in the order in which they are to happen.").into());
    }
    let (mut invalid, mut known) = (Invalid::default(), HashSet::new());
    let mut steps = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let path = format!("steps.{index}");
        let Some(name) = invalid.check(parse_conversion_name(&path, name)) else { continue };
        if known.insert(name.clone()) {
            steps.push(name);
        } else {
            invalid.0.push(Issue::new(path, IssueCode::NotAllowed, "This step is there already. Name each once."));
        }
    }
    invalid.finish()?;
    Ok(steps)
}

fn parse_short(path: &str, text: &str, max: usize, advice: &str) -> Result<String, Issue> {
    let text = text.trim();
    let refuse = |code, message: String| Err(Issue::new(path, code, message));
    match text.chars().count() {
        0 => refuse(IssueCode::Required, advice.to_owned()),
        count if count > max => refuse(IssueCode::TooLong, format!("Use at most {max} characters here.")),
        _ if text.chars().any(char::is_control) => {
            refuse(IssueCode::Invalid, "Remove line breaks and other control characters here.".to_owned())
        }
        _ => Ok(text.to_owned()),
    }
}

/// Notes all that is wrong with either; without a currency of the amount what is wrong in any.
fn parse_value(amount: Option<&str>, currency: Option<&str>, invalid: &mut Invalid) -> Option<Money> {
    let required = |path, message| Issue::new(path, IssueCode::Required, message);
    if currency.is_none() && amount.is_some() {
        invalid.0.push(required("value.currency", "Say which currency the amount is in, such as EUR."));
    } else if amount.is_none() && currency.is_some() {
        invalid.0.push(required("value.amount", "Give the amount as well, or leave the currency out."));
    }
    let currency = currency.and_then(|currency| invalid.check(Currency::parse(currency)));
    match (amount?, currency) {
        (amount, Some(currency)) => invalid.check(Money::parse(amount, currency)),
        (amount, None) => {
            invalid.0.extend(wrong_amount(amount));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_764_000_000_123);

    fn draft() -> ConversionDraft {
        ConversionDraft { click_id: ClickId::new(NOW, [7; 10]).to_string(), event_id: " order-1 ".into(), ..ConversionDraft::default() }
    }

    #[test]
    fn what_is_left_out_has_defaults() {
        let conversion = draft().check(ConversionSource::Api, NOW).unwrap();
        assert_eq!((conversion.event_id.as_str(), conversion.name.as_str(), conversion.value), ("order-1", "conversion", None));
        assert_eq!((conversion.occurred_at, conversion.received_at, conversion.click.made_at()), (NOW, NOW, NOW));
        let paid = ConversionDraft { amount: Some("5".into()), currency: Some("jpy".into()), name: Some("sale".into()), ..draft() };
        let paid = paid.check(ConversionSource::Pixel, NOW).unwrap();
        assert_eq!((paid.name.as_str(), paid.value.unwrap().to_string().as_str()), ("sale", "5"));
    }

    #[test]
    fn all_offences_are_told_at_once() {
        let wrong = ConversionDraft {
            click_id: "clk_1".into(),
            event_id: "e".repeat(129),
            name: Some("a\u{0}".into()),
            amount: Some("1".into()),
            currency: None,
            occurred_at: Some(NOW.plus(AHEAD_MILLIS + 1)),
        };
        let paths: Vec<_> = wrong.check(ConversionSource::Api, NOW).unwrap_err().0.into_iter().map(|issue| issue.path).collect();
        assert_eq!(paths, ["clickId", "eventId", "name", "value.currency", "occurredAt"]);
        let edge = ConversionDraft { occurred_at: Some(NOW.plus(AHEAD_MILLIS)), event_id: "é".repeat(128), ..draft() };
        assert!(edge.check(ConversionSource::Api, NOW).is_ok());
        let worth = |amount: &str, currency: Option<&str>| {
            let draft = ConversionDraft { amount: Some(amount.into()), currency: currency.map(str::to_owned), ..draft() };
            let wrong = draft.check(ConversionSource::Api, NOW).unwrap_err();
            wrong.0.into_iter().map(|issue| issue.path).collect::<Vec<_>>()
        };
        assert_eq!(worth("much", Some("euros")), ["value.currency", "value.amount"]);
        assert_eq!(worth("much", None), ["value.currency", "value.amount"]);
        assert_eq!(worth("1.234", Some("EUR")), ["value.amount"]);
        for (draft, path) in [
            (ConversionDraft { event_id: " ".into(), ..draft() }, "eventId"),
            (ConversionDraft { name: Some(String::new()), ..draft() }, "name"),
            (ConversionDraft { name: Some("n".repeat(65)), ..draft() }, "name"),
            (ConversionDraft { currency: Some("EUR".into()), ..draft() }, "value.amount"),
        ] {
            assert_eq!(draft.check(ConversionSource::Api, NOW).unwrap_err().0[0].path, path);
        }
    }

    #[test]
    fn the_window_begins_with_the_click_and_has_an_end() {
        let days = AttributionDays::parse(2).unwrap();
        let end = NOW.plus(2 * DAY_MILLIS);
        assert!(days.check(NOW, NOW).is_ok() && days.check(NOW, end).is_ok());
        assert!(days.check(NOW, NOW.plus(-1)).is_err() && days.check(NOW, end.plus(1)).is_err());
        for wrong in [0, -1, 91, 256 + 30, i64::MAX] {
            assert_eq!(AttributionDays::parse(wrong).unwrap_err().path, "attributionDays");
        }
        assert_eq!(AttributionDays::parse(30).unwrap(), AttributionDays::DEFAULT);
    }

    #[test]
    fn steps_are_each_there_once() {
        let steps = |names: &[&str]| parse_funnel_steps(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(steps(&[" a", "b"]).unwrap(), ["a", "b"]);
        let paths = |names: &[&str]| steps(names).unwrap_err().0.into_iter().map(|issue| issue.path).collect::<Vec<_>>();
        assert_eq!(paths(&["a", "", "a "]), ["steps.1", "steps.2"]);
        assert_eq!((paths(&[]), paths(&["x"; 9])), (vec!["steps".to_owned()], vec!["steps".to_owned()]));
    }
}
