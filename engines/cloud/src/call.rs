//! One call of a provider: what is sent, what comes back, and how it fails.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use pumasi_dialects::provider::ProviderFault;

use crate::body::ReplyBody;

/// What is sent.
#[derive(Debug, Clone)]
pub struct Call {
    /// Behind the base address; it begins with a slash.
    pub path: String,
    /// Headers of the dialect. Credentials, `host` and what steers the connection are left out: they
    /// are this crate's.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body: JSON, unless a header says otherwise.
    pub body: Bytes,
}

/// What comes back: a status of 2xx and a body that is read as it comes.
#[derive(Debug)]
pub struct Reply {
    /// The status: 200 to 299.
    pub status: u16,
    /// `content-type`, `retry-after`, and what says something about limits or names the request.
    pub headers: HeaderMap,
    /// The body.
    pub body: ReplyBody,
}

/// What was waited for in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// A connection.
    Connect,
    /// The first byte of the answer.
    FirstByte,
    /// The next piece of it.
    Silence,
    /// Its end.
    Total,
}

/// How a call failed. Nothing that a provider wrote is in it, and no address and no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Its name has no address.
    #[error("the provider's name cannot be resolved")]
    Resolve,
    /// Nobody answers there.
    #[error("the provider cannot be reached")]
    Connect,
    /// Its certificate is not valid, or it speaks no TLS 1.3.
    #[error("no secure connection to the provider can be made")]
    Tls,
    /// It took too long.
    #[error("the provider took too long")]
    Timeout(Which),
    /// The connection broke off.
    #[error("the connection to the provider broke off")]
    Reset,
    /// The answer has no end.
    #[error("the provider's answer is too large")]
    TooLarge,
    /// It sends callers elsewhere. Nobody goes there.
    #[error("the provider answers with a redirect, which is not followed")]
    Redirect,
    /// What answers there is no HTTP server.
    #[error("what answers at the provider's address does not speak HTTP")]
    NotHttp,
    /// It says what is wrong.
    #[error("{0}")]
    Provider(ProviderFault),
    /// Too many requests, or the quota is used up.
    #[error("the provider says that there were too many requests")]
    RateLimited {
        /// How long it wants to be left in peace.
        retry_after: Option<Duration>,
    },
    /// It loads the model.
    #[error("the provider is loading the model")]
    Loading {
        /// How long that takes, by its word.
        retry_after: Option<Duration>,
    },
}

impl CallError {
    /// The words of [`CallError::word`], in a fixed order.
    pub const WORDS: [&'static str; 24] = [
        "resolve",
        "connect",
        "tls",
        "timeout_connect",
        "timeout_first_byte",
        "timeout_silence",
        "timeout_total",
        "reset",
        "too_large",
        "redirect",
        "not_http",
        "garbled",
        "cut_off",
        "event_too_large",
        "filtered",
        "key",
        "provider_rate_limited",
        "no_model",
        "context",
        "refused",
        "unavailable",
        "rate_limited",
        "loading",
        "not_shared",
    ];

    /// The error of a word, as another node tells it; none for a word of a newer version.
    #[must_use]
    pub fn of_word(word: &str, retry_after: Option<Duration>) -> Option<Self> {
        Some(match word {
            "resolve" => Self::Resolve,
            "connect" => Self::Connect,
            "tls" => Self::Tls,
            "timeout_connect" => Self::Timeout(Which::Connect),
            "timeout_first_byte" => Self::Timeout(Which::FirstByte),
            "timeout_silence" => Self::Timeout(Which::Silence),
            "timeout_total" => Self::Timeout(Which::Total),
            "reset" => Self::Reset,
            "too_large" => Self::TooLarge,
            "redirect" => Self::Redirect,
            "not_http" => Self::NotHttp,
            "rate_limited" => Self::RateLimited { retry_after },
            "loading" => Self::Loading { retry_after },
            "garbled" => Self::Provider(ProviderFault::Garbled),
            "cut_off" => Self::Provider(ProviderFault::CutOff),
            "event_too_large" => Self::Provider(ProviderFault::TooLarge),
            "filtered" => Self::Provider(ProviderFault::Filtered),
            "key" => Self::Provider(ProviderFault::Key),
            "provider_rate_limited" => Self::Provider(ProviderFault::RateLimited),
            "no_model" => Self::Provider(ProviderFault::NoModel),
            "not_shared" => Self::Provider(ProviderFault::NotShared),
            "context" => Self::Provider(ProviderFault::Context),
            "refused" => Self::Provider(ProviderFault::Refused),
            "unavailable" => Self::Provider(ProviderFault::Unavailable),
            _ => return None,
        })
    }

