//! Clicks of a time that their workspace no longer keeps: not stored but counted.
//!
//! A purge moves the watermark under the head's lock before it deletes, so a click that is delivered again
//! after its row went is left out here, and no cell counts it a second time.

use domain::Millis;
use uuid::Uuid;

use super::Incoming;

const MINUTE_MILLIS: i64 = 60_000;

/// A click to be counted as too late.
#[derive(Clone, Copy, Debug)]
pub(super) struct Late {
    /// Minutes since 1970, UTC, of the click: the same whenever it comes.
    pub minute: i64,
    pub click: Uuid,
}

/// The late ones and the others.
pub(super) fn split<'a>(clicks: &[&'a Incoming], kept_from: Millis) -> (Vec<Late>, Vec<&'a Incoming>) {
    let (mut late, mut kept) = (Vec::new(), Vec::with_capacity(clicks.len()));
    for incoming in clicks {
        let at = incoming.click.occurred_at();
        if at < kept_from {
            late.push(Late { minute: at.0.div_euclid(MINUTE_MILLIS), click: incoming.click.id.0 });
        } else {
            kept.push(*incoming);
        }
    }
    (late, kept)
}
