//! What is answered to a key that does not open what was asked for, and to who makes or changes keys.

use http::StatusCode;

use crate::api::KeyScope;
use crate::keys::KeyError;

/// Why a key does not open it. Its holder knows the secret, so it may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyRefusal {
    /// Its time is over.
    #[error("this API key has expired: ask the person of that computer for a new one")]
    Expired,
    /// Somebody revoked it.
    #[error("this API key was revoked: ask the person of that computer for a new one")]
    Revoked,
    /// It opens other things.
    #[error("this API key does not open this: it needs the scope `{}`", .0.word())]
    Scope(KeyScope),
    /// No key opens it.
    #[error("no API key opens this: it is done at the computer itself")]
    Never,
    /// Its requests come too fast.
    #[error("too many requests with this API key: try again later")]
    Rate {
        /// When, in seconds.
        retry_s: u32,
    },
    /// Its tokens come too fast.
    #[error("too many tokens in a minute with this API key: try again later")]
    TokenRate {
        /// When, in seconds.
        retry_s: u32,
    },
    /// Its quota is used up.
    #[error("the quota of tokens of this API key is used up")]
    Quota {
        /// When there is a new one, in seconds; none: when somebody raises it.
        retry_s: Option<u32>,
    },
    /// Too many of its requests are being answered.
    #[error("too many requests at a time: wait for the answer of some")]
    Crowded,
}

impl KeyRefusal {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Expired | Self::Revoked => StatusCode::UNAUTHORIZED,
            Self::Scope(_) | Self::Never => StatusCode::FORBIDDEN,
            Self::Rate { .. } | Self::TokenRate { .. } | Self::Quota { .. } | Self::Crowded => {
                StatusCode::TOO_MANY_REQUESTS
            }
        }
    }

    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Expired => "key_expired",
            Self::Revoked => "key_revoked",
            Self::Scope(_) => "scope_missing",
            Self::Never => "not_by_key",
            Self::Rate { .. } | Self::TokenRate { .. } => "rate_limited",
            Self::Quota { .. } => "quota_exceeded",
            Self::Crowded => "too_many_requests",
        }
    }

    pub(super) fn retry_s(self) -> Option<u32> {
        match self {
            Self::Rate { retry_s } | Self::TokenRate { retry_s } => Some(retry_s),
            Self::Quota { retry_s } => retry_s,
            Self::Crowded => Some(1),
            Self::Expired | Self::Revoked | Self::Scope(_) | Self::Never => None,
        }
    }
}

pub(super) fn status(error: KeyError) -> StatusCode {
    match error {
        KeyError::NotFound => StatusCode::NOT_FOUND,
        KeyError::TooMany | KeyError::Revoked => StatusCode::CONFLICT,
        KeyError::Name(_) => StatusCode::BAD_REQUEST,
        KeyError::Store => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

pub(super) fn code(error: KeyError) -> &'static str {
    match error {
        KeyError::NotFound => "key_not_found",
        KeyError::TooMany => "too_many_keys",
        KeyError::Revoked => "already_revoked",
        KeyError::Name(_) => "invalid_name",
        KeyError::Store => "store_failed",
    }
}
