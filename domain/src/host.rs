//! Host names that may serve a workspace's links: lower case, in ASCII (IDNA), never an address.

use url::Host;

use crate::target::{fold_host, strip_port};
use crate::{Issue, IssueCode, ShortDomain};

const MAX_LENGTH: usize = 253;
const MAX_LABEL: usize = 63;

/// A host name of at least two labels, such as `go.example.com`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct HostName(String);

impl HostName {
    /// Reads what a person typed. `own` is the shared short domain, `public` the host of the
    /// dashboard: neither can be a workspace's.
    ///
    /// # Errors
    /// An issue at `host` saying which rule is broken.
    pub fn parse(text: &str, own: &ShortDomain, public: Option<&str>) -> Result<Self, Issue> {
        let refuse = |code, message: &str| Err(Issue::new("host", code, message));
        let text = text.trim();
        if text.is_empty() {
            return refuse(IssueCode::Required, "Enter a host name, such as go.example.com.");
        }
        if text.contains(['/', '?', '#', '@']) {
            return refuse(IssueCode::Invalid, "Enter the host name alone, such as go.example.com, without https:// and without a path.");
        }
        if text.len() > 4 * MAX_LENGTH {
            return refuse(IssueCode::TooLong, "A host name has at most 253 characters.");
        }
        let host = match Host::parse(text) {
            Ok(Host::Domain(host)) => fold_host(&host),
            Ok(Host::Ipv4(_) | Host::Ipv6(_)) => return refuse(IssueCode::NotAllowed, "Enter a host name, not an IP address."),
            Err(_) if text.contains(':') => return refuse(IssueCode::Invalid, "Enter the host name without a port."),
            Err(_) => return refuse(IssueCode::Invalid, "This is no host name. It must look like go.example.com."),
        };
        if host.len() > MAX_LENGTH {
            return refuse(IssueCode::TooLong, "A host name has at most 253 characters.");
        }
        if !is_name(&host) {
            let message = "This is no host name. It must look like go.example.com: parts of letters, digits and hyphens with dots between.";
            return refuse(IssueCode::Invalid, message);
        }
        if !host.contains('.') {
            return refuse(IssueCode::Invalid, "Enter the complete host name, such as go.example.com.");
        }
        if own.serves(&host) || public == Some(host.as_str()) {
            return refuse(IssueCode::NotAllowed, "This host belongs to the installation itself. Choose one of your own.");
        }
        Ok(Self(host))
    }

    /// The host that a request's `Host` header, or a TLS client, names; `None` where it can be no
    /// workspace's host. Unlike people, clients write in ASCII.
    pub fn of_request(header: &str) -> Option<Self> {
        let host = strip_port(header);
        if host.len() > MAX_LENGTH + 1 {
            return None;
        }
        let host = fold_host(host);
        let is_address = host.rsplit('.').next().is_none_or(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
        (host.contains('.') && !is_address && is_name(&host)).then_some(Self(host))
    }

    /// A host read back from the store, where only parsed ones are written.
    pub fn from_store(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The short URL of a slug on it.
    pub fn short_url(&self, slug: &str) -> String {
        format!("https://{}/{slug}", self.0)
    }
}

impl std::fmt::Display for HostName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_name(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= MAX_LENGTH && host.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<HostName, Issue> {
        HostName::parse(text, &ShortDomain::parse("go.example.com").unwrap(), Some("links.example.com"))
    }

    #[test]
    fn hosts_are_written_one_way() {
        for (text, host) in [
            (" Go.Acme.example. ", "go.acme.example"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("ｇｏ.acme.example", "go.acme.example"),
        ] {
            assert_eq!(parse(text).unwrap().as_str(), host, "{text}");
        }
        assert_eq!(parse("go.acme.example").unwrap().short_url("Sale"), "https://go.acme.example/Sale");
    }

    #[test]
    fn what_no_workspace_can_own() {
        let long = format!("{}.example", "a".repeat(64));
        let longer = vec!["abcdefghi"; 30].join(".");
        let bad = [
            "",
            " ",
            "acme",
            "localhost",
            "x.localhost",
            "127.0.0.1",
            "[::1]",
            "2130706433",
            "1.2.3",
            "go.acme.example:8080",
            "https://go.acme.example",
            "go.acme.example/x",
            "a b.example",
            "*.acme.example",
            "_x.acme.example",
            "-a.example",
            "a..example",
            "go.example.com",
            "GO.example.com.",
            "links.example.com",
            "acme.example?x",
            "u@acme.example",
            &long,
            &longer,
            "a\u{0}.example",
        ];
        for text in bad {
            assert_eq!(parse(text).unwrap_err().path, "host", "{text}");
        }
    }

    #[test]
    fn hosts_of_requests() {
        let of = |text: &str| HostName::of_request(text).map(|host| host.0);
        assert_eq!(of("Go.ACME.example:8443").as_deref(), Some("go.acme.example"));
        assert_eq!(of("go.acme.example.").as_deref(), Some("go.acme.example"));
        for text in
            ["", "localhost", "10.0.0.1", "10.0.0.1:80", "[::1]:80", "a_b.example", "go.acme.example/x", "ä.example", &"a.".repeat(300)]
        {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
