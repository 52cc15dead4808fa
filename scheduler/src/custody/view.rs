//! What is kept here and how it stands, as plain data for people and programs.

use pumasi_protocol::custody::{Ended, Record, Term, Version};
use pumasi_protocol::{JobId, NodeId};

use super::Custody;
use super::job::{Job, Role};
use super::quorum;

/// The part that a node plays for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It keeps a copy.
    Holder,
    /// It asks the other holders to own it.
    Candidate,
    /// It is accepting it; the job is not acknowledged yet.
    Accepting,
    /// It owns it.
    Owner,
}

/// How a job stands, as this node sees it.
#[derive(Debug, Clone, Copy)]
pub struct CustodyView<'a> {
    /// The newest state of its record.
    pub record: &'a Record,
    /// The part that this node plays.
    pub part: Part,
    /// Nothing goes on until its owner can be reached again, or a person adopts it.
    pub waits_for_owner: bool,
    /// This node's ledger is an older copy: it awaits what every other holder says.
    pub unsure: bool,
    /// An end that stood here until an adoption by hand elsewhere overrode it.
    pub overridden: Option<&'a Ended>,
    /// The highest term that this node gave its word to.
    pub promised: Term,
    /// What this node's disk has; `None` while it has nothing.
    pub on_disk: Option<Version>,
}

impl Custody {
    /// How a job stands; `None` if nothing is kept of it here.
    #[must_use]
    pub fn job(&self, job: JobId) -> Option<CustodyView<'_>> {
        self.jobs.get(&job).map(|job| self.look(job))
    }

    /// All jobs of which something is kept here, in order of their ids.
    pub fn jobs(&self) -> impl Iterator<Item = CustodyView<'_>> {
        self.jobs.values().map(|job| self.look(job))
    }

    /// Whether nothing waits for a time or a disk here.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.next_timeout().is_none() && self.jobs.values().all(Job::is_written)
    }

    /// Whether this node owns a job and may show what its scheduler says of it.
    #[must_use]
    pub fn owns(&self, job: JobId) -> bool {
        self.jobs.get(&job).is_some_and(Job::is_owner)
    }

    fn look<'a>(&self, job: &'a Job) -> CustodyView<'a> {
        let record = job.record();
        let owner: NodeId = record.owner();
        let part = match &job.role {
            Role::Holder => Part::Holder,
            Role::Candidate(_) => Part::Candidate,
            Role::Accepting(_) => Part::Accepting,
            Role::Owner(_) => Part::Owner,
        };
        let is_lost = owner != self.env.me && !self.env.is_up(owner);
        CustodyView {
            record,
            part,
            waits_for_owner: is_lost && !record.settled && !quorum::outlives_owner(record),
            unsure: job.want.unsure,
            overridden: job.want.overridden.as_ref(),
            promised: job.want.promise.term,
            on_disk: job.disk.as_ref().map(|disk| disk.record.version),
        }
    }
}
