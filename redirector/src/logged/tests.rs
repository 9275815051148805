//! Bodies of any bytes, and the same fields written as a form and as JSON.

use domain::{Invalid, OwnHosts, ShortDomain, Utm};
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::draft::{Draft, MAX_NAME, MAX_NOTED};
use super::json::{Json, object};
use super::*;

const NOW: Millis = Millis(1_772_366_400_000);

/// What comes of a body, apart from look-ups.
fn logged(draft: Draft) -> Result<Logged, Refusal> {
    let (draft, noted) = draft.finish();
    let short = ShortDomain::parse("go.example").unwrap();
    noted.and(draft.check(OwnHosts::shared(&short), LOG_PATH, NOW).map_err(Refusal::Invalid))
}

fn is_bounded(logged: &Result<Logged, Refusal>) -> bool {
    let is_printable = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    match logged {
        Ok(logged) => {
            let (target, url) = (logged.target.as_str(), logged.url.as_str());
            target.len() <= 2_048 && url.len() <= 4_096 && is_printable(target) && is_printable(url)
        }
        // The checks of values add one for each field.
        Err(Refusal::Invalid(Invalid(issues))) => {
            (1..=MAX_NOTED + 9).contains(&issues.len()) && issues.iter().all(|issue| issue.path.chars().count() <= MAX_NAME)
        }
        Err(_) => false,
    }
}

fn of_form(body: &[u8]) -> Draft {
    Draft::of_form(domain::parse_form(body))
}

/// The percent-encoding of every byte, so that nothing of the text has a meaning.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// Names and values of the fields that both ways of writing have.
#[derive(Clone, Debug)]
struct Fields {
    texts: Vec<(&'static str, Option<String>)>,
    utm: Vec<(&'static str, Option<String>)>,
    parameters: Vec<(String, String)>,
}

fn fields() -> impl Strategy<Value = Fields> {
    let text = || of(prop_oneof!["https://example\\.com/[a-z?=&]{0,9}", ".{0,9}", "203\\.0\\.113\\.[0-9]{1,3}"]);
    (vec(text(), 7), vec(text(), 5), btree_map("[a-z\\[\\]ä]{1,4}", ".{0,6}", 0..5)).prop_map(|(texts, utm, parameters)| Fields {
        texts: ["url", "source", "ip", "userAgent", "referrer", "language", "clickId"].into_iter().zip(texts).collect(),
        utm: ["source", "medium", "campaign", "term", "content"].into_iter().zip(utm).collect(),
        parameters: parameters.into_iter().collect(),
    })
}

impl Fields {
    fn form(&self) -> String {
        let texts = self.texts.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let utm = self.utm.iter().map(|(name, value)| (format!("utm_{name}"), value.clone()));
        let parameters = self.parameters.iter().map(|(name, value)| (format!("parameters[{name}]"), Some(value.clone())));
        let pairs = texts.chain(utm).chain(parameters).filter_map(|(name, value)| Some((name, value?)));
        pairs.map(|(name, value)| format!("{}={}", encoded(&name), encoded(&value))).collect::<Vec<_>>().join("&")
    }

    fn json(&self) -> String {
        let members = |of: &[(&str, Option<String>)]| -> Map<String, Value> {
            of.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into())).collect()
        };
        let mut body = members(&self.texts);
        body.insert("utm".into(), members(&self.utm).into());
        let parameters: Map<String, Value> = self.parameters.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
        body.insert("parameters".into(), parameters.into());
        Value::Object(body).to_string()
    }

    fn draft(&self) -> LogDraft {
        let text =
            |of: &[(&str, Option<String>)], name: &str| of.iter().find(|(known, _)| *known == name).and_then(|(_, value)| value.clone());
        let (field, utm) = (|name| text(&self.texts, name), |name| text(&self.utm, name));
        LogDraft {
            url: field("url").unwrap_or_default(),
            utm: Utm {
                source: utm("source"),
                medium: utm("medium"),
                campaign: utm("campaign"),
                term: utm("term"),
                content: utm("content"),
            },
            source: field("source"),
            parameters: self.parameters.clone(),
            ip: field("ip"),
            user_agent: field("userAgent"),
            referrer: field("referrer"),
            language: field("language"),
            click_id: field("clickId"),
        }
    }
}

