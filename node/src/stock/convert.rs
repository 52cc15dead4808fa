//! The hub's and the store's refusals in the HTTP face's words.

use pumasi_hub::choose::ChoiceError;
use pumasi_hub::{HubError, LineFault, ReferenceError};
use pumasi_models::name::NameError;
use pumasi_models::store::{self, StoreError};
use pumasi_web::api;
use pumasi_web::mesh::{StockClass, StockError};

pub(super) fn of_hub(error: &HubError) -> StockError {
    let class = match error {
        HubError::Line(LineFault::LocalAddress) | HubError::NotAHub | HubError::Tls(_) => {
            StockClass::BadHub
        }
        HubError::Line(_) | HubError::Unavailable { .. } => StockClass::Unavailable,
        HubError::Auth { .. } => StockClass::NeedsAuth,
        HubError::Missing(_) => StockClass::NotFound,
        HubError::Redirect | HubError::Answer | HubError::File(_) => StockClass::BadHub,
        HubError::DiskFull => StockClass::NoRoom,
        HubError::Disk { .. } | HubError::Stopped => StockClass::Failed,
    };
    StockError { class, code: error.code(), sentence: error.to_string() }
}

pub(super) fn of_store(error: &StoreError) -> StockError {
    let class = match error {
        StoreError::NoModel { .. } => StockClass::NotFound,
        StoreError::NameTaken { .. } | StoreError::Pinned { .. } | StoreError::Full => {
            StockClass::Conflict
        }
        StoreError::NoRoom { .. } => StockClass::NoRoom,
        StoreError::Mismatch { .. } | StoreError::NotAModel { .. } | StoreError::Open(_) => {
            StockClass::Invalid
        }
        StoreError::Disk { .. }
        | StoreError::Exposed
        | StoreError::InUse
        | StoreError::Later
        | StoreError::RowsDamaged
        | StoreError::Damaged { .. }
        | StoreError::Stopped => StockClass::Failed,
    };
    StockError { class, code: error.code(), sentence: error.to_string() }
}

pub(super) fn of_reference(error: &ReferenceError) -> StockError {
    invalid("invalid_model_name", error.to_string())
}

pub(super) fn of_name(error: &NameError) -> StockError {
    invalid(error.code(), error.to_string())
}

pub(super) fn of_choice(error: &ChoiceError) -> StockError {
    match error {
        ChoiceError::NoModels => invalid("format_not_allowed", error.to_string()),
        ChoiceError::Unknown { .. } => StockError {
            class: StockClass::NotFound,
            code: "hub_file_not_found",
            sentence: error.to_string(),
        },
        ChoiceError::Several { .. } => conflict("choice_needed", error.to_string()),
    }
}

pub(super) fn invalid(code: &'static str, sentence: String) -> StockError {
    StockError { class: StockClass::Invalid, code, sentence }
}

pub(super) fn conflict(code: &'static str, sentence: String) -> StockError {
    StockError { class: StockClass::Conflict, code, sentence }
}

pub(super) fn failed() -> StockError {
    let sentence = "this computer's model store failed; its log says more".to_owned();
    StockError { class: StockClass::Failed, code: "store_failed", sentence }
}

pub(super) fn stored(model: store::StoredModel) -> api::StoredModel {
    let row = model.row;
    api::StoredModel {
        name: row.name.to_string(),
        sha256: row.files.iter().map(ToString::to_string).collect(),
        size_bytes: model.blobs.iter().map(|blob| blob.bytes).sum(),
        origin: row.origin.map(|origin| api::StoredOrigin {
            hub: origin.hub,
            repo: origin.repo,
            commit: origin.commit,
            file: origin.file,
        }),
        pinned: row.pinned,
        added_s: row.added_s,
        used_s: (row.used_s > 0).then_some(row.used_s),
    }
}
