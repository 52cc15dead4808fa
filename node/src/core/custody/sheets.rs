//! Durable jobs that are known from their records: kept for others, or ended in an earlier start.

use pumasi_protocol::custody::Record;
use pumasi_protocol::job::JobLine;
use pumasi_protocol::message::{JobProblem, Response};
use pumasi_protocol::{JobId, JobSheet, JobState, NodeId, Term};
use pumasi_scheduler::CustodyView;
use pumasi_web::api;
use pumasi_web::mesh::Caller;

use super::super::Core;
use super::super::neighbours::Told;
use super::super::sheets::{cut, view};

impl Core {
    /// The record of a job as others see it; not for jobs that are not acknowledged.
    fn record_sheet(&self, kept: &CustodyView<'_>) -> Option<JobSheet> {
        let record = kept.record;
        let ended = record.ended.as_ref().filter(|_| record.settled);
        let state = ended.map_or(JobState::Waiting, |ended| ended.end.state());
        let node = match &state {
            JobState::Completed(node) => Some(*node),
            JobState::Waiting
            | JobState::Bound(_)
            | JobState::Running(_)
            | JobState::Failed(_)
            | JobState::Cancelled => None,
        };
        let line = JobLine {
            job: record.job,
            kind: record.need.kind,
            model: record.need.model.clone(),
            person: record.person(),
            owner: record.owner(),
            state,
            accepted_ms: record.accepted_ms,
        };
        let account = self.keeping.accounts.of(record.job).filter(|_| node.is_some());
        let why = account.map(|account| cut(&account.why));
        record.accepted.then(|| JobSheet {
            line,
            priority: record.need.priority,
            durable: true,
            attempts: account.map_or(0, |account| account.attempts),
            node,
            progress: None,
            usage: account.and_then(|account| account.usage),
            timings: account.map(|account| account.timings),
            why: why.or_else(|| self.waiting_for(kept)),
            ended_ms: ended.map(|ended| ended.at_ms),
            rank: Some(record.rank()),
            holders: record.holders.clone(),
            input: record.inputs.first().map(|blob| blob.id),
            result: ended.and_then(|ended| ended.end.result()).map(|blob| blob.id),
        })
    }

    /// Why a job that is kept for another node does not go on.
    fn waiting_for(&self, kept: &CustodyView<'_>) -> Option<String> {
        let owner = kept.record.owner();
        if kept.record.settled || owner == self.me || self.reachable().contains(&owner) {
            return None;
        }
        let name = self.node_name(owner);
        Some(if kept.waits_for_owner {
            format!(
                "waits for its owner {name}, which cannot be reached; `pumasi adopt` takes it over"
            )
        } else {
            format!("its owner {name} cannot be reached; another holder will take it over")
        })
    }

    /// Whether a member may see what is kept of a job.
    pub(in super::super) fn shows_record(&self, member: NodeId, record: &Record) -> bool {
        if member == self.me {
            // What was accepted here, this install may always see. Where there is no mesh, all was.
            let is_first = record.version.term == Term::FIRST || self.roster.is_none();
            let is_own = record.owner() == self.me && is_first;
            return is_own || self.may_read(self.me, record.person());
        }
        self.may_read(member, record.person())
    }

    /// What is kept of a job, for whoever may see it.
    pub(in super::super) fn kept_sheet(&self, member: NodeId, job: JobId) -> Option<JobSheet> {
        let kept = self.keeping.custody.job(job)?;
        self.record_sheet(&kept).filter(|_| self.shows_record(member, kept.record))
    }

    /// What is kept of jobs that are not among [`Core::owned`]: of this node's own, and of those whose
    /// owner cannot be reached.
    pub(in super::super) fn kept_sheets(&self, shows: impl Fn(&Record) -> bool) -> Vec<JobSheet> {
        let reachable = self.reachable();
        let kept = self.keeping.custody.jobs();
        let wanted = kept.filter(|kept| {
            self.owned.find(kept.record.job).is_none()
                && !reachable.contains(&kept.record.owner())
                && shows(kept.record)
        });
        wanted.filter_map(|kept| self.record_sheet(&kept)).collect()
    }

    /// What is kept of a job, for a caller here who may see it.
    pub(in super::super) fn kept_for(&self, caller: &Caller, job: JobId) -> Option<Told> {
        let kept = self.keeping.custody.job(job)?;
        let sheet = self.record_sheet(&kept).filter(|_| self.shows_to(caller, kept.record))?;
        let owned = sheet.line.owner == self.me;
        Some(Told { from: self.me, owned, sheet })
    }

    /// Whether a caller here may see what is kept of a job: a key's person their own, this install
    /// what its node may.
    pub(in super::super) fn shows_to(&self, caller: &Caller, record: &Record) -> bool {
        match caller {
            Caller::Loopback => false,
            Caller::Install => self.shows_record(self.me, record),
            Caller::Key { person: name, .. } => self.person_id(name) == record.person(),
        }
    }

    /// A job that is only known from its record, as programs see it.
    pub(super) fn kept_view(&self, job: JobId) -> Option<api::Job> {
        self.kept_sheet(self.me, job).map(|sheet| self.sheet_view(&sheet))
    }

    /// A record's sheet as programs see it.
    pub(in super::super) fn sheet_view(&self, sheet: &JobSheet) -> api::Job {
        let person = self.person_name(sheet.line.person);
        let owner = sheet.line.owner;
        let known = sheet.line.state.is_terminal() || owner == self.me;
        let reachable = known || self.reachable().contains(&owner);
        view(sheet, person, reachable, |node| self.node_name(node).to_string())
    }

    /// A job that this node owns (true) or keeps, for a member that may see it.
    pub(in super::super) fn known_to(
        &self,
        member: NodeId,
        job: JobId,
    ) -> Option<(bool, Box<JobSheet>)> {
        let owned = self.owned.find(job).filter(|job| self.may_read(member, job.need.person));
        if let Some(job) = owned {
            return Some((true, Box::new(self.sheet(job))));
        }
        let sheet = self.kept_sheet(member, job)?;
        Some((sheet.line.owner == self.me, Box::new(sheet)))
    }

    /// The answer to a member that asks for a job.
    pub(in super::super) fn job_for(&self, member: NodeId, job: JobId) -> Response {
        match self.known_to(member, job) {
            Some((true, sheet)) => Response::Job(sheet),
            Some((false, sheet)) => Response::HeldJob(sheet),
            None => Response::JobProblem(JobProblem::NotFound),
        }
    }
}
