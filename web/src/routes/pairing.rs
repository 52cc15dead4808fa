//! Coming into the mesh by six digits. They are for the person at this computer: whoever merely holds
//! an API key does not get to see them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use http::StatusCode;

use super::{kept, owner_caller};
use crate::api::{ApproveRequest, Approved, AskInRequest, FoundRequest, Joined, Pairing};
use crate::app::App;
use crate::body::{self, Ceiling};
use crate::error::ApiError;
use crate::mesh::Caller;

fn demand_install(request: &Request) -> Result<(), ApiError> {
    match owner_caller(request)? {
        Caller::Install => Ok(()),
        Caller::Loopback | Caller::Key { .. } => Err(ApiError::Unauthorized),
    }
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<Pairing>, ApiError> {
    demand_install(&request)?;
    Ok(Json(app.mesh.pairing().await))
}

pub(super) async fn ask_in(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<Pairing>, ApiError> {
    demand_install(&request)?;
    let bytes = body::json_or_nothing(&app, request).await?;
    let asked: AskInRequest = kept::strict(&bytes)?;
    Ok(Json(app.mesh.ask_in(asked.again).await?))
}

pub(super) async fn approve(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<Approved>, ApiError> {
    demand_install(&request)?;
    let bytes = body::json(&app, request, Ceiling::Small).await?;
    let wanted: ApproveRequest = kept::strict(&bytes)?;
    Ok(Json(app.mesh.approve(wanted).await?))
}

pub(super) async fn found(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<(StatusCode, Json<Joined>), ApiError> {
    demand_install(&request)?;
    let bytes = body::json_or_nothing(&app, request).await?;
    let wanted: FoundRequest = kept::strict(&bytes)?;
    Ok((StatusCode::CREATED, Json(app.mesh.found(wanted).await?)))
}
