//! Coming into the mesh, by invitations, and being removed from it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use http::StatusCode;

use super::kept;
use crate::api::{
    Invitation, InvitationToken, InviteRequest, JoinRequest, Joined, List, RemoveRequest, Removed,
};
use crate::app::App;
use crate::body::{self, Ceiling};
use crate::error::ApiError;
use crate::mesh::RemoveError;

pub(super) async fn list(State(app): State<Arc<App>>) -> Json<List<Invitation>> {
    Json(List { data: app.mesh.invitations().await })
}

pub(super) async fn invite(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<(StatusCode, Json<InvitationToken>), ApiError> {
    let bytes = body::json_or_nothing(&app, request).await?;
    let wanted: InviteRequest = kept::strict(&bytes)?;
    Ok((StatusCode::CREATED, Json(app.mesh.invite(wanted).await?)))
}

/// What is no id is the id of no member.
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Path(node): Path<String>,
    request: Request,
) -> Result<Json<Removed>, ApiError> {
    let node = node.parse().map_err(|_| RemoveError::Unknown)?;
    let bytes = body::json_or_nothing(&app, request).await?;
    let wanted: RemoveRequest = kept::strict(&bytes)?;
    Ok(Json(app.mesh.remove(node, wanted).await?))
}

pub(super) async fn withdraw(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    app.mesh.withdraw(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn join(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<Joined>, ApiError> {
    let bytes = body::json(&app, request, Ceiling::Small).await?;
    let wanted: JoinRequest = kept::strict(&bytes)?;
    Ok(Json(app.mesh.join(&wanted.token).await?))
}
