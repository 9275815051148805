//! Clicks on targets that no link was made for: `POST /log-and-redirect` with an API key, and signed
//! addresses at `/r`. Whose click it is follows from the key or the signature alone; the target is
//! checked like any link's, and nobody is sent on without one of the two.

mod body;
mod draft;
mod json;
mod refusal;

use std::sync::Arc;
use std::time::Instant;

use domain::{
    Address, ApiScope, CapturedClick, ClickId, Issue, IssueCode, LOG_PATH, LinkId, LogDraft, Logged, MAX_SIGNED_DAYS, Method, Millis,
    NotSigned, Outcome, OwnHosts, SIGNED_PATH, Signals, SignedRequest, WorkspaceId, read_api_key,
};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use hyper::http::request::Parts as Head;
use platform::{Client, Clock, Rng, is_same};

use crate::Parts;
use crate::answer::{self, Answer, Page};
use crate::cache::Known;
use crate::consent::{Consents, Visit};
use crate::domains::Domains;
use crate::headers::{Said, said_by_another};
use crate::methods::OPENED;
use crate::policies::Policies;
use crate::query::Query;
use crate::rates::Rates;
use crate::settings::Settings;
pub(crate) use refusal::Refusal;

const STATUS: u16 = 302;
const CLICK_ID: HeaderName = HeaderName::from_static("x-click-id");
const LOOP: &str = "The address leads back to a domain that short links are served on, which would make a loop. Send the final address.";
const DAY_MILLIS: i64 = 24 * 3_600 * 1_000;

/// The two ways in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entrance {
    Key,
    Signed,
}

impl Entrance {
    pub fn of(path: &str) -> Option<Self> {
        match path.strip_prefix('/')? {
            LOG_PATH => Some(Self::Key),
            SIGNED_PATH => Some(Self::Signed),
            _ => None,
        }
    }

    /// The methods that it takes, as in the header Allow.
    pub fn allowed(self) -> &'static str {
        match self {
            Self::Key => "POST",
            Self::Signed => OPENED,
        }
    }

    /// What is answered to whoever is refused here.
    pub fn tell(self, refusal: &Refusal) -> Answer {
        match self {
            Self::Key => refusal.json(),
            Self::Signed => refusal.page(),
        }
    }
}

/// A request, and whose it is.
#[derive(Debug)]
pub(crate) struct LogRequest<'a> {
    pub head: &'a Head,
    pub method: Method,
    pub client: Client,
    pub query: &'a Query<'a>,
    /// What it says, if it is the visitor's own.
    pub said: Said,
    pub secure: bool,
    pub started: Instant,
}

/// Sends the visitor of a click on, who is there.
pub(crate) fn led_on(outcome: Outcome, target: &str, id: ClickId, settings: &Settings) -> Answer {
    if outcome != Outcome::Redirected {
        return answer::page(Page::Ahead);
    }
    let mut answer = settings.on(answer::redirect(STATUS, target));
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        answer.headers_mut().insert(CLICK_ID, id);
    }
    answer
}

/// Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Logger {
    policies: Policies,
    rates: Arc<Rates>,
    domains: Domains,
    consents: Consents,
    clock: Clock,
    rng: Rng,
}

impl Logger {
    pub fn new(policies: &Policies, rates: &Arc<Rates>, domains: &Domains, consents: &Consents, parts: &Parts) -> Self {
        Self {
            policies: policies.clone(),
            rates: rates.clone(),
            domains: domains.clone(),
            consents: consents.clone(),
            clock: parts.clock.clone(),
            rng: parts.rng.clone(),
        }
    }

    /// The click that is to be kept before the visitor is sent on, with its workspace's settings.
    ///
    /// # Errors
    /// The reason why there is none.
    pub async fn click(
        &self,
        entrance: Entrance,
        asked: LogRequest<'_>,
        body: &mut Incoming,
    ) -> Result<(CapturedClick, Settings), Refusal> {
        match entrance {
            Entrance::Key => self.posted(asked, body).await,
            Entrance::Signed => self.signed(asked).await,
        }
    }

    async fn posted(&self, asked: LogRequest<'_>, body: &mut Incoming) -> Result<(CapturedClick, Settings), Refusal> {
        if asked.method != Method::Post {
            return Err(Refusal::Method(Entrance::Key.allowed()));
        }
        let workspace = self.workspace(&asked).await?;
        if self.policies.settings(workspace).await.is_closed() {
            return Err(Refusal::Closed);
        }
        let now = self.clock.now();
        let (draft, noted) = body::read(asked.head, body).await?.finish();
        let logged = noted.and(self.checked(draft, LOG_PATH, &asked, now).await)?;
        Ok(self.captured(workspace, logged, asked, now).await)
    }

