//! What a scheduler knows and why each job is where it is, as plain data for people and programs.

use std::collections::BTreeMap;

use pumasi_protocol::{
    AttemptId, Bid, Epoch, JobId, JobState, ModelName, Need, NodeAdvert, NodeId, PersonId,
    Priority, Refusal, Tempo,
};
use serde::{Deserialize, Serialize};

use crate::input::{Link, MemberFacts, Outcome};
use crate::rank::Verdict;
use crate::time::Time;

/// Why a binding fell on its executor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// The engine here was warm and idle, and about as fast as any other: nobody was asked.
    LocalIdle,
    /// Of those who could start at once, it predicted the earliest end.
    BestBid,
    /// Nobody could start at once; its turn came first.
    FirstClaim,
    /// The first token of another binding was late: a second try, elsewhere.
    Hedge,
}

/// What a candidate answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// It was not asked.
    NotAsked,
    /// It was asked and has not answered yet.
    Asked,
    /// It made this bid.
    Bid(Bid),
    /// It said no.
    Refused(Refusal),
    /// It gave no answer in time, or could not be reached.
    Silent,
}

/// A candidate of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyCandidate {
    /// Which node.
    pub node: NodeId,
    /// Its score term by term, or the gate that it did not pass.
    pub verdict: Verdict,
    /// What it answered when it was asked.
    pub answer: Answer,
}

/// One binding of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyAttempt {
    /// Its epoch.
    pub epoch: Epoch,
    /// Where.
    pub executor: NodeId,
    /// Why there.
    pub reason: Reason,
    /// With an engine to itself, because the job was in one that died.
    pub alone: bool,
    /// Of an attempt that another one followed: the candidates of its round, best first, at most
    /// [`crate::limits::WHY_EARLIER_CANDIDATES`]. Those of the last are in [`Why::candidates`].
    pub candidates: Vec<WhyCandidate>,
    /// When it was bound.
    pub bound: Time,
    /// When its first event came.
    pub started: Option<Time>,
    /// When and how it ended.
    pub ended: Option<(Time, Outcome)>,
}

/// Why a job is where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// The job.
    pub job: JobId,
    /// What it needs (no text).
    pub need: Need,
    /// When it was submitted.
    pub submitted: Time,
    /// When it ended, if it has.
    pub ended: Option<Time>,
    /// Where it stands.
    pub state: JobState,
    /// The candidates of the latest round, best first, the refused ones last.
    pub candidates: Vec<WhyCandidate>,
    /// Candidates left out at [`crate::limits::WHY_CANDIDATES`].
    pub candidates_omitted: u32,
    /// Members that could not be reached or whose advert is not known, at the latest round.
    pub unreachable: u32,
    /// Rounds of offers so far.
    pub rounds: u32,
    /// Its bindings, oldest first.
    pub attempts: Vec<WhyAttempt>,
}

/// What this node knows of a node; of itself too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeView<'a> {
    /// What the roster says; `None`: not a member.
    pub member: Option<MemberFacts>,
    /// Whether it can be reached; this node itself always can, in no time.
    pub link: Link,
    /// Its advert, if one is known.
    pub advert: Option<&'a NodeAdvert>,
    /// Work that this node has offered there and not heard of, in milliseconds.
    pub offered_ms: u32,
    /// Apparent load by recent failures, in milliseconds, when it was last changed.
    pub penalty_ms: u32,
}

/// Where a reservation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// In the queue.
    Waiting,
    /// A slot is held for its bid.
    Held,
    /// A slot is held, and its owner has been asked.
    Claimed,
    /// It is bound here; its model may still be loading.
    Bound,
    /// Its engine has been started.
    Running,
}

/// A reservation on this node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservationView {
    /// Of which attempt.
    pub attempt: AttemptId,
    /// Whose job.
    pub owner: NodeId,
    /// For whom.
    pub person: PersonId,
    /// Which model of this node.
    pub model: ModelName,
    /// Interactive or batch.
    pub priority: Priority,
    /// Whether it gets an engine to itself.
    pub alone: bool,
    /// Where it stands.
    pub stage: Stage,
    /// Since when it stands here.
    pub since: Time,
    /// Predicted time in its slot, in milliseconds.
    pub estimate_ms: u32,
    /// It is not for the person whose machine this is.
    pub foreign: bool,
    /// At which tempo it runs.
    pub tempo: Tempo,
    /// While it waits: after which time from now it has its slot at the latest, in milliseconds, if
    /// estimates hold and the desk does not keep it. A job that comes later and gets a slot before
    /// adds its own time at most.
    pub starts_within_ms: u64,
}

/// Where a model of this node stands, as the scheduler counts its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Residence {
    /// Only its file is here.
    Held,
    /// It is being loaded, or was told to be.
    Loading,
    /// It is ready.
    Loaded,
    /// It was told to unload, and still has its memory.
    Unloading,
    /// It cannot be run here.
    Unusable,
}

/// A model of this node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelView {
    /// Its name.
    pub name: ModelName,
    /// Where it stands.
    pub residence: Residence,
    /// Memory that it takes or would take, in bytes.
    pub memory: u64,
    /// Slots; what is expected before it was ever loaded.
    pub slots: u16,
    /// Slots held, claimed, bound or running.
    pub busy: u16,
}

/// This node as an executor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutorView {
    /// Bytes that loaded models may take together.
    pub model_memory: u64,
    /// Its models.
    pub models: Vec<ModelView>,
    /// Its reservations, in the order in which they would start, those with a slot first.
    pub reservations: Vec<ReservationView>,
}

/// A read-only look at a scheduler.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub(crate) scheduler: &'a crate::Scheduler,
}

impl<'a> View<'a> {
    /// All nodes that it knows, itself included.
    #[must_use]
    pub fn nodes(&self) -> BTreeMap<NodeId, NodeView<'a>> {
        self.scheduler.mesh_view()
    }

    /// What it knows of one node; `None`: neither a member nor ever heard of.
    #[must_use]
    pub fn node(&self, node: NodeId) -> Option<NodeView<'a>> {
        self.scheduler.node_view(node)
    }

    /// The jobs that this node owns and that have not ended.
    #[must_use]
    pub fn jobs(&self) -> Vec<&Why> {
        self.scheduler.live_jobs()
    }

    /// Why a job of this node is where it is; of ended jobs, the last
    /// [`crate::limits::FINISHED`] are known.
    #[must_use]
    pub fn why(&self, job: JobId) -> Option<&Why> {
        self.scheduler.why(job)
    }

    /// This node as an executor.
    #[must_use]
    pub fn executor(&self) -> ExecutorView {
        self.scheduler.executor_view()
    }

    /// This node's advert as it should be published: the local one with model states, queue,
    /// measured rates and hot prefixes filled in. `None` before the first [`crate::Input::Local`].
    /// Incarnation and sequence are those of the local one; the caller counts.
    #[must_use]
    pub fn advert(&self) -> Option<NodeAdvert> {
        self.scheduler.own_advert()
    }

    /// Whether nothing is owned, reserved or waited for here (invariant I13).
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.scheduler.is_idle()
    }
}
