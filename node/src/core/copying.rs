//! Models that are copied to this node from other members: begun by a person or another member, shown
//! while they come, and taken in when they are whole.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use pumasi_models::store::Store as ModelStore;
use pumasi_protocol::message::Request;
use pumasi_protocol::{
    BlobId, EngineKind, Fault, ModelAdvert, ModelName, ModelState, NodeId, Refusal,
};
use pumasi_scheduler::{Input, Link};
use pumasi_web::api;
use pumasi_web::mesh::ModelError;
use tokio::sync::oneshot;

use super::Core;
use super::event::Event;
use crate::copies::{Copying, Lendable, Stage, Wanted, take_in};
use crate::models::{self, LocalModel};

/// Copies that are over and still shown.
const SHOWN: usize = 32;
/// Bytes of the disk that are left free (guess: what a system needs to stay well).
pub(super) const DISK_RESERVE: u64 = 2 << 30;

/// What is copied to this node.
pub(super) struct Copies {
    store: Arc<ModelStore>,
    running: BTreeMap<BlobId, Running>,
    over: VecDeque<api::Copy>,
}

struct Running {
    name: ModelName,
    copying: Copying,
    since: Instant,
    /// A job waits for it.
    load: bool,
}

/// A copy that ended: what it gave.
#[derive(Debug)]
pub(crate) struct Arrived {
    blob: BlobId,
    outcome: Result<Option<LocalModel>, String>,
}

impl Copies {
    pub(super) fn new(store: Arc<ModelStore>) -> Self {
        Self { store, running: BTreeMap::new(), over: VecDeque::new() }
    }

    /// Where unfinished files lie.
    pub(super) fn partials(&self) -> PathBuf {
        self.store.partials()
    }
}

impl Core {
    pub(super) fn copy_or_ask(
        &mut self,
        model: ModelName,
        node: Option<NodeId>,
        reply: oneshot::Sender<Result<(), ModelError>>,
    ) {
        match node.filter(|node| *node != self.me) {
            None => drop(reply.send(self.copy_here(&model))),
            Some(node) => self.ask_model(node, Request::Copy(model), reply),
        }
    }

    /// Begins to copy a model of the mesh to this node, unless it is here or on its way.
    pub(super) fn copy_here(&mut self, name: &ModelName) -> Result<(), ModelError> {
        if !self.config.copies.on {
            return Err(ModelError::CopiesOff);
        }
        let (blob, sources) = self.holders_of(name).ok_or(ModelError::NotFound)?;
        if let Some(local) = self.models.get(name) {
            return if local.file == blob { Ok(()) } else { Err(ModelError::NameTaken) };
        }
        self.begin_copy(name, blob, sources);
        Ok(())
    }

    /// A job is bound here whose model is not here yet: the scheduler counted with the copy.
    pub(super) fn copy_to_load(&mut self, name: &ModelName) {
        let found = self.holders_of(name).filter(|_| self.config.copies.on);
        let Some((blob, sources)) = found else {
            let fault = Fault::Refused(Refusal::ModelAbsent);
            return self.tell(Input::LoadFailed { model: name.clone(), fault });
        };
        self.begin_copy(name, blob, sources);
        if let Some(running) = self.copies.running.get_mut(&blob) {
            running.load = true;
        }
    }

    fn begin_copy(&mut self, name: &ModelName, blob: BlobId, sources: Vec<NodeId>) {
        if self.copies.running.contains_key(&blob) {
            return;
        }
        let folder = self.copies.store.partials();
        let free = crate::hardware::disk_free(&folder);
        let room = free.map_or(u64::MAX, |free| free.saturating_sub(DISK_RESERVE));
        let wanted = Wanted { blob, folder, sources, room };
        let (store, events, engine) =
            (Arc::clone(&self.copies.store), self.events.clone(), self.config.engine);
        let named = name.clone();
        let copying = self.net.copy(wanted, move |fetched| {
            let outcome = match fetched {
                Ok(fetched) => take_in(&store, &named, &fetched)
                    .map(|()| models::stored(&store, &named, &engine)),
                Err(error) => Err(error.to_string()),
            };
            // At the node's end nobody listens any more.
            let _ = events.blocking_send(Event::Arrived(Box::new(Arrived { blob, outcome })));
        });
        tracing::info!(model = %name, "a model is copied from other computers");
        let (since, load) = (Instant::now(), false);
        self.copies.running.insert(blob, Running { name: name.clone(), copying, since, load });
    }

    /// The file that most of the members who can be reached mean by a name, and who holds it.
    fn holders_of(&self, name: &ModelName) -> Option<(BlobId, Vec<NodeId>)> {
        let mut by_file: BTreeMap<BlobId, Vec<NodeId>> = BTreeMap::new();
        for (node, model) in self.held_by_others().filter(|(_, model)| model.name == *name) {
            by_file.entry(model.file).or_default().push(node);
        }
        if let Some(local) = self.models.get(name).filter(|local| local.model.is_ok()) {
            return Some((local.file, by_file.remove(&local.file).unwrap_or_default()));
        }
        by_file.into_iter().max_by_key(|(file, nodes)| (nodes.len(), std::cmp::Reverse(*file)))
    }

