//! What redirects need besides links: API keys, and what workspaces decide for their redirects.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use domain::{ApiKeyId, ApiKeyRight, ApiKeyState, Millis, ReferrerPolicy, WorkspaceId, WorkspacePolicy, signing_purpose};
use hyper::header::{HeaderValue, LOCATION, REFERRER_POLICY};
use moka::future::Cache;
use platform::{Clock, SealKey};
use tokio::runtime::Handle;

use crate::PolicySource;
use crate::answer::Answer;
use crate::memory::{Memory, Remembered};

const MAX_WORKSPACES: u64 = 50_000;
/// A key's use is noted this often.
const NOTE_EVERY: Duration = Duration::from_secs(60);

/// A workspace's decisions with its secrets opened.
#[derive(Clone, Debug)]
pub(crate) struct Decided {
    /// `None` where there are secrets that this redirector cannot open.
    pub secrets: Option<Vec<Secret>>,
    pub referrer_policy: Option<ReferrerPolicy>,
}

#[derive(Clone)]
pub(crate) struct Secret {
    pub bytes: Vec<u8>,
    pub valid_until: Option<Millis>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secret").field("valid_until", &self.valid_until).finish_non_exhaustive()
    }
}

/// The referrer policy of one workspace, shared by all its cached links: a change is seen at once
/// and costs a redirect no look-up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Referrer(Arc<AtomicU8>);

impl Referrer {
    fn set(&self, policy: Option<ReferrerPolicy>) {
        let code = policy.and_then(|policy| ReferrerPolicy::ALL.iter().position(|known| *known == policy)).map_or(0, |at| at + 1);
        self.0.store(u8::try_from(code).unwrap_or_default(), Ordering::Relaxed);
    }

    fn get(&self) -> Option<ReferrerPolicy> {
        let code = usize::from(self.0.load(Ordering::Relaxed));
        code.checked_sub(1).and_then(|at| ReferrerPolicy::ALL.get(at)).copied()
    }

    /// The same answer, which tells browsers the policy if it sends them on.
    pub fn on(&self, mut answer: Answer) -> Answer {
        if let Some(policy) = self.get().filter(|_| answer.headers().contains_key(LOCATION)) {
            answer.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static(policy.as_str()));
        }
        answer
    }
}

/// Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Policies {
    source: Arc<dyn PolicySource>,
    keys: Memory<ApiKeyId, ApiKeyRight>,
    workspaces: Memory<WorkspaceId, Decided>,
    referrers: Cache<WorkspaceId, Referrer>,
    /// Keys whose use was noted lately.
    noted: Cache<ApiKeyId, ()>,
    seal_key: Option<Arc<SealKey>>,
    clock: Clock,
    main: Handle,
}

impl Policies {
    /// Must be made on the main runtime: policies are looked up there.
    pub fn new(source: Arc<dyn PolicySource>, seal_key: Option<SealKey>, clock: Clock) -> Self {
        Self {
            source,
            keys: Memory::new(clock.clone()),
            workspaces: Memory::new(clock.clone()),
            referrers: Cache::builder().max_capacity(MAX_WORKSPACES).build(),
            noted: Cache::builder().max_capacity(MAX_WORKSPACES).time_to_live(NOTE_EVERY).build(),
            seal_key: seal_key.map(Arc::new),
            clock,
            main: Handle::current(),
        }
    }

    /// What a key is good for; revoked ones are nothing.
    pub async fn key(&self, id: ApiKeyId) -> Remembered<ApiKeyRight> {
        let source = self.source.clone();
        let right = |state: Option<ApiKeyState>| state.and_then(|state| state.right);
        self.keys.get(id, || async move { source.api_key(id).await.map(right) }).await
    }

    pub async fn workspace(&self, id: WorkspaceId) -> Remembered<Decided> {
        let (source, seal_key) = (self.source.clone(), self.seal_key.clone());
        let decide = move |policy: WorkspacePolicy| Decided {
            secrets: opened(&policy, seal_key.as_deref()),
            referrer_policy: policy.referrer_policy,
        };
        self.workspaces.get(id, || async move { source.workspace_policy(id).await.map(|policy| Some(decide(policy))) }).await
    }

    /// The workspace's referrer policy as it is and will be. Where it cannot be looked up browsers
    /// are told nothing, until it can.
    pub async fn referrer(&self, id: WorkspaceId) -> Referrer {
        let decided = self.workspace(id).await;
        let cell = self.cell(id).await;
        if let Remembered::Known(decided) = decided {
            cell.set(decided.referrer_policy);
        }
        cell
    }

    /// The same, as far as it is known now.
    pub async fn cell(&self, id: WorkspaceId) -> Referrer {
        self.referrers.get_with(id, async { Referrer::default() }).await
    }

    /// Notes that a key was used; nobody waits for it.
    pub async fn note_use(&self, id: ApiKeyId) {
        if !self.noted.contains_key(&id) {
            self.noted.insert(id, ()).await;
            let (source, now) = (self.source.clone(), self.clock.now());
            self.main.spawn(async move { source.key_used(id, now).await });
        }
    }

    pub async fn key_changed(&self, id: ApiKeyId) {
        self.keys.expire(id).await;
    }

    /// Looks again at once, where anybody has looked before: cached links do not.
    pub async fn workspace_changed(&self, id: WorkspaceId) {
        self.workspaces.expire(id).await;
        if self.referrers.contains_key(&id) {
            let this = self.clone();
            // Whoever tells of changes does not wait for it.
            self.main.spawn(async move { this.referrer(id).await });
        }
    }

    /// Whatever is remembered may be out of date.
    pub fn doubt(&self) {
        self.keys.doubt();
        self.workspaces.doubt();
    }
}

fn opened(policy: &WorkspacePolicy, seal_key: Option<&SealKey>) -> Option<Vec<Secret>> {
    if policy.secrets.is_empty() {
        return Some(Vec::new());
    }
    let (seal_key, purpose) = (seal_key?, signing_purpose(policy.id));
    let open = |secret: &domain::SealedSecret| {
        Some(Secret { bytes: seal_key.open(&purpose, &secret.sealed).ok()?, valid_until: secret.valid_until })
    };
    // Those that another key sealed open nothing any more; a new one still does.
    let opened: Vec<Secret> = policy.secrets.iter().filter_map(open).collect();
    (!opened.is_empty()).then_some(opened)
}
