//! Durable jobs between the nodes that keep them: the record, its versions, and the messages by
//! which its holders keep, end and take over a job. No prompt and no output travels here.

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::ids::{BlobId, Epoch, JobId, NodeId, PersonId};
use crate::job::{JobState, Need};
use crate::limits;

/// The keyed or plain hash of an idempotency key; the key itself is a person's text and stays with
/// the node that was given it.
pub type KeyHash = [u8; 32];

/// Counts a durable job's changes of owner; at most one node owns the job in one term, save after
/// an adoption by hand.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Term(pub u16);

impl Term {
    /// The term of the node that accepted the job.
    pub const FIRST: Self = Self(1);

    /// The term `by` later; `None` past the last one.
    #[must_use]
    pub fn raised(self, by: u16) -> Option<Self> {
        self.0.checked_add(by).map(Self)
    }

    /// Below every epoch of this term, and not below any of an earlier one: the term is the upper
    /// half of an epoch (the first term's is 0, as that of jobs that are not durable).
    #[must_use]
    pub fn floor(self) -> Epoch {
        Epoch(u32::from(self.0.saturating_sub(1)) << 16)
    }

    /// The term under which an epoch was made.
    #[must_use]
    pub fn of(epoch: Epoch) -> Self {
        Self(u16::try_from(epoch.0 >> 16).expect("half of 32 bits").saturating_add(1))
    }
}

/// Which state of a record is the newer one. Ordered by term, then owner (which differ within a
/// term only after adoptions by hand), then sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// Under which term it was written.
    pub term: Term,
    /// Who wrote it: the owner of that term.
    pub owner: NodeId,
    /// Counts the owner's changes in that term.
    pub sequence: u32,
}

impl Version {
    /// The owner's next state in the same term.
    #[must_use]
    pub fn next(self) -> Self {
        Self { sequence: self.sequence.saturating_add(1), ..self }
    }
}

/// Which of two states of one record holds against the other: more adoptions by hand, then a final
/// end, then the newer version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rank {
    /// How often it was adopted by hand.
    pub adoptions: u8,
    /// Whether its end is final.
    pub settled: bool,
    /// Which state it is.
    pub version: Version,
}

/// A file of a job, by content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Blob {
    /// Its hash.
    pub id: BlobId,
    /// Its size.
    pub bytes: u64,
}

/// How a durable job ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// With its result.
    Completed {
        /// The file with the result.
        result: Blob,
        /// Who ran it.
        node: NodeId,
    },
    /// Without.
    Failed(Fault),
    /// Someone who may, cancelled it.
    Cancelled,
    /// The same person gave the same idempotency key to two nodes that could not see each other;
    /// this other job is the one that counts.
    Superseded(JobId),
}

impl End {
    /// The file with the result, if there is one.
    #[must_use]
    pub fn result(&self) -> Option<Blob> {
        match self {
            Self::Completed { result, .. } => Some(*result),
            Self::Failed(_) | Self::Cancelled | Self::Superseded(_) => None,
        }
    }

    /// As a job list shows it.
    #[must_use]
    pub fn state(&self) -> JobState {
        match self {
            Self::Completed { node, .. } => JobState::Completed(*node),
            Self::Failed(fault) => JobState::Failed(fault.clone()),
            Self::Cancelled | Self::Superseded(_) => JobState::Cancelled,
        }
    }
}

/// An end and when it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// How.
    pub end: End,
    /// Unix time in milliseconds on the clock of the node where it ended (for people and retention).
    pub at_ms: u64,
}

