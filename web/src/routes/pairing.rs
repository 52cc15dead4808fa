//! Coming into the mesh by six digits. They are for the person at this computer: no API key opens these
//! routes.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use http::StatusCode;

use super::kept;
use crate::api::{ApproveRequest, Approved, AskInRequest, FoundRequest, Joined, Pairing};
use crate::app::App;
use crate::body::{self, Ceiling};
use crate::error::ApiError;

pub(super) async fn show(State(app): State<Arc<App>>) -> Json<Pairing> {
    Json(app.mesh.pairing().await)
}

pub(super) async fn ask_in(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<Pairing>, ApiError> {
    let bytes = body::json_or_nothing(&app, request).await?;
    let asked: AskInRequest = kept::strict(&bytes)?;
    Ok(Json(app.mesh.ask_in(asked.again).await?))
}

pub(super) async fn approve(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<Approved>, ApiError> {
    let bytes = body::json(&app, request, Ceiling::Small).await?;
    let wanted: ApproveRequest = kept::strict(&bytes)?;
    Ok(Json(app.mesh.approve(wanted).await?))
}

pub(super) async fn found(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<(StatusCode, Json<Joined>), ApiError> {
    let bytes = body::json_or_nothing(&app, request).await?;
    let wanted: FoundRequest = kept::strict(&bytes)?;
    Ok((StatusCode::CREATED, Json(app.mesh.found(wanted).await?)))
}
