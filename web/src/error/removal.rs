//! Status and code of what keeps a member from being removed.

use http::StatusCode;

use crate::mesh::RemoveError;

pub(super) fn status(error: RemoveError) -> StatusCode {
    match error {
        RemoveError::NotAllowed => StatusCode::FORBIDDEN,
        RemoveError::Unknown => StatusCode::NOT_FOUND,
        RemoveError::NoMesh
        | RemoveError::Own
        | RemoveError::LastAdmin
        | RemoveError::Unconfirmed => StatusCode::CONFLICT,
        RemoveError::Store => StatusCode::INTERNAL_SERVER_ERROR,
        RemoveError::Stopping => StatusCode::SERVICE_UNAVAILABLE,
    }
}

pub(super) fn code(error: RemoveError) -> &'static str {
    match error {
        RemoveError::NotAllowed => "not_allowed",
        RemoveError::Unknown => "unknown_node",
        RemoveError::NoMesh => "no_mesh",
        RemoveError::Own => "own_computer",
        RemoveError::LastAdmin => "last_admin",
        RemoveError::Unconfirmed => "confirmation_needed",
        RemoveError::Store => "store_failed",
        RemoveError::Stopping => "stopping",
    }
}