/// A member's value as it is written, and as it is read.
fn member() -> impl Strategy<Value = (String, Json)> {
    let text = |text: String| (Value::from(text.clone()).to_string(), Json::Text(text));
    let plain = "(true|false|-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?)";
    let simple = prop_oneof![
        Just(("null".to_owned(), Json::Null)),
        ".{0,9}".prop_map(text),
        plain.prop_map(|text: String| (text.clone(), Json::Plain(text))),
        Just(("[1, {}]".to_owned(), Json::Other)),
    ];
    let deeper = Just((r#"{"a": 1}"#.to_owned(), Json::Other));
    let inner = vec(("[a-c\"\\\\ä]{0,2}", prop_oneof![4 => simple.clone(), 1 => deeper]), 0..4).prop_map(|members| {
        let (text, read) = written(&members);
        (text, Json::Object(read))
    });
    prop_oneof![3 => simple, 1 => inner]
}

fn written(members: &[(String, (String, Json))]) -> (String, Vec<(String, Json)>) {
    let texts: Vec<String> = members.iter().map(|(name, (text, _))| format!("{}: {text}", Value::from(name.as_str()))).collect();
    (format!("{{{}}}", texts.join(" , ")), members.iter().map(|(name, (_, read))| (name.clone(), read.clone())).collect())
}

proptest! {
    #[test]
    fn any_bytes_are_logged_or_refused_within_bounds(
        bytes in vec(any::<u8>(), 0..80),
        form in "(url=https://example.com/|utm_source|parameters\\[|\\]|=|&|%|%00|\\+|[a-d ä]){0,40}",
        json in "(\\{|\\}|\\[|\\]|\"url\"|\"https://example.com/\"|\"utm\"|\"parameters\"|\"|:|,|\\\\u|d800|null|1e9| ){0,20}",
    ) {
        for body in [&bytes[..], form.as_bytes(), json.as_bytes()] {
            let logged = logged(of_form(body));
            prop_assert!(is_bounded(&logged), "{:?}", logged);
            match object(body) {
                Ok(members) => {
                    let logged = self::logged(Draft::of_json(members));
                    prop_assert!(is_bounded(&logged), "{:?}", logged);
                }
                Err(told) => prop_assert!(told.len() < 200, "{}", told),
            }
        }
    }

    #[test]
    fn a_long_body_is_logged_or_refused_within_bounds(name in "[a-cäA-Z]{1,9}", value in ".{0,9}", times in 0..900_usize, long in 0..3_000_usize) {
        let parameters = (0..times % 25).map(|number| format!("&parameters[{name}{number}]={}", value.repeat(times)));
        let names = (0..times).map(|number| format!("&{name}{number}"));
        for more in [parameters.collect::<String>(), names.collect(), format!("&utm_term={}", "x".repeat(times))] {
            let logged = logged(of_form(format!("url=https://example.com/{}{more}", "a".repeat(long)).as_bytes()));
            prop_assert!(is_bounded(&logged), "{:?}", logged);
        }
    }

    #[test]
    fn both_ways_say_the_same(fields in fields()) {
        let json = Draft::of_json(object(fields.json().as_bytes()).unwrap());
        let (form, json) = (of_form(fields.form().as_bytes()).finish().0, json.finish().0);
        let wanted = format!("{:?}", fields.draft());
        prop_assert_eq!((format!("{form:?}"), format!("{json:?}")), (wanted.clone(), wanted));
        prop_assert_eq!(logged(of_form(fields.form().as_bytes())).is_ok(), logged(Draft::of_json(object(fields.json().as_bytes()).unwrap())).is_ok());
    }

    #[test]
    fn objects_are_read_as_they_are_written(members in vec(("[a-c\"\\\\ä]{0,2}", member()), 0..6)) {
        let (text, wanted) = written(&members);
        prop_assert_eq!(object(text.as_bytes()), Ok(wanted), "{}", text);
    }
}
