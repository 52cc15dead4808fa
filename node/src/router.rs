//! The router: which requests go to the mesh and which to providers elsewhere, by the policy that a
//! person settled, and what stands in for what fails. The mesh's own placing is the scheduler's business.

mod book;
mod fault;
mod journal;
mod journey;
mod mesh_door;
mod place;
mod plan;
mod policy;
mod relay;
mod show;
mod tending;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use pumasi_cloud::KeyStore;
use pumasi_dialects::Counts;
use pumasi_protocol::{Constraints, JobId, JobKind, ModelName};
use pumasi_web::mesh::{Endpoint, Relay, Relayed, Run, RunError, Running, Tried};
use tokio::sync::mpsc;

use crate::core::unix_ms;
use journal::{Entry, Journal};
use journey::Journey;
pub(crate) use mesh_door::MeshDoor;
use place::Place;
use plan::{Facts, MeshModels, Plan, Route, Wish};

use book::Book;
pub(crate) use book::BookError;
pub(crate) use policy::{Policy, Routing};
pub(crate) use tending::tend;

/// Folder of the data directory for providers' keys, where the system keeps no secrets.
const KEYS: &str = "provider-keys";
/// Events of an answer that wait for its client.
const CLIENT_EVENTS: usize = 64;

/// What is known at the moment; replaced as a whole.
#[derive(Debug, Default)]
struct Known {
    places: Vec<Arc<Place>>,
    routing: Routing,
}

/// Routes this node's requests.
pub(crate) struct Router {
    door: MeshDoor,
    book: Book,
    client: pumasi_cloud::Client,
    known: RwLock<Arc<Known>>,
    mesh: RwLock<Arc<MeshModels>>,
    journal: Arc<Journal>,
    /// Whether there is any provider or any name that stands for others.
    is_needed: AtomicBool,
}

impl Router {
    /// With the providers that the book has.
    fn new(door: MeshDoor, book: Book, client: pumasi_cloud::Client) -> Arc<Self> {
        let router = Self {
            door,
            book,
            client,
            known: RwLock::default(),
            mesh: RwLock::default(),
            journal: Arc::default(),
            is_needed: AtomicBool::new(false),
        };
        router.read_book();
        Arc::new(router)
    }

    /// The router of a node, with what its data directory keeps of it.
    pub(crate) async fn of(folder: PathBuf, door: MeshDoor) -> Result<Arc<Self>, BookError> {
        let opened = tokio::task::spawn_blocking(move || {
            let keys = KeyStore::usual(folder.join(KEYS));
            let book = Book::open(folder, keys)?;
            let client = pumasi_cloud::Client::new(&pumasi_cloud::ClientConfig::default());
            Ok(Self::new(door, book, client))
        });
        opened.await.map_err(|_| BookError::Damaged)?
    }

