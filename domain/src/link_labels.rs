//! What workspaces sort their links by: tags, a folder, metadata. Visitors never meet any of it.

use serde_json::{Map, Number, Value};

use crate::privacy_change::is_unseen;
use crate::{Invalid, Issue, IssueCode};

const MAX_TAGS: usize = 20;
const MAX_TAG_CHARS: usize = 50;
const MAX_FOLDER_CHARS: usize = 100;
const MAX_KEYS: usize = 20;
const MAX_KEY_CHARS: usize = 64;
const MAX_VALUE_CHARS: usize = 500;

/// A word for links that belong together: 1 to 50 characters, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(String);

impl Tag {
    /// # Errors
    /// An issue at `path`.
    pub fn parse(path: &str, text: &str) -> Result<Self, Issue> {
        match parse_line(path, text, MAX_TAG_CHARS)? {
            Some(text) => Ok(Self(text)),
            None => Err(Issue::new(path, IssueCode::Required, "A tag has at least one character.")),
        }
    }

    pub fn from_store(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What tells it from others.
    pub fn folded(&self) -> String {
        Self::fold(&self.0)
    }

    /// The form in which tags are told apart, without regard to case (Unicode's simple lower case).
    pub fn fold(text: &str) -> String {
        text.trim().to_lowercase()
    }
}

/// Where a link is kept, by name or as a path: at most 100 characters, told apart by case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder(String);

impl Folder {
    /// Empty means none.
    ///
    /// # Errors
    /// An issue at `folder`.
    pub fn parse(text: &str) -> Result<Option<Self>, Issue> {
        Ok(parse_line("folder", text, MAX_FOLDER_CHARS)?.map(Self))
    }

    pub fn from_store(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a key of a link's metadata holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataValue {
    Text(String),
    Number(Number),
    Flag(bool),
}

impl MetadataValue {
    /// As filters name it: a number as JSON writes it, `true` or `false`.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
        }
    }

    fn of_json(value: Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text)),
            Value::Number(number) => Some(Self::Number(number)),
            Value::Bool(flag) => Some(Self::Flag(flag)),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Flag(flag) => (*flag).into(),
        }
    }
}

/// What others keep with a link: at most 20 keys with a value each, in the order they were given in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata(Vec<(String, MetadataValue)>);

impl Metadata {
    /// Of a flat JSON object.
    ///
    /// # Errors
    /// All offences at once, at `metadata` or below it.
    pub fn parse(json: Value) -> Result<Self, Invalid> {
        let Value::Object(object) = json else {
            let message = "Metadata is an object of keys and values, such as {\"campaign\": \"spring\", \"budget\": 500}.";
            return Err(Issue::new("metadata", IssueCode::Invalid, message).into());
        };
        if object.len() > MAX_KEYS {
            return Err(Issue::new("metadata", IssueCode::TooLong, format!("Use at most {MAX_KEYS} keys in metadata.")).into());
        }
        let mut invalid = Invalid::default();
        let entries = object.into_iter().filter_map(|(key, value)| {
            invalid.check(check_key(&key))?;
            let value = invalid.check(parse_value(&key, value))?;
            Some((key, value))
        });
        let parsed = Self(entries.collect());
        invalid.finish()?;
        Ok(parsed)
    }

    pub fn from_store(entries: Vec<(String, MetadataValue)>) -> Self {
        Self(entries)
    }

    pub fn entries(&self) -> &[(String, MetadataValue)] {
        &self.0
    }

    pub fn get(&self, key: &str) -> Option<&MetadataValue> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    pub fn to_json(&self) -> Value {
        Value::Object(self.0.iter().map(|(key, value)| (key.clone(), value.to_json())).collect::<Map<_, _>>())
    }
}

fn check_key(key: &str) -> Result<(), Issue> {
    let wrong = |code, message: String| Err(Issue::new("metadata", code, message));
    match key.chars().count() {
        0 => wrong(IssueCode::Required, "A key of metadata has at least one character.".into()),
        1..=MAX_KEY_CHARS if key.chars().any(is_unseen) => {
            wrong(IssueCode::Invalid, "Remove line breaks, control characters and marks of the writing's direction from keys.".into())
        }
        1..=MAX_KEY_CHARS => Ok(()),
        _ => wrong(IssueCode::TooLong, format!("A key of metadata has at most {MAX_KEY_CHARS} characters.")),
    }
}

