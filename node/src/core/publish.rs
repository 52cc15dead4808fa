//! What others are told, and when: adverts to the mesh, changes to the interface. Both are compared
//! with what was last told, so that silence means nothing changed.

use std::collections::BTreeMap;
use std::time::Instant;

use pumasi_protocol::advert::Gossip;
use pumasi_protocol::document::DOCUMENT_ENGINE;
use pumasi_protocol::state::MEMORY_STEP;
use pumasi_protocol::{Device, DeviceKind, EngineKind, JobId, ModelAdvert, ModelState, NodeAdvert};
use pumasi_scheduler::{Input, Residence};
use pumasi_web::api;
use tokio::sync::broadcast;

use super::Core;
use super::telling::{Teller, Telling};
use crate::hardware;
use crate::models::{Computes, LocalModel, assumed_rates};

/// Share of main memory that models leave to everything else, in percent.
const MEMORY_RESERVE_PERCENT: u64 = 10;

/// What was last told.
pub(super) struct Publisher {
    changes: broadcast::Sender<api::Event>,
    teller: Teller,
    status: Option<api::Status>,
    nodes: BTreeMap<String, api::Node>,
    models: BTreeMap<String, api::Model>,
}

impl Publisher {
    pub(super) fn new(changes: broadcast::Sender<api::Event>) -> Self {
        Self {
            changes,
            teller: Teller::default(),
            status: None,
            nodes: BTreeMap::new(),
            models: BTreeMap::new(),
        }
    }

    /// Whether anybody listens to changes.
    pub(super) fn is_heard(&self) -> bool {
        self.changes.receiver_count() > 0
    }

    pub(super) fn say(&self, event: api::Event) {
        // Without listeners there is nobody to tell.
        let _ = self.changes.send(event);
    }
}

impl Core {
    /// Tells mesh and interface what changed.
    pub(super) fn publish(&mut self) {
        if let Some(advert) = self.advert_of_here() {
            // What a full queue loses, peers find out by the next state, and ask for.
            let _ = match self.publisher.teller.tell(advert, Instant::now()) {
                Some(Telling::Advert(advert)) => self.net.publish(Gossip::Advert(advert)),
                Some(Telling::State(state)) => self.net.tell_state(state),
                None => Ok(()),
            };
        }
        if self.publisher.is_heard() {
            self.publish_views();
        }
        self.follow_others();
    }

    /// The current advert for a peer that asks, in step with what is told.
    pub(super) fn current_advert(&mut self) -> Option<NodeAdvert> {
        if let Some(advert) = self.advert_of_here()
            && self.publisher.teller.told().is_none()
        {
            // Whoever is here asks, too, or hears the next one.
            let _ = self.publisher.teller.tell(advert, Instant::now());
        }
        self.publisher.teller.told().cloned()
    }

    fn publish_views(&mut self) {
        let status = self.status_view();
        if self.publisher.status.as_ref() != Some(&status) {
            self.publisher.say(api::Event::Status { status: status.clone() });
            self.publisher.status = Some(status);
        }
        let nodes = self.nodes_view().into_iter().map(|node| (node.id.clone(), node)).collect();
        let before = std::mem::replace(&mut self.publisher.nodes, nodes);
        for (id, node) in &self.publisher.nodes {
            if before.get(id) != Some(node) {
                self.publisher.say(api::Event::Node { node: Box::new(node.clone()) });
            }
        }
        for id in before.keys().filter(|id| !self.publisher.nodes.contains_key(*id)) {
            self.publisher.say(api::Event::NodeGone { id: id.clone() });
        }
        let models = self.models_view().into_iter().map(|m| (m.name.clone(), m)).collect();
        let before = std::mem::replace(&mut self.publisher.models, models);
        for (name, model) in &self.publisher.models {
            if before.get(name) != Some(model) {
                self.publisher.say(api::Event::Model { model: model.clone() });
            }
        }
        for name in before.keys().filter(|name| !self.publisher.models.contains_key(*name)) {
            self.publisher.say(api::Event::ModelGone { name: name.clone() });
        }
        let running: Vec<JobId> = self.owned.live.keys().copied().collect();
        for job in running {
            self.publish_job(job);
        }
    }

