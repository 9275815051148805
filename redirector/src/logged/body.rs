//! The body of `POST /log-and-redirect`: JSON or a form, with the same fields.

use std::time::Duration;

use domain::{Invalid, Issue, IssueCode, LogDraft, Utm};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts as Head;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::refusal::Refusal;

const MAX_BODY: usize = 16 * 1_024;
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct UtmBody {
    source: Option<String>,
    medium: Option<String>,
    campaign: Option<String>,
    term: Option<String>,
    content: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    url: String,
    utm: UtmBody,
    #[serde(rename = "utm_source")]
    utm_source: Option<String>,
    #[serde(rename = "utm_medium")]
    utm_medium: Option<String>,
    #[serde(rename = "utm_campaign")]
    utm_campaign: Option<String>,
    #[serde(rename = "utm_term")]
    utm_term: Option<String>,
    #[serde(rename = "utm_content")]
    utm_content: Option<String>,
    source: Option<String>,
    parameters: Map<String, Value>,
    ip: Option<String>,
    user_agent: Option<String>,
    referrer: Option<String>,
    language: Option<String>,
    click_id: Option<String>,
}

/// # Errors
/// [`Refusal`] when it is too long, too slow, or cannot be read.
pub(super) async fn read(head: &Head, body: Incoming) -> Result<LogDraft, Refusal> {
    let essence = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(|value| value.split(';').next());
    let essence = essence.unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = match essence.as_str() {
        "application/json" => true,
        "application/x-www-form-urlencoded" => false,
        _ => return Err(Refusal::Media),
    };
    let collected = tokio::time::timeout(TIMEOUT, Limited::new(body, MAX_BODY).collect()).await.map_err(|_| Refusal::Slow)?;
    let bytes = collected.map_err(|error| if error.is::<LengthLimitError>() { Refusal::TooLarge } else { Refusal::Slow })?.to_bytes();
    if is_json { json(&bytes) } else { form(&bytes) }
}

fn unreadable(message: String) -> Refusal {
    Refusal::Invalid(Issue::new("", IssueCode::Invalid, message).into())
}

fn json(bytes: &[u8]) -> Result<LogDraft, Refusal> {
    let body: Body = serde_json::from_slice(bytes).map_err(|error| unreadable(format!("The body cannot be read: {error}.")))?;
    let parameter = |(key, value): (String, Value)| match value {
        Value::String(text) => Ok((key, text)),
        Value::Number(_) | Value::Bool(_) => Ok((key, value.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            let message = "A parameter's value is a text, a number, true or false.";
            Err(Refusal::Invalid(Issue::new("parameters", IssueCode::Invalid, message).into()))
        }
    };
    Ok(LogDraft {
        url: body.url,
        utm: Utm {
            source: body.utm.source.or(body.utm_source),
            medium: body.utm.medium.or(body.utm_medium),
            campaign: body.utm.campaign.or(body.utm_campaign),
            term: body.utm.term.or(body.utm_term),
            content: body.utm.content.or(body.utm_content),
        },
        source: body.source,
        parameters: body.parameters.into_iter().map(parameter).collect::<Result<_, _>>()?,
        ip: body.ip,
        user_agent: body.user_agent,
        referrer: body.referrer,
        language: body.language,
        click_id: body.click_id,
    })
}

fn form(bytes: &[u8]) -> Result<LogDraft, Refusal> {
    let (mut draft, mut invalid) = (LogDraft::default(), Invalid::default());
    for (key, value) in domain::parse_form(bytes) {
        match key.as_str() {
            "url" => draft.url = value,
            "source" => draft.source = Some(value),
            "ip" => draft.ip = Some(value),
            "userAgent" => draft.user_agent = Some(value),
            "referrer" => draft.referrer = Some(value),
            "language" => draft.language = Some(value),
            "clickId" => draft.click_id = Some(value),
            other => match (draft.utm.field(other), other.strip_prefix("parameters[").and_then(|rest| rest.strip_suffix(']'))) {
                (Some(field), _) => *field = Some(value),
                (None, Some(name)) => draft.parameters.push((name.to_owned(), value)),
                (None, None) => {
                    let message = "There is no such field. Other values go into parameters[name].";
                    invalid.0.push(Issue::new(other.chars().take(64).collect::<String>(), IssueCode::NotAllowed, message));
                }
            },
        }
    }
    invalid.finish().map_err(Refusal::Invalid)?;
    Ok(draft)
}
