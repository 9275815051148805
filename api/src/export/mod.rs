//! Everything of a workspace in one archive, made while it is sent: nothing of it lies in memory or on a disk.
//!
//! One snapshot for all of it. A reader that stops reading is left after a minute, so that it holds no snapshot
//! open. What ends half way lacks the archive's directory, and the connection is cut: no program takes it for
//! whole.

mod archive;
mod asked;
pub(crate) mod clicks;
mod csv;
mod readme;
mod tables;
mod turns;
mod write;

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::{AuditActor, AuditEntry, AuditId, ShortDomain};
use platform::{Clock, Rng};
use serde_json::json;
use store::{Access, Store, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::caller::{Caller, Session};
use crate::schema::error::{ApiError, ErrorCode};
use crate::shell::{RequestId, Shell, refusal};
use archive::Archive;
pub(crate) use turns::Turns;

/// Exports at once in this process: each holds a snapshot of the database.
const AT_ONCE: usize = 4;
/// How long a reader may read nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// What exports are made of.
#[derive(Clone, Debug)]
pub(crate) struct Exports {
    pub store: Store,
    pub short_domain: ShortDomain,
    clock: Clock,
    rng: Rng,
    turns: Arc<Semaphore>,
}

/// Why an export ended before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("the reader went away, or stopped reading")]
    Reader,
    #[error("whoever asked may not have it any more")]
    Ended,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the archive cannot be written: {0}")]
    Archive(String),
}

impl Exports {
    pub fn new(store: Store, short_domain: ShortDomain, clock: Clock, rng: Rng) -> Self {
        Self { store, short_domain, clock, rng, turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// In the audit log, before anything leaves.
    async fn tell(&self, session: &Session) -> Result<(), StoreError> {
        let id = AuditId::new(self.clock.now(), self.rng.entropy());
        let (actor, action) = (AuditActor::User(session.user), AuditEntry::EXPORTED.to_owned());
        let scope = self.store.workspace(session.workspace, Access::Write).await?;
        scope.tell(&AuditEntry { id, actor, action, details: json!({}) }).await?;
        scope.commit().await
    }
}

/// `GET /export/workspace`, for owners and admins.
pub(crate) async fn get(State(shell): State<Arc<Shell>>, request: Request<Body>) -> Response {
    let (id, headers) = (shell.request_id(), request.headers());
    let authorization = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let ip = shell.client(headers, request.extensions().get().copied());
    let session = match may_export(&shell, authorization, ip).await {
        Ok(session) => session,
        Err(error) => return refuse(&error, &id),
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/zip")),
        (CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"workspace.zip\"")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    if request.method() == Method::HEAD {
        // No export, and of a length that is not known, as one is.
        return (headers, Body::from_stream(futures_util::stream::empty::<Chunk>())).into_response();
    }
    let (workspace, turn) = match begin(&shell, &session).await {
        Ok(turn) => (session.workspace, turn),
        Err(error) => return refuse(&error, &id),
    };
    let (sender, mut receiver) = mpsc::channel(4);
    let (exports, stopping) = (shell.exports.clone(), shell.stopping.clone());
    tokio::spawn(async move {
        let mut archive = Archive::new(sender, PATIENCE);
        let ended = tokio::select! {
            ended = exports.write(workspace, &mut archive) => ended,
            () = stopping.cancelled() => Err(Broken::Reader),
        };
        if let Err(error) = ended {
            tracing::warn!(%error, "an export ended before its end");
            archive.break_off().await;
        }
        drop(turn);
    });
    let chunks = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
    (headers, Body::from_stream(chunks)).into_response()
}

type Chunk = Result<Bytes, std::io::Error>;

async fn may_export(shell: &Shell, authorization: Option<&str>, ip: std::net::IpAddr) -> Result<Session, ApiError> {
    let session = match shell.sessions.authenticate(authorization, ip).await? {
        Caller::Session(session) => session,
        Caller::Key(_) => return Err(ApiError::Forbidden("API keys cannot do this. Sign in as a member of the workspace.")),
        Caller::Anonymous => return Err(ApiError::Unauthenticated),
    };
    if !session.role.may_manage_workspace() {
        return Err(ApiError::Forbidden("Only owners and admins of the workspace may do this. Ask one of them."));
    }
    Ok(session)
}

async fn begin(shell: &Shell, session: &Session) -> Result<OwnedSemaphorePermit, ApiError> {
    let turn = shell.exports.turns.clone().try_acquire_owned();
    let busy = ApiError::RateLimited { retry_after: 60, message: "As many exports as there may be are under way. Try again in a minute." };
    let turn = turn.map_err(|_| busy)?;
    shell.exports.tell(session).await?;
    Ok(turn)
}

fn refuse(error: &ApiError, id: &RequestId) -> Response {
    let status = match error.code() {
        ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden => StatusCode::FORBIDDEN,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::Validation => StatusCode::BAD_REQUEST,
        ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = match error {
        ApiError::Internal(reason) => {
            tracing::error!(request = id.0, reason, "an export failed");
            refusal(ErrorCode::Internal, "Something went wrong on our side.")
        }
        _ => json!({ "errors": [{ "message": error.message(), "extensions": error.extensions() }] }),
    };
    let mut response = refuse_with(status, &body, id);
    if let ApiError::RateLimited { retry_after, .. } = error {
        response.headers_mut().insert(axum::http::header::RETRY_AFTER, HeaderValue::from(*retry_after));
    }
    response
}

fn refuse_with(status: StatusCode, body: &serde_json::Value, id: &RequestId) -> Response {
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&id.0) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    response
}
