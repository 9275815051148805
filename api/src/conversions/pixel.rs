//! `GET /c.gif`: a picture of one transparent dot in a page of the target, by which it tells of a conversion.
//! Whatever is wrong with it, a page gets its picture; the metric says what became of it.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use domain::{CLICK_PARAMETER, ConversionDraft};
use platform::Peer;
use url::form_urlencoded;

use super::Pages;

/// GIF89a, 1×1, transparent.
const DOT: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";
/// Longer ones tell nothing.
const MAX_QUERY: usize = 2_048;
pub(super) const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

pub(super) async fn get(
    State(pages): State<Arc<Pages>>,
    Extension(peer): Extension<Peer>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if method != Method::GET || is_ahead(&headers) {
        return dot();
    }
    if !pages.may_tell(&pages.pixels, peer, &headers) {
        pages.tracker.told("pixel", "rate_limited");
        return (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, "1")]).into_response();
    }
    match uri.query().filter(|query| query.len() <= MAX_QUERY) {
        Some(query) => {
            if let Err(error) = pages.tracker.track_by_click(draft(query)).await {
                tracing::debug!(%error, "a pixel's conversion was not kept");
            }
        }
        None => pages.tracker.told("pixel", "invalid"),
    }
    dot()
}

/// Of fields that are there twice the first counts. Without an event a click has one conversion of each name, so
/// that a page that is loaded again tells of nothing new.
fn draft(query: &str) -> ConversionDraft {
    let field = |name: &str| {
        let found = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned()).filter(|value| !value.is_empty())
    };
    let (click_id, name) = (field(CLICK_PARAMETER).unwrap_or_default(), field("name"));
    let event_id = field("event").unwrap_or_else(|| format!("{click_id} {}", name.as_deref().unwrap_or_default()));
    ConversionDraft { click_id, event_id, name, amount: field("amount"), currency: field("currency"), occurred_at: None }
}

/// Nobody may have seen the page.
fn is_ahead(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose"].into_iter().filter_map(|name| headers.get(name)?.to_str().ok()).any(|purpose| purpose.contains("prefetch"))
}

fn dot() -> Response {
    let kind = [(CONTENT_TYPE, "image/gif"), (CACHE_CONTROL, "no-store"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (kind, [(RESOURCE_POLICY, "cross-origin")], DOT).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_an_event_is_made_where_there_is_none() {
        let full = draft("ll_click=clk_1&event=a%26b&name=sale&amount=1.5&currency=EUR&event=2");
        assert_eq!((full.click_id.as_str(), full.event_id.as_str(), full.name.as_deref()), ("clk_1", "a&b", Some("sale")));
        assert_eq!((full.amount.as_deref(), full.currency.as_deref()), (Some("1.5"), Some("EUR")));
        let bare = draft("ll_click=clk_1&name=&amount=");
        assert_eq!((bare.event_id.as_str(), bare.name, bare.amount), ("clk_1 ", None, None));
        assert_eq!(draft("ll_click=clk_1&name=sale").event_id, "clk_1 sale");
    }
}
