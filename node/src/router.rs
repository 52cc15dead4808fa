//! The router: which requests go to the mesh and which to providers elsewhere, by the policy that a
//! person settled, and what stands in for what fails. The mesh's own placing is the scheduler's business.

mod ask;
mod book;
mod budget;
mod cost;
mod far;
mod fault;
mod host;
mod journal;
mod journey;
mod lending;
mod lent;
mod mesh_door;
mod models;
mod noting;
mod pages;
mod place;
mod plan;
mod policy;
mod prefer;
mod relay;
mod settle;
mod share;
mod sharing;
mod show;
mod tending;
mod tour;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use pumasi_cloud::KeyStore;
use pumasi_dialects::Counts;
use pumasi_protocol::{Constraints, JobId, JobKind, NodeName};
use pumasi_web::api;
use pumasi_web::mesh::{Endpoint, LeftOut, Relay, Relayed, Run, RunError, Running, Settled, Turn};
use tokio::sync::{broadcast, mpsc, watch};

use crate::core::{size, unix_ms};
use crate::net::NetHandle;
use crate::store::Store;
use ask::Asking;
use fault::Failure;
use host::Host;
use journal::Journal;
use journey::Journey;
use lent::LentBook;
pub(crate) use mesh_door::MeshDoor;
pub(crate) use noting::Noting;
use pages::Pages;
use place::Place;
use plan::{Facts, MeshModels, Plan, Route, Wish};
use sharing::Shared;
use tour::Tour;

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
    /// Those of this node, and then those of others.
    places: Vec<Arc<Place>>,
    routing: Routing,
    /// How this node's are shared, where a person has said so.
    sharing: Shared,
}

impl Known {
    /// This node's own.
    fn own(&self) -> impl Iterator<Item = &Arc<Place>> {
        self.places.iter().filter(|place| place.far().is_none())
    }

    /// Those of other members.
    fn others(&self) -> impl Iterator<Item = &Arc<Place>> {
        self.places.iter().filter(|place| place.far().is_some())
    }
}

/// What the router needs of its node.
pub(crate) struct Around {
    pub(crate) net: NetHandle,
    pub(crate) store: Store,
    /// Where pages hear of changes.
    pub(crate) changes: broadcast::Sender<api::Event>,
    /// This node's name.
    pub(crate) name: NodeName,
}

/// Routes this node's requests.
pub(crate) struct Router {
    door: MeshDoor,
    book: Book,
    client: pumasi_cloud::Client,
    known: RwLock<Arc<Known>>,
    mesh: RwLock<Arc<MeshModels>>,
    journal: Arc<Journal>,
    net: NetHandle,
    lent: LentBook,
    /// What pages know of the models.
    pages: Pages,
    /// Raised whenever others may see something else of this node's providers.
    shared_changes: watch::Sender<u64>,
    /// Whether this computer works for others at the moment.
    lends: AtomicBool,
    /// One change of what is known after the other.
    changing: Mutex<()>,
    /// Whether there is any provider or any name that stands for others.
    is_needed: AtomicBool,
}

