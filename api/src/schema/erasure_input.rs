//! Whose clicks are to be erased, as it is asked for.

use std::net::IpAddr;

use async_graphql::InputObject;
use domain::{Invalid, Issue, IssueCode, RecipientParameter, is_consented_id, is_recipient};

use super::error::ApiError;

/// A user agent is captured up to so many bytes.
const MAX_USER_AGENT: usize = 512;

/// Whose clicks are to be erased: `consentedId`, or `recipientId`, or `ip` and `userAgent` together.
#[derive(InputObject)]
pub struct EraseVisitorInput {
    /// The id under which the visitor consented to be recognised.
    consented_id: Option<String>,
    /// The id under which something was sent to them: clicks whose short URL has it, and their places on lists.
    recipient_id: Option<String>,
    /// The parameter that holds it, such as one that did so before; the workspace's `recipientParameter` unless given.
    recipient_parameter: Option<String>,
    /// The visitor's present address, IPv4 or IPv6.
    ip: Option<String>,
    /// What the visitor's browser sends as User-Agent; empty where it sends none.
    user_agent: Option<String>,
}

/// What was asked for, checked.
pub(super) enum Asked {
    Consented(String),
    Address(IpAddr, String),
    /// Without a parameter that of the workspace.
    Recipient(String, Option<RecipientParameter>),
}

impl EraseVisitorInput {
    pub(super) fn check(self) -> Result<Asked, ApiError> {
        if let Some(id) = self.recipient_id {
            if self.consented_id.is_some() || self.ip.is_some() || self.user_agent.is_some() {
                return wrong("recipientId", IssueCode::Invalid, "Give one of consentedId, recipientId, or ip and userAgent.");
            }
            return recipient(id, self.recipient_parameter.as_deref());
        }
        if self.recipient_parameter.is_some() {
            return wrong("recipientId", IssueCode::Required, "Give the recipient's id as well.");
        }
        match (self.consented_id, self.ip, self.user_agent) {
            (Some(id), None, None) if is_consented_id(&id) => Ok(Asked::Consented(id)),
            (Some(_), None, None) => wrong(
                "consentedId",
                IssueCode::Invalid,
                "This is no id that a visitor can have consented to: those have 1 to 64 letters (a to z), digits, - and _.",
            ),
            (None, Some(ip), Some(agent)) => address(&ip, &agent),
            (None, Some(_), None) => {
                wrong("userAgent", IssueCode::Required, "Give the visitor's user agent as well, or an empty one if the browser sends none.")
            }
            (None, None, Some(_)) => wrong("ip", IssueCode::Required, "Give the visitor's address as well."),
            (None, None, None) => wrong(
                "consentedId",
                IssueCode::Required,
                "Say whose clicks are to be erased: by consentedId, by recipientId, or by ip and userAgent.",
            ),
            (Some(_), ..) => wrong("consentedId", IssueCode::Invalid, "Give either consentedId, or ip and userAgent, not both."),
        }
    }
}

fn wrong(path: &str, code: IssueCode, message: &str) -> Result<Asked, ApiError> {
    Err(Issue::new(path, code, message).into())
}

fn recipient(id: String, parameter: Option<&str>) -> Result<Asked, ApiError> {
    let mut invalid = Invalid::default();
    if !is_recipient(&id) {
        let message = "This is no recipient's id: those have 1 to 128 characters, without control characters.";
        invalid.0.push(Issue::new("recipientId", IssueCode::Invalid, message));
    }
    let parameter = parameter.and_then(|name| invalid.check(RecipientParameter::parse(name)));
    invalid.finish()?;
    Ok(Asked::Recipient(id, parameter))
}

fn address(ip: &str, agent: &str) -> Result<Asked, ApiError> {
    let Ok(ip) = ip.trim().parse() else {
        return wrong("ip", IssueCode::Invalid, "This is no address. Write one like 203.0.113.7 or 2001:db8::7.");
    };
    // As it is captured.
    let mut agent = agent.trim().to_owned();
    agent.truncate(agent.floor_char_boundary(MAX_USER_AGENT));
    Ok(Asked::Address(ip, agent))
}
