//! Status and code of what can go wrong on the way into the mesh.

use http::StatusCode;
use pumasi_protocol::pairing::PairingRefusal;

use crate::mesh::AdmissionError;

pub(super) fn status(error: &AdmissionError) -> StatusCode {
    match error {
        AdmissionError::NotAllowed => StatusCode::FORBIDDEN,
        AdmissionError::NoMesh | AdmissionError::AlreadyMember => StatusCode::CONFLICT,
        AdmissionError::TooMany => StatusCode::TOO_MANY_REQUESTS,
        AdmissionError::Name(_)
        | AdmissionError::Terms
        | AdmissionError::BadToken
        | AdmissionError::BadDigits
        | AdmissionError::BadAddress => StatusCode::BAD_REQUEST,
        AdmissionError::NobodyAsks | AdmissionError::NoInvitation => StatusCode::NOT_FOUND,
        AdmissionError::SeveralAsk => StatusCode::CONFLICT,
        AdmissionError::Expired => StatusCode::GONE,
        AdmissionError::Unreachable
        | AdmissionError::NewcomerUnreachable
        | AdmissionError::Unconfirmed => StatusCode::SERVICE_UNAVAILABLE,
        AdmissionError::Pairing(refusal) => pairing_status(*refusal),
        AdmissionError::Store => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn pairing_status(refusal: PairingRefusal) -> StatusCode {
    match refusal {
        PairingRefusal::Wrong | PairingRefusal::Revoked => StatusCode::FORBIDDEN,
        PairingRefusal::Throttled => StatusCode::TOO_MANY_REQUESTS,
        PairingRefusal::Closed
        | PairingRefusal::Shut
        | PairingRefusal::Spent
        | PairingRefusal::HasMesh
        | PairingRefusal::PersonTaken => StatusCode::CONFLICT,
        PairingRefusal::Protocol | PairingRefusal::Failed => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn pairing_code(refusal: PairingRefusal) -> &'static str {
    match refusal {
        PairingRefusal::Closed => "door_closed",
        PairingRefusal::Shut => "door_shut",
        PairingRefusal::Throttled => "too_many_wrong_digits",
        PairingRefusal::Spent => "digits_changed",
        PairingRefusal::Wrong => "wrong_digits",
        PairingRefusal::HasMesh => "newcomer_has_mesh",
        PairingRefusal::PersonTaken => "person_taken",
        PairingRefusal::Revoked => "newcomer_revoked",
        PairingRefusal::Protocol => "pairing_protocol",
        PairingRefusal::Failed => "pairing_failed",
    }
}

pub(super) fn code(error: &AdmissionError) -> &'static str {
    match error {
        AdmissionError::NotAllowed => "not_allowed",
        AdmissionError::NoMesh => "no_mesh",
        AdmissionError::AlreadyMember => "already_member",
        AdmissionError::TooMany => "too_many_invitations",
        AdmissionError::Terms => "invalid_terms",
        AdmissionError::NoInvitation => "invitation_not_found",
        AdmissionError::Name(_) => "invalid_name",
        AdmissionError::BadToken => "invalid_invitation",
        AdmissionError::Expired => "invitation_expired",
        AdmissionError::Unreachable => "issuer_unreachable",
        AdmissionError::BadDigits => "invalid_digits",
        AdmissionError::BadAddress => "invalid_address",
        AdmissionError::NobodyAsks => "nobody_asks",
        AdmissionError::SeveralAsk => "several_ask",
        AdmissionError::NewcomerUnreachable => "newcomer_unreachable",
        AdmissionError::Unconfirmed => "unconfirmed",
        AdmissionError::Pairing(refusal) => pairing_code(*refusal),
        AdmissionError::Store => "store_failed",
    }
}
