//! What other members get to know about this node's jobs, and who may: the same person's nodes, and
//! admins. A job that is not the asker's looks like one that does not exist.

use pumasi_protocol::job::JobLine;
use pumasi_protocol::message::{JobProblem, Request, Response};
use pumasi_protocol::roster::{NodeRole, Roster};
use pumasi_protocol::{
    JobId, JobSheet, JobState, MeshId, NodeId, NodeName, PersonId, Phase, Progress, Refusal, limits,
};
use pumasi_scheduler::Input;
use pumasi_web::api;
use pumasi_web::mesh::JobLookupError;
use tokio::sync::oneshot;

use super::Core;
use super::custody::Waiter;
use super::owned::OwnedJob;

/// What a member may order about a job.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    Cancel,
    Adopt,
    Remove,
}

/// For whom a node may ask: its person, or, for a shared computer, itself.
pub(super) fn person_of(roster: &Roster, node: NodeId) -> PersonId {
    let own = || PersonId::derive(&roster.mesh, &node.to_string());
    roster.person(&node).unwrap_or_else(own)
}

/// The name of a person of the roster.
pub(super) fn name_of(roster: &Roster, person: PersonId) -> Option<String> {
    let mut names = roster.members.values().filter_map(|member| member.person.as_ref());
    let is_it = |name: &&NodeName| PersonId::derive(&roster.mesh, name.as_str()) == person;
    names.find(is_it).map(ToString::to_string)
}

impl Core {
    /// The name of a person; none where the roster has none, as for shared computers.
    pub(super) fn person_name(&self, person: PersonId) -> Option<String> {
        match &self.roster {
            Some(roster) => name_of(roster, person),
            None => {
                let own = self.config.person.as_ref().map(ToString::to_string);
                own.filter(|name| self.person_id(name) == person)
            }
        }
    }

    /// The id of the person called so.
    pub(super) fn person_id(&self, name: &str) -> PersonId {
        let mesh = self.roster.as_ref().map_or(MeshId(self.me.0), |roster| roster.mesh);
        PersonId::derive(&mesh, name)
    }

    /// Whether a member may see and cancel a person's jobs.
    pub(super) fn may_read(&self, member: NodeId, person: PersonId) -> bool {
        let Some(roster) = &self.roster else { return false };
        roster.contains(&member)
            && (roster.has_role(&member, NodeRole::Admin) || person_of(roster, member) == person)
    }

    /// A job that this node owns, for a member that may see it.
    fn shown_to(&self, member: NodeId, job: JobId) -> Option<&OwnedJob> {
        self.owned.find(job).filter(|job| self.may_read(member, job.need.person))
    }

    /// Does what a member orders about a job that it may see, and answers once it is done.
    pub(super) fn take_order(
        &mut self,
        from: NodeId,
        order: Order,
        job: JobId,
        reply: oneshot::Sender<Response>,
    ) {
        let Some((_, sheet)) = self.known_to(from, job) else {
            return drop(reply.send(Response::JobProblem(JobProblem::NotFound)));
        };
        let waiter = Waiter::Member(from, reply);
        match order {
            Order::Cancel => self.cancel_known(&sheet, waiter),
            Order::Adopt => self.adopt_kept(job, waiter),
            Order::Remove => self.remove_known(&sheet, waiter),
        }
    }

    /// Cancels a job that this node owns or keeps.
    pub(super) fn cancel_known(&mut self, sheet: &JobSheet, waiter: Waiter) {
        let job = sheet.line.job;
        match sheet.line.state {
            JobState::Cancelled => self.answer_waiter(job, waiter, Ok(())),
            JobState::Completed(_) | JobState::Failed(_) => {
                self.answer_waiter(job, waiter, Err(JobLookupError::Over));
            }
            JobState::Waiting | JobState::Bound(_) | JobState::Running(_) if sheet.durable => {
                self.cancel_kept(job, waiter);
            }
            JobState::Waiting | JobState::Bound(_) | JobState::Running(_) => {
                self.tell(Input::Cancel { job });
                self.settle();
                self.answer_waiter(job, waiter, Ok(()));
            }
        }
    }

