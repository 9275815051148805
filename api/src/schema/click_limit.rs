//! How exactly a click limit holds.

use async_graphql::Enum;

/// How exactly a click limit holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::LimitMode")]
pub enum ClickLimitMode {
    /// Never more than the limit, maybe a few less where a redirector died. A visitor may wait a
    /// moment for a permit; while none can be had, visitors get `fallbackUrl`, or a page with status 503.
    Strict,
    /// Each redirector process may lead on 100 above what it was granted until it hears that the limit is
    /// reached, so the limit is passed by at most that for each process, and hardly anybody waits: the first
    /// visitor of a link since the process started, for a permit, and whoever comes beyond the 100. While none
    /// can be had, the latter get `fallbackUrl`, or a page with status 503.
    Fast,
}
