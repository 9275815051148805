//! What a captured click tells of its visitor. With strict capture it is reduced here to what its workspace
//! keeps, so that the rest is never written: not to the spool, and so to nothing that is fed from it.

use std::sync::Arc;

use domain::CapturedClick;
use enrich::{GeoDatabases, reduce_captured};

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
    },
}

impl Reducer {
    /// `salts` with strict capture.
    pub fn new(salts: Option<Salts>, geo: Arc<GeoDatabases>) -> Self {
        salts.map_or(Self::Worker, |salts| Self::Here { geo, salts })
    }

    /// Nobody waits for what is not known here: then less is kept.
    pub fn reduce(&self, click: &mut CapturedClick, settings: &Settings) {
        if let Self::Here { geo, salts } = self {
            let salt = salts.of(click.workspace, settings, click.id.made_at());
            reduce_captured(click, geo, settings.privacy().as_deref(), salt.as_ref());
        }
    }
}