    /// Forgets a job of this node that is over.
    pub(super) fn remove_known(&mut self, sheet: &JobSheet, waiter: Waiter) {
        let job = sheet.line.job;
        let answer = match (sheet.line.state.is_terminal(), sheet.line.owner == self.me) {
            (false, _) => Err(JobLookupError::NotOver),
            // Its owner knows who else keeps it, and tells them.
            (true, false) => Err(JobLookupError::Unreachable),
            (true, true) => Ok(()),
        };
        if answer.is_ok() {
            self.forget_kept(job);
        }
        match waiter {
            Waiter::Member(_, reply) if answer.is_ok() => drop(reply.send(Response::Done)),
            waiter @ (Waiter::Here(_) | Waiter::Member(..)) => {
                self.answer_waiter(job, waiter, answer);
            }
        }
    }

    /// Answers a member's question about jobs.
    pub(super) fn answer_about_jobs(&self, from: NodeId, request: &Request) -> Response {
        match request {
            Request::Jobs { live, before } => Response::Jobs(self.sheets(from, *live, *before)),
            Request::JobsSince(revision) => self.sheets_since(from, *revision),
            Request::Job(job) => self.job_for(from, *job),
            Request::Why(job) => {
                let why = self.shown_to(from, *job).and_then(|job| self.why_view(job.id));
                let text = why.and_then(|why| serde_json::to_string(&why).ok());
                let text = text.filter(|text| text.len() <= limits::WHY_BYTES);
                text.map_or(Response::NotFound, Response::Why)
            }
            Request::Scheduler(_)
            | Request::Roster { .. }
            | Request::RosterEntries(_)
            | Request::Advert
            | Request::Load(_)
            | Request::Unload(_)
            | Request::Copy(_)
            | Request::CancelJob(_)
            | Request::Custody(_)
            | Request::AdoptJob(_)
            | Request::RemoveJob(_)
            | Request::Inspect(_)
            | Request::Settings(_)
            | Request::Set(..)
            | Request::Keep(..)
            | Request::Attempt(_) => Response::Refused(Refusal::Unsupported),
        }
    }

    /// One part of a list, newest first.
    fn sheets(&self, from: NodeId, live: bool, before: Option<JobId>) -> Vec<JobSheet> {
        let ended = self.owned.ended.iter().filter(|_| !live);
        let jobs = self.owned.live.values().chain(ended);
        let older = |job: &&OwnedJob| before.is_none_or(|before| job.id < before);
        let mut seen: Vec<&OwnedJob> =
            jobs.filter(older).filter(|job| self.may_read(from, job.need.person)).collect();
        seen.sort_by_key(|job| std::cmp::Reverse(job.id));
        let seen = seen.into_iter().take(limits::SHEETS).map(|job| self.sheet(job));
        let mut sheets: Vec<JobSheet> = seen.collect();
        let is_wanted = |sheet: &JobSheet| {
            let is_older = before.is_none_or(|before| sheet.line.job < before);
            is_older && !(live && sheet.line.state.is_terminal())
        };
        sheets.extend(
            self.kept_sheets(|record| self.shows_record(from, record))
                .into_iter()
                .filter(is_wanted),
        );
        sheets.sort_by_key(|sheet| std::cmp::Reverse(sheet.line.job));
        sheets.truncate(limits::SHEETS);
        sheets
    }

