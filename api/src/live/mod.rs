//! Live clicks: what subscriptions are fed from.

mod follower;
mod hub;

pub(crate) use follower::{Start, Told};
pub(crate) use hub::{Changes, Hub};
