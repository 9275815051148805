//! Where the form of a link's preview page posts to. It is open to anyone and carries no credential, so
//! there is nothing that a foreign page could misuse; it is bounded by the visitor's network here and by
//! the link in the store. What is kept says nothing of who reported.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use domain::{Invalid, Issue, IssueCode, LinkId, LinkReportId, NewLinkReport, ReportReason};
use platform::{Allowance, ClientIp, Clock, Peer, Rng, visitor_network};
use store::{Access, Store, StoreError};
use url::form_urlencoded;

/// 1,000 characters of four bytes, each written as `%xx`, and the rest.
const MAX_BODY: usize = 16 * 1_024;
const TIMEOUT: Duration = Duration::from_secs(10);
/// A visitor may send ten at once, and one more each two minutes.
const AT_ONCE: u32 = 10;
const EVERY: Duration = Duration::from_secs(120);
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// What taking a report needs.
#[derive(Debug)]
pub(crate) struct ReportForm {
    store: Store,
    clock: Clock,
    rng: Rng,
    client_ip: ClientIp,
    allowance: Allowance,
}

impl ReportForm {
    pub fn new(store: Store, clock: Clock, rng: Rng, client_ip: ClientIp) -> Self {
        let allowance = Allowance::every(EVERY, AT_ONCE, Instant::now());
        Self { store, clock, rng, client_ip, allowance }
    }

    pub fn router(self) -> Router {
        Router::new().route("/report", get(explain).post(take)).with_state(Arc::new(self))
    }

    fn may_report(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        self.allowance.take(visitor_network(self.client_ip.of(peer, headers)), Instant::now())
    }

    /// # Errors
    /// [`StoreError::NotFound`] when there is no such link.
    async fn keep(&self, report: &NewLinkReport) -> Result<(), StoreError> {
        let workspace = self.store.workspace_of_link(report.link).await?.ok_or(StoreError::NotFound)?;
        let scope = self.store.workspace(workspace, Access::Write).await?;
        if scope.report_link(report).await? {
            scope.commit().await?;
            // The operator may care sooner than the workspace does.
            tracing::info!(link = %report.link, reason = report.reason.as_str(), "a link was reported");
        }
        Ok(())
    }
}

async fn explain() -> Response {
    page(StatusCode::OK, "Report a link", "Add + to the end of a short link's address, and open it. The form is there.")
}

async fn take(State(form): State<Arc<ReportForm>>, Extension(Peer(peer)): Extension<Peer>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    if !form.may_report(peer, &head.headers) {
        let mut answer = page(StatusCode::TOO_MANY_REQUESTS, "Too many reports", "Please wait two minutes, then send it again.");
        answer.headers_mut().insert(RETRY_AFTER, EVERY.as_secs().into());
        return answer;
    }
    if !is_form(&head.headers) {
        return page(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Not sent", "Send the report with the form of the link's preview page.");
    }
    let Ok(Ok(body)) = tokio::time::timeout(TIMEOUT, to_bytes(body, MAX_BODY)).await else {
        return page(StatusCode::PAYLOAD_TOO_LARGE, "Not sent", "The report is too long, or broke off. Send a shorter one.");
    };
    let report = match parse(&body, LinkReportId::new(form.clock.now(), form.rng.entropy())) {
        Ok(report) => report,
        Err(invalid) => {
            let messages: Vec<_> = invalid.0.into_iter().map(|issue| issue.message).collect();
            return page(StatusCode::BAD_REQUEST, "Not sent yet", &format!("{} Go back, and send it again.", messages.join(" ")));
        }
    };
    match form.keep(&report).await {
        // A link that has as many as it may have needs no more to be looked at.
        Ok(()) => page(StatusCode::OK, "Thank you", "Your report has been taken. You can close this page."),
        Err(StoreError::NotFound) => page(StatusCode::NOT_FOUND, "No such link", "The link that you report does not exist any more."),
        Err(error) => {
            tracing::warn!(%error, "a report of a link could not be kept");
            page(StatusCode::SERVICE_UNAVAILABLE, "Not sent", "The report cannot be kept right now. Please try again in a moment.")
        }
    }
}

fn parse(body: &[u8], id: LinkReportId) -> Result<NewLinkReport, Invalid> {
    let field =
        |name: &str| form_urlencoded::parse(body).find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default();
    let mut invalid = Invalid::default();
    let link = field("link").parse::<LinkId>();
    let link =
        invalid.check(link.map_err(|_| Issue::new("link", IssueCode::Invalid, "The form names no link. Open the link's preview again.")));
    let reason = invalid.check(ReportReason::parse(&field("reason")));
    let text = invalid.check(NewLinkReport::parse_text(&field("text")));
    match (link, reason, text) {
        (Some(link), Some(reason), Some(text)) => Ok(NewLinkReport { id, link, reason, text }),
        _ => Err(invalid),
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let essence = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// `title` and `advice` are this program's own words.
fn page(status: StatusCode, title: &str, advice: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><link rel=\"icon\" href=\"data:,\"><style>:root{{color-scheme:light dark}}body{{font:1.1rem/1.5 system-ui,sans-serif;display:grid;\
         place-content:center;min-height:90vh;margin:0;padding:1rem;text-align:center}}h1{{font-size:1.5rem;margin:0}}\
         p{{opacity:.75;margin:.5rem 0}}</style><main><h1>{title}</h1><p>{advice}</p></main></html>"
    );
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, html).into_response()
}
