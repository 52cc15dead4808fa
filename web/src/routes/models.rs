//! Models: OpenAI's list of them, and loading and unloading on any node.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use pumasi_dialects::{Dialect, Invalid, ModelCard, Reason, anthropic, gemini};
use pumasi_protocol::{ModelName, NodeId};
use serde::Serialize;

use super::inference::json_response;
use super::kept;
use crate::api::{
    Capability, Model, ModelPlace, ModelSettings, ModelState, NodeRef, PlaceRequest,
    SettingsRequest,
};
use crate::app::App;
use crate::body::{self, Ceiling};
use crate::error::ApiError;
use crate::mesh::ModelError;
use crate::server::spoken;

/// The year 9999: the last one that every client can write.
const FOREVER_S: u64 = 253_402_300_799;

/// OpenAI's model object, with what the mesh knows of it.
#[derive(Serialize)]
pub(super) struct ModelObject {
    id: String,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
    pumasi: Extension,
}

#[derive(Serialize)]
struct Extension {
    context_tokens: u32,
    capabilities: Vec<Capability>,
    starter: bool,
    nodes: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct ModelList {
    object: &'static str,
    data: Vec<ModelObject>,
}

impl From<Model> for ModelObject {
    fn from(model: Model) -> Self {
        Self {
            id: model.name,
            object: "model",
            created: model.created_s,
            owned_by: "pumasi",
            pumasi: Extension {
                context_tokens: model.context_tokens,
                capabilities: model.capabilities,
                starter: model.starter,
                nodes: nodes(model.places, model.at),
            },
        }
    }
}

/// The computers that have it, or through which its provider is asked.
fn nodes(places: Vec<ModelPlace>, at: Vec<NodeRef>) -> Vec<String> {
    let places = places.into_iter().map(|place| place.node);
    places.chain(at).map(|node| node.name).collect()
}

/// OpenAI's list, or that of another dialect at the same address.
pub(super) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    match spoken(&headers) {
        Dialect::Anthropic => json_response(anthropic::model_list(&cards(&app).await)),
        Dialect::Gemini => json_response(gemini::model_list(&cards(&app).await)),
        Dialect::OpenAi | Dialect::Ollama => {
            let models = app.mesh.models().await;
            let data = models.into_iter().map(Into::into).collect();
            Json(ModelList { object: "list", data }).into_response()
        }
    }
}

/// The name may hold a `/`, encoded or not.
pub(super) async fn one(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let dialect = spoken(&headers);
    let model = app.mesh.models().await.into_iter().find(|model| model.name == name);
    let answer = model.ok_or(ApiError::ModelUnknown).map(|model| match dialect {
        Dialect::Anthropic => json_response(anthropic::model_object(&card(model))),
        Dialect::Gemini => json_response(gemini::model_object(&card(model))),
        Dialect::OpenAi | Dialect::Ollama => Json(ModelObject::from(model)).into_response(),
    });
    (axum::Extension(dialect), answer).into_response()
}

/// All models as the lists of the dialects show them.
pub(super) async fn cards(app: &App) -> Vec<ModelCard> {
    app.mesh.models().await.into_iter().map(card).collect()
}

fn card(model: Model) -> ModelCard {
    let can = |capability| model.capabilities.contains(&capability);
    let is_loaded = |place: &ModelPlace| matches!(place.state, ModelState::Loaded { .. });
    ModelCard {
        created_s: model.created_s,
        context_tokens: model.context_tokens,
        size_bytes: model.size_bytes,
        digest: model.places.first().map(|place| place.file.clone()).unwrap_or_default(),
        loaded: model.places.iter().any(is_loaded),
        expires_s: expires_s(&model),
        generates: can(Capability::Generate),
        embeds: can(Capability::Embed),
        tools: can(Capability::Tools),
        thinking: can(Capability::Thinking),
        vision: can(Capability::Vision),
        name: model.name,
    }
}

/// Of this computer, which knows it; a model that only others hold does not end here.
fn expires_s(model: &Model) -> u64 {
    let known = model.places.iter().find_map(|place| place.expires_ms);
    known.map_or(FOREVER_S, |ms| (ms / 1_000).min(FOREVER_S))
}

pub(super) async fn load(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let (model, node) = place(&app, name, request).await?;
    app.mesh.load(&model, node).await?;
    Ok(StatusCode::ACCEPTED)
}

pub(super) async fn unload(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let (model, node) = place(&app, name, request).await?;
    app.mesh.unload(&model, node).await?;
    Ok(StatusCode::ACCEPTED)
}

pub(super) async fn copy(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let (model, node) = place(&app, name, request).await?;
    app.mesh.copy(&model, node).await?;
    Ok(StatusCode::ACCEPTED)
}

pub(super) async fn stop_copy(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    app.mesh.stop_copy(&model_name(name)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn settings(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<ModelSettings>, ApiError> {
    let (model, node) = (model_name(name)?, node_in(query.as_deref())?);
    Ok(Json(app.mesh.settings(&model, node).await?.into()))
}

pub(super) async fn set(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Json<ModelSettings>, ApiError> {
    let model = model_name(name)?;
    let bytes = body::json(&app, request, Ceiling::Small).await?;
    let wanted: SettingsRequest = kept::strict(&bytes)?;
    let node = node_id(wanted.node)?;
    Ok(Json(app.mesh.set(&model, wanted.settings.into(), node).await?.into()))
}

/// The only parameter of a question: `node`.
fn node_in(query: Option<&str>) -> Result<Option<NodeId>, ApiError> {
    let pairs = query.into_iter().flat_map(|query| query.split('&'));
    let mut nodes = pairs.filter_map(|pair| pair.strip_prefix("node="));
    node_id(nodes.next().map(str::to_owned))
}

fn model_name(name: String) -> Result<ModelName, ApiError> {
    let model = ModelName::try_from(name);
    Ok(model.map_err(|e| Invalid::at("model", Reason::ModelName(e)))?)
}

fn node_id(id: Option<String>) -> Result<Option<NodeId>, ApiError> {
    let node = id.map(|id| id.parse()).transpose();
    node.map_err(|_| ApiError::Model(ModelError::UnknownNode))
}

async fn place(
    app: &App,
    name: String,
    request: Request,
) -> Result<(ModelName, Option<NodeId>), ApiError> {
    let model = model_name(name)?;
    let bytes = body::json_or_nothing(app, request).await?;
    let wanted: PlaceRequest = kept::strict(&bytes)?;
    Ok((model, node_id(wanted.node)?))
}
