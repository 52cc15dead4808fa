//! Ollama's way to have a model loaded or unloaded: a request without a question.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use pumasi_dialects::ollama::{self, Preload};
use pumasi_protocol::{KeepAlive, NodeId};
use tokio::time::Instant;

use super::inference::json_response;
use crate::api::{Model, ModelPlace, ModelState};
use crate::app::{App, unix_s};
use crate::body::{self, Ceiling};
use crate::error::ApiError;

/// Between two looks at a model that is loading.
const LOOK: Duration = Duration::from_millis(50);
/// How long a load is waited for (guess: a large model on a slow disk).
const LOADS: Duration = Duration::from_secs(300);

/// The answer, where the body asks no question; else the request as it came.
pub(super) async fn answered(
    app: &Arc<App>,
    request: Request,
    chat: bool,
) -> Result<Result<Response, Request>, ApiError> {
    let (parts, body) = request.into_parts();
    let whole = Request::from_parts(parts.clone(), body);
    let bytes = body::json(app, whole, Ceiling::Pictures).await?;
    let Some(preload) = ollama::parse_preload(&bytes, chat) else {
        return Ok(Err(Request::from_parts(parts, Body::from(bytes))));
    };
    done(app, &preload).await?;
    Ok(Ok(json_response(ollama::preloaded(&preload, unix_s()))))
}

async fn done(app: &App, preload: &Preload) -> Result<(), ApiError> {
    let model = known(app, preload).await?;
    if preload.unloads() {
        app.mesh.keep(&preload.model, KeepAlive::Seconds(0)).await;
        return Ok(());
    }
    if !model.places.iter().any(is_loaded) {
        load(app, preload, &model).await?;
    }
    if let Some(keep) = preload.keep_alive {
        app.mesh.keep(&preload.model, keep).await;
    }
    Ok(())
}

async fn load(app: &App, preload: &Preload, model: &Model) -> Result<(), ApiError> {
    let node: Option<NodeId> = model.best.as_ref().and_then(|node| node.id.parse().ok());
    app.mesh.load(&preload.model, node).await?;
    let until = Instant::now() + LOADS;
    while Instant::now() < until {
        if known(app, preload).await?.places.iter().any(is_loaded) {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    Err(ApiError::Model(crate::mesh::ModelError::Unreachable))
}

async fn known(app: &App, preload: &Preload) -> Result<Model, ApiError> {
    let models = app.mesh.models().await;
    let found = models.into_iter().find(|model| model.name == preload.model.as_str());
    found.ok_or(ApiError::ModelUnknown)
}

fn is_loaded(place: &ModelPlace) -> bool {
    matches!(place.state, ModelState::Loaded { .. })
}
