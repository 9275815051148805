//! Where a link leads: a URL that was parsed, checked and serialised when the link was saved, so
//! that `Location` is never built from anything else.

use std::net::IpAddr;

use url::{Host, Url};

use crate::own_hosts::{OwnHost, OwnHosts};
use crate::{HostName, Issue, IssueCode, plain_path};

pub const MAX_TARGET_BYTES: usize = 2_048;

/// The host (and port) that serves the installation's short links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortDomain {
    host: String,
    port: Option<u16>,
    https: bool,
}

impl ShortDomain {
    /// Reads `host`, `host:port`, or either after `http://` or `https://`. Short URLs are https
    /// unless the host is loopback or the value begins with `http://`.
    pub fn parse(text: &str) -> Option<Self> {
        let has_scheme = text.contains("://");
        let url = Url::parse(&if has_scheme { text.to_owned() } else { format!("https://{text}") }).ok()?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if !bare || !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let host = url.host()?;
        let https = if has_scheme { url.scheme() == "https" } else { !is_loopback(&host) };
        // A port that the scheme implies is not written, but 443 typed after a loopback host is.
        let port = url.port().or_else(|| text.rsplit_once(':').and_then(|(_, port)| port.parse().ok()));
        let implied = if https { 443 } else { 80 };
        Some(Self { host: fold_host(&host.to_string()), port: port.filter(|port| *port != implied), https })
    }

    /// The host alone, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `host` or `host:port`, as it stands in short URLs.
    pub fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// The short URL of `slug`.
    pub fn short_url(&self, slug: &str) -> String {
        match self.port {
            Some(port) => format!("{}{}:{port}/{slug}", self.scheme_prefix(), self.host),
            None => format!("{}{}/{slug}", self.scheme_prefix(), self.host),
        }
    }

    /// Whether only this machine reaches it.
    pub fn is_loopback(&self) -> bool {
        is_loopback_text(&self.host)
    }

    fn scheme_prefix(&self) -> &'static str {
        if self.https { "https://" } else { "http://" }
    }

    /// Whether a request with this `Host` header is for the shared short domain: it names it (the
    /// port does not matter behind a proxy), or it is a loopback host.
    pub fn serves(&self, host_header: &str) -> bool {
        let host = strip_port(host_header);
        host.trim_end_matches('.').eq_ignore_ascii_case(&self.host) || is_loopback_text(host)
    }

    /// The slug that a short URL of this domain names, if it is one.
    pub fn slug_of(&self, short_url: &str) -> Option<String> {
        let url = Url::parse(short_url).ok()?;
        self.is_own(&url).then(|| plain_path(url.path()).trim_matches('/').to_owned())
    }

    pub(crate) fn is_own(&self, url: &Url) -> bool {
        let Some(host) = url.host() else { return false };
        let port = url.port_or_known_default();
        let own_port = self.port.unwrap_or(if self.https { 443 } else { 80 });
        let same_host = Host::parse(&self.host).is_ok_and(|own| is_same_host(&own, &host));
        // A public short domain is one's own on either default port, since both lead to it.
        let same_port = port == Some(own_port) || (self.port.is_none() && matches!(port, Some(80 | 443)));
        (same_host && same_port) || (is_loopback(&host) && is_loopback_text(&self.host) && port == Some(own_port))
    }
}

pub(crate) fn strip_port(host_header: &str) -> &str {
    match host_header.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => host_header,
    }
}

