//! What is: health, this node, the mesh's nodes and models, the doctor's findings.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, Request, State};
use serde::Serialize;

use crate::api::{Doctor, List, Model, Node, Status};
use crate::app::App;
use crate::error::{ApiError, KeyRefusal};
use crate::mesh::Caller;

#[derive(Serialize)]
pub(super) struct Health {
    status: &'static str,
    version: &'static str,
}

/// That this process answers; nothing is asked of the mesh.
pub(super) async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

pub(super) async fn status(State(app): State<Arc<App>>) -> Json<Status> {
    Json(app.mesh.status().await)
}

pub(super) async fn nodes(State(app): State<Arc<App>>) -> Json<List<Node>> {
    Json(List { data: app.mesh.nodes().await })
}

pub(super) async fn copies(State(app): State<Arc<App>>) -> Json<List<crate::api::Copy>> {
    Json(List { data: app.mesh.copies().await })
}

pub(super) async fn models(State(app): State<Arc<App>>) -> Json<List<Model>> {
    Json(List { data: app.mesh.models().await })
}

/// `?peer=`: only that computer. Trying addresses of one's own is for this install: with a key one
/// could look for the open ports of a network from here.
pub(super) async fn doctor(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<Doctor>, ApiError> {
    let query = Query::<BTreeMap<String, String>>::try_from_uri(request.uri());
    let query = query.map_err(|_| ApiError::Query { name: "peer" })?.0;
    let peer = query.get("peer").map(String::as_str);
    if peer.is_some() && super::caller(&request)? != Caller::Install {
        return Err(KeyRefusal::Never.into());
    }
    let found = app.mesh.doctor(peer).await;
    found.map(Json).ok_or(ApiError::Query { name: "peer" })
}

/// How often each error was answered since the start.
pub(super) async fn errors(State(app): State<Arc<App>>) -> Json<BTreeMap<&'static str, u64>> {
    Json(app.errors.snapshot())
}