    /// One closed word, for metrics and logs.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout(Which::Connect) => "timeout_connect",
            Self::Timeout(Which::FirstByte) => "timeout_first_byte",
            Self::Timeout(Which::Silence) => "timeout_silence",
            Self::Timeout(Which::Total) => "timeout_total",
            Self::Reset => "reset",
            Self::TooLarge => "too_large",
            Self::Redirect => "redirect",
            Self::NotHttp => "not_http",
            Self::Provider(ProviderFault::Garbled) => "garbled",
            Self::Provider(ProviderFault::CutOff) => "cut_off",
            Self::Provider(ProviderFault::TooLarge) => "event_too_large",
            Self::Provider(ProviderFault::Filtered) => "filtered",
            Self::Provider(ProviderFault::Key) => "key",
            Self::Provider(ProviderFault::RateLimited) => "provider_rate_limited",
            Self::Provider(ProviderFault::NoModel) => "no_model",
            Self::Provider(ProviderFault::NotShared) => "not_shared",
            Self::Provider(ProviderFault::Context) => "context",
            Self::Provider(ProviderFault::Refused) => "refused",
            Self::Provider(ProviderFault::Unavailable) => "unavailable",
            Self::RateLimited { .. } => "rate_limited",
            Self::Loading { .. } => "loading",
        }
    }

    /// Whether another place, or another try, may do better: all but what lies in the request.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        !self.is_the_requests_own()
    }

    /// Whether it speaks against the provider: not what lies in the request, and not that it is busy
    /// or still loading.
    #[must_use]
    pub fn counts_against(&self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::Loading { .. }
            | Self::Provider(
                ProviderFault::RateLimited | ProviderFault::NoModel | ProviderFault::NotShared,
            ) => false,
            Self::Resolve
            | Self::Connect
            | Self::Tls
            | Self::Timeout(_)
            | Self::Reset
            | Self::TooLarge
            | Self::Redirect
            | Self::NotHttp
            | Self::Provider(_) => !self.is_the_requests_own(),
        }
    }

    fn is_the_requests_own(&self) -> bool {
        matches!(
            self,
            Self::Provider(
                ProviderFault::Filtered | ProviderFault::Context | ProviderFault::Refused
            )
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAULTS: [ProviderFault; 11] = [
        ProviderFault::Garbled,
        ProviderFault::CutOff,
        ProviderFault::TooLarge,
        ProviderFault::Filtered,
        ProviderFault::Key,
        ProviderFault::RateLimited,
        ProviderFault::NoModel,
        ProviderFault::NotShared,
        ProviderFault::Context,
        ProviderFault::Refused,
        ProviderFault::Unavailable,
    ];

    fn all() -> Vec<CallError> {
        let plain = [
            CallError::Resolve,
            CallError::Connect,
            CallError::Tls,
            CallError::Reset,
            CallError::TooLarge,
            CallError::Redirect,
            CallError::NotHttp,
            CallError::RateLimited { retry_after: None },
            CallError::Loading { retry_after: None },
        ];
        let times = [Which::Connect, Which::FirstByte, Which::Silence, Which::Total];
        let times = times.map(CallError::Timeout);
        plain.into_iter().chain(times).chain(FAULTS.map(CallError::Provider)).collect()
    }

    #[test]
    fn every_error_has_one_word_of_the_list() {
        let mut words: Vec<&str> = all().iter().map(CallError::word).collect();
        assert!(words.iter().all(|word| CallError::WORDS.contains(word)));
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), all().len());
    }

    #[test]
    fn what_lies_in_the_request_is_neither_tried_again_nor_held_against_the_provider() {
        for error in all() {
            let own = ["filtered", "context", "refused"].contains(&error.word());
            assert_eq!(error.is_transient(), !own, "{error:?}");
            let busy =
                ["rate_limited", "provider_rate_limited", "loading", "no_model", "not_shared"];
            let blamed = !own && !busy.contains(&error.word());
            assert_eq!(error.counts_against(), blamed, "{error:?}");
        }
    }

    #[test]
    fn every_word_tells_its_error_again() {
        for error in all() {
            assert_eq!(CallError::of_word(error.word(), None), Some(error));
        }
        assert_eq!(CallError::of_word("of_tomorrow", None), None);
    }
}