    /// Whose clicks a request may log.
    async fn workspace(&self, asked: &LogRequest<'_>) -> Result<WorkspaceId, Refusal> {
        let credential = asked.head.headers.get(AUTHORIZATION).ok_or(Refusal::NoCredential)?;
        let token = credential.to_str().ok().and_then(|text| text.trim().split_once(' '));
        let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).ok_or(Refusal::NoCredential)?.1;
        let presented = read_api_key(token.trim()).ok_or(Refusal::BadKey)?;
        let state = match self.policies.key(presented.id, || self.may_look_up(asked)).await? {
            Known::Found(state) => state,
            Known::Nothing => return Err(Refusal::BadKey),
            Known::CannotTell => return Err(Refusal::Unavailable),
        };
        let right = state.right.as_ref().ok_or(Refusal::BadKey)?;
        let now = self.clock.now();
        if !is_same(&right.hash.0, &presented.hash.0) || right.is_over(now) {
            return Err(Refusal::BadKey);
        }
        if !right.allows(asked.client.ip) {
            return Err(Refusal::Network);
        }
        if !right.has(ApiScope::ClicksWrite) {
            return Err(Refusal::Scope);
        }
        if !self.rates.may_log(presented.id, asked.started) {
            return Err(Refusal::TooMany);
        }
        self.policies.note_use(presented.id).await;
        Ok(right.workspace)
    }

    fn may_look_up(&self, asked: &LogRequest<'_>) -> bool {
        self.rates.may_look_up(asked.client, asked.started)
    }

    async fn signed(&self, asked: LogRequest<'_>) -> Result<(CapturedClick, Settings), Refusal> {
        if asked.method == Method::Post {
            return Err(Refusal::Method(Entrance::Signed.allowed()));
        }
        let request = SignedRequest::read(asked.query.rest().unwrap_or_default()).map_err(|error| match error {
            NotSigned::Missing => Refusal::NoCredential,
            NotSigned::Malformed => Refusal::Signature,
        })?;
        let now = self.clock.now();
        let ahead = request.expires_at.0.saturating_sub(now.0);
        if ahead <= 0 || ahead > MAX_SIGNED_DAYS * DAY_MILLIS {
            return Err(Refusal::Signature);
        }
        let decided = match self.policies.workspace(request.workspace, || self.may_look_up(&asked)).await? {
            Known::Found(decided) => decided,
            Known::Nothing => return Err(Refusal::Signature),
            Known::CannotTell => return Err(Refusal::Unavailable),
        };
        if !decided.has_signed(&request.text, &request.signature, now).ok_or(Refusal::Sealed)? {
            return Err(Refusal::Signature);
        }
        if decided.closed {
            return Err(Refusal::Closed);
        }
        let logged = LogDraft::of_query(request.target, request.others);
        let logged = self.checked(logged, SIGNED_PATH, &asked, now).await?;
        Ok(self.captured(request.workspace, logged, asked, now).await)
    }

    /// The click of a draft that leads where a link may: not to a host that is served here, whoever's it
    /// is.
    async fn checked(&self, draft: LogDraft, path: &str, asked: &LogRequest<'_>, now: Millis) -> Result<Logged, Refusal> {
        let logged = draft.check(OwnHosts::shared(self.domains.short()), path, now).map_err(Refusal::Invalid)?;
        if self.domains.leads_back(&logged.target, || self.may_look_up(asked)).await {
            return Err(Refusal::Invalid(Issue::new("url", IssueCode::NotAllowed, LOOP).into()));
        }
        Ok(logged)
    }

    async fn captured(&self, workspace: WorkspaceId, logged: Logged, asked: LogRequest<'_>, now: Millis) -> (CapturedClick, Settings) {
        let settings = self.policies.settings(workspace).await;
        // What an edge function leaves out is not known; its own address and agent are not the visitor's.
        let (ip, said) = match logged.facts {
            Some(facts) => (facts.ip, said_by_another(facts)),
            None => (Some(asked.client.ip), asked.said),
        };
        // With a key the request is a program's, whatever it says of whom.
        let is_visitors = asked.method != Method::Post;
        let is_ahead = is_visitors && said.is_ahead();
        let mut signals = if is_visitors { said.signals.clone() } else { Signals::default() };
        if settings.asks() && is_visitors {
            let (headers, secure) = (&asked.head.headers, asked.secure);
            let visit = Visit { headers, said: &said, signed: asked.query.consent, posted: None, secure };
            signals.consent = self.consents.of(workspace, visit).await.consent;
        }
        let (outcome, status) = match is_ahead {
            true => (Outcome::Preview, Page::Ahead.status().as_u16()),
            false => (Outcome::Redirected, STATUS),
        };
        let click = CapturedClick {
            id: logged.click_id.unwrap_or_else(|| ClickId::new(now, self.rng.entropy())),
            workspace,
            link: LinkId::logged(workspace),
            link_version: 1,
            outcome,
            status,
            method: asked.method,
            url: logged.url,
            target: logged.target.as_str().to_owned(),
            address: ip.map_or(Address::Unknown, Address::Full),
            user_agent: said.user_agent,
            referrer: said.referrer,
            accept_language: said.language,
            redirect_micros: u32::try_from(asked.started.elapsed().as_micros()).unwrap_or(u32::MAX),
            rule: None,
            above_rate: false,
            signals,
            judged: None,
        };
        (click, settings)
    }
}

#[cfg(test)]
mod tests;
