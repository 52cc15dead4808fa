//! Everything that can happen to a scheduler. A log of `(Time, Input)` is a full recording; no input
//! holds a prompt or an output.

use std::collections::BTreeMap;

use pumasi_protocol::{
    AdvertDelta, AttemptId, BlobId, Control, Epoch, Fault, JobId, ModelName, Need, NodeAdvert,
    NodeId, NodeState, PersonId, Rate, Timings, Usage,
};
use serde::{Deserialize, Serialize};

/// What the scheduler needs to know of a member; the roster knows more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberFacts {
    /// Whose node it is; `None`: a shared machine.
    pub person: Option<PersonId>,
    /// Whether its roles let it run jobs of others.
    pub may_run: bool,
    /// Whether its roles let it submit jobs to others.
    pub may_submit: bool,
}

/// Whether a peer can be reached, as the node's liveness check established it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Link {
    /// It can, with this round-trip time in microseconds. Repeated when the time changes.
    Up {
        /// Round-trip time in microseconds.
        rtt_us: u32,
    },
    /// It cannot; checked, not merely suspected.
    Down,
}

/// What the person whose machine this is leaves of it to others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeskState {
    /// All of it.
    #[default]
    Free,
    /// What [`crate::Config::yields`] says: the machine is in use.
    InUse,
    /// Nothing: the schedule or the power do not allow it. What runs for others is given back.
    Closed,
}

/// How an attempt ended, as its owner saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// With its result.
    Completed {
        /// Token counts.
        usage: Usage,
        /// Durations, as the executor measured them.
        timings: Timings,
    },
    /// Without. Retried elsewhere if [`Fault::is_retryable`].
    Failed(Fault),
    /// By a cancellation. If this owner did not ask for it (see [`Input::Cancel`]), the job is tried
    /// again.
    Cancelled,
}

/// Facts of an engine that has finished loading a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadedFacts {
    /// Slots that decode together; 0 counts as 1.
    pub slots: u16,
    /// Tokens that a slot holds.
    pub context: u32,
    /// Memory it takes, in bytes. More than was promised is counted against the budget from here on.
    pub memory: u64,
    /// Prefill rate from a warm-up, or zero if none was made.
    pub prefill: Rate,
    /// Decode rate of one slot from a warm-up, or zero if none was made.
    pub decode: Rate,
    /// How long loading took, in milliseconds.
    pub load_ms: u32,
}

