//! How exactly a click limit holds.

use async_graphql::Enum;

/// How exactly a click limit holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::LimitMode")]
pub enum ClickLimitMode {
    /// Never more than the limit, maybe a few less where a redirector died. A visitor may wait a
    /// moment for a permit; while none can be had, visitors get `fallbackUrl`, or a page with status 503.
    Strict,
    /// Each redirector process may lead on 100 above what it was granted, so hardly anybody waits, and
    /// the limit is passed by at most that where clicks come faster than it hears that the limit is
    /// reached. Beyond the 100 visitors wait for a permit; while none can be had, they get
    /// `fallbackUrl`, or a page with status 503.
    Fast,
}