    fn sheets_since(&self, from: NodeId, told: u64) -> Response {
        let owned = &self.owned;
        let is_known = (owned.began..=owned.revision).contains(&told);
        let since = if is_known { told } else { 0 };
        let jobs = owned.live.values().chain(&owned.ended);
        let mut changed: Vec<&OwnedJob> = jobs
            .filter(|job| job.revision > since && self.may_read(from, job.need.person))
            .collect();
        changed.sort_by_key(|job| job.revision);
        let more = changed.len().saturating_sub(limits::SHEETS);
        if is_known {
            changed.truncate(limits::SHEETS);
        } else {
            // Who begins to follow has the list: only what changed just now could be missing.
            changed.drain(..more);
        }
        let last = changed.last().map(|job| job.revision).filter(|_| is_known && more > 0);
        let sheets = changed.into_iter().map(|job| self.sheet(job)).collect();
        Response::JobsSince(last.unwrap_or(owned.revision), sheets)
    }

    pub(super) fn sheet(&self, job: &OwnedJob) -> JobSheet {
        let progress = |(phase, step)| Progress { phase, step, total: total_steps(job, phase) };
        let live = !job.state.is_terminal();
        let record = self.record(job.id);
        JobSheet {
            line: self.job_line(job),
            priority: job.run.priority,
            durable: job.durable,
            attempts: job.attempts,
            node: job.node,
            progress: job.progress.filter(|_| live).map(progress),
            usage: job.usage,
            timings: job.timings,
            why: job.why.as_deref().map(cut),
            ended_ms: job.ended_ms,
            rank: record.map(|record| record.rank()),
            holders: record.map(|record| record.holders.clone()).unwrap_or_default(),
            input: job.input,
            result: job.result,
        }
    }

    pub(super) fn job_line(&self, job: &OwnedJob) -> JobLine {
        JobLine {
            job: job.id,
            kind: job.run.kind,
            model: job.run.model.clone(),
            person: job.need.person,
            owner: self.me,
            state: job.state.clone(),
            accepted_ms: job.accepted_ms,
        }
    }

    pub(super) fn job_view(&self, job: &OwnedJob) -> api::Job {
        let name = |node| self.node_name(node).to_string();
        view(&self.sheet(job), job.person.clone(), true, name)
    }
}

/// A sentence within its bound.
pub(super) fn cut(text: &str) -> String {
    let mut end = limits::SENTENCE_BYTES.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

fn total_steps(job: &OwnedJob, phase: Phase) -> Option<u32> {
    match phase {
        Phase::Queued => None,
        Phase::Load => Some(1_000),
        Phase::Prefill => Some(job.need.prompt_tokens),
        Phase::Decode | Phase::Paused => job.need.max_tokens,
    }
}

/// A job as programs see it; `name` gives a node's name.
pub(super) fn view(
    sheet: &JobSheet,
    person: Option<String>,
    owner_reachable: bool,
    name: impl Fn(NodeId) -> String,
) -> api::Job {
    let node = |node| api::NodeRef { id: format!("{node}"), name: name(node) };
    let progress =
        |p: Progress| api::JobProgress { phase: p.phase.into(), step: p.step, total: p.total };
    let usage = |u: pumasi_protocol::Usage| api::JobUsage {
        prompt_tokens: u.prompt,
        cached_tokens: u.cached,
        completion_tokens: u.completion,
    };
    let fault = match &sheet.line.state {
        JobState::Failed(fault) => Some(fault),
        JobState::Waiting
        | JobState::Bound(_)
        | JobState::Running(_)
        | JobState::Completed(_)
        | JobState::Cancelled => None,
    };
    api::Job {
        provider: None,
        id: sheet.line.job.to_string(),
        kind: sheet.line.kind.into(),
        model: sheet.line.model.to_string(),
        person,
        owner: node(sheet.line.owner),
        owner_reachable,
        state: (&sheet.line.state).into(),
        node: sheet.node.map(node),
        priority: sheet.priority.into(),
        durable: sheet.durable,
        attempts: sheet.attempts,
        progress: sheet.progress.map(progress),
        usage: sheet.usage.map(usage),
        timings: sheet.timings.map(Into::into),
        error: fault.map(Into::into),
        why: sheet.why.clone(),
        accepted_ms: sheet.line.accepted_ms,
        ended_ms: sheet.ended_ms,
    }
}
