//! The one seam between the HTTP face and the node: what a mesh can be asked for. The node implements
//! it; tests implement it with scripted events. Nothing here knows HTTP.

mod admission;
mod audit;
mod conversations;
mod jobs;
mod lending;
mod model;
mod providing;
mod refusing;
mod removal;
mod stock;
mod usage;

use async_trait::async_trait;
use bytes::Bytes;
use pumasi_dialects::Counts;
use pumasi_dialects::provider::Heard;
use pumasi_protocol::custody::Blob;
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{
    BlobId, Constraints, Epoch, Fault, JobId, JobKind, KeepAlive, ModelName, ModelSettings, NodeId,
    NodeName, Priority, Work,
};
use tokio::sync::{broadcast, mpsc};

use crate::api;
use crate::keys::{KeyError, KeyRow};
use crate::meters::{Minute, Spent, UsageKey};

pub use admission::AdmissionError;
pub use audit::{AuditError, AuditFilter};
pub use conversations::{ConversationError, ConversationFilter};
pub use jobs::{JobFilter, JobLookupError};
pub use lending::LendError;
pub use model::ModelError;
pub use providing::{
    Abroad, Endpoint, Provided, ProviderError, Relay, Relayed, RelayedAnswer, Settled, Tried, Turn,
};
pub use refusing::{LeftOut, RunError, Unanswered, Word};
pub use removal::RemoveError;
pub use stock::{HubSearch, Stock, StockClass, StockError};
pub use usage::UsageError;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A program on this computer, without a token: inference only.
    Loopback,
    /// Whoever holds the token of this install: the person that the node belongs to.
    Install,
    /// The holder of an API key; the name is that of its person.
    Key {
        /// The person, as the roster names them.
        person: String,
        /// Its id; none: a job's, which only its person outlived.
        id: Option<String>,
    },
}

/// Work to run or to submit, parsed and within its limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Who asks.
    pub caller: Caller,
    /// What sort of work it is.
    pub kind: JobKind,
    /// The model, by name.
    pub model: ModelName,
    /// What to run.
    pub work: Work,
    /// Where it may run.
    pub constraints: Constraints,
    /// Whether somebody waits.
    pub priority: Priority,
    /// How long the model is to stay loaded after it, where the request says so.
    pub keep_alive: Option<KeepAlive>,
    /// What providers are to know of it.
    pub abroad: Abroad,
}

/// What tells a repeated submission from a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeat {
    /// The asker's word for it.
    pub key: String,
    /// The hash of what was asked.
    pub body: [u8; 32],
}

/// Where an attempt of a job was bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The node.
    pub node: NodeId,
    /// Its name.
    pub name: NodeName,
    /// Why this one, in one sentence.
    pub why: String,
    /// The epoch of the binding.
    pub epoch: Epoch,
    /// The code of what ended the attempt before, if there was one.
    pub after: Option<&'static str>,
    /// The model, where another one was asked for by a name that stands for it.
    pub model: Option<ModelName>,
}

/// What happens to a running job, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEvent {
    /// It was bound to a node: first of all, and again whenever it moves.
    Placed(Placed),
    /// What the bound node reports. Tokens go on without gap or repeat after a move; a further
    /// `Started` comes only while there are none, and stands in for the one before. `Finished` and
    /// `Embedded` are last. A failed attempt is not passed on: either the job moves, or
    /// [`RunEvent::Failed`] follows.
    Attempt(AttemptEvent),
    /// A provider was asked: it goes on there.
    Provided(Provided),
    /// What the provider says. `Ended` is last; `Failed` is not passed on, or is last.
    Heard(Heard),
    /// It ended without a result: last.
    Failed(Fault),
    /// No place took it, or the last that did failed: last.
    Refused(RunError),
}

/// A job that runs for as long as somebody listens.
#[derive(Debug)]
pub struct Running {
    /// Its id.
    pub job: JobId,
    /// Its events. The channel is bounded: whoever does not read pauses the job. Dropping it before
    /// the last event cancels the job.
    pub events: mpsc::Receiver<RunEvent>,
}

/// A lasting job's outcome: enough to write the reply in any dialect.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// What had been asked.
    pub run: Run,
    /// Where it ran last.
    pub placed: Option<Placed>,
    /// Its first `Started` event, all `Tokens`, and the last event; `Alive` need not be kept.
    pub events: Vec<AttemptEvent>,
    /// When it ended, Unix time in milliseconds.
    pub ended_ms: u64,
}

