//! `GET /export`: all clicks of a filter, as they are read. A page of a thousand is in memory at a time, each page
//! in a snapshot of its own, so that a reader who takes hours holds none open.
//!
//! What is sent is each click once that was stored when the export began and is still there when its page is
//! read, oldest first. An answer that cannot be finished is cut, and its last chunk is missing: no client of HTTP/1.1
//! takes it for whole, which is why older ones get none.

use std::io::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode, Version};
use axum::response::{IntoResponse, Response};
use domain::{AuditEntry, AuditId, Millis, Seq};
use serde_json::json;
use tokio::sync::mpsc;

use super::asked::{self, Asked, Refused};
use super::tables::{CLICKS, Format};
use super::turns::Turn;
use super::{Broken, Chunk, refuse, refuse_with};
use crate::caller::Caller;
use crate::schema::error::{ApiError, ErrorCode};
use crate::schema::{Services, stored_cursor};
use crate::shell::{RequestId, Shell};

/// Clicks read at a time.
const ROWS: u64 = 1_000;
/// How long a reader may read nothing.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn get(State(shell): State<Arc<Shell>>, request: Request<Body>) -> Response {
    // A body cannot be held on to while something is waited for.
    let (request, _) = request.into_parts();
    let id = shell.request_id();
    if request.version < Version::HTTP_11 {
        let message = "Ask by HTTP/1.1 or later: before it nobody can tell an answer that was cut from a whole one.";
        return refuse_with(StatusCode::HTTP_VERSION_NOT_SUPPORTED, &crate::shell::refusal(ErrorCode::Validation, message), &id);
    }
    match begin(&shell, &request, &id).await {
        Ok((asked, begun)) => answer(shell, asked, begun, &id),
        Err(Refused::Error(error)) => refuse(&error, &id),
        Err(Refused::Errors(body)) => refuse_with(status_of(&body), &body, &id),
    }
}

/// What an export holds on to, and where its snapshot of the order of storage ends.
struct Begun {
    /// `None` where only the head of the answer was asked for, which is no export.
    turn: Option<Turn>,
    head: Seq,
    data_from: Millis,
}

async fn begin(shell: &Shell, request: &Parts, id: &RequestId) -> Result<(Asked, Begun), Refused> {
    let authorization = request.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let ip = shell.client(&request.headers, request.extensions.get().copied());
    let asked = asked::read(shell, &request.uri, authorization, ip, id).await?;
    let turn = if request.method == Method::HEAD { None } else { Some(shell.turns.take(asked.workspace)?) };
    let services = &shell.services;
    let scope = services.read(asked.workspace).await?;
    let (head, data_from) = (scope.head().await?, scope.clicks_from(&asked.filter).await?);
    drop(scope);
    if turn.is_some() {
        tell(services, &asked).await?;
    }
    Ok((asked, Begun { turn, head, data_from }))
}

/// In the audit log, before anything leaves.
async fn tell(services: &Services, asked: &Asked) -> Result<(), ApiError> {
    let entry = AuditEntry {
        id: AuditId::new(services.clock.now(), services.rng.entropy()),
        actor: asked.actor(),
        action: AuditEntry::CLICKS_EXPORTED.to_owned(),
        details: json!({ "format": asked.format.name() }),
    };
    let scope = services.write(asked.workspace).await?;
    scope.tell(&entry).await?;
    Ok(scope.commit().await?)
}

fn answer(shell: Arc<Shell>, asked: Asked, begun: Begun, id: &RequestId) -> Response {
    let Begun { turn, head, data_from } = begun;
    let (media, name) = match asked.format {
        Format::Csv => ("text/csv; charset=utf-8; header=present", "attachment; filename=\"clicks.csv\""),
        Format::NdJson => ("application/x-ndjson; charset=utf-8", "attachment; filename=\"clicks.ndjson\""),
    };
    let body = match turn {
        Some(turn) => written(shell, asked, head, turn),
        // Of a length that is not known, as the export itself is.
        None => Body::from_stream(futures_util::stream::empty::<Chunk>()),
    };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static(name));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let told = [("x-request-id", id.0.clone()), ("x-live-cursor", stored_cursor(head)), ("x-data-from", data_from.to_string())];
    for (name, value) in told {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// The export, as it is written.
fn written(shell: Arc<Shell>, asked: Asked, head: Seq, turn: Turn) -> Body {
    let (sender, mut receiver) = mpsc::channel(2);
    tokio::spawn(async move {
        let ended = tokio::select! {
            ended = write(&shell, &asked, head, &sender) => ended,
            () = shell.stopping.cancelled() => Err(Broken::Reader),
            () = ended(&shell, &asked.caller) => Err(Broken::Ended),
        };
        if let Err(error) = ended {
            tracing::warn!(%error, "an export of clicks ended before its end");
            let _ = sender.send_timeout(Err(Error::other("the export failed")), PATIENCE).await;
        }
        drop(turn);
    });
    Body::from_stream(futures_util::stream::poll_fn(move |context| receiver.poll_recv(context)))
}

/// Ends when whoever asked may not have it any more.
async fn ended(shell: &Shell, caller: &Caller) {
    match caller {
        Caller::Session(session) => shell.sessions.ended(session).await,
        Caller::Key(key) => shell.sessions.key_ended(key).await,
        Caller::Anonymous => {}
    }
}

async fn write(shell: &Shell, asked: &Asked, head: Seq, sender: &mpsc::Sender<Chunk>) -> Result<(), Broken> {
    let send = async |bytes: Vec<u8>| match bytes.is_empty() {
        true => Ok(()),
        false => sender.send_timeout(Ok(Bytes::from(bytes)), PATIENCE).await.map_err(|_| Broken::Reader),
    };
    send(CLICKS.head(asked.format)).await?;
    let mut after = None;
    loop {
        let scope = shell.services.store.workspace(asked.workspace, store::Access::Read).await?;
        let clicks = scope.clicks_stored_by(&asked.filter, after, head, ROWS).await?;
        drop(scope);
        let Some(last) = clicks.last() else { return Ok(()) };
        after = Some(last.id);
        send(CLICKS.rows(asked.format, &clicks)).await?;
        if (clicks.len() as u64) < ROWS {
            return Ok(());
        }
    }
}

/// Of an answer of the schema with errors.
fn status_of(body: &serde_json::Value) -> StatusCode {
    match body["errors"][0]["extensions"]["code"].as_str() {
        Some("UNAUTHENTICATED") => StatusCode::UNAUTHORIZED,
        Some("FORBIDDEN") => StatusCode::FORBIDDEN,
        Some("VALIDATION") => StatusCode::BAD_REQUEST,
        Some("INTERNAL") => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl From<ApiError> for Broken {
    fn from(error: ApiError) -> Self {
        Self::Archive(error.to_string())
    }
}
