//! Status and code of what was wanted of a model.

use http::StatusCode;

use super::run;
use crate::mesh::ModelError;

pub(super) fn status(error: &ModelError) -> StatusCode {
    match error {
        ModelError::NotFound | ModelError::UnknownNode => StatusCode::NOT_FOUND,
        ModelError::Damaged => StatusCode::UNPROCESSABLE_ENTITY,
        ModelError::InUse | ModelError::NameTaken => StatusCode::CONFLICT,
        ModelError::Settings(_) => StatusCode::BAD_REQUEST,
        ModelError::NotKept => StatusCode::INSUFFICIENT_STORAGE,
        ModelError::NotAllowed | ModelError::CopiesOff => StatusCode::FORBIDDEN,
        ModelError::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
        ModelError::Fault(fault) => run::fault_status(fault),
    }
}

pub(super) fn code(error: &ModelError) -> &'static str {
    match error {
        ModelError::NotFound => "model_not_found",
        ModelError::UnknownNode => "unknown_node",
        ModelError::Damaged => "model_damaged",
        ModelError::InUse => "model_in_use",
        ModelError::Settings(_) => "invalid_settings",
        ModelError::NotKept => "not_kept",
        ModelError::NotAllowed => "not_allowed",
        ModelError::CopiesOff => "copies_off",
        ModelError::NameTaken => "name_taken",
        ModelError::Unreachable => "node_unreachable",
        ModelError::Fault(fault) => fault.code(),
    }
}
