//! Failures as clients see them: a message for a person and a stable code for a program. What is
//! nobody's business outside is logged and masked.

use async_graphql::{Enum, ErrorExtensions, Value};
use domain::{Invalid, Issue};
use store::{Conflict, StoreError};

/// Why a request failed, in `errors[].extensions.code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum ErrorCode {
    /// No credential, or one that is wrong or has expired.
    Unauthenticated,
    /// The credential does not allow this.
    Forbidden,
    /// There is no such thing in this workspace.
    NotFound,
    /// The input breaks a rule; `extensions.issues` lists all of them and `field` is the first one's path.
    Validation,
    /// Something else has the name, or changed first.
    Conflict,
    /// Too many requests; `extensions.retryAfter` says in how many seconds to come again.
    RateLimited,
    /// The workspace's plan does not allow more.
    QuotaExceeded,
    /// A one-time code is needed to sign in.
    TotpRequired,
    /// Something that is needed does not answer; the same request may succeed later.
    Unavailable,
    /// A defect on our side.
    Internal,
}

impl ErrorCode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::Validation => "VALIDATION",
            Self::Conflict => "CONFLICT",
            Self::RateLimited => "RATE_LIMITED",
            Self::QuotaExceeded => "QUOTA_EXCEEDED",
            Self::TotpRequired => "TOTP_REQUIRED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }
}

/// A failure of a resolver.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("Sign in first: this needs a valid access token.")]
    Unauthenticated,
    #[error("{0}")]
    BadCredential(&'static str),
    #[error("{0}")]
    Forbidden(&'static str),
    #[error("There is no such {0} in this workspace.")]
    NotFound(&'static str),
    #[error("{0}")]
    Invalid(#[from] Invalid),
    #[error("{message}")]
    Conflict { field: &'static str, message: &'static str },
    #[error("{0}")]
    Store(StoreError),
    #[error("{0}")]
    Internal(String),
}

pub(crate) type ApiResult<T> = Result<T, async_graphql::Error>;

impl From<Issue> for ApiError {
    fn from(issue: Issue) -> Self {
        Self::Invalid(issue.into())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound("thing"),
            StoreError::Conflict(Conflict::Email) => {
                Self::Conflict { field: "email", message: "This e-mail address already has an account. Sign in instead." }
            }
            StoreError::Conflict(Conflict::Slug) => Self::Conflict { field: "slug", message: "This slug is taken. Choose another one." },
            StoreError::Conflict(Conflict::ExternalId) => {
                Self::Conflict { field: "externalId", message: "Another link of this workspace has this external id." }
            }
            StoreError::Conflict(Conflict::Version) => Self::Conflict {
                field: "expectedVersion",
                message: "The link was changed in the meantime. Load it again and repeat your change.",
            },
            other @ (StoreError::Unavailable(_) | StoreError::Unusable(_) | StoreError::Internal(_)) => Self::Store(other),
        }
    }
}

impl ApiError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unauthenticated | Self::BadCredential(_) => ErrorCode::Unauthenticated,
            Self::Forbidden(_) => ErrorCode::Forbidden,
            Self::NotFound(_) => ErrorCode::NotFound,
            Self::Invalid(_) => ErrorCode::Validation,
            Self::Conflict { .. } => ErrorCode::Conflict,
            Self::Store(StoreError::Internal(_)) | Self::Internal(_) => ErrorCode::Internal,
            Self::Store(_) => ErrorCode::Unavailable,
        }
    }
}

impl From<ApiError> for async_graphql::Error {
    fn from(error: ApiError) -> Self {
        let code = error.code();
        let message = match code {
            ErrorCode::Unavailable => {
                tracing::warn!(%error, "a request failed because the database does not answer");
                "The service cannot reach its database right now. Try again in a moment.".to_owned()
            }
            // Left as it is for the shell, which logs it with the request's id and masks it.
            _ => error.to_string(),
        };
        Self::new(message).extend_with(|_, extensions| {
            // The shell gives INTERNAL to whatever carries no code.
            if code != ErrorCode::Internal {
                extensions.set("code", code.as_str());
            }
            match &error {
                ApiError::Invalid(invalid) => {
                    extensions.set("issues", Value::List(invalid.0.iter().map(issue_value).collect()));
                    if let Some(first) = invalid.0.first() {
                        extensions.set("field", first.path.as_str());
                    }
                }
                ApiError::Conflict { field, .. } => extensions.set("field", *field),
                ApiError::Unauthenticated
                | ApiError::BadCredential(_)
                | ApiError::Forbidden(_)
                | ApiError::NotFound(_)
                | ApiError::Store(_)
                | ApiError::Internal(_) => {}
            }
        })
    }
}

fn issue_value(issue: &Issue) -> Value {
    Value::from_json(serde_json::json!({ "path": issue.path, "code": issue.code.as_str(), "message": issue.message })).unwrap_or_default()
}
