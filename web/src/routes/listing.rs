//! What is: health, this node, the mesh's nodes and models, the doctor's findings.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::api::{Doctor, List, Model, Node, Status};
use crate::app::App;

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

pub(super) async fn models(State(app): State<Arc<App>>) -> Json<List<Model>> {
    Json(List { data: app.mesh.models().await })
}

pub(super) async fn doctor(State(app): State<Arc<App>>) -> Json<Doctor> {
    Json(app.mesh.doctor().await)
}

/// How often each error was answered since the start.
pub(super) async fn errors(State(app): State<Arc<App>>) -> Json<BTreeMap<&'static str, u64>> {
    Json(app.errors.snapshot())
}
