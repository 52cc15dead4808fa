//! What is answered where a provider was not set up.

use http::StatusCode;

use crate::mesh::ProviderError;

pub(super) fn status(error: &ProviderError) -> StatusCode {
    match error {
        ProviderError::NotFound => StatusCode::NOT_FOUND,
        ProviderError::Settings(_) => StatusCode::BAD_REQUEST,
        ProviderError::Unanswered(_) => StatusCode::BAD_GATEWAY,
        ProviderError::Found => StatusCode::CONFLICT,
        ProviderError::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

pub(super) fn code(error: &ProviderError) -> &'static str {
    match error {
        ProviderError::NotFound => "provider_not_found",
        ProviderError::Settings(_) => "provider_settings",
        ProviderError::Unanswered(_) => "provider_unanswered",
        ProviderError::Found => "provider_found",
        ProviderError::Store(_) => "store_failed",
    }
}
