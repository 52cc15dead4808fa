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

#[cfg(test)]
mod tests {
    use pumasi_cloud::{
        Client, ClientConfig, ModelInfo, Provider, ProviderFault, Secret, Settings,
    };

    use super::*;

    /// A cloud and a server near by; both list `both` and one model of their own.
    fn places() -> Vec<Arc<Place>> {
        let made = rcgen::generate_simple_self_signed(vec!["x".to_owned()]).expect("a certificate");
        let authorities = vec![made.cert.der().clone()];
        let client = Client::new(&ClientConfig { authorities, only_these: true });
        let place = |id: &str, kind: &str, base: Option<&str>, own: &str| {
            let id = id.parse().expect("an id");
            let settings = Settings { base: base.map(str::to_owned), ..Settings::new(id, kind) };
            let key = Secret::new("sk-x").expect("a key");
            let provider = Provider::new(client.clone(), settings, Some(key)).expect("settings");
            let place = Place::new(provider, false);
            place.set_models(vec![ModelInfo::named("both"), ModelInfo::named(own)]);
            Arc::new(place)
        };
        vec![
            place("cloud", "openai", None, "gpt"),
            place("lab", "openai-compatible", Some("http://127.0.0.1:1/v1"), "llama"),
        ]
    }

    struct World {
        routing: Routing,
        mesh: MeshModels,
        places: Vec<Arc<Place>>,
        constraints: Constraints,
        tried: Vec<Tried>,
    }

    impl World {
        fn new() -> Self {
            let mesh = [("both", Some(0)), ("ours", Some(0))];
            Self {
                routing: Routing::default(),
                mesh: mesh.map(|(name, wait)| (name.to_owned(), wait)).into(),
                places: places(),
                constraints: Constraints::default(),
                tried: Vec::new(),
            }
        }

        /// The places in order, as `place:model`.
        fn plan(&self, model: &str) -> String {
            let facts = Facts { routing: &self.routing, mesh: &self.mesh, places: &self.places };
            let (model, constraints) = (name(model), &self.constraints);
            match plan(facts, Wish { model: &model, constraints, tried: &self.tried }) {
                Plan::Mesh => "mesh alone".to_owned(),
                Plan::Forbidden => "forbidden".to_owned(),
                Plan::Exhausted => "exhausted".to_owned(),
                Plan::Routes(routes) => {
                    let told = routes.iter().map(|route| match route {
                        Route::Mesh(model) => format!("mesh:{model}"),
                        Route::Provider(place, model) => format!("{}:{model}", place.id()),
                    });
                    told.collect::<Vec<_>>().join(" ")
                }
            }
        }
    }

    fn name(text: &str) -> ModelName {
        text.parse().expect("a name")
    }

    #[test]
    fn a_model_that_only_the_mesh_has_or_nobody_is_the_meshs_business() {
        let world = World::new();
        assert_eq!(world.plan("ours"), "mesh alone");
        assert_eq!(world.plan("nobodys"), "mesh alone");
        assert_eq!(world.plan("elsewhere/model"), "mesh alone");
    }

    #[test]
    fn the_policy_says_who_goes_first_where_both_have_a_model() {
        let mut world = World::new();
        assert_eq!(world.plan("both"), "mesh:both cloud:both lab:both");
        world.routing.policy = Policy::CloudFirst;
        assert_eq!(world.plan("both"), "cloud:both lab:both mesh:both");
        world.routing.policy = Policy::CloudWhenFull;
        assert_eq!(world.plan("both"), "mesh:both cloud:both lab:both");
        world.mesh.insert("both".to_owned(), Some(world.routing.full_after_ms + 1));
        assert_eq!(world.plan("both"), "cloud:both lab:both mesh:both");
    }

    #[test]
    fn an_addressed_provider_is_asked_whatever_it_lists_and_others_stand_in() {
        let mut world = World::new();
        assert_eq!(world.plan("cloud/unlisted"), "cloud:unlisted");
        world.routing.stand_in = vec![name("ours"), name("nobodys")];
        assert_eq!(world.plan("cloud/gpt"), "cloud:gpt mesh:ours");
        world.routing.aliases.insert(name("fast"), vec![name("lab/llama"), name("cloud/gpt")]);
        assert_eq!(world.plan("fast"), "lab:llama cloud:gpt mesh:ours");
    }

    #[test]
    fn nothing_leaves_the_office_that_must_not() {
        let mut world = World::new();
        let held = |world: &World| {
            assert_eq!(world.plan("cloud/gpt"), "forbidden");
            assert_eq!(world.plan("both"), "mesh:both lab:both");
            assert_eq!(world.plan("lab/llama"), "lab:llama");
        };
        world.routing.policy = Policy::NeverCloud;
        held(&world);
        world.routing = Routing { rehearsal: true, ..Routing::default() };
        held(&world);
        world.routing = Routing::default();
        for constraints in [
            Constraints { trust: Trust::Mine, ..Constraints::default() },
            Constraints { local_only: true, ..Constraints::default() },
            Constraints { only: vec![pumasi_protocol::NodeId([1; 32])], ..Constraints::default() },
        ] {
            world.constraints = constraints;
            held(&world);
        }
    }

    #[test]
    fn who_failed_already_is_not_asked_again() {
        let mut world = World::new();
        world.tried = vec![Tried { id: "cloud".to_owned(), fault: ProviderFault::CutOff }];
        assert_eq!(world.plan("both"), "mesh:both lab:both");
        assert_eq!(world.plan("cloud/gpt"), "exhausted");
        world.routing.stand_in = vec![name("ours")];
        assert_eq!(world.plan("cloud/gpt"), "mesh:ours");
    }
}
