//! Providers: listed, set up, tried and removed; and how requests are routed.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;

use super::kept;
use crate::api;
use crate::app::App;
use crate::body::{self, Ceiling};
use crate::error::ApiError;

type Shared = State<Arc<App>>;

pub(super) async fn list(State(app): Shared) -> Json<api::Providers> {
    Json(app.mesh.providers().await)
}

pub(super) async fn set(
    State(app): Shared,
    request: Request,
) -> Result<Json<api::Provider>, ApiError> {
    let bytes = body::json(&app, request, Ceiling::Small).await?;
    let request: api::ProviderRequest = kept::strict(&bytes)?;
    Ok(Json(app.mesh.set_provider(request).await?))
}

pub(super) async fn remove(
    State(app): Shared,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    app.mesh.remove_provider(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks it what it has, now.
pub(super) async fn check(
    State(app): Shared,
    Path(id): Path<String>,
) -> Result<Json<api::Provider>, ApiError> {
    Ok(Json(app.mesh.check_provider(&id).await?))
}

/// Says who else may ask it through this computer.
pub(super) async fn share(
    State(app): Shared,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<api::Provider>, ApiError> {
    let bytes = body::json(&app, request, Ceiling::Small).await?;
    let request: api::ShareRequest = kept::strict(&bytes)?;
    Ok(Json(app.mesh.share_provider(&id, request).await?))
}

pub(super) async fn route(
    State(app): Shared,
    request: Request,
) -> Result<Json<api::Routing>, ApiError> {
    let bytes = body::json(&app, request, Ceiling::Small).await?;
    let change: api::RoutingChange = kept::strict(&bytes)?;
    Ok(Json(app.mesh.set_routing(change).await?))
}
