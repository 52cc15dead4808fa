//! The node's knowledge as programs and people see it: status, nodes, models, jobs.

use std::collections::BTreeMap;

use pumasi_protocol::roster::Member;
use pumasi_protocol::{
    EngineKind, JobState, ModelAdvert, ModelState, NodeAdvert, NodeId, NodeName,
};
use pumasi_scheduler::{Link, NodeView};
use pumasi_web::api;

use super::Core;
use super::owned::OwnedJob;

impl Core {
    pub(super) fn node_name(&self, node: NodeId) -> NodeName {
        if node == self.me {
            return self.config.name.clone();
        }
        let member = self.roster.as_ref().and_then(|roster| roster.members.get(&node));
        member.map_or_else(
            || node.short().parse().expect("hexadecimal digits are a name"),
            |member| member.name.clone(),
        )
    }

    pub(super) fn node_ref(&self, node: NodeId) -> api::NodeRef {
        api::NodeRef::new(node, self.node_name(node))
    }

    pub(super) fn status_view(&self) -> api::Status {
        let roster = self.roster.as_ref();
        let me = roster.and_then(|roster| roster.members.get(&self.me));
        let person = me.and_then(|m| m.person.as_ref()).or(self.config.person.as_ref());
        let nodes = self.scheduler.view().nodes();
        let reachable = nodes.iter().filter(|(id, node)| self.is_reachable(**id, node)).count();
        let running =
            |job: &&OwnedJob| matches!(job.state, JobState::Running(_) | JobState::Bound(_));
        let live = self.owned.live.len();
        let jobs_running = self.owned.live.values().filter(running).count();
        let mesh_name = |r: &pumasi_protocol::roster::Roster| match &r.name {
            Some(name) => name.to_string(),
            None => r.mesh.short(),
        };
        api::Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            node: self.node_ref(self.me),
            mesh: roster.map(|r| api::MeshRef { id: r.mesh.to_string(), name: mesh_name(r) }),
            person: person.map(ToString::to_string),
            roles: me.map(roles).unwrap_or_default(),
            admission: self.admission().into(),
            lending: self.lending_view(),
            started_ms: self.started_ms,
            members: roster.map_or(1, |roster| count(roster.members.len())),
            reachable: count(reachable),
            jobs_running: count(jobs_running),
            jobs_waiting: count(live - jobs_running),
            endpoint: self.endpoint.clone().map(Box::new),
            notices: self.notices.values().cloned().collect(),
        }
    }

    fn is_reachable(&self, id: NodeId, node: &NodeView<'_>) -> bool {
        id == self.me || (node.member.is_some() && matches!(node.link, Link::Up { .. }))
    }

    /// All members, this node first.
    pub(super) fn nodes_view(&self) -> Vec<api::Node> {
        let views = self.scheduler.view().nodes();
        let members = self.roster.as_ref().map(|roster| &roster.members);
        let others = members.into_iter().flat_map(BTreeMap::keys).filter(|id| **id != self.me);
        let all = std::iter::once(&self.me).chain(others);
        all.map(|id| self.node_view(*id, views.get(id))).collect()
    }

    fn node_view(&self, id: NodeId, view: Option<&NodeView<'_>>) -> api::Node {
        let member = self.roster.as_ref().and_then(|roster| roster.members.get(&id));
        let own = (id == self.me).then(|| self.advert_of_here()).flatten();
        let advert = own.as_ref().or(view.and_then(|view| view.advert));
        let link = view.map(|view| view.link);
        let presence = match link {
            _ if id == self.me => api::Presence::Here,
            Some(Link::Up { .. }) if self.doubtful.contains(&id) => api::Presence::Suspect,
            Some(Link::Up { .. }) => api::Presence::Online,
            Some(Link::Down) | None => api::Presence::Offline,
        };
        let round_trip_ms = match link {
            Some(Link::Up { rtt_us }) if id != self.me => Some(f64::from(rtt_us) / 1_000.0),
            Some(Link::Up { .. } | Link::Down) | None => None,
        };
        let node = api::Node {
            id: id.to_string(),
            name: self.node_name(id).to_string(),
            person: member.and_then(|m| m.person.as_ref()).map(ToString::to_string),
            roles: member.map(roles).unwrap_or_default(),
            presence,
            version: String::new(),
            platform: String::new(),
            addresses: Vec::new(),
            devices: Vec::new(),
            memory_total_bytes: 0,
            memory_free_bytes: 0,
            admission: api::Admission::Accepting,
            engines: Vec::new(),
            models: Vec::new(),
            queue: api::Queue::default(),
            round_trip_ms,
            seen_ms: self.seen.get(&id).copied(),
            cut_off: self.cut_off.get(&id).copied(),
        };
        advert.map_or(node.clone(), |advert| with_advert(node, advert))
    }

    /// All models of the mesh, by name.
    pub(super) fn models_view(&self) -> Vec<api::Model> {
        let views = self.scheduler.view().nodes();
        let own = self.advert_of_here();
        let peers = views.iter().filter(|(id, _)| **id != self.me);
        let peers = peers.filter(|(_, view)| matches!(view.link, Link::Up { .. }));
        let peers = peers.filter_map(|(_, view)| view.advert);
        let mut models: BTreeMap<String, api::Model> = BTreeMap::new();
        for advert in own.iter().chain(peers) {
            for held in shown(&advert.models) {
                let name = held.name.to_string();
                let model = models.entry(name).or_insert_with(|| self.model_view(held));
                model.places.push(self.place(advert, held));
            }
        }
        for model in models.values_mut() {
            let best =
                model.places.iter().filter(|p| p.wait_ms.is_some()).min_by_key(|p| p.wait_ms);
            model.best = best.map(|place| place.node.clone());
        }
        models.into_values().collect()
    }

    fn model_view(&self, held: &ModelAdvert) -> api::Model {
        api::Model {
            provider: None,
            at: Vec::new(),
            name: held.name.to_string(),
            engine: held.engine.into(),
            size_bytes: held.size,
            context_tokens: held.context,
            capabilities: api::Capability::list(held.capabilities),
            starter: crate::starter::is_starter(&held.name),
            created_s: self.models.get(&held.name).map_or(0, |local| local.changed_s),
            places: Vec::new(),
            best: None,
        }
    }

    fn place(&self, advert: &NodeAdvert, held: &ModelAdvert) -> api::ModelPlace {
        let wait_ms = match held.state {
            ModelState::Loaded { slots, busy } if busy < slots => Some(0),
            ModelState::Loaded { .. } => Some(advert.queue.work_ms.max(1)),
            ModelState::Loading(_) | ModelState::Held => {
                Some(u64::from(held.load_ms.max(1)) + advert.queue.work_ms)
            }
            ModelState::Unusable => None,
        };
        let own = advert.node == self.me;
        let drafts = own.then(|| self.fleet.drafts(&held.name)).flatten();
        let loading = own.then(|| self.loading.get(&held.name)).flatten();
        let state = loading.map_or(held.state, |permille| ModelState::Loading(*permille));
        api::ModelPlace {
            node: self.node_ref(advert.node),
            state: state.into(),
            file: held.file.to_string(),
            prefill_tokens_per_s: held.prefill.per_second(),
            decode_tokens_per_s: held.decode.per_second(),
            wait_ms,
            expires_ms: own.then(|| self.fleet.expires_ms(&held.name)).flatten(),
            drafted_tokens: drafts.map(|drafts| drafts.proposed),
            accepted_tokens: drafts.map(|drafts| drafts.accepted),
        }
    }

    /// Jobs of this node, newest first.
    pub(super) fn jobs_view(&self, live_only: bool, limit: usize) -> Vec<api::Job> {
        let ended = self.owned.ended.iter().filter(|_| !live_only);
        let mut jobs: Vec<&OwnedJob> = self.owned.live.values().chain(ended).collect();
        jobs.sort_by_key(|job| std::cmp::Reverse(job.id));
        jobs.into_iter().take(limit).map(|job| self.job_view(job)).collect()
    }
}