    fn known(&self) -> Arc<Known> {
        // Replaced as a whole, so it stays whole even if a thread ended while it held the lock.
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn mesh(&self) -> Arc<MeshModels> {
        Arc::clone(&self.mesh.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set_mesh(&self, models: MeshModels) {
        *self.mesh.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(models);
    }

    fn set_known(&self, known: Known) {
        let is_needed = !known.places.is_empty() || !known.routing.aliases.is_empty();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
        self.is_needed.store(is_needed, Ordering::Relaxed);
    }

    /// Whether requests need a look at all.
    pub(crate) fn is_needed(&self) -> bool {
        self.is_needed.load(Ordering::Relaxed)
    }

    fn plan(&self, model: &ModelName, constraints: &Constraints, tried: &[Tried]) -> Plan {
        let (known, mesh) = (self.known(), self.mesh());
        let facts = Facts { routing: &known.routing, mesh: &mesh, places: &known.places };
        plan::plan(facts, Wish { model, constraints, tried })
    }

    /// Runs a request where it belongs. None: on the mesh, as any other.
    pub(crate) fn run(&self, run: &Run) -> Option<Result<Running, RunError>> {
        if !self.is_needed() {
            return None;
        }
        Some(match self.plan(&run.model, &run.constraints, &run.abroad.tried) {
            Plan::Mesh => return None,
            Plan::Routes(routes) => Ok(self.begin(run.clone(), routes)),
            Plan::Forbidden => Err(RunError::NoProvider(run.model.clone())),
            Plan::Exhausted => {
                self.open(new_job(), run, &[]).failed();
                Err(exhausted(&run.abroad.tried, &run.model))
            }
        })
    }

    /// Begins the record of a request, with what was tried for it already.
    fn open(&self, job: JobId, run: &Run, routes: &[Route]) -> Entry {
        let (caller, why) = (run.caller.clone(), self.why(routes));
        let entry = self.journal.open(job, caller, run.kind, run.model.clone(), why);
        for tried in &run.abroad.tried {
            entry.tries(&tried.id);
            entry.failed_here(tried.fault.code());
        }
        entry
    }

    fn begin(&self, run: Run, routes: Vec<Route>) -> Running {
        let job = new_job();
        let entry = self.open(job, &run, &routes);
        let (out, events) = mpsc::channel(CLIENT_EVENTS);
        let journey = Journey::new(self.door.clone(), run, routes, out, entry);
        tokio::spawn(journey.travel());
        Running { job, events }
    }

    /// Hands a request on as it came, as long as providers that speak its language are next.
    pub(crate) async fn relay(&self, relay: &Relay) -> Result<Relayed, RunError> {
        let mut tried = Vec::new();
        let routes = match self.plan(&relay.model, &Constraints::default(), &tried) {
            Plan::Routes(routes) => routes,
            Plan::Forbidden => return Err(RunError::NoProvider(relay.model.clone())),
            Plan::Mesh | Plan::Exhausted => return Ok(Relayed::Not { tried }),
        };
        let speaks = |place: &Place| place.provider.kind().speech == relay.endpoint.speech();
        let first = routes.first();
        if !matches!(first, Some(Route::Provider(place, _)) if speaks(place)) {
            return Ok(Relayed::Not { tried });
        }
        let (job, why, kind) = (new_job(), self.why(&routes), kind_of(relay.endpoint));
        let mut entry =
            self.journal.open(job, relay.caller.clone(), kind, relay.model.clone(), why);
        for route in routes {
            let Route::Provider(place, model) = route else { break };
            if !speaks(&place) {
                break;
            }
            match relay::ask(&place, &model, relay, entry).await {
                Ok(answer) => return Ok(Relayed::Answer(answer)),
                Err((fault, returned)) => {
                    entry = returned;
                    entry.failed_here(fault.code());
                    tried.push(Tried { id: place.id().to_owned(), fault });
                    if !fault.is_transient() {
                        entry.failed();
                        return Err(RunError::Provider(fault));
                    }
                }
            }
        }
        // The request is read and run now, under another record.
        entry.withdraw();
        Ok(Relayed::Not { tried })
    }

    /// What a request cost that was handed on.
    pub(crate) fn account(&self, job: JobId, counts: Counts) {
        self.journal.account(job, counts);
    }

    /// Why the first place is the first, in one sentence.
    fn why(&self, routes: &[Route]) -> String {
        let policy = self.known().routing.policy;
        let first = match routes.first() {
            Some(Route::Provider(place, model)) => format!("{} has {model}", place.name()),
            Some(Route::Mesh(model)) => format!("the mesh has {model}"),
            None => "all that could be asked failed".to_owned(),
        };
        let rule = match policy {
            Policy::MeshFirst => "the mesh goes first where both have a model",
            Policy::CloudFirst => "providers go first where both have a model",
            Policy::CloudWhenFull => "providers go first only while the mesh is full",
            Policy::NeverCloud => "nothing leaves the office",
        };
        match routes.len() {
            0 | 1 => first,
            more => format!("{first}; {} could stand in; {rule}", more - 1),
        }
    }
}

/// All that could be asked failed: how the last one did.
fn exhausted(tried: &[Tried], model: &ModelName) -> RunError {
    tried.last().map_or_else(
        || RunError::ModelNotFound(model.clone()),
        |tried| RunError::Provider(tried.fault),
    )
}

fn kind_of(endpoint: Endpoint) -> JobKind {
    match endpoint {
        Endpoint::Chat | Endpoint::Messages => JobKind::Chat,
        Endpoint::Completion => JobKind::Completion,
        Endpoint::Embeddings => JobKind::Embedding,
    }
}

/// Random bytes that are fetched at a time: a system call for each request would be felt.
const RANDOM_BYTES: usize = 64 * RANDOM_PART;
/// Of these, in one job's id.
const RANDOM_PART: usize = 10;

thread_local! {
    /// Bytes that nobody has had yet, and how many of them are used.
    static RANDOM: std::cell::RefCell<([u8; RANDOM_BYTES], usize)> =
        const { std::cell::RefCell::new(([0; RANDOM_BYTES], RANDOM_BYTES)) };
}

/// # Panics
/// When the system has no randomness.
fn new_job() -> JobId {
    let random = RANDOM.with_borrow_mut(|(bytes, used)| {
        if *used == RANDOM_BYTES {
            getrandom::fill(bytes).expect("the operating system has random bytes");
            *used = 0;
        }
        let mut part = [0; RANDOM_PART];
        part.copy_from_slice(&bytes[*used..*used + RANDOM_PART]);
        *used += RANDOM_PART;
        part
    });
    JobId::from_parts(unix_ms(), random)
}
