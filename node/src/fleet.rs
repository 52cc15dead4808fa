//! The engines of this node: one worker process per loaded model, started on demand. Loading and
//! unloading run as tasks and tell the loop; submitting never waits.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pumasi_engine_host::{
    DocumentEngine, Engine, EngineState, Found, Submitted, WorkerEngine, WorkerSpec,
};
use pumasi_models::store::Store as ModelStore;
use pumasi_protocol::document::document_engine;
use pumasi_protocol::worker::{Drafts, LoadModel, LoadedModel, RequestId};
use pumasi_protocol::{
    BlobId, Capabilities, EngineKind, Fault, KeepAlive, ModelAdvert, ModelName, ModelState, Rate,
    Tempo, Work, limits,
};
use pumasi_scheduler::LoadedFacts;
use tokio::sync::mpsc;

use crate::config::{ALL_LAYERS, ModelPlan};
use crate::core::event::{Event, FleetEvent};
use crate::core::unix_ms;
use crate::models::LocalModel;

/// File name of the llama worker, beside the node's own program.
pub(crate) const LLAMA_WORKER: &str =
    if cfg!(windows) { "pumasi-llama.exe" } else { "pumasi-llama" };

/// The end of the year 9999, the last that every program can write: for what does not end by itself.
const NEVER_MS: u64 = 253_402_300_799_000;
/// File name of the document worker, likewise.
const DOCUMENT_WORKER: &str = if cfg!(windows) { "pumasi-document.exe" } else { "pumasi-document" };
/// Documents that are worked on at a time, each in a process of its own.
const DOCUMENTS: u16 = 4;
/// Memory that an honest document takes while it is read, in bytes (measured on the corpus of
/// `scripts/bench pdf`: below).
const DOCUMENT_MEMORY: u64 = 192 << 20;
/// KiB of documents read in a second, until it was measured here.
const DOCUMENT_RATE: Rate = Rate(1_000_000);

/// The engines of this node.
pub(crate) struct Fleet {
    program: PathBuf,
    /// None where its worker is not installed.
    documents: Option<DocumentEngine>,
    records: PathBuf,
    engines: BTreeMap<ModelName, Member>,
    /// How long requests asked models to stay.
    asked: BTreeMap<ModelName, KeepAlive>,
    events: mpsc::Sender<Event>,
    store: Arc<ModelStore>,
}

struct Member {
    engine: Arc<dyn Engine>,
    plan: ModelPlan,
    used: Instant,
    /// The same for people, Unix time in milliseconds.
    used_ms: u64,
}

impl Member {
    fn touch(&mut self) {
        (self.used, self.used_ms) = (Instant::now(), unix_ms());
    }

    fn is_ready(&self) -> bool {
        matches!(*self.engine.state().borrow(), EngineState::Ready(_))
    }
}

impl Fleet {
    /// A fleet whose workers lie in `worker_dir` and are recorded in `records`.
    pub(crate) fn new(
        worker_dir: &std::path::Path,
        records: PathBuf,
        store: Arc<ModelStore>,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let program = worker_dir.join(LLAMA_WORKER);
        let reader = worker_dir.join(DOCUMENT_WORKER);
        let documents = reader.is_file().then(|| DocumentEngine::new(reader));
        let (engines, asked) = (BTreeMap::new(), BTreeMap::new());
        Self { program, documents, records, engines, asked, events, store }
    }

