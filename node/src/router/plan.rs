//! Where a request may go, in which order. Pure: what is known comes in, routes come out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pumasi_cloud::{Price, Speech, price};
use pumasi_dialects::Preferences;
use pumasi_protocol::{Constraints, ModelName, Trust};
use pumasi_web::mesh::LeftOut;

use super::place::Place;
use super::policy::{Policy, Routing};
use super::prefer::{Figures, Groups, prefer};

/// What the mesh has, by the models' names.
pub(super) type MeshModels = BTreeMap<String, MeshModel>;

/// A model of the mesh.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct MeshModel {
    /// The wait for its first free slot in milliseconds; none: not known.
    pub(super) wait_ms: Option<u64>,
    /// Writing speed of its fastest computer.
    pub(super) tokens_per_s: Option<f64>,
}

/// A place that can answer, and what the model is called there.
#[derive(Debug, Clone)]
pub(super) enum Route {
    /// The mesh.
    Mesh(ModelName),
    /// A provider.
    Provider(Arc<Place>, String),
}

impl Route {
    fn is_provider(&self) -> bool {
        matches!(self, Self::Provider(..))
    }

    /// Whether it is a provider that speaks this language.
    pub(super) fn speaks(&self, speech: Speech) -> bool {
        match self {
            Self::Mesh(_) => false,
            Self::Provider(place, _) => place.provider.kind().speech == speech,
        }
    }
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
    pub(super) preferences: Option<&'a Preferences>,
    /// A provider was asked already and failed: it may be unknown by now, with the computer it was at.
    pub(super) was_asked: bool,
}

/// Where it may go.
#[derive(Debug)]
pub(super) enum Plan {
    /// No provider has a say: the mesh's own placing decides.
    Mesh,
    /// These, in order, never empty; and what the request's own words left out.
    Routes(Vec<Route>, LeftOut),
    /// Providers that have it must not be asked, and nobody else has it.
    Forbidden,
    /// The request's own words leave nobody.
    NoneLeft(LeftOut),
}

/// Plans.
pub(super) fn plan(facts: Facts<'_>, wish: Wish<'_>) -> Plan {
    match wish.preferences {
        None => plain(facts, wish),
        Some(wanted) => preferred(facts, wish, wanted),
    }
}

/// Where a request may go that wants nothing in particular.
fn plain(facts: Facts<'_>, wish: Wish<'_>) -> Plan {
    let names = facts.routing.meant(wish.model);
    let mut routes: Vec<Route> = names.iter().flat_map(|name| places(facts, name)).collect();
    let asks_providers = wish.was_asked || routes.iter().any(Route::is_provider);
    if !asks_providers && names == std::slice::from_ref(wish.model) {
        return Plan::Mesh;
    }
    if asks_providers {
        routes.extend(stand_ins(facts));
    }
    routes.retain(|route| is_allowed(facts.routing, wish.constraints, route));
    if routes.is_empty() { Plan::Forbidden } else { Plan::Routes(routes, LeftOut::default()) }
}

/// Where it may go by its own words, too.
fn preferred(facts: Facts<'_>, wish: Wish<'_>, wanted: &Preferences) -> Plan {
    let names = names(facts.routing, wish.model, wanted);
    let mut groups: Groups = names.iter().map(|name| places(facts, name)).collect();
    let asks_providers = wish.was_asked || groups.iter().flatten().any(Route::is_provider);
    let is_plain = !asks_providers && names == [wish.model];
    let mut stand_in: Vec<Route> = stand_ins(facts).filter(|_| asks_providers).collect();
    let may = |route: &Route| is_allowed(facts.routing, wish.constraints, route);
    groups.iter_mut().for_each(|group| group.retain(may));
    stand_in.retain(may);
    if groups.iter().chain([&stand_in]).all(Vec::is_empty) {
        return Plan::Forbidden;
    }
    let (routes, left) = prefer(groups, stand_in, wanted, &|route| figures(facts, route));
    if routes.is_empty() {
        return Plan::NoneLeft(left);
    }
    if is_plain { Plan::Mesh } else { Plan::Routes(routes, left) }
}

