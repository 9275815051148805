//! The dashboard, as `make dashboard` builds it into `dashboard/dist`, out of the binary.
//!
//! Files below `assets/` carry a hash of their content in their names and may be kept for ever;
//! everything else is asked for again each time. A page is the same document at every address:
//! which one it shows, the browser decides. Nothing is loaded from elsewhere, and the content
//! policy holds the pages to it.

mod encoding;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use rust_embed::{Embed, EmbeddedFile};

use encoding::Encoding;

#[derive(Embed)]
#[folder = "../dashboard/dist"]
struct Files;

const DOCUMENT: &str = "index.html";
const HASHED: &str = "assets/";
/// Beginnings of addresses that are pages; any other is answered 404, in words or as a page.
const PAGES: [&str; 4] = ["enter", "sign-in", "sign-up", "w"];

/// Scripts, styles, fonts and sockets of this origin only; no inline code, no frame around it.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; \
     connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'";
const PERMISSIONS: HeaderValue = HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()");

const MISSING: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Link Logger</title>\
     <h1>This build has no dashboard</h1>\
     <p>Build it with <code>make dashboard</code>, which needs Node or Python, then build the program again; \
     <code>make run</code> does both.</p>\
     <p>The API works without it: send GraphQL to <code>/graphql</code>.</p>\n";

/// Whether this build carries the dashboard: it was built before the program was.
pub fn has_dashboard() -> bool {
    Files::get(DOCUMENT).is_some()
}

/// Answers whatever is none of the API's own routes.
pub(crate) async fn serve(request: Request<Body>) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD")], "Only GET and HEAD work here. The API is at /graphql.\n")
            .into_response();
    }
    let (path, headers) = (request.uri().path().trim_start_matches('/'), request.headers());
    if let Some(file) = file(path, headers) {
        return file;
    }
    let is_page = path.is_empty() || path.split('/').next().is_some_and(|first| PAGES.contains(&first));
    let status = if is_page { StatusCode::OK } else { StatusCode::NOT_FOUND };
    if !is_page && (path.starts_with(HASHED) || !takes_html(headers)) {
        return (status, "There is nothing here. The API is at /graphql.\n").into_response();
    }
    let mut response = file(DOCUMENT, headers).unwrap_or_else(missing);
    if response.status() == StatusCode::OK {
        *response.status_mut() = status;
    }
    response
}

fn takes_html(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

fn missing() -> Response {
    let mut response = MISSING.into_response();
    guard(response.headers_mut());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The file of that name in the best encoding that the browser takes; `None` when there is none.
fn file(path: &str, headers: &HeaderMap) -> Option<Response> {
    // The compressed forms are found by the name of the plain one only, and what keeps the folder
    // in the repository is no page.
    if path.starts_with('.') || Encoding::ALL.iter().any(|encoding| path.ends_with(encoding.suffix())) {
        return None;
    }
    let plain = Files::get(path)?;
    let content_type = HeaderValue::from_str(&with_charset(plain.metadata.mimetype())).ok()?;
    let accepted = Encoding::accepted(headers.get_all(ACCEPT_ENCODING));
    let packed = accepted.into_iter().find_map(|encoding| Some((encoding, Files::get(&format!("{path}{}", encoding.suffix()))?)));
    let (encoding, file) = packed.map_or((None, plain), |(encoding, file)| (Some(encoding), file));
    let tag = tag(&file)?;
    let mut response = if headers.get(IF_NONE_MATCH).is_some_and(|known| known == tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(file.data).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(ETAG, tag);
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    let caching = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, encoding.name());
    }
    guard(headers);
    Some(response)
}

fn guard(headers: &mut HeaderMap) {
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    headers.insert(HeaderName::from_static("permissions-policy"), PERMISSIONS);
}

fn with_charset(mime: &str) -> String {
    if mime.starts_with("text/") || mime == "image/svg+xml" { format!("{mime}; charset=utf-8") } else { mime.to_owned() }
}

/// Each encoding of a file has a tag of its own.
fn tag(file: &EmbeddedFile) -> Option<HeaderValue> {
    let hash = u128::from_be_bytes(file.metadata.sha256_hash()[..16].try_into().ok()?);
    HeaderValue::from_str(&format!("\"{hash:032x}\"")).ok()
}
