//! How a try at one place failed, in the words that clients get.

use std::time::Duration;

use pumasi_cloud::{CallError, Closed, ProviderFault};
use pumasi_protocol::Fault;
use pumasi_web::mesh::RunError;

use super::place::Place;

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

/// How a provider failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Miss {
    pub(super) fault: ProviderFault,
    /// How long it is left in peace: by its own word, or by its breaker.
    pub(super) wait: Option<Duration>,
    /// The same provider may do better a moment later.
    pub(super) may_pass: bool,
}

impl Miss {
    /// A call failed, which its permit knows already.
    pub(super) fn after(place: &Place, model: &str, error: &CallError) -> Self {
        let (may_pass, said) = match error {
            CallError::RateLimited { retry_after } | CallError::Loading { retry_after } => {
                (true, *retry_after)
            }
            CallError::Connect | CallError::Reset => (true, None),
            CallError::Provider(fault) => (passes(*fault), None),
            // Who took that long once takes as long again.
            CallError::Timeout(_)
            | CallError::Resolve
            | CallError::Tls
            | CallError::TooLarge
            | CallError::Redirect
            | CallError::NotHttp => (false, None),
        };
        let wait = place.provider.closed(model).map(|closed| closed.retry_in).or(said);
        Self { fault: fault_of(error), wait, may_pass }
    }

    /// It was not asked, because it is left in peace.
    pub(super) fn closed(closed: Closed) -> Self {
        let fault = match closed.limited {
            true => ProviderFault::RateLimited,
            false => ProviderFault::Unavailable,
        };
        Self { fault, wait: Some(closed.retry_in), may_pass: true }
    }

    pub(super) fn of(fault: ProviderFault, wait: Option<Duration>) -> Self {
        Self { fault, wait, may_pass: passes(fault) }
    }
}

fn passes(fault: ProviderFault) -> bool {
    match fault {
        ProviderFault::CutOff | ProviderFault::RateLimited | ProviderFault::Unavailable => true,
        ProviderFault::Garbled
        | ProviderFault::TooLarge
        | ProviderFault::Filtered
        | ProviderFault::Key
        | ProviderFault::NoModel
        | ProviderFault::NotShared
        | ProviderFault::Context
        | ProviderFault::Refused => false,
    }
}

/// How the try at one place ended without the answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Failure {
    /// A provider failed.
    Provider(Miss),
    /// The mesh failed.
    Mesh(Fault),
    /// Nothing was begun.
    Refused(RunError),
}

impl Failure {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Provider(miss) => miss.fault.code(),
            Self::Mesh(fault) => fault.code(),
            Self::Refused(RunError::Unsayable(_)) => "unsupported_by_model",
            Self::Refused(_) => "refused",
        }
    }

    /// How a provider failed, if it was one.
    pub(super) fn miss(&self) -> Option<Miss> {
        match self {
            Self::Provider(miss) => Some(*miss),
            Self::Mesh(_) | Self::Refused(_) => None,
        }
    }

    /// Whether another place may do better.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Provider(miss) => miss.fault.is_transient(),
            Self::Mesh(fault) => match fault {
                Fault::Cancelled | Fault::BadRequest | Fault::Grammar | Fault::Document(_) => false,
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
