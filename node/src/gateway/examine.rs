//! Questions to the inspector.

use pumasi_protocol::{ModelName, NodeId};
use pumasi_web::api;
use pumasi_web::mesh::{Mesh, ModelError};

use super::Gateway;
use crate::core::event::Ask;
use crate::inspecting::{View, planned, view};
use crate::{pace, recommending};

/// Which well-known models suit this computer and the mesh.
pub(super) async fn recommend(gateway: &Gateway, language: api::Language) -> api::Recommendations {
    let nodes = reachable(gateway.nodes().await);
    let pace = pace::known(&gateway.config, &gateway.measuring).await;
    let engine = gateway.config.engine;
    // Some milliseconds for each computer.
    let reckon = move || recommending::recommend(&nodes, pace.as_ref(), &engine, language);
    tokio::task::spawn_blocking(reckon).await.unwrap_or_default()
}

/// Computers that an answer compares: more than anybody looks at, and each takes milliseconds.
const NODES_MAX: usize = 64;

/// Computers that could run something now, this one first.
fn reachable(nodes: Vec<api::Node>) -> Vec<api::Node> {
    let is_there = |node: &api::Node| {
        let there = matches!(node.presence, api::Presence::Here | api::Presence::Online);
        there && !node.engines.is_empty()
    };
    nodes.into_iter().filter(is_there).take(NODES_MAX).collect()
}

/// What a model is, and what it would take on every computer that can be reached.
pub(super) async fn inspect(
    gateway: &Gateway,
    model: &ModelName,
    query: api::InspectQuery,
) -> Result<api::Inspection, ModelError> {
    let asked = query.node.as_ref().map(|id| id.parse::<NodeId>()).transpose();
    let asked = asked.map_err(|_| ModelError::UnknownNode)?;
    let told = gateway.ask(|reply| Ask::Inspect(model.clone(), asked, reply)).await;
    let (holder, inspection) = told.unwrap_or(Err(ModelError::Unreachable))?;
    let nodes = gateway.nodes().await;
    let holder = nodes.iter().find(|node| node.id == holder.to_string());
    let node = holder.map(|node| api::NodeRef { id: node.id.clone(), name: node.name.clone() });
    let nodes = reachable(nodes);
    let plan = planned(&query, &gateway.config.engine, &inspection);
    let language = query.language.unwrap_or_default();
    let pace = pace::known_or_soon(&gateway.config, &gateway.measuring);
    let model = model.to_string();
    let reckon = move || {
        let around = View { model, node, plan, nodes: &nodes, pace: pace.as_ref(), language };
        view(&inspection, around)
    };
    tokio::task::spawn_blocking(reckon).await.map_err(|_| ModelError::Unreachable)
}
