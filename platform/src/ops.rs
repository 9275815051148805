//! The operators' routes: `/livez`, `/readyz`, `/metrics`, `/tls-allowed`.

use axum::extract::Query;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;

use crate::{Health, Lifecycle, Metrics, Readiness};

/// `/readyz` answers 503 only when a part is down or the process is stopping; a degraded process
/// still serves and says so in the body.
pub fn ops_router(health: Health, metrics: Metrics, lifecycle: &Lifecycle) -> Router {
    let stopping = lifecycle.stopping().clone();
    let ready = move || {
        let (health, stopping) = (health.clone(), stopping.clone());
        async move {
            let report = health.snapshot();
            let down = report.status == Readiness::Down || stopping.is_cancelled();
            (if down { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }, Json(report))
        }
    };
    let text = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(move || async move { ([(header::CONTENT_TYPE, text)], metrics.encode()).into_response() }))
}

/// Whether a certificate may be had for a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsAllowed {
    Yes,
    No,
    /// Whoever knows does not answer.
    CannotTell,
}

#[derive(Deserialize)]
struct TlsQuestion {
    domain: String,
}

/// `/tls-allowed?domain=` as a proxy asks it before it gets a certificate on demand: 200 for a host
/// that is served, 404 for any other, 503 when that cannot be told.
pub fn tls_allowed_router<A, F>(ask: A) -> Router
where
    A: Fn(String) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = TlsAllowed> + Send + 'static,
{
    let answer = move |Query(question): Query<TlsQuestion>| async move {
        match ask(question.domain).await {
            TlsAllowed::Yes => (StatusCode::OK, "served\n"),
            TlsAllowed::No => (StatusCode::NOT_FOUND, "not served\n"),
            TlsAllowed::CannotTell => (StatusCode::SERVICE_UNAVAILABLE, "the domains cannot be looked up\n"),
        }
    };
    Router::new().route("/tls-allowed", get(answer))
}
