//! Links as users make and change them, and as the redirector needs them.

use crate::{
    DomainId, Gate, GateChange, HostName, Issue, IssueCode, LinkId, LinkLabels, LinkLabelsChange, Millis, OwnHosts, Password, Slug,
    TargetUrl, UserId, WorkspaceId,
};

/// The status that sends the browser on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct RedirectStatus(u16);

impl RedirectStatus {
    /// 302: what browsers neither cache nor change the method's meaning for.
    pub const DEFAULT: Self = Self(302);

    /// # Errors
    /// An issue at `redirectStatus` for anything but 301, 302, 307 and 308.
    pub fn parse(status: i64) -> Result<Self, Issue> {
        match status {
            301 | 302 | 307 | 308 => Ok(Self(status as u16)),
            _ => {
                Err(Issue::new("redirectStatus", IssueCode::OutOfRange, "Use 302 (the default), 307, 301 or 308 as the redirect's status."))
            }
        }
    }

    pub fn code(self) -> u16 {
        self.0
    }
}

/// The workspace's own domain that a link is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkDomain {
    pub id: DomainId,
    pub host: HostName,
    /// Whether slugs are told apart by case there.
    pub case_sensitive: bool,
}

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// A slug that leads to a target.
    Short,
    /// Stands for all clicks of its workspace that were logged without a link. It has the
    /// workspace's own id, so that a redirector that has read a key knows its link.
    Logged,
}

impl LinkKind {
    pub fn of(link: LinkId, workspace: WorkspaceId) -> Self {
        if link == LinkId::logged(workspace) { Self::Logged } else { Self::Short }
    }
}

impl LinkId {
    /// The link that stands for what a workspace logs without one.
    pub fn logged(workspace: WorkspaceId) -> Self {
        Self(workspace.0)
    }
}

/// A link as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    pub id: LinkId,
    /// None for the shared short domain.
    pub domain: Option<LinkDomain>,
    pub kind: LinkKind,
    pub slug: Slug,
    pub target: TargetUrl,
    pub title: Option<String>,
    pub external_id: Option<String>,
    pub about: LinkAbout,
    pub redirect_status: RedirectStatus,
    pub forward_query: bool,
    /// Whether the target is told the click's id.
    pub append_click_id: bool,
    /// Raised by every change, from 1.
    pub version: i32,
    pub created_at: Millis,
    /// The user who made it, or whose API key did; none where that was not noted.
    pub created_by: Option<UserId>,
    pub updated_at: Millis,
    pub last_clicked_at: Option<Millis>,
    /// Since when it is put aside; it still leads on.
    pub archived_at: Option<Millis>,
    pub labels: LinkLabels,
    pub gate: Gate,
}

/// A link to be made.
#[derive(Clone, Debug)]
pub struct NewLink {
    pub id: LinkId,
    /// None for the shared short domain.
    pub domain: Option<DomainId>,
    pub slug: Slug,
    pub target: TargetUrl,
    pub title: Option<String>,
    pub external_id: Option<String>,
    pub about: LinkAbout,
    pub redirect_status: RedirectStatus,
    pub forward_query: bool,
    pub labels: LinkLabels,
    pub append_click_id: bool,
    /// The user who makes it, or whose API key does.
    pub created_by: Option<UserId>,
    pub gate: Gate,
}

/// What a link says of itself besides its title, on its preview page and in other sites' link
/// previews.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkAbout {
    pub description: Option<String>,
    pub image: Option<TargetUrl>,
}

/// A change to a link: `None` leaves a field as it is, `Some(None)` clears it.
#[derive(Clone, Debug, Default)]
pub struct LinkChange {
    pub slug: Option<Slug>,
    pub target: Option<TargetUrl>,
    pub title: Option<Option<String>>,
    pub external_id: Option<Option<String>>,
    pub description: Option<Option<String>>,
    pub image: Option<Option<TargetUrl>>,
    pub redirect_status: Option<RedirectStatus>,
    pub forward_query: Option<bool>,
    pub labels: LinkLabelsChange,
    pub append_click_id: Option<bool>,
    pub gate: GateChange,
}

/// Where a link is found: a domain and a folded slug on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct LinkAddress {
    /// Nil for the shared short domain.
    pub domain: uuid::Uuid,
    /// In lower case, unless the domain tells slugs apart by case.
    pub folded: String,
}

impl LinkAddress {
    /// A slug of the shared short domain.
    pub fn shared(folded: impl Into<String>) -> Self {
        Self { domain: uuid::Uuid::nil(), folded: folded.into() }
    }

