//! The operators' routes: `/livez`, `/readyz`, `/metrics`.

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};

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