fn parse_value(key: &str, value: Value) -> Result<MetadataValue, Issue> {
    let wrong = |code, message: String| Issue::new(format!("metadata.{key}"), code, message);
    let message = "A value is text, a number, true or false: no list or object within. Leave a key out that has none.";
    let value = MetadataValue::of_json(value).ok_or_else(|| wrong(IssueCode::Invalid, message.into()))?;
    let text = value.text();
    if text.chars().count() > MAX_VALUE_CHARS {
        return Err(wrong(IssueCode::TooLong, format!("A value of metadata has at most {MAX_VALUE_CHARS} characters.")));
    }
    if text.chars().any(is_unseen) {
        let message = "Remove line breaks, control characters and marks of the writing's direction here.";
        return Err(wrong(IssueCode::Invalid, message.into()));
    }
    Ok(value)
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkLabels {
    /// In the order they were given in, each once without regard to case; at most 20.
    pub tags: Vec<Tag>,
    pub folder: Option<Folder>,
    pub metadata: Metadata,
}

/// `None` stays.
#[derive(Clone, Debug, Default)]
pub struct LinkLabelsChange {
    pub tags: Option<Vec<Tag>>,
    /// `Some(None)` clears it.
    pub folder: Option<Option<Folder>>,
    pub metadata: Option<Metadata>,
}

impl LinkLabels {
    #[must_use]
    pub fn with(self, change: LinkLabelsChange) -> Self {
        Self {
            tags: change.tags.unwrap_or(self.tags),
            folder: change.folder.unwrap_or(self.folder),
            metadata: change.metadata.unwrap_or(self.metadata),
        }
    }
}

/// A link's tags; of those that differ by case alone the first stays.
///
/// # Errors
/// All offences at once, at `tags` or below it.
pub fn parse_tags(texts: &[String]) -> Result<Vec<Tag>, Invalid> {
    if texts.len() > MAX_TAGS {
        return Err(Issue::new("tags", IssueCode::TooLong, format!("Use at most {MAX_TAGS} tags.")).into());
    }
    let mut invalid = Invalid::default();
    let mut tags: Vec<Tag> = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        if let Some(tag) = invalid.check(Tag::parse(&format!("tags.{index}"), text))
            && !tags.iter().any(|known| known.folded() == tag.folded())
        {
            tags.push(tag);
        }
    }
    invalid.finish()?;
    Ok(tags)
}

fn parse_line(path: &str, text: &str, max: usize) -> Result<Option<String>, Issue> {
    let text = text.trim();
    if text.chars().count() > max {
        return Err(Issue::new(path, IssueCode::TooLong, format!("Use at most {max} characters here.")));
    }
    if text.chars().any(is_unseen) {
        let message = "Remove line breaks, control characters and marks of the writing's direction here.";
        return Err(Issue::new(path, IssueCode::Invalid, message));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(invalid: Invalid) -> Vec<String> {
        invalid.0.into_iter().map(|issue| issue.path).collect()
    }

    #[test]
    fn tags_are_trimmed_and_each_is_there_once() {
        let texts = [" Sale ", "Ärger", "SALE", "ärger", "sale!"].map(String::from);
        let tags: Vec<String> = parse_tags(&texts).unwrap().iter().map(|tag| tag.as_str().to_owned()).collect();
        assert_eq!(tags, ["Sale", "Ärger", "sale!"]);
        let texts = ["", "ok", &"ü".repeat(51), "a\nb", "a\u{202e}b", "\u{61c}a", &"ü".repeat(50)].map(String::from);
        assert_eq!(paths(parse_tags(&texts).unwrap_err()), ["tags.0", "tags.2", "tags.3", "tags.4", "tags.5"]);
        assert_eq!(paths(parse_tags(&vec!["a".to_owned(); 21]).unwrap_err()), ["tags"]);
        assert_eq!(parse_tags(&vec!["a".to_owned(); 20]).unwrap().len(), 1);
    }

    #[test]
    fn folders_are_one_line() {
        assert_eq!(Folder::parse(" Spring / Mail ").unwrap().unwrap().as_str(), "Spring / Mail");
        assert_eq!(Folder::parse("  ").unwrap(), None);
        assert!(Folder::parse(&"x".repeat(100)).is_ok());
        for wrong in ["a\tb", "\u{2066}a", &"x".repeat(101)] {
            assert_eq!(Folder::parse(wrong).unwrap_err().path, "folder", "{wrong}");
        }
    }

    #[test]
    fn metadata_is_flat_and_comes_back_as_it_was() {
        let json = json!({ "z": "text", "a": 5, "half": 0.5, "on": true, " ": "" });
        let metadata = Metadata::parse(json.clone()).unwrap();
        assert_eq!(metadata.to_json().to_string(), json.to_string());
        assert_eq!(metadata.entries().iter().map(|(_, value)| value.text()).collect::<Vec<_>>(), ["text", "5", "0.5", "true", ""]);
        let wrong = json!({ "a": {}, "b": [], "c": null, "d": "x".repeat(501), "e": "a\u{0}", "f": 1, "": 1, "k\n": 1, "x".repeat(65): 1 });
        let wanted = ["metadata.a", "metadata.b", "metadata.c", "metadata.d", "metadata.e", "metadata", "metadata", "metadata"];
        assert_eq!(paths(Metadata::parse(wrong).unwrap_err()), wanted);
        let many = |keys: usize| Value::Object((0..keys).map(|key| (key.to_string(), json!("x".repeat(500)))).collect());
        assert!(Metadata::parse(many(20)).is_ok());
        for wrong in [many(21), json!([]), json!("a"), json!(null)] {
            assert_eq!(paths(Metadata::parse(wrong).unwrap_err()), ["metadata"]);
        }
    }
}
