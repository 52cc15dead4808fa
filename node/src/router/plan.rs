//! Where a request may go, in which order. Pure: what is known comes in, routes come out.

use std::collections::BTreeMap;
use std::sync::Arc;

use pumasi_protocol::{Constraints, ModelName, Trust};
use pumasi_web::mesh::Tried;

use super::place::Place;
use super::policy::{Policy, Routing};

/// What the mesh has: each model's name, and the wait for its first free slot in milliseconds; none: not
/// known.
pub(super) type MeshModels = BTreeMap<String, Option<u64>>;

/// A place that can answer, and what the model is called there.
#[derive(Debug, Clone)]
pub(super) enum Route {
    /// The mesh.
    Mesh(ModelName),
    /// A provider.
    Provider(Arc<Place>, String),
}

/// What is known.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) routing: &'a Routing,
    pub(super) mesh: &'a MeshModels,
    pub(super) places: &'a [Arc<Place>],
}

/// What is asked.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    pub(super) model: &'a ModelName,
    pub(super) constraints: &'a Constraints,
    pub(super) tried: &'a [Tried],
}

/// Where it may go.
#[derive(Debug)]
pub(super) enum Plan {
    /// No provider has a say: the mesh's own placing decides.
    Mesh,
    /// These, in order; never empty.
    Routes(Vec<Route>),
    /// Providers that have it must not be asked, and nobody else has it.
    Forbidden,
    /// All that could be asked have failed.
    Exhausted,
}

/// Plans.
pub(super) fn plan(facts: Facts<'_>, wish: Wish<'_>) -> Plan {
    let names = facts.routing.meant(wish.model);
    let mut routes: Vec<Route> = names.iter().flat_map(|name| places(facts, name)).collect();
    let asks_providers = routes.iter().any(|route| matches!(route, Route::Provider(..)));
    if !asks_providers && names == [wish.model.clone()] {
        return Plan::Mesh;
    }
    if asks_providers {
        let stand_in = facts.routing.stand_in.iter();
        let known = stand_in.filter(|name| facts.mesh.contains_key(name.as_str()));
        routes.extend(known.cloned().map(Route::Mesh));
    }
    routes.retain(|route| is_allowed(facts.routing, wish.constraints, route));
    if routes.is_empty() {
        return Plan::Forbidden;
    }
    routes.retain(|route| !is_tried(wish.tried, route));
    if routes.is_empty() { Plan::Exhausted } else { Plan::Routes(routes) }
}

/// Who has a model, in the order that the policy wants.
fn places(facts: Facts<'_>, name: &ModelName) -> Vec<Route> {
    if let Some(route) = addressed(facts.places, name) {
        return vec![route];
    }
    let on_mesh = facts.mesh.get(name.as_str());
    let has_it = |place: &&Arc<Place>| place.has(name.as_str());
    let at = |place: &Arc<Place>| Route::Provider(Arc::clone(place), name.to_string());
    let mut routes: Vec<Route> = facts.places.iter().filter(has_it).map(at).collect();
    let is_full = on_mesh.copied().flatten().is_some_and(|wait| wait > facts.routing.full_after_ms);
    let mesh_waits = match facts.routing.policy {
        Policy::CloudFirst => true,
        Policy::CloudWhenFull => is_full,
        Policy::MeshFirst | Policy::NeverCloud => false,
    };
    if on_mesh.is_some() || routes.is_empty() {
        let place = if mesh_waits { routes.len() } else { 0 };
        routes.insert(place, Route::Mesh(name.clone()));
    }
    routes
}

/// `openai/gpt-4o`: a model of one provider, whether its list has it or not.
fn addressed(places: &[Arc<Place>], name: &ModelName) -> Option<Route> {
    let (id, model) = name.as_str().split_once('/')?;
    let place = places.iter().find(|place| place.id() == id)?;
    Some(Route::Provider(Arc::clone(place), model.to_owned()))
}

/// Text that is to stay on some computers, or in the office, goes to no provider outside.
fn is_allowed(routing: &Routing, constraints: &Constraints, route: &Route) -> bool {
    let Route::Provider(place, _) = route else { return true };
    let stays =
        constraints.local_only || !constraints.only.is_empty() || constraints.trust == Trust::Mine;
    let outside = place.is_outside();
    let never = routing.policy == Policy::NeverCloud || routing.rehearsal;
    !(outside && (never || stays))
}

fn is_tried(tried: &[Tried], route: &Route) -> bool {
    match route {
        Route::Mesh(_) => false,
        Route::Provider(place, _) => tried.iter().any(|tried| tried.id == place.id()),
    }
}