    pub(super) fn held_by_others(&self) -> impl Iterator<Item = (NodeId, &ModelAdvert)> {
        let nodes = self.scheduler.view().nodes().into_iter();
        let me = self.me;
        let others =
            nodes.filter(move |(node, view)| *node != me && matches!(view.link, Link::Up { .. }));
        let models = others.flat_map(|(node, view)| {
            view.advert
                .into_iter()
                .flat_map(move |advert| advert.models.iter().map(move |model| (node, model)))
        });
        // What has no file is an engine, not a model.
        let is_file = |model: &ModelAdvert| model.engine == EngineKind::Llama;
        models.filter(move |(_, m)| m.state != ModelState::Unusable && is_file(m))
    }

    /// Whoever has come to hold what is on its way is asked, too.
    pub(super) fn look_at_copies(&mut self) {
        for (blob, running) in &self.copies.running {
            let holders = self.held_by_others().filter(|(_, model)| model.file == *blob);
            running.copying.add_sources(holders.map(|(node, _)| node));
        }
    }

    pub(super) fn on_arrived(&mut self, arrived: Arrived) {
        let Arrived { blob, outcome } = arrived;
        let Some(running) = self.copies.running.remove(&blob) else { return };
        let mut shown = self.copy_view(&blob, &running);
        match outcome {
            Ok(Some(local)) => {
                tracing::info!(model = %running.name, bytes = local.size, "a model has arrived");
                shown.state = api::CopyState::Done;
                self.copyable.on_copied(local.size, running.since.elapsed());
                let name = local.name.clone();
                self.models.insert(name.clone(), local);
                self.lend_models();
                self.tell_local();
                if running.load {
                    self.load_model(&name);
                }
            }
            Ok(None) => {
                shown.state = failed("it was removed at once");
                self.copy_failed(&running);
            }
            Err(why) => {
                self.copy_failed(&running);
                tracing::warn!(model = %running.name, %why, "a model could not be copied");
                shown.state = failed(&why);
            }
        }
        self.copies.over.push_back(shown);
        if self.copies.over.len() > SHOWN {
            self.copies.over.pop_front();
        }
    }

    fn copy_failed(&mut self, running: &Running) {
        if running.load {
            let fault = Fault::Refused(Refusal::ModelAbsent);
            self.tell(Input::LoadFailed { model: running.name.clone(), fault });
        }
    }

    /// What came stays for the next start.
    pub(super) fn stop_copies(&self) {
        self.copies.running.values().for_each(|running| running.copying.stop());
    }

    pub(super) fn stop_copy(&mut self, name: &ModelName) -> Result<(), ModelError> {
        let running = self.copies.running.values().find(|running| running.name == *name);
        running.ok_or(ModelError::NotFound)?.copying.stop();
        Ok(())
    }

    /// What members may read here.
    pub(super) fn lend_models(&self) {
        let usable = self.models.values().filter(|_| self.config.copies.on);
        let files = usable.filter_map(|local| {
            let identity = local.model.as_ref().ok()?.identity;
            let id = pumasi_models::hash::FileHash::from_bytes(local.file.0);
            let stored = self.copies.store.blob(&id).filter(|stored| stored.path == local.path);
            let outside = || self.copies.store.outside_tree(&id);
            let tree = stored.map_or_else(outside, |stored| stored.tree);
            Some(Lendable { blob: local.file, path: local.path.clone(), identity, tree })
        });
        self.net.shelf().set_files(files.collect());
    }

    /// What is on its way, and what came lately; the newest last.
    pub(super) fn copies_view(&self) -> Vec<api::Copy> {
        let running = self.copies.running.iter().map(|(blob, r)| self.copy_view(blob, r));
        self.copies.over.iter().cloned().chain(running).collect()
    }

    fn copy_view(&self, blob: &BlobId, running: &Running) -> api::Copy {
        let progress = running.copying.progress();
        let sources: Vec<api::CopySource> = progress
            .sources
            .iter()
            .map(|source| api::CopySource {
                node: self.node_ref(source.node),
                stage: match source.stage {
                    Stage::Connecting => api::CopyStage::Connecting,
                    Stage::Preparing(_) => api::CopyStage::Preparing,
                    Stage::Sending => api::CopyStage::Sending,
                    Stage::Resting => api::CopyStage::Resting,
                    Stage::Dropped => api::CopyStage::Dropped,
                },
                bytes: source.bytes,
                bytes_per_s: source.bytes_per_s,
                tcp: source.is_tcp,
            })
            .collect();
        api::Copy {
            model: running.name.to_string(),
            file: blob.to_string(),
            size_bytes: progress.size,
            held_bytes: progress.held,
            bytes_per_s: sources.iter().map(|source| source.bytes_per_s).sum(),
            state: api::CopyState::Running,
            sources,
        }
    }
}

fn failed(why: &str) -> api::CopyState {
    api::CopyState::Failed { error: why.to_owned() }
}
