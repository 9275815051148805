//! What a captured click or miss tells of its visitor. With strict capture it is reduced here to what its workspace
//! keeps, so that the rest is never written: not to the spool, and so to nothing that is fed from it.

use std::sync::Arc;

use domain::{CapturedClick, CapturedMiss};
use enrich::{GeoDatabases, reduce_captured, reduce_missed};

use crate::policies::Policies;
use crate::salts::Salts;
use crate::settings::Settings;

/// Clones share what they reduce with.
#[derive(Clone, Debug)]
pub(crate) enum Reducer {
    /// The worker does it, in the storing transaction.
    Worker,
    Here {
        geo: Arc<GeoDatabases>,
        salts: Salts,
        policies: Box<Policies>,
    },
}

impl Reducer {
    /// `salts` with strict capture.
    pub fn new(salts: Option<Salts>, geo: Arc<GeoDatabases>, policies: &Policies) -> Self {
        salts.map_or(Self::Worker, |salts| Self::Here { geo, salts, policies: Box::new(policies.clone()) })
    }

    /// Nobody waits for what is not known here: then less is kept.
    pub fn reduce(&self, click: &mut CapturedClick, settings: &Settings) {
        if let Self::Here { geo, salts, .. } = self {
            let salt = salts.of(click.workspace, settings, click.id.made_at());
            reduce_captured(click, geo, settings.privacy().as_deref(), salt.as_ref());
        }
    }

    /// The same of a miss, for which nothing is looked up that anybody waits for either.
    pub async fn reduce_miss(&self, miss: &mut CapturedMiss) {
        if let Self::Here { geo, policies, .. } = self {
            let settings = policies.settings_so_far(miss.workspace).await;
            reduce_missed(miss, geo, settings.privacy().as_deref());
        }
    }
}