/// What happened. See [`crate::Scheduler::handle`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// This node accepted a job and owns it. A second submission of one job id is ignored, unless it
    /// comes with a higher floor after the first one has ended here.
    Submit {
        /// Its id.
        job: JobId,
        /// What placing it needs to know.
        need: Box<Need>,
        /// Its bindings get epochs above this: those that earlier owners of a durable job may have
        /// used lie below. `Epoch(0)` for a job that is new.
        floor: Epoch,
    },
    /// Someone who may, cancels a job that this node owns. Harmless if it is unknown or has ended.
    Cancel {
        /// Which job.
        job: JobId,
    },
    /// A control message arrived over the mesh door.
    Message {
        /// The authenticated sender.
        from: NodeId,
        /// What it said.
        control: Control,
    },
    /// A [`crate::Action::Send`] could not be delivered (queue full, no connection).
    SendFailed {
        /// To whom it was to go.
        to: NodeId,
        /// Which attempt it spoke of.
        attempt: AttemptId,
    },
    /// A full advert of another node arrived. Implausible and older ones are ignored.
    Advert(Box<NodeAdvert>),
    /// A small change arrived. Without the advert it builds on it is ignored.
    Delta(AdvertDelta),
    /// A node said how it is; without the advert it builds on it is ignored.
    State {
        /// Which node.
        node: NodeId,
        /// How it is.
        state: Box<NodeState>,
    },
    /// A node said that it leaves; its advert is forgotten.
    Left {
        /// Which node.
        node: NodeId,
    },
    /// A peer became reachable, changed its round-trip time, or became unreachable.
    Peer {
        /// Which node.
        node: NodeId,
        /// How it is.
        link: Link,
    },
    /// The roster, complete, this node included. What is not in it, is refused and cut off.
    Roster {
        /// All members.
        members: BTreeMap<NodeId, MemberFacts>,
    },
    /// The truth about this node: hardware, models held, admission. Repeated on each change.
    /// Model states in it count for models that the scheduler does not know yet (an engine that is
    /// always ready is listed as loaded); for others the engine's own inputs below are the truth.
    Local {
        /// As it would be advertised; queue, busy counts and sequence are filled in by the scheduler.
        advert: Box<NodeAdvert>,
        /// Bytes that loaded models may take here together.
        model_memory: u64,
    },
    /// What this machine's own person leaves of it changed, as the node sees it by other means than
    /// jobs of this scheduler (which count by themselves).
    Desk {
        /// What it is.
        state: DeskState,
    },
    /// A person asks this node to load a model, although no job needs it yet. Ignored if it cannot
    /// be made to fit; [`crate::View::executor`] shows whether it is loading.
    Preload {
        /// Which model of this node.
        model: ModelName,
    },
    /// A person asks this node to unload a model; done once it is idle.
    Release {
        /// Which model of this node.
        model: ModelName,
    },
    /// An engine here began loading a model, asked or not.
    ModelLoading {
        /// Which model.
        model: ModelName,
    },
    /// An engine here is ready to run a model.
    ModelLoaded {
        /// Which model.
        model: ModelName,
        /// What it turned out to be.
        facts: LoadedFacts,
    },
    /// An engine here has given a model's memory back (asked, or because it crashed). Attempts that
    /// ran on it still end by [`Input::ExecutorDone`], before or after.
    ModelUnloaded {
        /// Which model.
        model: ModelName,
    },
    /// An engine here could not load a model.
    LoadFailed {
        /// Which model.
        model: ModelName,
        /// Why.
        fault: Fault,
    },
    /// Owner: the first event of an attempt's work arrived.
    AttemptStarted {
        /// Which attempt.
        attempt: AttemptId,
    },
    /// Owner: the first tokens of an attempt's answer arrived. From here on only nodes with the same
    /// file can go on with it.
    AnswerBegun {
        /// Which attempt.
        attempt: AttemptId,
        /// The file of the model that writes it; `None`: not known, so that any may be asked.
        file: Option<BlobId>,
        /// How long the job waits after a failure for a node that can go on, in milliseconds. Then
        /// it fails with [`Fault::NotContinued`].
        patience_ms: u32,
    },
    /// Owner: an attempt that was dispatched has ended.
    AttemptEnded {
        /// Which attempt.
        attempt: AttemptId,
        /// How.
        outcome: Outcome,
    },
    /// Executor: a peer opened an attempt's data stream. Counts as its `Bind` if that was lost.
    /// If no [`crate::Action::Expect`] for it was polled before or right after this input, the node
    /// fails the stream with `Refused(Stale)`.
    StreamOpened {
        /// The authenticated opener.
        from: NodeId,
        /// Which attempt.
        attempt: AttemptId,
    },
    /// Executor: an attempt has left its engine's slot, or its stream broke or was cancelled before
    /// it had one. Follows each [`crate::Action::Run`] exactly once; told before `Run` of an attempt
    /// that is bound here, no `Run` follows.
    ExecutorDone {
        /// Which attempt.
        attempt: AttemptId,
        /// Token counts, as far as it came.
        usage: Usage,
        /// Durations, as far as it came.
        timings: Timings,
        /// Why it ended without a result, if it did.
        fault: Option<Fault>,
    },
    /// A person pins a model of this node, so that it stays once it is loaded, or lets go of it.
    Pin {
        /// Which model of this node.
        model: ModelName,
        /// Whether it stays.
        pinned: bool,
    },
}
