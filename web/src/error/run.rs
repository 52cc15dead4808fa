//! What is answered where a job was not taken, or was taken and failed.

use http::StatusCode;
use pumasi_dialects::provider::ProviderFault;
use pumasi_protocol::Fault;

use crate::mesh::RunError;

pub(super) fn status(error: &RunError) -> StatusCode {
    match error {
        RunError::ModelNotFound(_) | RunError::NoPlaceLeft { .. } => StatusCode::NOT_FOUND,
        RunError::ModelLoading { .. }
        | RunError::Busy { .. }
        | RunError::NotStored
        | RunError::NoHolder
        | RunError::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        RunError::KeyReused => StatusCode::CONFLICT,
        RunError::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
        RunError::Capability(_) | RunError::UnknownNode(_) | RunError::Unsayable(_) => {
            StatusCode::BAD_REQUEST
        }
        RunError::NotAllowed | RunError::NoProvider(_) => StatusCode::FORBIDDEN,
        RunError::Provider(unanswered) => provider_status(unanswered.fault),
        RunError::Fault(fault) => fault_status(fault),
    }
}

pub(super) fn code(error: &RunError) -> &'static str {
    match error {
        RunError::ModelNotFound(_) => "model_not_found",
        RunError::ModelLoading { .. } => "model_loading",
        RunError::Capability(_) | RunError::Unsayable(_) => "unsupported_by_model",
        RunError::NoProvider(_) => "providers_disabled",
        RunError::NoPlaceLeft { .. } => "no_place_left",
        RunError::UnknownNode(_) => "unknown_node",
        RunError::Busy { .. } => "busy",
        RunError::KeyReused => "idempotency_key_reused",
        RunError::DiskFull => "disk_full",
        RunError::NotStored => "store_failed",
        RunError::NoHolder => "no_holder",
        RunError::NotAllowed => "not_allowed",
        RunError::Stopping => "stopping",
        RunError::Provider(unanswered) => unanswered.fault.code(),
        RunError::Fault(fault) => fault.code(),
    }
}

pub(super) fn fault_status(fault: &Fault) -> StatusCode {
    match fault {
        Fault::Context { .. }
        | Fault::Grammar
        | Fault::Template
        | Fault::Capability
        | Fault::ModelUnsupported
        | Fault::Document(_)
        | Fault::BadRequest => StatusCode::BAD_REQUEST,
        Fault::Cancelled => StatusCode::CONFLICT,
        Fault::EngineCrash
        | Fault::EngineSilent
        | Fault::EngineGarbage
        | Fault::EngineStart
        | Fault::ModelDamaged
        | Fault::Memory { .. }
        | Fault::Refused(_)
        | Fault::Connection
        | Fault::Silent
        | Fault::PeerProtocol
        | Fault::NoCandidate
        | Fault::Deadline
        | Fault::NotContinued
        | Fault::Removed
        | Fault::Outside => StatusCode::SERVICE_UNAVAILABLE,
    }
}

pub(super) fn provider_status(fault: ProviderFault) -> StatusCode {
    match fault {
        ProviderFault::Context | ProviderFault::Refused | ProviderFault::Filtered => {
            StatusCode::BAD_REQUEST
        }
        ProviderFault::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ProviderFault::NoModel => StatusCode::NOT_FOUND,
        ProviderFault::NotShared => StatusCode::FORBIDDEN,
        ProviderFault::Garbled
        | ProviderFault::CutOff
        | ProviderFault::TooLarge
        | ProviderFault::Key => StatusCode::BAD_GATEWAY,
        ProviderFault::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}
