//! How a call failed, in the words that clients get.

use pumasi_cloud::{CallError, ProviderFault};

/// In a provider's words.
pub(super) fn fault_of(error: &CallError) -> ProviderFault {
    match error {
        CallError::Provider(fault) => *fault,
        CallError::RateLimited { .. } => ProviderFault::RateLimited,
        CallError::Reset => ProviderFault::CutOff,
        CallError::TooLarge => ProviderFault::TooLarge,
        CallError::Redirect | CallError::NotHttp => ProviderFault::Garbled,
        CallError::Resolve
        | CallError::Connect
        | CallError::Tls
        | CallError::Timeout(_)
        | CallError::Loading { .. } => ProviderFault::Unavailable,
    }
}

/// What was read out of an answer, for the breaker.
pub(super) fn is_ours(fault: ProviderFault) -> CallError {
    CallError::Provider(fault)
}
