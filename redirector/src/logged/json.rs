//! A JSON body, read with everything that it says: a name that is there twice is still there twice, and
//! a number has all of its digits.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

const EXAMPLE: &str = r#"Send one JSON object, such as {"url": "https://example.com/"}."#;

/// A value, as far as anybody asks here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Json {
    Null,
    Text(String),
    /// A number, true or false, as it is written.
    Plain(String),
    Object(Vec<(String, Json)>),
    /// A list, or an object within an object: of neither is anything read.
    Other,
}

/// The members of the object that a body is.
///
/// # Errors
/// What is wrong with it, and what to send.
pub(super) fn object(bytes: &[u8]) -> Result<Vec<(String, Json)>, String> {
    if bytes.trim_ascii().is_empty() {
        return Err(format!("The body is empty. {EXAMPLE}"));
    }
    let Members(members) = serde_json::from_slice(bytes).map_err(|error| {
        if error.is_data() {
            return format!("The body is no JSON object. {EXAMPLE}");
        }
        let at = format!("line {}, column {}", error.line(), error.column());
        let end = if error.is_eof() { "ends before it is complete" } else { "cannot be read" };
        format!("The body is no JSON: it {end} at {at}. {EXAMPLE}")
    })?;
    let read = |(name, raw)| Some((name, value(raw, true)?));
    // What is raw has been looked through, but for halves of characters.
    let halved = || format!(r"The body is no JSON: a text in it has half a character (one of the two \u that it takes). {EXAMPLE}");
    members.into_iter().map(read).collect::<Option<_>>().ok_or_else(halved)
}

/// `None` when a text in it cannot be read.
fn value(raw: &RawValue, reads_objects: bool) -> Option<Json> {
    let text = raw.get();
    Some(match text.as_bytes().first()? {
        b'n' => Json::Null,
        b'"' => Json::Text(serde_json::from_str(text).ok()?),
        b'{' if reads_objects => {
            let Members(members) = serde_json::from_str(text).ok()?;
            Json::Object(members.into_iter().map(|(name, raw)| Some((name, value(raw, false)?))).collect::<Option<_>>()?)
        }
        b'{' | b'[' => Json::Other,
        _ => Json::Plain(text.to_owned()),
    })
}

/// An object's members in order, each value as it is written.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = object.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
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
        let inner = Json::Object(vec![plain("1.50"), plain("true")]);
        let wanted = [("a", text("1")), ("a", text("ä")), ("b", Json::Other), ("c", inner), ("d", Json::Null)];
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
            (r#"{"url": "\ud800"}"#, "The body is no JSON: a text in it has half a character"),
            (r#"{"parameters": {"\ud800": "a"}}"#, "The body is no JSON: a text in it has half a character"),
            ("{} {}", "The body is no JSON: it cannot be read at line 1, column 4."),
            ("url=https://example.com/", "The body is no JSON: it cannot be read at line 1, column 1."),
        ] {
            let told = object(body.as_bytes()).unwrap_err();
            assert!(told.starts_with(begin), "{body}: {told}");
        }
        // However deep it goes.
        assert!(object("{\"a\":".repeat(3_000).as_bytes()).is_err());
        let deep = format!("{}1{}", "{\"a\":".repeat(3_000), "}".repeat(3_000));
        let inner = Json::Object(vec![("a".to_owned(), Json::Other)]);
        assert_eq!(object(deep.as_bytes()), Ok(vec![("a".to_owned(), inner)]));
    }
}
