//! Credentials: passwords, access tokens, refresh tokens, and the sessions they belong to.

mod export_tokens;
mod keys;
mod passwords;
mod refresh;
mod sessions;
mod tokens;

pub(crate) use passwords::Passwords;
pub(crate) use sessions::{Grant, Granted, Sessions};
