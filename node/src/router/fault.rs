//! How a try at one place failed, in the words that clients get.

use pumasi_cloud::{CallError, ProviderFault};
use pumasi_protocol::Fault;
use pumasi_web::mesh::RunError;

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

/// How the try at one place ended without the answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Failure {
    /// A provider failed.
    Provider(ProviderFault),
    /// The mesh failed.
    Mesh(Fault),
    /// Nothing was begun.
    Refused(RunError),
}

impl Failure {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Provider(fault) => fault.code(),
            Self::Mesh(fault) => fault.code(),
            Self::Refused(RunError::Unsayable(_)) => "unsupported_by_model",
            Self::Refused(_) => "refused",
        }
    }

    /// Whether another place may do better.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Provider(fault) => fault.is_transient(),
            Self::Mesh(fault) => match fault {
                Fault::Cancelled | Fault::BadRequest | Fault::Grammar => false,
                Fault::EngineCrash
                | Fault::EngineSilent
                | Fault::EngineGarbage
                | Fault::EngineStart
                | Fault::ModelDamaged
                | Fault::ModelUnsupported
                | Fault::Memory { .. }
                | Fault::Context { .. }
                | Fault::Template
                | Fault::Capability
                | Fault::Refused(_)
                | Fault::Connection
                | Fault::Silent
                | Fault::PeerProtocol
                | Fault::NoCandidate
                | Fault::Deadline
                | Fault::NotContinued
                | Fault::Removed
                | Fault::Outside => true,
            },
            Self::Refused(_) => true,
        }
    }
}
