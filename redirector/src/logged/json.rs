//! A JSON body, read with everything that it says: a name that is there twice is still there twice.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

const EXAMPLE: &str = r#"Send one JSON object, such as {"url": "https://example.com/"}."#;

/// A value, as far as anybody asks here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Json {
    Null,
    Text(String),
    /// A number, true or false, as it is written.
    Plain(String),
    List,
    Object(Vec<(String, Json)>),
}

/// The members of the object that a body is.
///
/// # Errors
/// What is wrong with it, and what to send.
pub(super) fn object(bytes: &[u8]) -> Result<Vec<(String, Json)>, String> {
    if bytes.trim_ascii().is_empty() {
        return Err(format!("The body is empty. {EXAMPLE}"));
    }
    match serde_json::from_slice(bytes) {
        Ok(Json::Object(members)) => Ok(members),
        Ok(_) => Err(format!("The body is no JSON object. {EXAMPLE}")),
        Err(error) => {
            let at = format!("line {}, column {}", error.line(), error.column());
            let end = if error.is_eof() { "ends before it is complete" } else { "cannot be read" };
            Err(format!("The body is no JSON: it {end} at {at}. {EXAMPLE}"))
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Plain(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Plain(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Plain(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Number::from_f64(value).map_or(Json::Null, |number| Json::Plain(number.to_string())))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Json::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = object.next_entry()? {
            members.push(member);
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_there_twice_stay_so() {
        let text = |text: &str| Json::Text(text.to_owned());
        let read = object(br#" {"a": "1", "a": "\u00e4", "b": [[1], {}], "c": {"n": 1.50, "n": true}, "d": null} "#).unwrap();
        let plain = |text: &str| ("n".to_owned(), Json::Plain(text.to_owned()));
        let inner = Json::Object(vec![plain("1.5"), plain("true")]);
        let wanted = [("a", text("1")), ("a", text("ä")), ("b", Json::List), ("c", inner), ("d", Json::Null)];
        assert_eq!(read, wanted.map(|(name, value)| (name.to_owned(), value)));
    }

    #[test]
    fn what_is_no_object() {
        for (body, begin) in [
            ("", "The body is empty. Send one JSON object"),
            (" \n", "The body is empty."),
            ("[\"https://example.com/\"]", "The body is no JSON object."),
            ("\"https://example.com/\"", "The body is no JSON object."),
            ("null", "The body is no JSON object."),
            ("{\"url\":", "The body is no JSON: it ends before it is complete at line 1, column 7. Send"),
            ("{\"url\": https}", "The body is no JSON: it cannot be read at line 1, column 9. Send"),
            ("{} {}", "The body is no JSON: it cannot be read at line 1, column 4."),
            ("url=https://example.com/", "The body is no JSON: it cannot be read at line 1, column 1."),
        ] {
            let told = object(body.as_bytes()).unwrap_err();
            assert!(told.starts_with(begin), "{body}: {told}");
        }
        // However deep it goes.
        assert!(object("{\"a\":".repeat(3_000).as_bytes()).is_err());
    }
}
