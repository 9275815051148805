//! The shell around the GraphQL schema: HTTP, WebSocket, origins, limits and the listener.
//!
//! async-graphql's own integration leaves too much open (any content type, no limits, no origin
//! check, other close codes), so what a stranger can send is bounded here.

mod answer;
mod http;
mod limits;
mod origin;
mod wording;
mod ws;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::Request;
use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use domain::WorkspaceId;
use platform::config::Origins;
use platform::{ClientIp, Clock, Peer, Rng};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use answer::refusal;
pub(crate) use limits::limited;

use crate::auth::Sessions;
use crate::caller::Caller;
use crate::conversions::{Tracker, post_json};
use crate::export::{self, Exports};
use crate::schema::ApiSchema;

/// What every request and socket needs.
pub(crate) struct Shell {
    pub schema: ApiSchema,
    pub sessions: Arc<Sessions>,
    pub origins: Origins,
    pub client_ip: ClientIp,
    pub clock: Clock,
    pub rng: Rng,
    pub stopping: CancellationToken,
    /// Sockets that are open: a stop waits until each was told.
    pub open: TaskTracker,
    /// Open sockets of each workspace.
    pub sockets: Mutex<HashMap<WorkspaceId, usize>>,
    pub exports: Exports,
    pub tracker: Arc<Tracker>,
}

/// Names one request in the logs and to its caller.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub String);

impl Shell {
    pub fn request_id(&self) -> RequestId {
        RequestId(format!("req_{:032x}", u128::from_le_bytes(self.rng.bytes())))
    }

    /// Whose request it is, as far as trusted proxies tell.
    pub fn client(&self, headers: &HeaderMap, peer: Option<Peer>) -> IpAddr {
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
        self.client_ip.of(peer, headers)
    }

    fn prepare(&self, request: Request, caller: Caller, id: &RequestId) -> Request {
        request.data(caller).data(id.clone())
    }

    /// Counts a socket of `workspace`, unless it has `most` already.
    fn admit(self: &Arc<Self>, workspace: WorkspaceId, most: usize) -> Option<Admission> {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        let open = sockets.entry(workspace).or_default();
        (*open < most).then(|| {
            *open += 1;
            Admission { shell: self.clone(), workspace }
        })
    }
}

/// A counted socket.
struct Admission {
    shell: Arc<Shell>,
    workspace: WorkspaceId,
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut sockets = self.shell.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = sockets.get_mut(&self.workspace) {
            *open -= 1;
            if *open == 0 {
                sockets.remove(&self.workspace);
            }
        }
    }
}

/// Waits for the stop, and until all sockets were told of it.
pub(crate) async fn farewell(open: TaskTracker, stopping: CancellationToken) -> Result<(), std::convert::Infallible> {
    stopping.cancelled().await;
    open.close();
    open.wait().await;
    Ok(())
}

/// All routes of the API, and the dashboard everywhere else. The dashboard's files are public and
/// outside the check of origins.
pub(crate) fn router(shell: Arc<Shell>) -> Router {
    Router::new()
        .route("/graphql", get(ws::upgrade).post(http::post).options(origin::preflight))
        .route("/.well-known/jwks.json", get(http::jwks))
        .route("/export/workspace", get(export::get).options(origin::preflight))
        .route("/conversions", post(post_json).options(origin::preflight))
        .method_not_allowed_fallback(http::method_not_allowed)
        .layer(axum::middleware::from_fn_with_state(shell.clone(), origin::check))
        .with_state(shell)
        .fallback(crate::dashboard::serve)
}