/// The models that may answer, in order, each once.
fn names<'a>(
    routing: &'a Routing,
    model: &'a ModelName,
    wanted: &'a Preferences,
) -> Vec<&'a ModelName> {
    let mut names: Vec<&ModelName> = Vec::new();
    for name in std::iter::once(model).chain(&wanted.models).flat_map(|name| routing.meant(name)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Models of the mesh that answer where a provider fails.
fn stand_ins(facts: Facts<'_>) -> impl Iterator<Item = Route> {
    let known = facts.routing.stand_in.iter();
    let known = known.filter(move |name| facts.mesh.contains_key(name.as_str()));
    known.cloned().map(Route::Mesh)
}

/// Who has a model, in the order that the policy wants.
fn places(facts: Facts<'_>, name: &ModelName) -> Vec<Route> {
    let addressed = addressed(facts.places, name);
    if !addressed.is_empty() {
        return addressed;
    }
    let on_mesh = facts.mesh.get(name.as_str());
    let has_it = |place: &&Arc<Place>| place.has(name.as_str());
    let at = |place: &Arc<Place>| Route::Provider(Arc::clone(place), name.to_string());
    let mut routes: Vec<Route> = facts.places.iter().filter(has_it).map(at).collect();
    routes.sort_by_key(|route| is_reluctant(route, name.as_str()));
    let wait_ms = on_mesh.and_then(|model| model.wait_ms);
    let is_full = wait_ms.is_some_and(|wait| wait > facts.routing.full_after_ms);
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

/// `openai/gpt-4o`: a model of one provider, whether its list has it or not. Where several computers have
/// that service, this one's own comes first. `openai.desk/gpt-4o` is that of one computer and no other.
fn addressed(places: &[Arc<Place>], name: &ModelName) -> Vec<Route> {
    let Some((id, model)) = name.as_str().split_once('/') else { return Vec::new() };
    let at = |place: &Arc<Place>| Route::Provider(Arc::clone(place), model.to_owned());
    if let Some(place) = places.iter().find(|place| place.far().is_some() && place.id() == id) {
        return vec![at(place)];
    }
    let of_id = places.iter().filter(|place| place.short() == id);
    // The same id may be another service elsewhere.
    let kind = of_id.clone().next().map(|place| &place.provider.kind().id);
    let same = of_id.filter(|place| Some(&place.provider.kind().id) == kind);
    let able = same.filter(|place| place.far().is_none() || place.may_have(model));
    let mut routes: Vec<Route> = able.map(at).collect();
    routes.sort_by_key(|route| is_reluctant(route, model));
    routes
}

/// Whether it is of no use to ask there now, by the word of the node that has it.
fn is_reluctant(route: &Route, model: &str) -> bool {
    let Route::Provider(place, _) = route else { return false };
    let told = place.far().map(super::far::Far::told);
    told.is_some_and(|told| told.is_spent || told.resting.contains(model))
}

/// Text that is to stay on some computers, or in the office, goes to no provider outside.
fn is_allowed(routing: &Routing, constraints: &Constraints, route: &Route) -> bool {
    let Route::Provider(place, _) = route else { return true };
    let stays =
        constraints.local_only || !constraints.only.is_empty() || constraints.trust == Trust::Mine;
    let outside = place.is_outside();
    let never = routing.policy == Policy::NeverCloud || routing.rehearsal;
    !(outside && (never || stays)) && is_allowed_there(constraints, place)
}

/// A provider of another node sees what that node sees.
fn is_allowed_there(constraints: &Constraints, place: &Place) -> bool {
    let Some(far) = place.far() else { return true };
    let is_meant = constraints.only.is_empty() || constraints.only.contains(&far.node);
    let is_trusted = constraints.trust == Trust::Mesh || far.is_mine;
    !constraints.local_only && is_meant && is_trusted && !constraints.not.contains(&far.node)
}

/// What is known of a place. Who is in the office takes no money and keeps nothing.
fn figures(facts: Facts<'_>, route: &Route) -> Figures {
    let free = Price { input: 0.0, output: 0.0, cached: None };
    match route {
        Route::Mesh(model) => {
            let known = facts.mesh.get(model.as_str()).copied().unwrap_or_default();
            Figures {
                price: Some(free),
                latency: known.wait_ms.map(Duration::from_millis),
                tokens_per_s: known.tokens_per_s,
                is_discreet: true,
            }
        }
        Route::Provider(place, model) => {
            let measured = place.provider.measured(model);
            Figures {
                price: price_at(place, model).or((!place.is_outside()).then_some(free)),
                latency: measured.first_byte,
                tokens_per_s: measured.tokens_per_s,
                is_discreet: place.is_discreet(),
            }
        }
    }
}

/// What a provider takes: by its own list, or by the table of public prices.
pub(super) fn price_at(place: &Place, model: &str) -> Option<Price> {
    let models = place.models();
    let listed = models.iter().find(|info| info.name == model).and_then(|info| info.price);
    listed.or_else(|| price(&place.provider.kind().id, model))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::place::samples::places;

    struct World {
        routing: Routing,
        mesh: MeshModels,
        places: Vec<Arc<Place>>,
        constraints: Constraints,
        preferences: Option<Preferences>,
        was_asked: bool,
    }

    impl World {
        fn new() -> Self {
            let ours = MeshModel { wait_ms: Some(0), tokens_per_s: Some(30.0) };
            let mesh = [("both", ours), ("ours", ours)];
            Self {
                routing: Routing::default(),
                mesh: mesh.map(|(name, model)| (name.to_owned(), model)).into(),
                places: places(),
                constraints: Constraints::default(),
                preferences: None,
                was_asked: false,
            }
        }

        /// The places in order, as `place:model`.
        fn plan(&self, model: &str) -> String {
            let facts = Facts { routing: &self.routing, mesh: &self.mesh, places: &self.places };
            let (model, constraints) = (name(model), &self.constraints);
            let preferences = self.preferences.as_ref();
            let wish = Wish { model: &model, constraints, preferences, was_asked: self.was_asked };
            match plan(facts, wish) {
                Plan::Mesh => "mesh alone".to_owned(),
                Plan::Forbidden => "forbidden".to_owned(),
                Plan::NoneLeft(left) => format!("none left: {left}"),
                Plan::Routes(routes, _) => {
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
    fn where_a_provider_is_gone_with_its_computer_others_still_stand_in() {
        let mut world = World::new();
        world.routing.stand_in = vec![name("ours")];
        world.was_asked = true;
        assert_eq!(world.plan("elsewhere/model"), "mesh:elsewhere/model mesh:ours");
    }

    #[test]
    fn the_policy_says_who_goes_first_where_both_have_a_model() {
        let mut world = World::new();
        assert_eq!(world.plan("both"), "mesh:both cloud:both lab:both");
        world.routing.policy = Policy::CloudFirst;
        assert_eq!(world.plan("both"), "cloud:both lab:both mesh:both");
        world.routing.policy = Policy::CloudWhenFull;
        assert_eq!(world.plan("both"), "mesh:both cloud:both lab:both");
        let wait_ms = Some(world.routing.full_after_ms + 1);
        world.mesh.insert("both".to_owned(), MeshModel { wait_ms, tokens_per_s: None });
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
    fn the_requests_own_words_come_on_top_of_what_a_person_settled() {
        let mut world = World::new();
        let words = |change: fn(&mut Preferences)| {
            let mut wanted = Preferences::default();
            change(&mut wanted);
            Some(wanted)
        };
        world.preferences = words(|_| ());
        assert_eq!(world.plan("ours"), "mesh alone");
        assert_eq!(world.plan("both"), "mesh:both cloud:both lab:both");
        world.preferences = words(|wanted| wanted.only = vec!["cloud".to_owned()]);
        assert_eq!(world.plan("both"), "cloud:both");
        assert_eq!(world.plan("ours"), "none left: `only` leaves out mesh");
        // The kind names a place, too.
        world.preferences = words(|wanted| wanted.ignore = vec!["openai".to_owned()]);
        assert_eq!(world.plan("both"), "mesh:both lab:both");
        world.preferences = words(|wanted| wanted.models = vec![name("cloud/gpt"), name("ours")]);
        assert_eq!(world.plan("nobodys"), "mesh:nobodys cloud:gpt mesh:ours");
        assert_eq!(world.plan("ours"), "mesh:ours cloud:gpt");
        // No word of a request opens what is closed.
        world.routing.policy = Policy::NeverCloud;
        world.preferences = words(|wanted| wanted.only = vec!["cloud".to_owned()]);
        assert_eq!(world.plan("cloud/gpt"), "forbidden");
        assert_eq!(world.plan("both"), "none left: `only` leaves out mesh, lab");
    }

    #[test]
    fn what_is_known_of_a_place_comes_from_lists_tables_and_measures() {
        let world = World::new();
        let facts = Facts { routing: &world.routing, mesh: &world.mesh, places: &world.places };
        let at = |place: usize, model: &str| {
            figures(facts, &Route::Provider(Arc::clone(&world.places[place]), model.to_owned()))
        };
        assert_eq!(at(0, "gpt-4o").price.map(|price| price.input), Some(2.5));
        assert_eq!(at(0, "gpt").price, None, "what is not known is not free");
        assert_eq!(at(1, "llama").price.map(|price| price.input), Some(0.0), "it is in the office");
        assert!(at(1, "llama").is_discreet && !at(0, "gpt").is_discreet);
        assert_eq!((at(0, "gpt").latency, at(0, "gpt").tokens_per_s), (None, None));
        let mesh = figures(facts, &Route::Mesh(name("ours")));
        assert_eq!((mesh.latency, mesh.tokens_per_s), (Some(Duration::ZERO), Some(30.0)));
        assert!(mesh.is_discreet && mesh.price.is_some());
    }
}