pub(crate) fn fold_host(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// An address as it is: one of IPv4 may be written as IPv6 (`::ffff:127.0.0.1`).
fn address_of<S>(host: &Host<S>) -> Option<IpAddr> {
    match host {
        Host::Ipv4(ip) => Some(IpAddr::V4(*ip)),
        Host::Ipv6(ip) => Some(ip.to_canonical()),
        Host::Domain(_) => None,
    }
}

fn is_same_host<S: AsRef<str>, T: AsRef<str>>(one: &Host<S>, other: &Host<T>) -> bool {
    match (one, other) {
        (Host::Domain(one), Host::Domain(other)) => fold_host(one.as_ref()) == fold_host(other.as_ref()),
        _ => address_of(one).is_some_and(|ip| address_of(other) == Some(ip)),
    }
}

/// Whether it is the machine that asks. Whoever connects to an unspecified address reaches that one.
fn is_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    if let Host::Domain(name) = host {
        let name = fold_host(name.as_ref());
        return name == "localhost" || name.ends_with(".localhost");
    }
    address_of(host).is_some_and(|ip| ip.is_loopback() || ip.is_unspecified())
}

fn is_loopback_text(host: &str) -> bool {
    Host::parse(host).is_ok_and(|host| is_loopback(&host))
}

/// An absolute http or https URL of at most 2,048 bytes without credentials or control characters
/// that does not lead back to where short links are served.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TargetUrl(String);

impl TargetUrl {
    /// # Errors
    /// An issue at `field` saying which rule is broken and what to do.
    pub fn parse(field: &str, text: &str, own: OwnHosts<'_>) -> Result<Self, Issue> {
        let refuse = |code, message: &str| Err(Issue::new(field, code, message));
        let text = text.trim_matches(' ');
        if text.is_empty() {
            return refuse(IssueCode::Required, "Enter the address that the link leads to.");
        }
        if text.len() > MAX_TARGET_BYTES {
            return refuse(IssueCode::TooLong, "The address is longer than 2,048 bytes. Use a shorter one.");
        }
        // The URL parser would drop tabs and line ends without a word.
        if text.chars().any(char::is_control) {
            return refuse(IssueCode::Invalid, "The address contains control characters, such as a line break. Remove them.");
        }
        let Ok(url) = Url::parse(text) else {
            return refuse(IssueCode::Invalid, "This is not a complete address. It must look like https://example.com/page.");
        };
        if !matches!(url.scheme(), "http" | "https") {
            return refuse(IssueCode::NotAllowed, "The address must begin with http:// or https://.");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse(IssueCode::NotAllowed, "The address must not contain a user name or password.");
        }
        if let Some(host) = own.find(&url) {
            let message = match host {
                OwnHost::Short => "The address leads back to the short domain, which would make a loop. Enter the final address.",
                OwnHost::Domain => {
                    "The address leads back to one of the workspace's own domains, which would make a loop. Enter the final address."
                }
            };
            return refuse(IssueCode::NotAllowed, message);
        }
        if url.as_str().len() > MAX_TARGET_BYTES {
            return refuse(
                IssueCode::TooLong,
                "The address is longer than 2,048 bytes once its special characters are encoded. Use a shorter one.",
            );
        }
        Ok(Self(url.into()))
    }