/// What the holders of a durable job agree on. Each state of it is written by the job's owner and
/// carries everything that earlier ones did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The job.
    pub job: JobId,
    /// Which state of the record this is, and who owns the job in it.
    pub version: Version,
    /// What placing it needs to know; the person is in it. Its prefix hashes are left out.
    pub need: Need,
    /// The person's idempotency key, if there was one.
    pub key: Option<KeyHash>,
    /// The files with what was asked.
    pub inputs: Vec<Blob>,
    /// When it was accepted, Unix time in milliseconds on the accepting node's clock (for people).
    pub accepted_ms: u64,
    /// Who keeps it. The owner is one of them.
    pub holders: Vec<NodeId>,
    /// While holders are being replaced: the set before. Then both sets must agree to everything.
    pub leaving: Vec<NodeId>,
    /// Whether all holders had record and inputs on their disks when this state was written. Before
    /// that the job is not acknowledged, and its owner alone decides about it.
    pub accepted: bool,
    /// How often a person had it adopted without the agreement of its holders.
    pub adoptions: u8,
    /// How it ended. Final once `settled`.
    pub ended: Option<Ended>,
    /// The end is on enough disks that no other one can ever be shown.
    pub settled: bool,
    /// It had ended when it turned out that this other job has the same person and key; its own end
    /// stands, but whoever asks by key gets the other one.
    pub superseded_by: Option<JobId>,
}

impl Record {
    /// Whose job it is.
    #[must_use]
    pub fn person(&self) -> PersonId {
        self.need.person
    }

    /// Who owns it in this state.
    #[must_use]
    pub fn owner(&self) -> NodeId {
        self.version.owner
    }

    /// Which of two states of this record holds against the other.
    #[must_use]
    pub fn rank(&self) -> Rank {
        Rank { adoptions: self.adoptions, settled: self.settled, version: self.version }
    }

    /// Whether a node keeps it, or did until the replacement that is under way.
    #[must_use]
    pub fn is_held_by(&self, node: NodeId) -> bool {
        self.holders.contains(&node) || self.leaving.contains(&node)
    }

    /// All that keep it, each once.
    #[must_use]
    pub fn keepers(&self) -> Vec<NodeId> {
        let left = self.leaving.iter().filter(|node| !self.holders.contains(node));
        self.holders.iter().chain(left).copied().collect()
    }

    /// The files that a holder needs on its disk before it may keep this state.
    #[must_use]
    pub fn blobs(&self) -> Vec<Blob> {
        let result = self.ended.as_ref().and_then(|ended| ended.end.result());
        self.inputs.iter().copied().chain(result).collect()
    }

    /// Whether it is within [`limits`] and does not contradict itself.
    #[must_use]
    pub fn is_plausible(&self) -> bool {
        let is_set = |nodes: &[NodeId]| {
            let distinct: std::collections::BTreeSet<_> = nodes.iter().collect();
            distinct.len() == nodes.len() && nodes.len() <= limits::HOLDERS
        };
        let bytes = self.blobs().iter().map(|blob| blob.bytes).max().unwrap_or(0);
        self.version.term >= Term::FIRST
            && self.need.is_within_limits()
            && self.need.prefix.is_empty()
            && self.inputs.len() <= limits::JOB_BLOBS
            && bytes <= limits::JOB_BLOB_BYTES
            && is_set(&self.holders)
            && is_set(&self.leaving)
            && self.holders.contains(&self.version.owner)
            && (!self.settled || self.ended.is_some())
    }
}

/// Why a node does not keep a record, or does not vote. The owner chooses another, or tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Decline {
    /// Its disk is full, or refuses writes.
    #[error("its disk is full or refuses to write")]
    Disk,
    /// It keeps as many jobs, or as many of this peer, as it may.
    #[error("it keeps as many jobs of others as it may")]
    Full,
    /// The job's person does not trust it with the job, as it sees the roster.
    #[error("it is not allowed to see this job")]
    Trust,
    /// It could not fetch a file of the job.
    #[error("it could not fetch what the job needs")]
    Fetch,
    /// It has given its word to a higher term.
    #[error("another computer asks to own the job, or owns it")]
    Promised(Term),
    /// It can reach the job's owner.
    #[error("it can reach the job's owner")]
    OwnerAlive,
    /// Its ledger is an older copy: it must hear of all other holders first.
    #[error("its ledger is an older copy, and not every other holder has answered yet")]
    Unsure,
}

