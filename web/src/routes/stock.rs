//! This computer's model store, the hub, and downloads.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, Request, State};
use http::StatusCode;

use super::kept;
use crate::api::{
    HubCard, HubPage, HubRepo, HubTokenRequest, ImportRequest, Imported, List, Pull, PullRequest,
    Stock, StoredChange, SweepRequest, Swept, Verified, VerifyRequest,
};
use crate::app::App;
use crate::body::{self, Ceiling};
use crate::error::ApiError;
use crate::limits;
use crate::mesh::HubSearch;

type Shared = State<Arc<App>>;
type Told<T> = Result<Json<T>, ApiError>;

/// The parameters of a query, decoded.
type Parameters = Query<Vec<(String, String)>>;

fn parameter(query: &Parameters, name: &str) -> Option<String> {
    let found = query.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
}

fn named(query: &Parameters) -> Result<String, ApiError> {
    parameter(query, "name").ok_or(ApiError::Query { name: "name" })
}

pub(super) async fn search(State(app): Shared, query: Parameters) -> Told<HubPage> {
    let parameter = |name| parameter(&query, name);
    let limit = match parameter("limit") {
        Some(text) => text.parse().map_err(|_| ApiError::Query { name: "limit" })?,
        None => limits::HUB_RESULTS_DEFAULT,
    };
    let search = HubSearch {
        text: parameter("q").unwrap_or_default(),
        author: parameter("author"),
        sort: parameter("sort"),
        limit,
        cursor: parameter("cursor"),
    };
    Ok(Json(app.mesh.stock().search(search).await?))
}

pub(super) async fn repo(State(app): Shared, query: Parameters) -> Told<HubRepo> {
    Ok(Json(app.mesh.stock().repo(&named(&query)?).await?))
}

pub(super) async fn card(State(app): Shared, query: Parameters) -> Told<HubCard> {
    Ok(Json(app.mesh.stock().card(&named(&query)?).await?))
}

pub(super) async fn set_token(
    State(app): Shared,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let bytes = body::json(&app, request, Ceiling::Small).await?;
    let asked: HubTokenRequest = kept::strict(&bytes)?;
    app.mesh.stock().set_token(asked.token).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn pulls(State(app): Shared) -> Json<List<Pull>> {
    Json(List { data: app.mesh.stock().pulls() })
}

pub(super) async fn pull(
    State(app): Shared,
    request: Request,
) -> Result<(StatusCode, Json<Pull>), ApiError> {
    let bytes = body::json(&app, request, Ceiling::Small).await?;
    let asked: PullRequest = kept::strict(&bytes)?;
    Ok((StatusCode::ACCEPTED, Json(app.mesh.stock().pull(asked).await?)))
}

pub(super) async fn pause(State(app): Shared, Path(id): Path<String>) -> Told<Pull> {
    Ok(Json(app.mesh.stock().pause(&id).await?))
}

pub(super) async fn resume(State(app): Shared, Path(id): Path<String>) -> Told<Pull> {
    Ok(Json(app.mesh.stock().resume(&id).await?))
}

pub(super) async fn give_up(
    State(app): Shared,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    app.mesh.stock().give_up(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn show(State(app): Shared) -> Told<Stock> {
    Ok(Json(app.mesh.stock().stock().await?))
}

pub(super) async fn change(
    State(app): Shared,
    Path(model): Path<String>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let bytes = body::json(&app, request, Ceiling::Small).await?;
    let change: StoredChange = kept::strict(&bytes)?;
    app.mesh.stock().pin(&model, change.pinned).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn remove(
    State(app): Shared,
    Path(model): Path<String>,
) -> Result<StatusCode, ApiError> {
    app.mesh.stock().remove(&model).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn import(State(app): Shared, request: Request) -> Told<List<Imported>> {
    let bytes = body::json(&app, request, Ceiling::Small).await?;
    let asked: ImportRequest = kept::strict(&bytes)?;
    Ok(Json(List { data: app.mesh.stock().import(asked).await? }))
}

pub(super) async fn verify(State(app): Shared, request: Request) -> Told<List<Verified>> {
    let bytes = body::json_or_nothing(&app, request).await?;
    let asked: VerifyRequest = kept::strict(&bytes)?;
    Ok(Json(List { data: app.mesh.stock().verify(asked.model).await? }))
}

pub(super) async fn sweep(State(app): Shared, request: Request) -> Told<Swept> {
    let bytes = body::json_or_nothing(&app, request).await?;
    let asked: SweepRequest = kept::strict(&bytes)?;
    Ok(Json(app.mesh.stock().sweep(asked).await?))
}
