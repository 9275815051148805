//! Failures as clients see them: a message for a person and a stable code for a program. What is
//! nobody's business outside is logged and masked.

use async_graphql::Enum;
use domain::{ApiScope, Invalid, Issue};
use serde_json::{Value, json};
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
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("Sign in first: this needs a valid access token.")]
    Unauthenticated,
    #[error("{0}")]
    BadCredential(&'static str),
    #[error("{0}")]
    Forbidden(&'static str),
    #[error("There is no such {0} in this workspace.")]
    NotFound(&'static str),
    /// The same, with why.
    #[error("{0}")]
    Gone(String),
    #[error("{0}")]
    Invalid(Invalid),
    #[error("{message}")]
    Conflict { field: &'static str, message: &'static str },
    #[error("{message}")]
    RateLimited { retry_after: u64, message: &'static str },
    #[error("{0}")]
    Unavailable(&'static str),
    #[error("This API key lacks the scope {}. Use one that has it.", .0.name())]
    Scope(ApiScope),
    #[error("{0}")]
    Quota(String),
    #[error("This installation has no key to seal secrets with. Its operator sets LINKLOGGER_SEAL_KEY.")]
    NoSealKey,
    #[error("{0}")]
    Store(StoreError),
    #[error("{0}")]
    Internal(String),
}

pub(crate) type ApiResult<T> = Result<T, ApiError>;

impl From<Invalid> for ApiError {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<Issue> for ApiError {
    fn from(issue: Issue) -> Self {
        Self::Invalid(issue.into())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound("thing"),
            StoreError::Folded(before) => {
                let message = format!(
                    "From before {before} dimensions are kept by whole days of the workspace's zone. Choose a range of such days, and \
                     points that are days, weeks or months of that zone."
                );
                Issue::new("filter.from", domain::IssueCode::OutOfRange, message).into()
            }
            StoreError::TooMany => Self::Quota("The workspace has as many of these as it may.".into()),
            StoreError::Conflict(Conflict::Fixed) => {
                Self::Forbidden("This link stands for all clicks that were logged without a link. It cannot be changed or deleted.")
            }
            StoreError::Conflict(Conflict::Removed) => {
                Self::Conflict { field: "input", message: "The deletion of this workspace has begun. It cannot be taken back any more." }
            }
            StoreError::Conflict(Conflict::Event) => {
                Self::Conflict { field: "eventId", message: "This event id is another click's. Give each event an id of its own." }
            }
            StoreError::Conflict(Conflict::Email) => {
                Self::Conflict { field: "email", message: "This e-mail address already has an account. Sign in instead." }
            }
            StoreError::Conflict(Conflict::Slug) => Self::Conflict { field: "slug", message: "This slug is taken. Choose another one." },
            StoreError::Conflict(Conflict::ExternalId) => {
                Self::Conflict { field: "externalId", message: "Another link of this workspace has this external id." }
            }
            StoreError::Conflict(Conflict::Domain) => Self::Conflict { field: "host", message: "This workspace has this domain already." },
            StoreError::Conflict(Conflict::DomainInUse) => Self::Conflict {
                field: "caseSensitive",
                message: "The domain has links, which were saved by the rule it has now. Whether case matters can only be changed while it has none.",
            },
            StoreError::Conflict(Conflict::DomainLimit) => {
                Self::Quota("A workspace can have at most 100 domains. Remove one that is no longer used.".into())
            }
            StoreError::Conflict(Conflict::Host) => {
                Self::Conflict { field: "host", message: "This host is in use by another workspace. It must be removed there first." }
            }
            StoreError::Conflict(Conflict::HostQuarantined) => Self::Conflict {
                field: "host",
                message: "Another workspace has used this host until recently. It can be verified here 30 days after it was freed.",
            },
            StoreError::Conflict(Conflict::Version) => Self::Conflict {
                field: "expectedVersion",
                message: "The link was changed in the meantime. Load it again and repeat your change.",
            },
            other @ (StoreError::Unavailable(_) | StoreError::Unusable(_) | StoreError::Rollups { .. } | StoreError::Internal(_)) => {
                Self::Store(other)
            }
        }
    }
}

impl ApiError {
    /// A store's error that several callers share.
    pub fn unavailable(error: &StoreError) -> Self {
        Self::Store(StoreError::Unavailable(error.to_string()))
    }

    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Unauthenticated | Self::BadCredential(_) => ErrorCode::Unauthenticated,
            Self::Forbidden(_) | Self::Scope(_) => ErrorCode::Forbidden,
            Self::Quota(_) => ErrorCode::QuotaExceeded,
            Self::NotFound(_) | Self::Gone(_) => ErrorCode::NotFound,
            Self::Invalid(_) => ErrorCode::Validation,
            Self::Conflict { .. } => ErrorCode::Conflict,
            Self::RateLimited { .. } => ErrorCode::RateLimited,
            Self::Unavailable(_) => ErrorCode::Unavailable,
            Self::Store(StoreError::Internal(_) | StoreError::Rollups { .. }) | Self::Internal(_) => ErrorCode::Internal,
            Self::Store(_) | Self::NoSealKey => ErrorCode::Unavailable,
        }
    }
}

impl ApiError {
    /// The message for the client. Not for [`ErrorCode::Internal`], whose message is nobody's
    /// business outside.
    pub fn message(&self) -> String {
        match self {
            Self::Store(error) => {
                tracing::warn!(%error, "a request failed because the database does not answer");
                "The service cannot reach its database right now. Try again in a moment.".to_owned()
            }
            other => other.to_string(),
        }
    }

    /// `extensions` of the error.
    pub fn extensions(&self) -> Value {
        let code = self.code().as_str();
        match self {
            Self::Invalid(invalid) => {
                let field = invalid.0.first().map(|issue| issue.path.as_str());
                json!({ "code": code, "field": field, "issues": invalid.0.iter().map(issue_json).collect::<Vec<_>>() })
            }
            Self::Conflict { field, .. } => json!({ "code": code, "field": field }),
            Self::RateLimited { retry_after, .. } => json!({ "code": code, "retryAfter": retry_after }),
            Self::Unauthenticated
            | Self::BadCredential(_)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::Gone(_)
            | Self::Unavailable(_)
            | Self::Scope(_)
            | Self::Quota(_)
            | Self::NoSealKey
            | Self::Store(_)
            | Self::Internal(_) => {
                json!({ "code": code })
            }
        }
    }
}

fn issue_json(issue: &Issue) -> Value {
    json!({ "path": issue.path, "code": issue.code.as_str(), "message": issue.message })
}