impl Router {
    /// The router of a node, with what its data directory keeps of it.
    pub(crate) async fn of(
        folder: PathBuf,
        door: MeshDoor,
        noting: Noting,
        around: Around,
    ) -> Result<Arc<Self>, BookError> {
        let host = around.net.clone();
        let opened = tokio::task::spawn_blocking(move || {
            let keys = KeyStore::usual(folder.join(KEYS));
            let book = Book::open(folder, keys)?;
            let client = pumasi_cloud::Client::new(&pumasi_cloud::ClientConfig::default());
            let router = Self {
                door,
                book,
                client,
                known: RwLock::default(),
                mesh: RwLock::default(),
                journal: Arc::new(Journal::new(noting)),
                pages: Pages::new(around.changes, around.net.me(), &around.name),
                net: around.net,
                lent: LentBook::restore(around.store, unix_ms())?,
                shared_changes: watch::Sender::default(),
                lends: AtomicBool::new(true),
                changing: Mutex::default(),
                is_needed: AtomicBool::new(false),
            };
            router.read_book();
            Ok(Arc::new(router))
        });
        let router: Result<Arc<Self>, BookError> = opened.await.map_err(|_| BookError::Damaged)?;
        let router = router?;
        host.share_providers(Arc::new(Host(Arc::clone(&router))));
        Ok(router)
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

    /// Changes what is known, one change after the other; none: it stays.
    fn change_known(&self, change: impl FnOnce(&Known) -> Option<Known>) {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = change(&self.known()) else { return };
        let is_needed = !known.places.is_empty() || !known.routing.aliases.is_empty();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
        self.is_needed.store(is_needed, Ordering::Relaxed);
    }

    /// What others see of this node's providers may have changed.
    fn tell_others(&self) {
        self.shared_changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn lends(&self) -> bool {
        self.lends.load(Ordering::Relaxed)
    }

    /// Whether requests need a look at all.
    pub(crate) fn is_needed(&self) -> bool {
        self.is_needed.load(Ordering::Relaxed)
    }

    fn plan(&self, known: &Known, wish: Wish<'_>) -> Plan {
        let mesh = self.mesh();
        let facts = Facts { routing: &known.routing, mesh: &mesh, places: &known.places };
        plan::plan(facts, wish)
    }

    /// Runs a request where it belongs. None: on the mesh, as any other.
    pub(crate) fn run(&self, run: &Run) -> Option<Result<Running, RunError>> {
        let (model, turn) = (&run.model, &run.abroad.turn);
        let preferences = run.abroad.preferences.as_deref();
        if let Some(onward) = turn.settled.get::<Onward>() {
            return match onward {
                Onward::Mesh => None,
                Onward::Tour(tour, left) => {
                    Some(Ok(self.begin(run, self.known(), tour.clone(), left)))
                }
            };
        }
        let was_asked = !turn.tried.is_empty();
        if !self.is_needed() && preferences.is_none() && !was_asked {
            return None;
        }
        let known = self.known();
        let wish = Wish { model, constraints: &run.constraints, preferences, was_asked };
        Some(match self.plan(&known, wish) {
            Plan::Mesh => return None,
            Plan::Routes(routes, left) => {
                Ok(self.begin(run, known, Tour::new(routes, &turn.tried), &left))
            }
            Plan::Forbidden => Err(RunError::NoProvider(model.clone())),
            Plan::NoneLeft(left) => Err(RunError::NoPlaceLeft { model: model.clone(), left }),
        })
    }

    fn begin(&self, run: &Run, known: Arc<Known>, tour: Tour, left: &LeftOut) -> Running {
        let (job, caller) = (new_job(), run.caller.clone());
        let why = why(known.routing.policy, &tour, left);
        let asked = (run.model.clone(), size(&run.work));
        let entry = self.journal.open(job, caller, run.kind, asked, why);
        for (id, code) in tour.failures() {
            entry.tries(&id);
            entry.failed_here(code);
        }
        let (out, events) = mpsc::channel(CLIENT_EVENTS);
        let journey = Journey::new(self.door.clone(), run.clone(), tour, known, out, entry);
        tokio::spawn(journey.travel());
        Running { job, events }
    }

    /// Hands a request on as it came, as long as providers that speak its language are next.
    pub(crate) async fn relay(&self, relay: &Relay) -> Result<Relayed, RunError> {
        let (model, known) = (&relay.model, self.known());
        let constraints = &Constraints::default();
        let wish = Wish { model, constraints, preferences: None, was_asked: false };
        let (mut tour, left) = match self.plan(&known, wish) {
            Plan::Routes(routes, left) => (Tour::new(routes, &[]), left),
            Plan::Mesh => return Ok(Relayed::Not(Onward::Mesh.turn())),
            Plan::Forbidden => return Err(RunError::NoProvider(model.clone())),
            Plan::NoneLeft(left) => {
                return Err(RunError::NoPlaceLeft { model: model.clone(), left });
            }
        };
        let speech = relay.endpoint.speech();
        if !tour.first().is_some_and(|route| route.speaks(speech)) {
            return Ok(Relayed::Not(Onward::Tour(tour, left).turn()));
        }
        let why = why(known.routing.policy, &tour, &left);
        let (job, kind) = (new_job(), kind_of(relay.endpoint));
        let asked = (model.clone(), relay.body.len() as u64);
        let mut entry = self.journal.open(job, relay.caller.clone(), kind, asked, why);
        let call = |_: &Place, model: &str| Ok(relay::call(relay, model));
        let asking = Asking {
            rules: &known.routing,
            stream: relay.stream,
            speech: Some(speech),
            call: &call,
        };
        while let Some(at) = ask::onward(&mut tour, &known.routing).await {
            if !tour.route(at).is_some_and(|route| route.speaks(speech)) {
                // The request is read and run now, under another record.
                entry.withdraw();
                return Ok(Relayed::Not(Onward::Tour(tour, left).turn()));
            }
            let failure = match asking.ask(&mut tour, at, &entry).await {
                Ok(answer) => {
                    let at = answer.at;
                    match relay::hand_back(answer, relay, entry) {
                        Ok(answer) => return Ok(Relayed::Answer(answer)),
                        Err((miss, returned)) => {
                            entry = returned;
                            tour.failed(at, Failure::Provider(miss));
                            Failure::Provider(miss)
                        }
                    }
                }
                Err(failure) => failure,
            };
            if !failure.is_transient() {
                break;
            }
        }
        entry.failed();
        Err(tour.error(model))
    }

    /// What a request cost that was handed on.
    pub(crate) fn account(&self, job: JobId, counts: Counts) {
        let Some(pace) = self.journal.account(job, counts) else { return };
        let known = self.known();
        if let Some(place) = known.places.iter().find(|place| place.id() == pace.provider) {
            place.provider.counted(&pace.model, counts.completion, pace.time);
        }
    }
}

/// Why the first place is the first, in one sentence; and what the request's own words left out.
fn why(policy: Policy, tour: &Tour, left: &LeftOut) -> String {
    let first = match tour.first() {
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
    let told = match tour.len() {
        0 | 1 => first,
        more => format!("{first}; {} could stand in; {rule}", more - 1),
    };
    if left.0.is_empty() { told } else { format!("{told}; {left}") }
}

/// What the router has settled about a request that is to be read first.
enum Onward {
    /// It is the mesh's business.
    Mesh,
    /// Through these places; and what its own words left out.
    Tour(Tour, LeftOut),
}

impl Onward {
    fn turn(self) -> Turn {
        Turn { settled: Settled::new(self), ..Turn::default() }
    }
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