    /// A target read back from the store, where only parsed ones are written.
    pub fn from_store(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host that it leads to, where that can be a workspace's.
    pub fn host(&self) -> Option<HostName> {
        HostName::of_request(Url::parse(&self.0).ok()?.host_str()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HostName;

    fn own() -> ShortDomain {
        ShortDomain::parse("go.example.com").unwrap()
    }

    #[test]
    fn short_urls_follow_the_scheme_rule() {
        let url = |text: &str| ShortDomain::parse(text).unwrap().short_url("abc");
        assert_eq!(url("go.example.com"), "https://go.example.com/abc");
        assert_eq!(url("http://go.example.com"), "http://go.example.com/abc");
        assert_eq!(url("127.0.0.1:8081"), "http://127.0.0.1:8081/abc");
        assert_eq!(url("localhost:8081"), "http://localhost:8081/abc");
        assert_eq!(url("[::1]:8081"), "http://[::1]:8081/abc");
        assert_eq!(url("go.example.com:8443"), "https://go.example.com:8443/abc");
        for text in ["", "a b", "ftp://x", "https://go.example.com/path", "https://u@go.example.com"] {
            assert_eq!(ShortDomain::parse(text), None, "{text}");
        }
    }

    #[test]
    fn hosts_that_are_served() {
        assert!(own().serves("GO.example.com."));
        assert!(own().serves("go.example.com:8081"));
        assert!(own().serves("127.0.0.1:9000") && own().serves("localhost") && own().serves("[::1]:80"));
        assert!(!own().serves("evil.example.com") && !own().serves(""));
    }

    #[test]
    fn good_targets_are_serialised() {
        let parsed = TargetUrl::parse("targetUrl", " https://EXAMPLE.com/ä?q=ü ", OwnHosts::shared(&own())).unwrap();
        assert_eq!(parsed.as_str(), "https://example.com/%C3%A4?q=%C3%BC");
    }

    #[test]
    fn bad_targets_are_refused() {
        let long = format!("https://example.com/{}", "a".repeat(2_048));
        let encoded = format!("https://example.com/{}", "ä".repeat(1_000));
        let bad = [
            "",
            "example.com",
            "javascript:alert(1)",
            "ftp://example.com/",
            "https://user:pw@example.com/",
            "https://user@example.com/",
            "https://example.com/\n",
            "https://exa\tmple.com/",
            "https://",
            "https://go.example.com/abc",
            "http://GO.EXAMPLE.COM./abc",
            &long,
            &encoded,
        ];
        for text in bad {
            assert_eq!(TargetUrl::parse("targetUrl", text, OwnHosts::shared(&own())).unwrap_err().path, "targetUrl", "{text}");
        }
    }

    #[test]
    fn a_loopback_short_domain_is_known_by_all_its_names() {
        const NAMES: [&str; 9] =
            ["localhost", "LocalHost.", "127.0.0.1", "127.1", "2130706433", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]"];
        for own in ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]"] {
            let own = ShortDomain::parse(&format!("{own}:8081")).unwrap();
            for name in NAMES {
                assert!(TargetUrl::parse("t", &format!("http://{name}:8081/x"), OwnHosts::shared(&own)).is_err(), "{own:?} {name}");
                assert!(TargetUrl::parse("t", &format!("http://{name}:3000/x"), OwnHosts::shared(&own)).is_ok(), "{own:?} {name}");
            }
            assert!(own.is_loopback() && own.serves("[::ffff:7f00:1]:8081") && own.serves("0.0.0.0:8081"));
            assert!(TargetUrl::parse("t", "http://[::ffff:192.0.2.1]:8081/x", OwnHosts::shared(&own)).is_ok());
        }
    }

    #[test]
    fn an_address_is_one_however_it_is_written() {
        let own = ShortDomain::parse("http://192.0.2.1").unwrap();
        for target in ["http://192.0.2.1/x", "http://[::ffff:192.0.2.1]/x", "http://[::ffff:c000:201]:443/x", "https://3221225985/x"] {
            assert!(TargetUrl::parse("t", target, OwnHosts::shared(&own)).is_err(), "{target}");
        }
        for target in ["http://192.0.2.2/x", "http://[::192.0.2.1]/x", "http://192.0.2.1.example/x", "http://localhost/x"] {
            assert!(TargetUrl::parse("t", target, OwnHosts::shared(&own)).is_ok(), "{target}");
        }
    }

    #[test]
    fn no_target_is_on_a_domain_of_its_workspace() {
        let (short, domains) = (own(), [HostName::from_store("go.acme.example".into())]);
        let parse = |text| TargetUrl::parse("t", text, OwnHosts::new(&short, &domains));
        for text in ["https://go.acme.example/x", "http://GO.acme.example.:8081", "https://go.example.com/x"] {
            assert_eq!(parse(text).unwrap_err().code, IssueCode::NotAllowed, "{text}");
        }
        for text in ["https://acme.example/", "https://other.go.acme.example/", "https://example.com/?u=go.acme.example"] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }
}
