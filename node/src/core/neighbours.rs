//! The other members, as one question about jobs needs them: asked many at once, within a time, and
//! believed no more than each can know. Holds a snapshot, so that the loop goes on meanwhile.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use pumasi_protocol::message::{JobProblem, Request, Response};
use pumasi_protocol::roster::Roster;
use pumasi_protocol::{BlobId, BlobRight, JobId, JobSheet, JobState, NodeId, PersonId, limits};
use pumasi_web::api;
use pumasi_web::mesh::{JobLookupError, Kept};

use super::kept::{KEPT_BYTES, Question, read_kept};
use super::sheets::{name_of, view};
use crate::net::{FetchError, NetHandle};
use crate::store::Store;

/// How long a member may take to answer (a round trip takes milliseconds; guess).
const ANSWER: Duration = Duration::from_secs(2);
/// How long a list of jobs waits for a member's next part: who does not answer is cut off or frozen, and a person
/// looks at a page (guess: a hundred round trips).
const LIST_ANSWER: Duration = Duration::from_millis(500);
/// Members that are asked at the same time.
const AT_ONCE: usize = 32;

/// What a member said of a job.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) from: NodeId,
    /// It said so as the job's owner.
    pub(super) owned: bool,
    pub(super) sheet: JobSheet,
}

/// The members that can be reached, and for whom they are asked.
#[derive(Clone)]
pub(super) struct Neighbours {
    pub(super) net: NetHandle,
    pub(super) store: Store,
    pub(super) roster: Option<Arc<Roster>>,
    pub(super) peers: Vec<NodeId>,
    /// Only this person's jobs; none: whatever the members show this node.
    pub(super) only: Option<PersonId>,
}

impl Neighbours {
    async fn ask(&self, node: NodeId, request: Request) -> Option<Response> {
        self.ask_within(ANSWER, node, request).await
    }

    async fn ask_within(&self, time: Duration, node: NodeId, request: Request) -> Option<Response> {
        tokio::time::timeout(time, self.net.request(node, request)).await.ok()?.ok()
    }

    /// What of a member's word about a job can be used.
    fn check(&self, from: NodeId, owned: bool, sheet: JobSheet) -> Option<Told> {
        let is_its = !owned || sheet.line.owner == from;
        let is_wanted = self.only.is_none_or(|person| sheet.line.person == person);
        let usable = is_its && is_wanted && sheet.is_within_limits();
        usable.then_some(Told { from, owned, sheet })
    }

    /// The newest jobs of all members, each member's newest first. Some come twice.
    pub(super) async fn list(&self, live: bool, limit: usize) -> Vec<Told> {
        let asked = self.peers.iter().map(|node| self.list_of(*node, live, limit));
        let asked: Vec<_> = asked.collect();
        let answers = futures::stream::iter(asked).buffer_unordered(AT_ONCE);
        answers.collect::<Vec<_>>().await.into_iter().flatten().collect()
    }

    async fn list_of(&self, node: NodeId, live: bool, limit: usize) -> Vec<Told> {
        let mut told = Vec::new();
        let mut before = None;
        while told.len() < limit {
            let request = Request::Jobs { live, before };
            let answer = self.ask_within(LIST_ANSWER, node, request).await;
            let Some(Response::Jobs(sheets)) = answer else { break };
            let oldest = sheets.iter().map(|sheet| sheet.line.job).min();
            // A part that does not go back would never end.
            if oldest.is_none() || (before.is_some() && oldest >= before) {
                break;
            }
            let is_last = sheets.len() < limits::SHEETS;
            before = oldest;
            let told_of = |sheet: JobSheet| self.check(node, sheet.line.owner == node, sheet);
            told.extend(sheets.into_iter().filter_map(told_of));
            if is_last {
                break;
            }
        }
        told
    }

    /// Where a job stands: by its owner's word, or else by that of who holds its record.
    pub(super) async fn find(&self, job: JobId, hint: Option<NodeId>) -> Option<Told> {
        if let Some(owner) = hint.filter(|node| self.peers.contains(node))
            && let Some(told) = self.ask_about(owner, Request::Job(job), job).await
            && told.owned
        {
            return Some(told);
        }
        let asked = self.peers.iter().map(|node| self.ask_about(*node, Request::Job(job), job));
        let asked: Vec<_> = asked.collect();
        let mut answers = futures::stream::iter(asked).buffer_unordered(AT_ONCE);
        let mut held: Option<Told> = None;
        while let Some(told) = answers.next().await {
            match told {
                Some(told) if told.owned => return Some(told),
                Some(told) if held.as_ref().is_none_or(|known| told.knows_more_than(known)) => {
                    held = Some(told);
                }
                Some(_) | None => {}
            }
        }
        held
    }

    async fn ask_about(&self, node: NodeId, request: Request, job: JobId) -> Option<Told> {
        let (owned, sheet) = match self.ask(node, request).await? {
            Response::Job(sheet) => (true, sheet),
            Response::HeldJob(sheet) => (false, sheet),
            Response::Done
            | Response::Refused(_)
            | Response::Roster(_)
            | Response::Advert(_)
            | Response::Jobs(_)
            | Response::JobsSince(..)
            | Response::Why(_)
            | Response::Settings(_)
            | Response::JobProblem(_)
            | Response::Inspection(_)
            | Response::NotFound => return None,
        };
        self.check(node, owned, *sheet).filter(|told| told.sheet.line.job == job)
    }

