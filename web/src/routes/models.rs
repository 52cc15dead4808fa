//! Models: OpenAI's list of them, and loading and unloading on any node.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use pumasi_dialects::{Invalid, Reason};
use pumasi_protocol::{ModelName, NodeId};
use serde::Serialize;

use super::kept;
use crate::api::{Capability, Model, PlaceRequest};
use crate::app::App;
use crate::body;
use crate::error::ApiError;
use crate::mesh::ModelError;

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
                nodes: model.places.into_iter().map(|place| place.node.name).collect(),
            },
        }
    }
}

pub(super) async fn list(State(app): State<Arc<App>>) -> Json<ModelList> {
    let models = app.mesh.models().await;
    Json(ModelList { object: "list", data: models.into_iter().map(Into::into).collect() })
}

/// The name may hold a `/`, encoded or not.
pub(super) async fn one(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<Json<ModelObject>, ApiError> {
    let model = app.mesh.models().await.into_iter().find(|model| model.name == name);
    model.map(|model| Json(model.into())).ok_or(ApiError::ModelUnknown)
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

async fn place(
    app: &App,
    name: String,
    request: Request,
) -> Result<(ModelName, Option<NodeId>), ApiError> {
    let model = ModelName::try_from(name);
    let model = model.map_err(|e| Invalid::at("model", Reason::ModelName(e)))?;
    let bytes = body::json_or_nothing(app, request).await?;
    let wanted: PlaceRequest = kept::strict(&bytes)?;
    let node = wanted.node.map(|id| id.parse()).transpose();
    let node = node.map_err(|_| ApiError::Model(ModelError::UnknownNode))?;
    Ok((model, node))
}
