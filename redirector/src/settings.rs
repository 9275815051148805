//! What each redirect must know of its link's workspace: shared by all of the workspace's cached links,
//! so that it costs a redirect no look-up and a change is seen at once.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use domain::{ConsentMode, Millis, Privacy, ReferrerPolicy, WorkspaceId};
use hyper::header::{HeaderValue, LOCATION, REFERRER_POLICY};
use moka::future::Cache;

use crate::answer::Answer;
use crate::salts::HeldSalts;

/// Whose settings are remembered.
pub(crate) const MAX_WORKSPACES: u64 = 50_000;

/// What one workspace decided for its redirects, as far as each of them needs it. All its cached links
/// share it: a change is seen at once and costs a redirect no look-up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    referrer: AtomicU8,
    /// Of those below; zero while nothing is known.
    flags: AtomicU8,
    /// All that was decided of visitors; `None` while that is unknown.
    privacy: RwLock<Option<Arc<Privacy>>>,
    salts: HeldSalts,
    /// Whether they are looked up again until they are known.
    is_asked_for: AtomicBool,
}

const KNOWN: u8 = 1;
const ASKS: u8 = 2;
const CLOSED: u8 = 4;

impl Settings {
    pub fn set(&self, referrer: Option<ReferrerPolicy>, privacy: &Privacy, closed: bool) {
        let code = |policy: ReferrerPolicy| ReferrerPolicy::ALL.iter().position(|known| *known == policy);
        let code = referrer.and_then(code).map_or(0, |at| at + 1);
        self.0.referrer.store(u8::try_from(code).unwrap_or_default(), Ordering::Relaxed);
        *self.0.privacy.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(privacy.clone()));
        let asks = if privacy.consent == ConsentMode::Required { ASKS } else { 0 };
        let closed = if closed { CLOSED } else { 0 };
        self.0.flags.store(KNOWN | asks | closed, Ordering::Relaxed);
    }

    pub fn are_known(&self) -> bool {
        self.0.flags.load(Ordering::Relaxed) & KNOWN != 0
    }

    fn referrer(&self) -> Option<ReferrerPolicy> {
        let code = usize::from(self.0.referrer.load(Ordering::Relaxed));
        code.checked_sub(1).and_then(|at| ReferrerPolicy::ALL.get(at)).copied()
    }

    /// Whether visitors are asked for consent; not while that is unknown, and clicks are then only counted.
    pub fn asks(&self) -> bool {
        self.0.flags.load(Ordering::Relaxed) & ASKS != 0
    }

    /// What was decided of visitors; `None` while that is unknown.
    pub fn privacy(&self) -> Option<Arc<Privacy>> {
        self.0.privacy.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn salts(&self) -> &HeldSalts {
        &self.0.salts
    }

    /// Whether the caller is the one to look again until they are known.
    pub fn is_mine_to_ask(&self) -> bool {
        !self.0.is_asked_for.swap(true, Ordering::AcqRel)
    }

    pub fn is_asked_no_more(&self) {
        self.0.is_asked_for.store(false, Ordering::Release);
    }

    /// Whether the workspace is to be deleted, so that its links lead nowhere; not while that is unknown.
    pub fn is_closed(&self) -> bool {
        self.0.flags.load(Ordering::Relaxed) & CLOSED != 0
    }

    /// The same answer, which tells browsers the policy if it sends them on.
    pub fn on(&self, mut answer: Answer) -> Answer {
        if let Some(policy) = self.referrer().filter(|_| answer.headers().contains_key(LOCATION)) {
            answer.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static(policy.as_str()));
        }
        answer
    }
}

/// The settings of all workspaces that were asked for lately. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct HeldSettings {
    cache: Cache<WorkspaceId, Settings>,
    /// All that anyone holds, those too that the cache has forgotten and links have not.
    all: Arc<Mutex<Vec<Weak<Shared>>>>,
}

impl HeldSettings {
    pub fn new() -> Self {
        Self { cache: Cache::builder().max_capacity(MAX_WORKSPACES).build(), all: Arc::default() }
    }

    pub fn has(&self, id: WorkspaceId) -> bool {
        self.cache.contains_key(&id)
    }

    /// Those of a workspace; nothing is known of new ones.
    pub async fn of(&self, id: WorkspaceId) -> Settings {
        let new = async {
            let settings = Settings::default();
            let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
            if all.len() == all.capacity() {
                all.retain(|held| held.strong_count() > 0);
            }
            all.push(Arc::downgrade(&settings.0));
            settings
        };
        self.cache.get_with(id, new).await
    }

    /// Forgets the salts of days that are over.
    pub fn sweep_salts(&self, now: Millis) {
        let all: Vec<_> = self.all.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade).collect();
        all.iter().for_each(|settings| settings.salts.sweep(now));
    }
}

#[cfg(test)]
mod tests {
    use domain::{DaySalt, SaltOfDay};

    use super::*;

    #[tokio::test]
    async fn salts_go_with_their_day_wherever_they_are_held() {
        let held = HeldSettings::new();
        let workspace = |number: u8| WorkspaceId::new(Millis(0), [number; 10]);
        let (forgotten, known) = (held.of(workspace(1)).await, held.of(workspace(2)).await);
        for settings in [&forgotten, &known] {
            settings.salts().set(vec![SaltOfDay { salt: DaySalt([1; 32]), from: Millis(0), until: Millis(10) }]);
        }
        // A link holds them still.
        held.cache.invalidate(&workspace(1)).await;
        assert!(!held.has(workspace(1)) && held.has(workspace(2)));
        held.sweep_salts(Millis(9));
        assert!(forgotten.salts().of(Millis(9)).is_some() && known.salts().of(Millis(9)).is_some());
        held.sweep_salts(Millis(10));
        assert!(forgotten.salts().of(Millis(9)).is_none() && known.salts().of(Millis(9)).is_none());
    }

    #[tokio::test]
    async fn of_what_nobody_holds_nothing_is_left() {
        let held = HeldSettings::new();
        for number in 0..=255 {
            let id = WorkspaceId::new(Millis(0), [number; 10]);
            held.of(id).await;
            held.cache.invalidate(&id).await;
            held.cache.run_pending_tasks().await;
        }
        assert!(held.all.lock().unwrap().len() < 128);
    }
}