    /// A slug of a workspace's own domain, in the form that it is looked up by there.
    pub fn on(domain: DomainId, key: impl Into<String>) -> Self {
        Self { domain: domain.0, folded: key.into() }
    }
}

/// What is at an address: a link, or nothing since one has left it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LinkState {
    pub address: LinkAddress,
    /// The link that is, or was, there.
    pub id: LinkId,
    /// Raised by every change of that link.
    pub version: i32,
    pub link: Option<ResolvedLink>,
}

impl Link {
    /// Where the link's present slug is found.
    pub fn address(&self) -> LinkAddress {
        match &self.domain {
            None => LinkAddress::shared(self.slug.folded()),
            Some(domain) => LinkAddress::on(domain.id, self.slug.key(domain.case_sensitive)),
        }
    }
}

impl LinkState {
    /// Whether this is to take the place of `stored`. Of one link only a higher version is, or the
    /// same one said otherwise, as a program does that knows more fields; an address that went
    /// from one link to another takes whatever is said last.
    pub fn replaces(&self, stored: &Self) -> bool {
        self.id != stored.id || self.version > stored.version || (self.version == stored.version && self != stored)
    }
}

/// What a redirect needs to know of a link. It is written down as JSON in the snapshot of links,
/// where programs of several versions meet: unknown fields are ignored, and a field that is added
/// needs `#[serde(default)]`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ResolvedLink {
    pub id: LinkId,
    pub workspace: WorkspaceId,
    pub version: i32,
    pub target: TargetUrl,
    pub redirect_status: RedirectStatus,
    pub forward_query: bool,
    /// Whether the target is told the click's id; see [`crate::with_click_id`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub append_click_id: bool,
    /// A deleted link keeps its slug and answers 410.
    pub deleted: bool,
    /// What stands between the link and its target; `None` for most links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Box<Gate>>,
    /// What the link says of itself; `None` for a link that says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<Box<LinkCard>>,
}

/// What previews of a link show. At least one of the three is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct LinkCard {
    pub title: Option<String>,
    pub description: Option<String>,
    pub image: Option<TargetUrl>,
}

impl LinkCard {
    /// The card as the redirector carries it: `None` where it is empty.
    pub fn shown(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }

    /// About how many bytes it takes in memory.
    pub fn weight(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let image = self.image.as_ref().map_or(0, |image| image.as_str().len());
        std::mem::size_of::<Self>() + text(&self.title) + text(&self.description) + image
    }
}

/// The password that visitors of a link are asked for: 4 to 128 characters.
///
/// # Errors
/// An issue at `password`.
pub fn parse_link_password(text: &str) -> Result<Password, Issue> {
    match text.chars().count() {
        0 => Err(Issue::new("password", IssueCode::Required, "Enter a password, or leave it out for none.")),
        1..4 => Err(Issue::new("password", IssueCode::TooShort, "Use at least 4 characters in a link's password.")),
        4..=128 => Ok(Password::of_link(text)),
        _ => Err(Issue::new("password", IssueCode::TooLong, "Use at most 128 characters in a link's password.")),
    }
}

/// A title of at most 200 characters; empty means none.
///
/// # Errors
/// An issue at `title`.
pub fn parse_title(text: &str) -> Result<Option<String>, Issue> {
    parse_text("title", text, 200)
}

/// A description of at most 500 characters; empty means none.
///
/// # Errors
/// An issue at `description`.
pub fn parse_description(text: &str) -> Result<Option<String>, Issue> {
    parse_text("description", text, 500)
}

/// The address of a link's image, under the rules of a target; empty means none.
///
/// # Errors
/// An issue at `imageUrl`.
pub fn parse_image_url(text: &str, own: OwnHosts<'_>) -> Result<Option<TargetUrl>, Issue> {
    if text.trim().is_empty() { Ok(None) } else { TargetUrl::parse("imageUrl", text, own).map(Some) }
}

/// The caller's own id for a link, at most 128 characters; empty means none.
///
/// # Errors
/// An issue at `externalId`.
pub fn parse_external_id(text: &str) -> Result<Option<String>, Issue> {
    parse_text("externalId", text, 128)
}

fn parse_text(field: &str, text: &str, max: usize) -> Result<Option<String>, Issue> {
    let text = text.trim();
    if text.chars().count() > max {
        return Err(Issue::new(field, IssueCode::TooLong, format!("Use at most {max} characters here.")));
    }
    if text.chars().any(char::is_control) {
        return Err(Issue::new(field, IssueCode::Invalid, "Remove line breaks and other control characters here."));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}
