//! Everything that can happen to a node's custody of durable jobs. A log of `(Time, CustodyInput)`
//! is a full recording.

use std::collections::BTreeMap;

use pumasi_protocol::custody::{Blob, CustodyMessage, Ended, KeyHash, Record, Term};
use pumasi_protocol::{BlobId, JobId, Need, NodeId};
use serde::{Deserialize, Serialize};

use crate::input::{Link, MemberFacts};

/// A job that a person asks this node to accept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Its new id.
    pub job: JobId,
    /// What placing it needs to know; the person is in it.
    pub need: Need,
    /// The hash of the person's idempotency key, if one was given.
    pub key: Option<KeyHash>,
    /// The files with what was asked. On this node's disk, synced, before the draft is told.
    pub inputs: Vec<Blob>,
    /// Unix time in milliseconds on this node's clock.
    pub accepted_ms: u64,
}

/// The word a holder gave: it takes nothing any more from owners of lower terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The term.
    pub term: Term,
    /// To whom.
    pub candidate: NodeId,
}

/// What one node keeps of one durable job: the ledger's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// The newest state of the record that it took.
    pub record: Record,
    /// The highest term that it voted for, or took a record of.
    pub promise: Promise,
    /// Somebody who may asked this node to cancel it, at this Unix time in milliseconds.
    pub cancel: Option<u64>,
    /// This node may have forgotten what it promised (its ledger is an older copy): it neither votes
    /// nor counts until every other holder has told what it knows.
    pub unsure: bool,
    /// An end that stood here until an adoption by hand on another node overrode it.
    pub overridden: Option<Ended>,
    /// Holders of before an adoption by hand, to be told of it when they come back.
    pub ousted: Vec<NodeId>,
}

/// What happened. See [`crate::Custody::handle`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum CustodyInput {
    /// A person asks this node to accept a durable job. Ends with exactly one of
    /// [`crate::CustodyAction::Acknowledge`], [`crate::CustodyAction::Refuse`] or
    /// [`crate::CustodyAction::Same`]; a second draft of one job id is ignored.
    Accept(Box<Draft>),
    /// A [`crate::CustodyAction::Persist`] is on the disk.
    Persisted {
        /// Which job.
        job: JobId,
        /// The ticket of that action.
        ticket: u64,
    },
    /// A [`crate::CustodyAction::Persist`] is not on the disk: full, or it refuses to write.
    PersistFailed {
        /// Which job.
        job: JobId,
        /// The ticket of that action.
        ticket: u64,
    },
    /// A [`crate::CustodyAction::Fetch`] is done: the file is whole and on the disk.
    Fetched {
        /// Which file.
        blob: BlobId,
    },
    /// A [`crate::CustodyAction::Fetch`] failed at everybody that was named.
    FetchFailed {
        /// Which file.
        blob: BlobId,
    },
    /// A message arrived over the mesh door.
    Message {
        /// The authenticated sender.
        from: NodeId,
        /// What it said.
        message: Box<CustodyMessage>,
    },
    /// A peer became reachable, or unreachable (checked, not merely suspected). A member that was
    /// never told to be reachable counts as unreachable.
    Peer {
        /// Which node.
        node: NodeId,
        /// How it is.
        link: Link,
    },
    /// A peer has begun anew, perhaps so quickly that it was never found unreachable, and perhaps from
    /// an older copy of its ledger.
    Restarted {
        /// Which node.
        node: NodeId,
    },
    /// The roster, complete, this node included. Who is not in it, is refused and counts as lost.
    Roster {
        /// All members.
        members: BTreeMap<NodeId, MemberFacts>,
    },
    /// A job that was placed by [`crate::CustodyAction::Place`] has ended here. The result, if there
    /// is one, is on this node's disk. Ignored unless this node still owns it in that term.
    Ended {
        /// Which job.
        job: JobId,
        /// The term of that action ([`Term::of`] an attempt's epoch).
        term: Term,
        /// How and when.
        ended: Ended,
    },
    /// Someone who may, cancels a job that this node keeps. Harmless if it has ended.
    Cancel {
        /// Which job.
        job: JobId,
        /// Unix time in milliseconds on this node's clock.
        at_ms: u64,
    },
    /// A person takes a job over by hand, without its other holders. Answered by
    /// [`crate::CustodyAction::Adopted`] or [`crate::CustodyAction::NotAdopted`].
    Adopt {
        /// Which job.
        job: JobId,
    },
    /// Someone who may, has an ended job forgotten, by all its holders if this node owns it.
    Forget {
        /// Which job.
        job: JobId,
    },
    /// Time for ended jobs to go: all that ended, and all copies for owners that never acknowledged
    /// them that were made, before this Unix time in milliseconds. Told regularly by the node, which
    /// knows clock and settings.
    Retain {
        /// The time.
        since_ms: u64,
    },
}