    /// Writes down that a model was used, by which those that nobody needs are told.
    fn note_use(&self, name: &ModelName) {
        let Ok(name) = pumasi_models::name::ModelName::parse(name.as_str()) else { return };
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || {
            // Models outside the store have no row.
            if store.model(&name).is_some()
                && let Err(error) = store.touch(&name)
            {
                tracing::warn!(%error, "the use of a model could not be written down");
            }
        });
    }

    fn spec(&self, model: &str, plan: &ModelPlan) -> WorkerSpec {
        let mut spec = WorkerSpec::new(&self.program, EngineKind::Llama);
        spec.environment.insert("OMP_NUM_THREADS".to_owned(), plan.threads.to_string());
        spec.record = Some(self.records.join(format!("{}.json", model.replace(['/', ':'], "_"))));
        spec
    }

    /// Starts a worker only to ask which devices it can compute on, and what holds it.
    ///
    /// # Errors
    /// When there is no such program, or it does not speak the worker protocol.
    pub(crate) async fn probe(worker_dir: &std::path::Path) -> Result<Found, Fault> {
        WorkerEngine::probe(worker_dir.join(LLAMA_WORKER), EngineKind::Llama).await
    }

    /// Begins to load a model; the end is told by [`FleetEvent`].
    pub(crate) fn load(&mut self, model: &LocalModel) {
        let name = model.name.clone();
        let engine: Arc<dyn Engine> = match self.engines.get(&name) {
            Some(member) => Arc::clone(&member.engine),
            None => Arc::new(WorkerEngine::new(self.spec(name.as_str(), &model.plan))),
        };
        let (plan, used, used_ms) = (model.plan, Instant::now(), unix_ms());
        let member = Member { engine: Arc::clone(&engine), plan, used, used_ms };
        self.engines.insert(name.clone(), member);
        let events = self.events.clone();
        match model.check() {
            Ok(usable) => {
                self.note_use(&name);
                let request = request(model, usable.context);
                tokio::spawn(load(engine, name, request, events));
            }
            Err(fault) => {
                self.engines.remove(&name);
                tokio::spawn(
                    async move { tell(&events, FleetEvent::LoadFailed(name, fault)).await },
                );
            }
        }
    }

    /// What works on documents here.
    pub(crate) fn documents(&self) -> Option<&DocumentEngine> {
        self.documents.as_ref()
    }

    /// The document engine as it is advertised: a model that takes no time to load.
    pub(crate) fn document_advert(&self) -> Option<ModelAdvert> {
        self.documents.as_ref().map(|_| ModelAdvert {
            name: document_engine(),
            file: BlobId([0; 32]),
            size: 0,
            engine: EngineKind::Document,
            capabilities: Capabilities::default(),
            context: limits::CONTEXT_TOKENS,
            state: ModelState::Held,
            memory: u64::from(DOCUMENTS) * DOCUMENT_MEMORY,
            prefill: DOCUMENT_RATE,
            decode: DOCUMENT_RATE,
            load_ms: 1,
            usual_tokens: 1,
        })
    }

    /// Opens the document engine's slots; its processes start with each document.
    pub(crate) fn open_documents(&self) {
        let facts = LoadedFacts {
            slots: DOCUMENTS,
            context: limits::CONTEXT_TOKENS,
            memory: u64::from(DOCUMENTS) * DOCUMENT_MEMORY,
            prefill: Rate::default(),
            decode: Rate::default(),
            load_ms: 1,
        };
        let events = self.events.clone();
        tokio::spawn(async move {
            tell(&events, FleetEvent::Loaded(document_engine(), facts)).await;
        });
    }

    /// Begins to unload a model; its end is told by [`FleetEvent::Unloaded`], or by
    /// [`FleetEvent::LoadFailed`] if it was still loading.
    pub(crate) fn unload(&mut self, name: &ModelName) {
        self.note_use(name);
        let (events, name) = (self.events.clone(), name.clone());
        self.asked.remove(&name);
        match self.engines.remove(&name) {
            // The task that loaded it sees its end, and tells.
            Some(member) => tokio::spawn(async move { member.engine.shutdown().await }),
            None => tokio::spawn(async move { tell(&events, FleetEvent::Unloaded(name)).await }),
        };
    }

    /// Gives work to the engine that holds a model.
    ///
    /// # Errors
    /// What the engine says, or [`Fault::EngineStart`] when none holds it.
    pub(crate) fn submit(&mut self, name: &ModelName, work: Work) -> Result<Submitted, Fault> {
        let member = self.engines.get_mut(name).ok_or(Fault::EngineStart)?;
        member.touch();
        member.engine.submit(work)
    }

    /// Runs a request at another tempo.
    pub(crate) fn set_tempo(&self, name: &ModelName, request: RequestId, tempo: Tempo) {
        if let Some(member) = self.engines.get(name) {
            member.engine.set_tempo(request, tempo);
        }
    }

    /// The processes of all workers.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.engines.values().filter_map(|member| member.engine.diagnostics().pid).collect()
    }

    /// Marks a model as used at this moment.
    pub(crate) fn touch(&mut self, name: &ModelName) {
        if let Some(member) = self.engines.get_mut(name) {
            member.touch();
        }
    }

    /// A model is to stay this long after its last use, until it is unloaded.
    pub(crate) fn keep(&mut self, name: &ModelName, keep: KeepAlive) {
        self.asked.insert(name.clone(), keep);
    }

    /// A model that may be loaded is to be kept by another plan.
    pub(crate) fn set_plan(&mut self, name: &ModelName, plan: &ModelPlan) {
        if let Some(member) = self.engines.get_mut(name) {
            (member.plan.keep_alive, member.plan.pinned) = (plan.keep_alive, plan.pinned);
        }
    }

    /// How long a model stays after its last use; none: for ever.
    fn keeps(&self, name: &ModelName, member: &Member) -> Option<Duration> {
        match *self.asked.get(name).unwrap_or(&member.plan.keep_alive) {
            KeepAlive::Seconds(seconds) if !member.plan.pinned => {
                Some(Duration::from_secs(seconds.into()))
            }
            KeepAlive::Seconds(_) | KeepAlive::Forever => None,
        }
    }

    /// Models that are ready and were not used for as long as they are kept.
    pub(crate) fn idle(&self) -> Vec<ModelName> {
        let is_idle = |name: &ModelName, member: &Member| {
            let over = |keep| member.used.elapsed() >= keep;
            member.is_ready() && self.keeps(name, member).is_some_and(over)
        };
        let idle = self.engines.iter().filter(|(name, member)| is_idle(name, member));
        idle.map(|(name, _)| name.clone()).collect()
    }

    /// When a model that is loaded goes if nothing uses it before, Unix time in milliseconds;
    /// [`NEVER_MS`] for never.
    pub(crate) fn expires_ms(&self, name: &ModelName) -> Option<u64> {
        let member = self.engines.get(name).filter(|member| member.is_ready())?;
        let ms = |keep: Duration| u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
        let keep = self.keeps(name, member);
        Some(keep.map_or(NEVER_MS, |keep| member.used_ms.saturating_add(ms(keep)).min(NEVER_MS)))
    }

    /// What was drafted since a model was loaded.
    pub(crate) fn drafts(&self, name: &ModelName) -> Option<Drafts> {
        Some(self.engines.get(name)?.engine.diagnostics().drafts)
    }

    /// Ends all engines. Returns when their processes are gone.
    pub(crate) async fn shutdown(&mut self) {
        let engines = std::mem::take(&mut self.engines);
        let ends =
            engines.into_values().map(|member| async move { member.engine.shutdown().await });
        futures::future::join_all(ends).await;
    }
}