/// One job in a roll call: what the sender keeps of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollLine {
    /// Which job.
    pub job: JobId,
    /// The sender's state of its record.
    pub rank: Rank,
    /// The highest term the sender gave its word to.
    pub promised: Term,
    /// The highest state that the receiver once confirmed to the sender.
    pub yours: Option<Version>,
}

/// One idempotency key in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyLine {
    /// Whose.
    pub person: PersonId,
    /// Which.
    pub key: KeyHash,
    /// The job that it was given for.
    pub job: JobId,
}

/// Messages between nodes that keep durable jobs. Each is one-way; lost ones are repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CustodyMessage {
    /// Owner → holder, or a node that is to become one: fetch the files, put this on your disk.
    Keep(Box<Record>),
    /// Holder → owner: this state and its files are on my disk.
    Kept {
        /// Which job.
        job: JobId,
        /// Which state.
        version: Version,
    },
    /// Holder → owner or candidate: no.
    Declined {
        /// Which job.
        job: JobId,
        /// Why.
        decline: Decline,
    },
    /// Holder → who is behind: this is what I keep.
    Newer(Box<Record>),
    /// Keeper → who asked about or keeps a job that it should not: forget it, if what you keep is not
    /// newer than this (`None`: not known here).
    Drop {
        /// Which job.
        job: JobId,
        /// The state after which it is not a holder.
        after: Option<Version>,
    },
    /// Candidate → holders: may I own the job in this term?
    Stand {
        /// The term.
        term: Term,
        /// What the candidate keeps.
        record: Box<Record>,
    },
    /// Holder → candidate: yes; my word is on my disk.
    Vote {
        /// Which job.
        job: JobId,
        /// Which term.
        term: Term,
        /// What the holder keeps, if it is newer than what the candidate showed.
        newer: Option<Box<Record>>,
        /// Somebody asked this holder to cancel the job, at this Unix time in milliseconds.
        cancel: Option<u64>,
    },
    /// Holder → owner: somebody who may asked me to cancel the job.
    Cancel {
        /// Which job.
        job: JobId,
        /// When, Unix time in milliseconds.
        at_ms: u64,
    },
    /// At the start of a link, both ways: the jobs that both should keep.
    Roll {
        /// What the sender keeps of them.
        lines: Vec<RollLine>,
        /// Whether this answers a roll call (then it is not answered).
        answer: bool,
    },
    /// Send me what you keep of these.
    Want {
        /// Which jobs.
        jobs: Vec<JobId>,
    },
    /// These keys are in use here; sent at the start of a link and when a job with a key was accepted.
    Keys(Vec<KeyLine>),
    /// Does a job with this key exist? Asked before a job with a key is accepted.
    FindKey(KeyLine),
    /// The answer: this one does, or none.
    FoundKey {
        /// The question.
        asked: KeyLine,
        /// The job, if there is one.
        found: Option<JobId>,
        /// Whether that job is not acknowledged yet.
        pending: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_of_a_term_lies_above_every_epoch_of_earlier_ones() {
        assert_eq!(Term::FIRST.floor(), Epoch(0));
        for term in [1u16, 2, 3, 700, u16::MAX] {
            let floor = Term(term).floor();
            assert_eq!(Term::of(floor.next()), Term(term));
            assert_eq!(Term::of(Epoch(floor.0 + 0xffff)), Term(term));
        }
        assert_eq!(Term(u16::MAX).raised(1), None);
    }

    #[test]
    fn versions_are_ordered_by_term_then_owner_then_sequence() {
        let version = |term, owner, sequence| Version {
            term: Term(term),
            owner: NodeId([owner; 32]),
            sequence,
        };
        assert!(version(1, 9, 9) < version(2, 1, 0));
        assert!(version(2, 1, 9) < version(2, 2, 0));
        assert!(version(2, 2, 0) < version(2, 2, 0).next());
    }
}