pub(super) fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn roles(member: &Member) -> Vec<api::MeshRole> {
    member.roles.iter().map(super::admission::mesh_role).collect()
}

/// Models that people can choose: the document engine is listed as one only among nodes.
fn shown(models: &[ModelAdvert]) -> impl Iterator<Item = &ModelAdvert> {
    models.iter().filter(|held| held.engine != EngineKind::Document)
}

fn with_advert(node: api::Node, advert: &NodeAdvert) -> api::Node {
    let engine = |kind: &pumasi_protocol::EngineKind| api::NodeEngine {
        kind: (*kind).into(),
        state: api::EngineState::Ready,
        message: None,
    };
    api::Node {
        version: advert.version.clone(),
        platform: advert.platform.clone(),
        addresses: advert.data.iter().map(ToString::to_string).collect(),
        devices: advert.devices.iter().map(Into::into).collect(),
        memory_total_bytes: advert.memory_total,
        memory_free_bytes: advert.memory_free,
        admission: advert.admission.into(),
        engines: advert.engines.iter().map(engine).collect(),
        models: shown(&advert.models).map(Into::into).collect(),
        queue: api::Queue {
            interactive: advert.queue.interactive,
            batch: advert.queue.batch,
            work_ms: advert.queue.work_ms,
        },
        ..node
    }
}