    /// Has a member do something to a job.
    pub(super) async fn order(&self, node: NodeId, order: Request) -> Result<(), JobLookupError> {
        match self.net.request(node, order).await {
            Ok(Response::Job(_) | Response::HeldJob(_) | Response::Done) => Ok(()),
            Ok(Response::JobProblem(problem)) => Err(match problem {
                JobProblem::NotFound => JobLookupError::NotFound,
                JobProblem::Over => JobLookupError::Over,
                JobProblem::NotOver => JobLookupError::NotOver,
                JobProblem::NotLost => JobLookupError::NotLost,
                JobProblem::Unreachable => JobLookupError::Unreachable,
            }),
            Ok(
                Response::Refused(_)
                | Response::Roster(_)
                | Response::Advert(_)
                | Response::Jobs(_)
                | Response::JobsSince(..)
                | Response::Why(_)
                | Response::Inspection(_)
                | Response::Settings(_)
                | Response::NotFound,
            )
            | Err(_) => Err(JobLookupError::Unreachable),
        }
    }

    /// Why a job is where it is, by its owner's word.
    pub(super) async fn why(&self, told: &Told) -> Result<api::Why, JobLookupError> {
        let job = told.sheet.line.job;
        let text = match self.ask(told.sheet.line.owner, Request::Why(job)).await {
            Some(Response::Why(text)) if text.len() <= limits::WHY_BYTES => text,
            Some(_) => return Err(JobLookupError::NotFound),
            None => return Err(JobLookupError::Unreachable),
        };
        let why: Result<api::Why, _> = serde_json::from_str(&text);
        let mut why = why.map_err(|_| JobLookupError::Unreachable)?;
        why.job = job.to_string();
        for candidate in why.rounds.iter_mut().flat_map(|round| &mut round.candidates) {
            if let Ok(node) = candidate.node.id.parse() {
                candidate.node.name = self.name(node);
            }
        }
        Ok(why)
    }

    /// The outcome of a job that completed, from whoever has its files.
    pub(super) async fn result(&self, told: &Told) -> Result<Kept, JobLookupError> {
        let sheet = &told.sheet;
        match sheet.line.state {
            _ if !sheet.durable => return Err(JobLookupError::NotKept),
            JobState::Completed(_) => {}
            JobState::Waiting | JobState::Bound(_) | JobState::Running(_) => {
                return Err(JobLookupError::NotOver);
            }
            JobState::Failed(_) | JobState::Cancelled => return Err(JobLookupError::NotKept),
        }
        let (Some(input), Some(result)) = (sheet.input, sheet.result) else {
            return Err(JobLookupError::NotKept);
        };
        let question = self.file(told, input).await?;
        let outcome = self.file(told, result).await?;
        read_kept(&question, &outcome).ok_or(JobLookupError::NotKept)
    }

    /// The hash of what a job was asked, if it came with an idempotency key and can be read.
    pub(super) async fn body(&self, told: &Told) -> Option<[u8; 32]> {
        let question = self.file(told, told.sheet.input?).await.ok()?;
        Question::read(&question)?.body()
    }

    /// A file of a job: from here, or from the first member that has it.
    async fn file(&self, told: &Told, blob: BlobId) -> Result<Vec<u8>, JobLookupError> {
        let store = self.store.clone();
        let here = tokio::task::spawn_blocking(move || store.file(blob).ok().flatten()).await;
        if let Ok(Some(bytes)) = here {
            return Ok(bytes);
        }
        let right = BlobRight::Job(told.sheet.line.job);
        let first = [told.from, told.sheet.line.owner];
        let mut asked = BTreeSet::new();
        let mut error = JobLookupError::Unreachable;
        for node in first.into_iter().chain(told.sheet.holders.iter().copied()) {
            if !self.peers.contains(&node) || !asked.insert(node) {
                continue;
            }
            match self.net.fetch(node, blob, right, KEPT_BYTES).await {
                Ok(bytes) => return Ok(bytes),
                Err(FetchError::NotFound) => error = JobLookupError::NotKept,
                Err(
                    problem @ (FetchError::Unreachable | FetchError::Busy | FetchError::Wrong(_)),
                ) => {
                    tracing::warn!(peer = %node.short(), %problem, "a job's file was not fetched");
                }
            }
        }
        Err(error)
    }

    fn name(&self, node: NodeId) -> String {
        let member = self.roster.as_ref().and_then(|roster| roster.members.get(&node));
        member.map_or_else(|| node.short(), |member| member.name.to_string())
    }

    /// A member's job as programs see it.
    pub(super) fn view(&self, told: &Told) -> api::Job {
        let roster = self.roster.as_ref();
        let person = roster.and_then(|roster| name_of(roster, told.sheet.line.person));
        let over = told.sheet.line.state.is_terminal();
        view(&told.sheet, person, told.owned || over, |node| self.name(node))
    }
}

impl Told {
    /// Whether this is the better of two words about one job.
    pub(super) fn knows_more_than(&self, other: &Self) -> bool {
        let rank = |told: &Self| (told.owned, told.sheet.rank, told.sheet.line.state.is_terminal());
        rank(self) > rank(other)
    }
}
