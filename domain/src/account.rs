//! Who signs in, and into what: e-mail addresses, passwords, workspace names, roles, time zones.

use jiff::tz::TimeZone;

use crate::{Issue, IssueCode};

/// An address with one `@`, folded to lower case, at most 254 bytes (RFC 5321, 4.5.3.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// # Errors
    /// An issue at `email`.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Issue::new("email", IssueCode::Required, "Enter your e-mail address."));
        }
        if text.len() > 254 {
            return Err(Issue::new("email", IssueCode::TooLong, "An e-mail address has at most 254 characters."));
        }
        let well_formed = text.split_once('@').is_some_and(|(local, host)| {
            !local.is_empty()
                && local.len() <= 64
                && !host.contains('@')
                && !host.starts_with('.')
                && !host.ends_with('.')
                && !host.contains("..")
                && !host.is_empty()
        }) && !text.chars().any(|c| c.is_whitespace() || c.is_control());
        if !well_formed {
            return Err(Issue::new("email", IssueCode::Invalid, "This is not an e-mail address. It must look like name@example.com."));
        }
        Ok(Self(text.to_lowercase()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A password as typed: 8 to 256 characters (NIST SP 800-63B asks for no other rule). Never printed.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// # Errors
    /// An issue at `password`.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        match text.chars().count() {
            0 => Err(Issue::new("password", IssueCode::Required, "Enter a password.")),
            1..8 => Err(Issue::new("password", IssueCode::TooShort, "Use at least 8 characters in your password.")),
            8..=256 => Ok(Self(text.to_owned())),
            _ => Err(Issue::new("password", IssueCode::TooLong, "Use at most 256 characters in your password.")),
        }
    }

    /// Links ask less of their passwords than accounts do.
    pub(crate) fn of_link(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(hidden)")
    }
}

/// A workspace's display name: 1 to 80 characters, no control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceName(String);

impl WorkspaceName {
    /// # Errors
    /// An issue at `workspaceName`.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        let text = text.trim();
        let refuse = |code, message: &str| Err(Issue::new("workspaceName", code, message));
        if text.is_empty() {
            return refuse(IssueCode::Required, "Enter a name for your workspace.");
        }
        if text.chars().count() > 80 {
            return refuse(IssueCode::TooLong, "Use at most 80 characters in the workspace's name.");
        }
        if text.chars().any(char::is_control) {
            return refuse(IssueCode::Invalid, "Remove line breaks and other control characters from the workspace's name.");
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The address-friendly form of a workspace's name, with a suffix that makes it unique.
pub fn workspace_slug(name: &WorkspaceName, suffix: &str) -> String {
    let mut slug = String::new();
    for c in name.as_str().chars().flat_map(char::to_lowercase).take(40) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let base = slug.trim_end_matches('-');
    let base = if base.is_empty() { "workspace" } else { base };
    format!("{base}-{suffix}")
}

/// An IANA time zone by name.
///
/// # Errors
/// An issue at `field` when the database has no such zone.
pub fn parse_time_zone(field: &str, name: &str) -> Result<TimeZone, Issue> {
    // A path-like or empty name never reaches the database.
    let plausible = !name.is_empty() && name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_+-".contains(&b));
    let zone = plausible.then(|| TimeZone::get(name).ok()).flatten();
    zone.ok_or_else(|| {
        Issue::new(field, IssueCode::Invalid, "This is no time zone of the IANA database. Use a name such as Europe/Berlin or UTC.")
    })
}

/// What a member may do; later roles include less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Owner,
    Admin,
    Editor,
    Viewer,
}

impl Role {
    /// The number stored in a row.
    pub fn code(self) -> i16 {
        match self {
            Self::Owner => 0,
            Self::Admin => 1,
            Self::Editor => 2,
            Self::Viewer => 3,
        }
    }

    pub fn from_code(code: i16) -> Option<Self> {
        [Self::Owner, Self::Admin, Self::Editor, Self::Viewer].into_iter().find(|role| role.code() == code)
    }

    /// Whether this role may manage domains, API keys and the workspace itself.
    pub fn may_manage_workspace(self) -> bool {
        matches!(self, Self::Owner | Self::Admin)
    }

    /// Whether this role may create, change and delete links.
    pub fn may_edit_links(self) -> bool {
        !matches!(self, Self::Viewer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails() {
        assert_eq!(Email::parse(" Ada@Example.COM ").unwrap().as_str(), "ada@example.com");
        for text in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a@b@c",
            "a b@example.com",
            "a@example..com",
            "a@.com",
            &format!("{}@example.com", "a".repeat(65)),
        ] {
            assert_eq!(Email::parse(text).unwrap_err().path, "email", "{text}");
        }
    }

    #[test]
    fn passwords_are_never_printed() {
        assert_eq!(format!("{:?}", Password::parse("correct horse").unwrap()), "Password(hidden)");
        assert!(Password::parse("short").is_err() && Password::parse(&"x".repeat(257)).is_err());
    }

    #[test]
    fn slugs_of_names() {
        let slug = |name: &str| workspace_slug(&WorkspaceName::parse(name).unwrap(), "k3d");
        assert_eq!(slug("Acme & Sons, Ltd."), "acme-sons-ltd-k3d");
        assert_eq!(slug("日本"), "workspace-k3d");
    }

    #[test]
    fn zones() {
        assert!(parse_time_zone("timeZone", "America/Argentina/Buenos_Aires").is_ok());
        for name in ["", "Mars/Olympus", "../etc/passwd", "+02:00x"] {
            assert!(parse_time_zone("timeZone", name).is_err(), "{name}");
        }
    }
}
