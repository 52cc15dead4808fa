//! Pausing, draining and resuming this computer.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use pumasi_dialects::{Invalid, Reason};

use super::kept;
use crate::api::{Lend, LendRequest, Lending};
use crate::app::App;
use crate::body::{self, Ceiling};
use crate::error::ApiError;

/// The longest pause that ends by itself: a year.
const MOST_S: u32 = 366 * 24 * 60 * 60;

pub(super) async fn show(State(app): State<Arc<App>>) -> Json<Lending> {
    Json(app.mesh.status().await.lending)
}

pub(super) async fn lend(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<Lending>, ApiError> {
    let bytes = body::json(&app, request, Ceiling::Small).await?;
    let asked: LendRequest = kept::strict(&bytes)?;
    match asked.for_s {
        None => {}
        Some(_) if asked.lend != Lend::Paused => {
            return Err(Invalid::at("for_s", Reason::Unsupported { what: "a time" }).into());
        }
        Some(1..=MOST_S) => {}
        Some(_) => {
            let (min, max) = ("1".to_owned(), MOST_S.to_string());
            return Err(Invalid::at("for_s", Reason::Range { min, max }).into());
        }
    }
    Ok(Json(app.mesh.lend(asked).await?))
}
