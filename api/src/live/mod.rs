//! Live clicks: what subscriptions are fed from.

mod follower;
mod hub;

pub(crate) use follower::Start;
pub(crate) use hub::Hub;