/// A mesh, seen from one of its nodes.
#[async_trait]
pub trait Mesh: Send + Sync + 'static {
    /// This node and its mesh.
    async fn status(&self) -> api::Status;

    /// All members, this node first.
    async fn nodes(&self) -> Vec<api::Node>;

    /// All models of the mesh, by name.
    async fn models(&self) -> Vec<api::Model>;

    /// Jobs that the caller may see, newest first.
    async fn jobs(&self, caller: &Caller, filter: JobFilter) -> Vec<api::Job>;

    /// One job.
    async fn job(&self, caller: &Caller, job: JobId) -> Result<api::Job, JobLookupError>;

    /// Why a job is where it is.
    async fn why(&self, caller: &Caller, job: JobId) -> Result<api::Why, JobLookupError>;

    /// Cancels a job. `Ok` also for one that was cancelled before.
    async fn cancel(&self, caller: &Caller, job: JobId) -> Result<(), JobLookupError>;

    /// Takes over a lasting job whose owner is lost, without waiting for its other holders.
    async fn adopt(&self, caller: &Caller, job: JobId) -> Result<(), JobLookupError>;

    /// Takes a lasting job: it goes on when the asker leaves, and its result is kept. The same person's
    /// same `repeat` gives the same job again.
    async fn submit(&self, run: Run, repeat: Option<Repeat>) -> Result<api::Job, RunError>;

    /// Keeps a document for jobs to come, for an hour unless one names it. Returns once it is on the
    /// disk.
    async fn keep_document(&self, bytes: Bytes) -> Result<Blob, RunError>;

    /// A document that is kept here.
    async fn document(&self, id: BlobId) -> Option<Blob>;

    /// Forgets a job that is over, with its question and its result.
    async fn forget(&self, caller: &Caller, job: JobId) -> Result<(), JobLookupError>;

    /// The outcome of a lasting job that completed.
    async fn result(&self, caller: &Caller, job: JobId) -> Result<Kept, JobLookupError>;

    /// Runs a job for somebody who listens. Returns once it is accepted, before it is placed.
    async fn run(&self, run: Run) -> Result<Running, RunError>;

    /// Whether any provider is set up here. Asked for each request, so it must be quick.
    fn has_providers(&self) -> bool;

    /// Hands a request on in the words it came in, if its turn is a provider's that speaks them.
    async fn relay(&self, relay: &Relay) -> Result<Relayed, RunError>;

    /// What a request cost that was handed on, as the provider counts.
    fn account(&self, job: JobId, counts: Counts);

    /// Providers, their kinds, and how requests are routed.
    async fn providers(&self) -> api::Providers;

    /// Sets a provider up, or changes it. Returns once that is on the disk.
    async fn set_provider(
        &self,
        request: api::ProviderRequest,
    ) -> Result<api::Provider, ProviderError>;

    /// Removes a provider, and its key.
    async fn remove_provider(&self, id: &str) -> Result<(), ProviderError>;

    /// Asks a provider what it has.
    async fn check_provider(&self, id: &str) -> Result<api::Provider, ProviderError>;

    /// Says who else may ask a provider through this node. Returns once that is on the disk.
    async fn share_provider(
        &self,
        id: &str,
        request: api::ShareRequest,
    ) -> Result<api::Provider, ProviderError>;

    /// Changes how requests are routed. Returns once that is on the disk.
    async fn set_routing(&self, change: api::RoutingChange) -> Result<api::Routing, ProviderError>;

    /// Asks a node (`None`: this one) to load a model. Returns when it has begun.
    async fn load(&self, model: &ModelName, node: Option<NodeId>) -> Result<(), ModelError>;

    /// What a model's file is, by its header, and what loading it would take.
    async fn inspect(
        &self,
        model: &ModelName,
        query: api::InspectQuery,
    ) -> Result<api::Inspection, ModelError>;

    /// Which well-known models suit this computer and the mesh.
    async fn recommend(&self, language: api::Language) -> api::Recommendations;
    /// Asks a node (`None`: this one) to copy a model of the mesh to itself. Returns when that has
    /// begun, or when it holds the model.
    async fn copy(&self, model: &ModelName, node: Option<NodeId>) -> Result<(), ModelError>;

    /// Models that are copied to this node, and those that were lately.
    async fn copies(&self) -> Vec<api::Copy>;

    /// Ends a copy to this node; what came stays for the next try.
    async fn stop_copy(&self, model: &ModelName) -> Result<(), ModelError>;

    /// Asks a node (`None`: this one) to unload a model.
    async fn unload(&self, model: &ModelName, node: Option<NodeId>) -> Result<(), ModelError>;

    /// How a model is set on a node (`None`: this one).
    async fn settings(
        &self,
        model: &ModelName,
        node: Option<NodeId>,
    ) -> Result<ModelSettings, ModelError>;

    /// Sets a model on a node (`None`: this one). Returns once that is on the disk there. What is
    /// loaded otherwise goes once it is idle.
    async fn set(
        &self,
        model: &ModelName,
        settings: ModelSettings,
        node: Option<NodeId>,
    ) -> Result<ModelSettings, ModelError>;

    /// Keeps a model loaded for this long after its last use, wherever it is loaded.
    async fn keep(&self, model: &ModelName, keep: KeepAlive);

    /// What was measured of models, the oldest first.
    async fn benchmarks(&self) -> Result<Vec<api::Benchmark>, ModelError>;

    /// Keeps what was measured, beside the newest of what was before.
    async fn keep_benchmarks(&self, rows: Vec<api::Benchmark>) -> Result<(), ModelError>;

    /// This computer's model store, and the hub.
    fn stock(&self) -> &dyn Stock;

    /// Open invitations.
    async fn invitations(&self) -> Vec<api::Invitation>;

    /// Makes an invitation.
    async fn invite(
        &self,
        request: api::InviteRequest,
    ) -> Result<api::InvitationToken, AdmissionError>;

    /// Withdraws an invitation that is open.
    async fn withdraw(&self, id: &str) -> Result<(), AdmissionError>;

    /// Joins the mesh of an invitation.
    async fn join(&self, token: &str) -> Result<api::Joined, AdmissionError>;

    /// How this node stands at the door of a mesh, and who stands at its door.
    async fn pairing(&self) -> api::Pairing;

    /// A person looks at the digits by which this node can be let in. `again`: opens the door again
    /// after too many wrong ones.
    async fn ask_in(&self, again: bool) -> Result<api::Pairing, AdmissionError>;

    /// Lets in a newcomer whose digits a person typed. Returns once it is a member.
    async fn approve(&self, request: api::ApproveRequest) -> Result<api::Approved, AdmissionError>;

    /// Starts a mesh with this node as its first.
    async fn found(&self, request: api::FoundRequest) -> Result<api::Joined, AdmissionError>;

    /// Removes a member for good. Returns once that is on the disk.
    async fn remove(
        &self,
        node: NodeId,
        request: api::RemoveRequest,
    ) -> Result<api::Removed, RemoveError>;

    /// Tells this node to lend itself, to pause or to drain. Returns once that is on the disk.
    async fn lend(&self, request: api::LendRequest) -> Result<api::Lending, LendError>;

    /// Keeps an API key, and tells that it changed. Returns once that is on the disk.
    async fn keep_key(&self, row: KeyRow) -> Result<(), KeyError>;

    /// What was done, newest first: all of it for an admin's own computer, and of other callers what
    /// concerns their person.
    async fn audit(
        &self,
        caller: &Caller,
        filter: AuditFilter,
    ) -> Result<Vec<api::AuditEntry>, AuditError>;

    /// Conversations that are kept here, those changed last first.
    async fn conversations(
        &self,
        filter: ConversationFilter,
    ) -> Result<Vec<api::ConversationLine>, ConversationError>;

    /// A whole conversation.
    async fn conversation(&self, id: &str) -> Result<api::Conversation, ConversationError>;

    /// Whether a conversation of this id is kept.
    async fn has_conversation(&self, id: &str) -> Result<bool, ConversationError>;

    /// Begins a conversation, or adds to it. Returns once that is on the disk. `now_ms` is the time of
    /// the change.
    async fn change_conversation(
        &self,
        id: &str,
        change: api::ConversationChange,
        now_ms: u64,
    ) -> Result<api::ConversationLine, ConversationError>;

    /// Deletes a conversation with its messages and their files.
    async fn forget_conversation(&self, id: &str) -> Result<(), ConversationError>;

    /// What was used from one day to another, both included, in days of UTC since 1970.
    async fn usage(&self, from: u32, to: u32) -> Result<Vec<(UsageKey, Spent)>, UsageError>;

    /// The minutes from one to another, both included, in minutes since 1970, the oldest first; those
    /// that are kept.
    async fn history(&self, from_min: u64, to_min: u64) -> Result<Vec<Minute>, UsageError>;

    /// Changes from now on. A receiver that lags gets a fresh snapshot from the HTTP face.
    fn subscribe(&self) -> broadcast::Receiver<api::Event>;

    /// Looks at everything that could be wrong; or at what keeps one computer away, named as a person
    /// does: `None` if there is no such computer and no such address.
    async fn doctor(&self, peer: Option<&str>) -> Option<api::Doctor>;
}