    pub(super) fn publish_job(&mut self, job: JobId) {
        if !self.publisher.is_heard() {
            return;
        }
        if let Some(job) = self.owned.find(job) {
            self.publisher.say(api::Event::Job { job: Box::new(self.job_view(job)) });
        }
    }

    pub(super) fn on_scanned(&mut self, models: Vec<LocalModel>) {
        for model in &models {
            if let Err(reason) = &model.model {
                let path = model.path.display();
                tracing::warn!(%path, %reason, "a model file cannot be used");
            }
        }
        // No file gets the name of an engine.
        let models = models.into_iter().filter(|model| model.name.as_str() != DOCUMENT_ENGINE);
        self.plan_models(models.collect());
        self.settling.scanned = true;
        self.lend_models();
        self.tell_local();
    }

    /// Tells the scheduler the truth about this node, once it is known.
    pub(super) fn tell_local(&mut self) {
        if !self.settling.knows_itself() {
            return;
        }
        let mut advert = Box::new(self.local_advert());
        advert.models.extend(self.copyable_models());
        let model_memory = self.model_memory();
        self.tell(Input::Local { advert, model_memory });
        if self.settling.scanned && !std::mem::replace(&mut self.settling.pinned, true) {
            self.pin_models();
        }
    }

    fn local_advert(&self) -> NodeAdvert {
        let memory = hardware::memory();
        let step = |bytes: u64| bytes / MEMORY_STEP * MEMORY_STEP;
        let mut devices = self.devices.clone();
        for device in &mut devices {
            device.memory_free = step(device.memory_free);
        }
        let models = self.models.values().map(|m| self.model_advert(m));
        let llama = (!devices.is_empty()).then_some(EngineKind::Llama);
        let documents = self.fleet.document_advert();
        let document = documents.as_ref().map(|_| EngineKind::Document);
        NodeAdvert {
            node: self.me,
            incarnation: self.incarnation,
            sequence: 0,
            name: self.config.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            platform: self.platform.clone(),
            engines: llama.into_iter().chain(document).collect(),
            devices,
            memory_total: memory.total,
            memory_free: step(memory.free),
            models: models.chain(documents).collect(),
            queue: pumasi_protocol::advert::Queue::default(),
            admission: self.admission(),
            data: self.net.listening().data,
            prefixes: Vec::new(),
        }
    }

    fn model_advert(&self, model: &LocalModel) -> ModelAdvert {
        let engine = &self.config.engine;
        let usable = model.model.as_ref().ok();
        let (prefill, decode) = assumed_rates(model.size, self.computes(model.plan.gpu_layers));
        ModelAdvert {
            name: model.name.clone(),
            file: model.file,
            size: model.size,
            engine: EngineKind::Llama,
            capabilities: usable.map(|u| u.capabilities).unwrap_or_default(),
            context: usable.map_or_else(|| engine.context_for(0), |u| u.context),
            state: if usable.is_some() { ModelState::Held } else { ModelState::Unusable },
            memory: usable.map_or(0, |u| u.memory),
            prefill,
            decode,
            load_ms: 0,
            usual_tokens: 0,
        }
    }

    /// What computes models here.
    pub(super) fn computes(&self, gpu_layers: u32) -> Computes {
        let on_card = gpu_layers > 0 && self.devices.iter().any(is_card);
        if on_card { Computes::Card } else { Computes::Processor }
    }

    /// Bytes that models may take here: what is free and what they have already, less a reserve.
    fn model_memory(&self) -> u64 {
        let taken: u64 = self.scheduler.view().executor().models.iter().map(taken).sum();
        let memory = hardware::memory();
        let cards = self.devices.iter().filter(|device| is_card(device));
        let cards: u64 = cards.map(|d| d.memory_free).sum();
        if cards > 0 && self.config.engine.gpu_layers > 0 {
            return cards + taken;
        }
        let reserve = memory.total / 100 * MEMORY_RESERVE_PERCENT;
        (memory.free + taken).saturating_sub(reserve)
    }
}

fn is_card(device: &Device) -> bool {
    device.kind == DeviceKind::Gpu
}

fn taken(model: &pumasi_scheduler::ModelView) -> u64 {
    match model.residence {
        Residence::Loaded | Residence::Unloading => model.memory,
        Residence::Held | Residence::Loading | Residence::Unusable => 0,
    }
}
