//! Custody of durable jobs: what this node keeps of its own and of others', so that an acknowledged
//! job ends exactly once although nodes and disks fail (I1–I4, I16, I19). Sans-IO, like the scheduler.
//!
//! A durable job is a small replicated register. Its **holders** (three by default, its owner one of
//! them) each keep its record and files. Its **owner** writes new states of the record under its
//! **term**: own disk first, then the others. A state is safe once a majority of the holders has it;
//! an end is shown only then. When the owner is lost, another holder asks the others for their word to
//! a higher term, goes on from the newest state they keep, and replaces the lost one. Two majorities
//! share a node, so that what was safe is never missed, and two ends never both become safe.
//!
//! A set of one or two has no such majority: there the owner alone decides, and a lost owner is waited
//! for, unless a person **adopts** the job. Adoption asks nobody: if the old owner comes back with
//! another end, the adopted one counts and the other is kept as overridden.
//!
//! What this cannot do: a ledger that is silently replaced by an older copy may have forgotten a
//! promise. Others who know better say so at the roll call, and then this node stays out until all
//! other holders have answered; if nobody who knows better can be reached before it votes, or before
//! an owner of a set of two goes on, two ends are possible.

mod accept;
mod action;
mod arrive;
mod config;
mod elect;
mod env;
mod hold;
mod input;
mod job;
mod keys;
mod message;
mod own;
mod quorum;
mod retain;
mod roll;
#[cfg(test)]
mod testing;
mod view;

use std::collections::BTreeMap;

use pumasi_protocol::custody::{Ended, KeyHash, Term};
use pumasi_protocol::{BlobId, JobId, NodeId, PersonId};

pub use action::{AcceptRefusal, AdoptRefusal, CustodyAction};
pub use config::CustodyConfig;
pub use env::CustodyWakeup;
pub use input::{CustodyInput, Draft, Holding, Promise};
pub use view::{CustodyView, Part};

use crate::input::{Link, MemberFacts};
use crate::limits;
use crate::time::Time;
use env::Env;
use job::{Job, Role};
use keys::Keys;

type Jobs = BTreeMap<JobId, Job>;

/// One node's custody of durable jobs.
#[derive(Debug, Clone)]
pub struct Custody {
    env: Env,
    jobs: Jobs,
    keys: Keys,
    /// How often the roll was called with each peer since its link came up.
    rolls: BTreeMap<NodeId, u32>,
    /// What ended before this is forgotten; Unix time in milliseconds.
    since_ms: u64,
    /// The ledger was an older copy: what is missing in it need not have been forgotten.
    doubtful: bool,
}

impl Custody {
    /// For the node `me`, with the rows that its ledger holds. Equal arguments and inputs give equal
    /// actions. `doubtful`: the ledger is known to be an older copy (a restored backup): then this
    /// node takes part in no decision until every other holder of a job has answered.
    #[must_use]
    pub fn restore(
        me: NodeId,
        config: CustodyConfig,
        seed: u64,
        now: Time,
        rows: Vec<Holding>,
        doubtful: bool,
    ) -> Self {
        let env = Env::new(me, config, seed, now);
        let mut custody = Self {
            env,
            jobs: Jobs::new(),
            keys: Keys::default(),
            rolls: BTreeMap::new(),
            since_ms: 0,
            doubtful,
        };
        for row in rows {
            let id = row.record.job;
            // What was never acknowledged is given up by the one who was accepting it.
            let is_draft = !row.record.accepted && row.record.owner() == me;
            custody.keys.note(&row.record);
            let mut job = Job::restored(row);
            job.gone = is_draft;
            if doubtful {
                job.doubt(&mut custody.env);
            }
            custody.jobs.insert(id, job);
            custody.step(id);
        }
        custody
    }

    /// Takes one input. Never fails: what is wrong, late or unknown is refused or ignored.
    /// Time that runs backwards counts as standing still.
    pub fn handle(&mut self, now: Time, input: CustodyInput) {
        self.env.now = self.env.now.max(now);
        match input {
            CustodyInput::Accept(draft) => self.on_accept(*draft),
            CustodyInput::Persisted { job, ticket } => {
                self.with(job, |job, _| job.on_persisted(ticket));
            }
            CustodyInput::PersistFailed { job, ticket } => {
                self.with(job, |job, env| job.on_persist_failed(env, ticket));
            }
            CustodyInput::Fetched { blob } => self.on_blob(blob, true),
            CustodyInput::FetchFailed { blob } => self.on_blob(blob, false),
            CustodyInput::Message { from, message } => self.on_message(from, *message),
            CustodyInput::Peer { node, link } => self.on_peer(node, link),
            CustodyInput::Restarted { node } => self.on_met(node),
            CustodyInput::Roster { members } => self.on_roster(members),
            CustodyInput::Ended { job, term, ended } => self.on_ended(job, term, ended),
            CustodyInput::Cancel { job, at_ms } => self.on_cancel(job, at_ms),
            CustodyInput::Adopt { job } => self.on_adopt(job),
            CustodyInput::Forget { job } => self.on_forget(job),
            CustodyInput::Retain { since_ms } => self.on_retain(since_ms),
        }
    }

