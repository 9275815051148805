//! What redirects need besides links: API keys, and what workspaces decide for their redirects.

use std::sync::Arc;
use std::time::Duration;

use domain::{ApiKeyId, ApiKeyState, Millis, Privacy, ReferrerPolicy, WorkspaceId, WorkspacePolicy, signing_purpose};
use moka::future::Cache;
use platform::{Backoff, Clock, Metrics, Rng, SealKey, is_signature};
use tokio::runtime::Handle;

use crate::cache::{Asker, DecisionSource, Known, LookUps, TooFast};
use crate::salts::Salts;
use crate::settings::{HeldSettings, MAX_WORKSPACES, Settings};
use crate::{LookUpLimits, PolicySource};

/// How soon a workspace's settings that cannot be looked up are asked for again.
const ASK_AGAIN_MIN: Duration = Duration::from_millis(500);
const ASK_AGAIN_MAX: Duration = Duration::from_secs(5);
/// A key's use is noted this often.
const NOTE_EVERY: Duration = Duration::from_secs(60);

/// A workspace's decisions with its secrets opened.
#[derive(Clone, Debug)]
pub(crate) struct Decided {
    pub workspace: WorkspaceId,
    pub version: i32,
    /// `None` where there are secrets that this redirector cannot open.
    pub secrets: Option<Vec<Secret>>,
    pub referrer_policy: Option<ReferrerPolicy>,
    pub privacy: Privacy,
    pub closed: bool,
}

impl Decided {
    /// Whether a secret that is good at that time signed the text; `None` where that cannot be told here.
    pub fn has_signed(&self, text: &str, signature: &str, now: Millis) -> Option<bool> {
        let mut present = self.secrets.as_ref()?.iter().filter(|secret| secret.valid_until.is_none_or(|end| now < end));
        Some(present.any(|secret| is_signature(&secret.bytes, text, signature)))
    }

    pub fn opened(policy: &WorkspacePolicy, seal_key: Option<&SealKey>) -> Self {
        let WorkspacePolicy { id: workspace, version, referrer_policy, closed, .. } = *policy;
        Self { workspace, version, secrets: opened(policy, seal_key), referrer_policy, privacy: policy.privacy.clone(), closed }
    }
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

/// Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Policies {
    source: Arc<dyn PolicySource>,
    keys: LookUps<ApiKeyState>,
    workspaces: LookUps<Decided>,
    settings: HeldSettings,
    /// With strict capture.
    salts: Option<Salts>,
    /// Keys whose use was noted lately.
    noted: Cache<ApiKeyId, ()>,
    clock: Clock,
    main: Handle,
}

impl Policies {
    /// Must be made on the main runtime: policies are looked up there.
    pub fn new(
        source: Arc<dyn PolicySource>,
        seal_key: Option<SealKey>,
        salts: Option<Salts>,
        limits: LookUpLimits,
        clock: Clock,
        metrics: &Metrics,
    ) -> Self {
        let decisions = DecisionSource { policies: source.clone(), seal_key: seal_key.map(Arc::new) };
        Self {
            keys: LookUps::new(source.clone(), limits, clock.clone(), metrics),
            workspaces: LookUps::new(decisions, limits, clock.clone(), metrics),
            settings: HeldSettings::new(),
            salts,
            noted: Cache::builder().max_capacity(MAX_WORKSPACES).time_to_live(NOTE_EVERY).build(),
            source,
            clock,
            main: Handle::current(),
        }
    }

    /// What became of a key, for whoever sends one.
    ///
    /// # Errors
    /// [`TooFast`], as of the next one.
    pub async fn key(&self, id: ApiKeyId, may_ask: impl FnOnce() -> bool) -> Result<Known<ApiKeyState>, TooFast> {
        self.keys.resolve_if(&id, may_ask).await
    }

    /// What a workspace decides, for whoever names one.
    ///
    /// # Errors
    /// [`TooFast`] where it is not known and `may_ask` says no.
    pub async fn workspace(&self, id: WorkspaceId, may_ask: impl FnOnce() -> bool) -> Result<Known<Decided>, TooFast> {
        self.workspaces.resolve_if(&id, may_ask).await
    }

    /// What a workspace decided of which there is a link; `None` where it cannot be looked up.
    pub async fn decided(&self, id: WorkspaceId) -> Option<Arc<Decided>> {
        match self.workspaces.resolve(&id, Asker::Ourselves).await {
            Known::Found(decided) => Some(decided),
            Known::Nothing | Known::CannotTell => None,
        }
    }

    /// The settings of a workspace that there is, as they are and will be. Where they cannot be looked
    /// up nothing is known of them, until they can.
    pub async fn settings(&self, id: WorkspaceId) -> Settings {
        let settings = self.look_up_settings(id).await;
        if !settings.are_known() {
            self.ask_for(id, &settings);
        }
        settings
    }

    /// The same, as far as they are known now.
    pub async fn settings_so_far(&self, id: WorkspaceId) -> Settings {
        let settings = self.settings.of(id).await;
        if !settings.are_known() {
            self.ask_for(id, &settings);
        }
        settings
    }

    async fn look_up_settings(&self, id: WorkspaceId) -> Settings {
        let known = self.workspaces.resolve_anew(&id).await;
        let settings = self.settings.of(id).await;
        match known {
            Known::Found(decided) => settings.set(decided.referrer_policy, &decided.privacy, decided.closed),
            // There is the workspace, so it has decided nothing.
            Known::Nothing => settings.set(None, &Privacy::default(), false),
            Known::CannotTell => {}
        }
        if let Some(salts) = &self.salts {
            salts.know(id, &settings).await;
        }
        settings
    }

    /// Forgets the salts of days that are over.
    pub fn sweep_salts(&self, now: Millis) {
        self.settings.sweep_salts(now);
    }

    /// Looks up settings again and again until they are known, away from who asks for them: the links
    /// that share them are cached by then, and would look only when they are looked up again.
    fn ask_for(&self, id: WorkspaceId, settings: &Settings) {
        if !settings.is_mine_to_ask() {
            return;
        }
        let (this, settings) = (self.clone(), settings.clone());
        self.main.spawn(async move {
            let mut backoff = Backoff::new(ASK_AGAIN_MIN, ASK_AGAIN_MAX);
            // Whose settings were forgotten meanwhile has no link in use.
            while !settings.are_known() && this.settings.has(id) {
                backoff.pause(&Rng::System).await;
                this.look_up_settings(id).await;
            }
            settings.is_asked_no_more();
        });
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
        self.keys.expire(&id).await;
    }

    /// Looks again at once, where anybody has looked before: cached links do not.
    pub async fn workspace_changed(&self, id: WorkspaceId) {
        self.workspaces.expire(&id).await;
        if self.settings.has(id) {
            let this = self.clone();
            // Whoever tells of changes does not wait for it.
            self.main.spawn(async move { this.settings(id).await });
        }
    }

    /// Whatever is remembered may be out of date.
    pub fn alarm(&self) {
        self.keys.alarm();
        self.workspaces.alarm();
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
