//! What a refusal of the model store or the hub is in HTTP.

use http::StatusCode;

use crate::mesh::{StockClass, StockError};

pub(super) fn status(error: &StockError) -> StatusCode {
    match error.class {
        StockClass::Invalid => StatusCode::BAD_REQUEST,
        StockClass::NeedsAuth => StatusCode::FORBIDDEN,
        StockClass::NotFound => StatusCode::NOT_FOUND,
        StockClass::Conflict => StatusCode::CONFLICT,
        StockClass::NoRoom => StatusCode::INSUFFICIENT_STORAGE,
        StockClass::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        StockClass::BadHub => StatusCode::BAD_GATEWAY,
        StockClass::Failed => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