    /// Acts on all deadlines that are due. Early and repeated calls are harmless.
    pub fn handle_timeout(&mut self, now: Time) {
        self.env.now = self.env.now.max(now);
        while let Some(reason) = self.env.timers.pop_due(self.env.now) {
            match reason {
                CustodyWakeup::Job(job) => self.step(job),
                CustodyWakeup::Roll(node) => self.call_roll(node),
            }
        }
    }

    /// The next deadline and its reason.
    #[must_use]
    pub fn next_timeout(&self) -> Option<(Time, CustodyWakeup)> {
        self.env.timers.next()
    }

    /// The next thing to do. To be drained after [`Custody::restore`] and after each `handle` and
    /// `handle_timeout`.
    pub fn poll_action(&mut self) -> Option<CustodyAction> {
        self.env.pop_action()
    }

    /// Does something to a job that is kept here, and then what follows from it.
    fn with(&mut self, id: JobId, change: impl FnOnce(&mut Job, &mut Env)) {
        if let Some(job) = self.jobs.get_mut(&id) {
            change(job, &mut self.env);
            self.step(id);
        }
    }

    fn step(&mut self, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.step(&mut self.env);
        if job.gone {
            self.erase(id);
        }
    }

    /// Forgets a job, and its row if there is one.
    fn erase(&mut self, id: JobId) {
        let Some(mut job) = self.jobs.remove(&id) else { return };
        job.withdraw(&mut self.env);
        self.env.timers.clear(&CustodyWakeup::Job(id));
        self.keys.forget(job.record());
        if job.has_row() {
            self.env.act(CustodyAction::Erase { job: id });
        }
    }

    fn on_accept(&mut self, draft: Draft) {
        let id = draft.job;
        if self.jobs.contains_key(&id) {
            return;
        }
        let known = draft.key.and_then(|key| self.counted(draft.need.person, key));
        if let Some(existing) = known {
            let is_pending = self.jobs.get(&existing).is_some_and(|job| !job.record().accepted);
            let same = CustodyAction::Same { job: id, existing };
            let refusal = AcceptRefusal::SameKeyPending;
            let pending = CustodyAction::Refuse { job: id, refusal };
            return self.env.act(if is_pending { pending } else { same });
        }
        if self.jobs.len() >= limits::HOLDINGS {
            return self.env.act(CustodyAction::Refuse { job: id, refusal: AcceptRefusal::Full });
        }
        match Job::accepting(&mut self.env, draft) {
            Some(job) => {
                self.keys.note(job.record());
                self.jobs.insert(id, job);
                self.step(id);
            }
            None => {
                let refusal = AcceptRefusal::BadRequest;
                self.env.act(CustodyAction::Refuse { job: id, refusal });
            }
        }
    }

    /// The job that counts under a key, as far as this node knows.
    fn counted(&self, person: PersonId, key: KeyHash) -> Option<JobId> {
        let found = self.keys.find(person, key);
        let is_accepted = |id: &&JobId| self.jobs.get(id).is_some_and(|job| job.record().accepted);
        let found = *found.iter().find(is_accepted).or_else(|| found.first())?;
        let by = self.jobs.get(&found).and_then(|job| job.record().superseded_by);
        Some(by.unwrap_or(found))
    }

    fn on_blob(&mut self, blob: BlobId, is_here: bool) {
        let waiting = self.jobs.values().filter(|job| job.arrival.is_some());
        for id in waiting.map(Job::id).collect::<Vec<_>>() {
            self.with(id, |job, env| {
                if is_here { job.on_fetched(env, blob) } else { job.on_fetch_failed(env, blob) }
            });
        }
    }

    fn on_peer(&mut self, node: NodeId, link: Link) {
        if self.env.on_link(node, link) {
            self.on_met(node);
        }
    }

    /// A peer came, went, or began anew: whatever was said to it counts as not heard.
    fn on_met(&mut self, node: NodeId) {
        let is_up = self.env.is_up(node);
        for id in self.jobs.keys().copied().collect::<Vec<_>>() {
            self.with(id, |job, _| {
                if is_up {
                    job.on_peer_up(node);
                }
            });
        }
        self.rolls.insert(node, 0);
        if is_up {
            self.call_roll(node);
        } else {
            self.env.timers.clear(&CustodyWakeup::Roll(node));
        }
    }

    fn on_roster(&mut self, members: BTreeMap<NodeId, MemberFacts>) {
        self.rolls.retain(|node, _| members.contains_key(node));
        self.env.set_members(members);
        for id in self.jobs.keys().copied().collect::<Vec<_>>() {
            self.step(id);
        }
    }

    fn on_ended(&mut self, job: JobId, term: Term, ended: Ended) {
        self.with(job, |job, env| job.on_work_ended(env, term, ended));
    }

    fn on_cancel(&mut self, job: JobId, at_ms: u64) {
        self.with(job, |job, env| {
            if matches!(job.role, Role::Accepting(_)) {
                job.cancel_draft(env, at_ms);
            } else if job.record().ended.is_none()
                && job.want.cancel.is_none()
                && job.record().is_held_by(env.me)
            {
                job.change().cancel = Some(at_ms);
            }
        });
    }

    fn on_adopt(&mut self, id: JobId) {
        let adopted = match self.jobs.get_mut(&id) {
            Some(job) => job.adopt(&mut self.env),
            None => Err(AdoptRefusal::NotHeld),
        };
        match adopted {
            Ok(()) => self.step(id),
            Err(refusal) => self.env.act(CustodyAction::NotAdopted { job: id, refusal }),
        }
    }
}