fn request(model: &LocalModel, context: u32) -> LoadModel {
    let plan = &model.plan;
    LoadModel {
        path: model.path.to_string_lossy().into_owned(),
        hash: model.file,
        context,
        slots: plan.slots,
        gpu_layers: (plan.gpu_layers != ALL_LAYERS).then_some(plan.gpu_layers),
        threads: plan.threads,
        cache: plan.cache,
        flash: plan.flash,
        drafting: plan.drafting,
        embeddings: true,
    }
}

async fn tell(events: &mpsc::Sender<Event>, event: FleetEvent) {
    // At the node's end nobody listens any more.
    let _ = events.send(Event::Fleet(event)).await;
}

async fn load(
    engine: Arc<dyn Engine>,
    name: ModelName,
    request: LoadModel,
    events: mpsc::Sender<Event>,
) {
    let progress = tokio::spawn(watch_progress(Arc::clone(&engine), name.clone(), events.clone()));
    let loaded = engine.load(request).await;
    progress.abort();
    match loaded {
        Ok(model) => {
            tell(&events, FleetEvent::Loaded(name.clone(), facts(&model))).await;
            watch_for_end(&*engine).await;
            tell(&events, FleetEvent::Unloaded(name)).await;
        }
        Err(fault) => tell(&events, FleetEvent::LoadFailed(name, fault)).await,
    }
}

fn facts(model: &LoadedModel) -> LoadedFacts {
    LoadedFacts {
        slots: model.slots,
        context: model.context,
        memory: model.weights_bytes.saturating_add(model.cache_bytes),
        prefill: Rate::default(),
        decode: Rate::default(),
        load_ms: u32::try_from(model.load_us / 1_000).unwrap_or(u32::MAX),
    }
}

async fn watch_progress(engine: Arc<dyn Engine>, name: ModelName, events: mpsc::Sender<Event>) {
    let mut state = engine.state();
    while state.changed().await.is_ok() {
        let permille = match *state.borrow_and_update() {
            EngineState::Loading(permille) => permille,
            EngineState::Stopped
            | EngineState::BackingOff
            | EngineState::Starting
            | EngineState::Idle
            | EngineState::Ready(_) => continue,
        };
        tell(&events, FleetEvent::Loading(name.clone(), permille)).await;
    }
}

/// Waits until an engine that was ready is not ready any more.
async fn watch_for_end(engine: &dyn Engine) {
    let mut state = engine.state();
    let _ = state.wait_for(|state| !matches!(state, EngineState::Ready(_))).await;
}
