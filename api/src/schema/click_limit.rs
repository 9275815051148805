//! How exactly a click limit holds.

use async_graphql::Enum;

/// How exactly a click limit holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::LimitMode")]
pub enum ClickLimitMode {
    /// Never more than the limit, maybe a few less where a redirector died. A visitor may wait a
    /// moment for a permit; while none can be had, visitors get `fallbackUrl`, or a page with status 503.
    Strict,
    /// Nobody waits. Each redirector process leads on at most 100 above the limit, which happens when
    /// clicks come faster than it hears that the limit is reached. It stops likewise, 100 above what it
    /// was granted, while the limit cannot be asked for.
    Fast,
}
