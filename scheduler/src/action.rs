//! Everything that a scheduler asks of its node. Performing one never blocks; what cannot be done is
//! told by an [`crate::Input`].

use pumasi_protocol::{AttemptId, Control, Fault, JobId, JobState, ModelName, NodeId, Tempo};
use serde::{Deserialize, Serialize};

/// What to do. See [`crate::Scheduler::poll_action`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Send a control message to a peer; a failure is told by [`crate::Input::SendFailed`].
    Send {
        /// To whom.
        to: NodeId,
        /// What.
        control: Control,
    },
    /// Owner: this attempt is bound. If `executor` is another node, open its data stream there; if
    /// it is this node, keep the work at hand for [`Action::Run`]. Tell its first event by
    /// [`crate::Input::AttemptStarted`] and its end by [`crate::Input::AttemptEnded`].
    Dispatch {
        /// Which attempt.
        attempt: AttemptId,
        /// Where it is bound.
        executor: NodeId,
        /// The model's name, as the job gave it.
        model: ModelName,
    },
    /// Owner: a job is begun a second time under the id `hedge`; what is dispatched under that is the
    /// same work for the same client. Whichever of the two has its first token (or, without tokens,
    /// its result) first, writes; of the other nothing may reach the client. What that other one has
    /// to tell is waited for: it is cancelled. [`Action::JobState`] speaks of `job` alone, and its
    /// terminal state ends both. A node that does not want it cancels `hedge`.
    Hedge {
        /// The job that is late.
        job: JobId,
        /// Its second try.
        hedge: JobId,
    },
    /// Owner: end this attempt (cancel on its stream, or here) and ignore what still comes of it.
    /// [`crate::Input::AttemptEnded`] may follow; it is ignored.
    CancelAttempt {
        /// Which attempt.
        attempt: AttemptId,
        /// Where it is bound.
        executor: NodeId,
    },
    /// Owner: a job changed its state. Each job ends with exactly one terminal state; why it is where
    /// it is, [`crate::View::why`] says.
    JobState {
        /// Which job.
        job: JobId,
        /// Where it stands.
        state: JobState,
    },
    /// Executor: this attempt is bound here; accept its data stream from its owner.
    Expect {
        /// Which attempt.
        attempt: AttemptId,
        /// Whose stream to accept.
        owner: NodeId,
    },
    /// Executor: the model is loaded and a slot is this attempt's; start it as soon as its work is
    /// at hand. Ends with exactly one [`crate::Input::ExecutorDone`].
    Run {
        /// Which attempt.
        attempt: AttemptId,
        /// Its owner; this node for its own jobs.
        owner: NodeId,
        /// The model's name on this node.
        model: ModelName,
    },
    /// Executor: run this attempt at another tempo from here on. Follows its `Run`, also if its engine
    /// has not begun it yet.
    SetTempo {
        /// Which attempt.
        attempt: AttemptId,
        /// At which tempo.
        tempo: Tempo,
    },
    /// Executor: end this attempt and tell its owner `fault` as the last event on its stream (or by
    /// [`crate::Input::AttemptEnded`], if this node owns it). If `Run` was polled for it, its
    /// [`crate::Input::ExecutorDone`] still follows.
    Stop {
        /// Which attempt.
        attempt: AttemptId,
        /// What to tell.
        fault: Fault,
    },
    /// Executor: load a model of this node. Its memory is reserved.
    Load {
        /// The model's name on this node.
        model: ModelName,
    },
    /// Executor: unload an idle model of this node.
    Unload {
        /// The model's name on this node.
        model: ModelName,
    },
}
