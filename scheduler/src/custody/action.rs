//! Everything that custody asks of its node. Performing one never blocks; what comes of it is told by
//! a [`crate::CustodyInput`].

use pumasi_protocol::custody::{Blob, CustodyMessage, Decline, Ended, Term};
use pumasi_protocol::{Epoch, JobId, Need, NodeId};
use serde::{Deserialize, Serialize};

use super::input::Holding;

/// Why a durable job was not accepted. Nothing of it is kept, or what is kept ends as cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AcceptRefusal {
    /// This node's own disk is full or refuses to write.
    OwnDisk,
    /// This node keeps as many jobs as it may.
    Full,
    /// The draft breaks a bound.
    BadRequest,
    /// Other nodes can be reached that may keep it, but none confirmed in time; the last reason that
    /// was given, if any.
    NoHolder(Option<Decline>),
    /// Another node is just accepting a job with the same key; asking again later gives its id.
    SameKeyPending,
    /// It was cancelled before it was acknowledged.
    Cancelled,
}

/// Why a job cannot be adopted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdoptRefusal {
    /// This node keeps no copy of it.
    NotHeld,
    /// This node owns it.
    Owned,
    /// Its owner can be reached.
    OwnerAlive,
    /// It has ended.
    Ended,
    /// It has changed its owner as often as can be counted.
    Terms,
}

/// What to do. See [`crate::Custody::poll_action`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CustodyAction {
    /// Send a message to a peer. What cannot be delivered may be dropped: it is repeated.
    Send {
        /// To whom.
        to: NodeId,
        /// What.
        message: Box<CustodyMessage>,
    },
    /// Put this in place of what the ledger has of the job, and sync. Answer with
    /// [`crate::CustodyInput::Persisted`] or [`crate::CustodyInput::PersistFailed`]; those of one
    /// job are performed in order, and there is at most one unanswered per job.
    Persist {
        /// For the answer.
        ticket: u64,
        /// The row.
        holding: Box<Holding>,
    },
    /// Remove the job's row. Files that no row names any more may go. Not answered.
    Erase {
        /// Which job.
        job: JobId,
    },
    /// Bring a file here, check it against its hash, sync it; at once if it is here. Answer with
    /// [`crate::CustodyInput::Fetched`] or [`crate::CustodyInput::FetchFailed`].
    Fetch {
        /// For which job.
        job: JobId,
        /// Which file.
        blob: Blob,
        /// Who should have it.
        from: Vec<NodeId>,
    },
    /// Tell the person that the job is accepted: it is on the disks of all its holders.
    Acknowledge {
        /// Which job.
        job: JobId,
        /// Who keeps it, this node included.
        holders: Vec<NodeId>,
    },
    /// Tell the person that the job was not accepted.
    Refuse {
        /// Which job.
        job: JobId,
        /// Why.
        refusal: AcceptRefusal,
    },
    /// Tell the person that this key was given before, for that job.
    Same {
        /// The id of the draft; nothing is kept of it.
        job: JobId,
        /// The job that counts.
        existing: JobId,
    },
    /// This node owns the job in this term: give it to the scheduler, with epochs above `floor`.
    Place {
        /// Which job.
        job: JobId,
        /// The term; to be told with [`crate::CustodyInput::Ended`].
        term: Term,
        /// What placing it needs to know.
        need: Box<Need>,
        /// Epochs must be above it.
        floor: Epoch,
    },
    /// Take the job from the scheduler (it is owned elsewhere, or has ended), and show nothing that
    /// comes of it any more.
    Withdraw {
        /// Which job.
        job: JobId,
    },
    /// The end is final: show it. Once per job and start of the node.
    Show {
        /// Which job.
        job: JobId,
        /// How and when it ended.
        ended: Ended,
    },
    /// Its end stands, but another job with the same person and key counts: whoever asks by key, or
    /// for the result, is sent there.
    Superseded {
        /// Which job.
        job: JobId,
        /// The one that counts.
        by: JobId,
    },
    /// The job was adopted by hand on another node while it had ended here: this end does not count
    /// any more. The other's is shown; this one stays to be looked up.
    Overridden {
        /// Which job.
        job: JobId,
        /// How it had ended here.
        was: Ended,
        /// The node that adopted it.
        by: NodeId,
    },
    /// [`crate::CustodyInput::Adopt`] succeeded; [`CustodyAction::Place`] follows.
    Adopted {
        /// Which job.
        job: JobId,
    },
    /// [`crate::CustodyInput::Adopt`] was refused.
    NotAdopted {
        /// Which job.
        job: JobId,
        /// Why.
        refusal: AdoptRefusal,
    },
    /// A member sent what no honest node sends: a record or an end of a job that it does not own, or
    /// something that breaks a bound. Nothing was changed.
    Misbehaved {
        /// Which node.
        node: NodeId,
    },
}
