//! The body of `POST /conversions`: an object of JSON, read field by field, so that whoever sent it is told of all that
//! is wrong with it at once, in words that have to do with what was sent.

use domain::{ConversionDraft, ConversionSource, Invalid, Issue, IssueCode, Millis};
use serde_json::{Map, Value};

const FIELDS: [&str; 5] = ["clickId", "eventId", "name", "value", "occurredAt"];
const FIELDS_OF_VALUE: [&str; 2] = ["amount", "currency"];
const EXAMPLE: &str = r#"Send an object such as {"clickId": "clk_…", "eventId": "order-1"}."#;

/// # Errors
/// All offences at once, those of a draft included.
pub(super) fn read(body: &[u8], now: Millis) -> Result<ConversionDraft, Invalid> {
    let wrong = |message: String| Invalid::from(Issue::new("body", IssueCode::Invalid, message));
    let fields: Map<String, Value> = match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => return Err(wrong(format!("The body must be one JSON object. {EXAMPLE}"))),
        Err(error) => {
            let place = format!("line {}, column {}", error.line(), error.column());
            return Err(wrong(format!("The body is no JSON from {place} on. {EXAMPLE}")));
        }
    };
    let mut reader = Reader { path: "", fields, invalid: Invalid::default() };
    reader.know(&FIELDS);
    let (click_id, event_id) = (reader.text("clickId").unwrap_or_default(), reader.text("eventId").unwrap_or_default());
    let (name, occurred_at) = (reader.text("name"), reader.instant("occurredAt"));
    let (amount, currency) = reader.value("value");
    let draft = ConversionDraft { click_id, event_id, name, amount, currency, occurred_at };
    let mut invalid = reader.invalid;
    if invalid.0.is_empty() {
        return Ok(draft);
    }
    if let Err(more) = draft.check(ConversionSource::Api, now) {
        let is_known = |path: &str| invalid.0.iter().any(|known| known.path == path);
        let is_new = |issue: &Issue| !is_known(&issue.path) && !issue.path.split_once('.').is_some_and(|(field, _)| is_known(field));
        let more: Vec<Issue> = more.0.into_iter().filter(is_new).collect();
        invalid.0.extend(more);
    }
    Err(invalid)
}

struct Reader {
    /// In front of the names of fields.
    path: &'static str,
    fields: Map<String, Value>,
    invalid: Invalid,
}

impl Reader {
    fn refuse(&mut self, field: &str, code: IssueCode, message: impl Into<String>) {
        self.invalid.0.push(Issue::new(format!("{}{field}", self.path), code, message));
    }

    /// Refuses all fields but these.
    fn know(&mut self, known: &[&str]) {
        let others: Vec<String> = self.fields.keys().filter(|name| !known.contains(&name.as_str())).cloned().collect();
        for name in others {
            let name: String = name.chars().take(64).collect();
            let message = format!("{name} is no field here. There are {}.", known.join(", "));
            self.refuse(&name, IssueCode::NotAllowed, message);
        }
    }

    /// What is null is left out.
    fn take(&mut self, field: &str) -> Option<Value> {
        self.fields.remove(field).filter(|value| !value.is_null())
    }

    fn text(&mut self, field: &str) -> Option<String> {
        match self.take(field)? {
            Value::String(text) => Some(text),
            _ => {
                self.refuse(field, IssueCode::Invalid, "Write this as text, in quotation marks.");
                None
            }
        }
    }

    fn instant(&mut self, field: &str) -> Option<Millis> {
        let at = self.text(field)?.parse::<jiff::Timestamp>().map(Millis::from_timestamp).ok();
        if at.is_none() {
            self.refuse(field, IssueCode::Invalid, "This is no instant. Write it like 2026-03-01T09:30:00Z.");
        }
        at
    }

    /// Amount and currency.
    fn value(&mut self, field: &str) -> (Option<String>, Option<String>) {
        let fields = match self.take(field) {
            None => return (None, None),
            Some(Value::Object(fields)) => fields,
            Some(_) => {
                self.refuse(field, IssueCode::Invalid, r#"Write a value such as {"amount": "19.90", "currency": "EUR"}."#);
                return (None, None);
            }
        };
        let mut inside = Self { path: "value.", fields, invalid: Invalid::default() };
        inside.know(&FIELDS_OF_VALUE);
        let amount = match inside.fields.get("amount") {
            // As it was written, but for zeros at its end.
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => inside.text("amount"),
        };
        let currency = inside.text("currency");
        self.invalid.0.append(&mut inside.invalid.0);
        if amount.is_none() && currency.is_none() && !self.invalid.0.iter().any(|issue| issue.path.starts_with(field)) {
            self.refuse(field, IssueCode::Required, "Give amount and currency, or leave the value out.");
        }
        (amount, currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_764_000_000_123);

    fn wrong(body: &str) -> Vec<(String, String)> {
        read(body.as_bytes(), NOW).unwrap_err().0.into_iter().map(|issue| (issue.path, issue.message)).collect()
    }

    #[test]
    fn fields_are_read_as_they_were_written() {
        let body = br#"{"clickId": "clk_1", "eventId": "e", "name": null, "value": {"amount": 1.50, "currency": "EUR"}, "occurredAt": "2026-03-01T09:30:00Z"}"#;
        let draft = read(body, NOW).unwrap();
        assert_eq!((draft.click_id.as_str(), draft.event_id.as_str(), draft.name), ("clk_1", "e", None));
        assert_eq!((draft.amount.as_deref(), draft.currency.as_deref()), (Some("1.5"), Some("EUR")));
        assert_eq!(draft.occurred_at, Some(Millis(1_772_357_400_000)));
        assert_eq!(read(b"{}", NOW).unwrap().click_id, "");
    }

    #[test]
    fn whatever_is_sent_is_answered_in_words_about_it() {
        for body in ["[]", "5", "null", "[{}]", "", "{", "{\"clickId\": }", "\"x\""] {
            let issues = wrong(body);
            assert_eq!((issues.len(), issues[0].0.as_str()), (1, "body"), "{body}");
            assert!(issues[0].1.contains("clk_") && !issues[0].1.contains("struct"), "{issues:?}");
        }
        let paths = |body: &str| wrong(body).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
        assert_eq!(
            paths(r#"{"clickId": 1, "event": "x", "occurredAt": "noon", "value": 5}"#),
            ["event", "clickId", "occurredAt", "value", "eventId"]
        );
        let value = r#"{"clickId": "c", "eventId": "e", "value": {"amount": [], "currency": "euros", "tax": 1}}"#;
        assert_eq!(paths(r#"{"clickId": "c", "eventId": "e", "value": {}}"#), ["value", "clickId"]);
        assert_eq!(paths(value), ["value.tax", "value.amount", "clickId", "value.currency"]);
    }
}
