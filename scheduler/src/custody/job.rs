//! One durable job on one node: what is on the disk, what is to be there, and the part that this node
//! plays. Whatever is said to others is said only once the disk has it.

use std::collections::BTreeMap;

use pumasi_protocol::custody::{CustodyMessage, Decline, Record, RollLine, Term, Version};
use pumasi_protocol::{JobId, NodeId};

use super::accept::Acceptance;
use super::action::CustodyAction;
use super::arrive::Arrival;
use super::elect::Candidacy;
use super::env::{CustodyWakeup, Env};
use super::input::{Holding, Promise};
use super::own::Ownership;
use super::quorum;
use crate::time::{Time, backoff_ms};

/// The part that this node plays for a job.
#[derive(Debug, Clone)]
pub(super) enum Role {
    /// It keeps a copy.
    Holder,
    /// It asks to own the job.
    Candidate(Candidacy),
    /// It is accepting the job.
    Accepting(Acceptance),
    /// It owns the job.
    Owner(Ownership),
}

/// A vote that is to be told as soon as it is on the disk.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwedVote {
    pub(super) to: NodeId,
    pub(super) term: Term,
    /// What the candidate showed.
    pub(super) shown: Version,
}

#[derive(Debug, Clone)]
pub(super) struct Job {
    /// What the disk has, as far as it was confirmed.
    pub(super) disk: Option<Holding>,
    /// What it should have.
    pub(super) want: Holding,
    /// The write that is under way.
    writing: Option<(u64, Box<Holding>)>,
    dirty: bool,
    /// After a refused write: not before this.
    write_after: Option<Time>,
    failed_writes: u32,
    pub(super) role: Role,
    pub(super) owed_kept: BTreeMap<NodeId, Version>,
    pub(super) owed_vote: Option<OwedVote>,
    /// The highest state that each other keeper confirmed.
    pub(super) confirmed: BTreeMap<NodeId, Version>,
    /// What the others said of it while this node is unsure.
    pub(super) heard: BTreeMap<NodeId, RollLine>,
    /// Under which term it was given to the scheduler here and not taken back.
    pub(super) placed: Option<Term>,
    pub(super) shown: bool,
    /// The person who submitted it here still waits for its acknowledgement.
    pub(super) ack_owed: bool,
    /// When this node asks to own it, if its owner is still lost then.
    pub(super) stand_at: Option<Time>,
    /// When an unheard message is repeated.
    pub(super) resend_at: Option<Time>,
    pub(super) resends: u32,
    /// A term that another node was promised somewhere.
    pub(super) above: Option<Term>,
    /// How often this node stood in vain.
    pub(super) stood: u32,
    /// Another job with the same person and key and a smaller id.
    pub(super) rival: Option<JobId>,
    /// A newer state whose files are on their way.
    pub(super) arrival: Option<Arrival>,
    /// To be forgotten as soon as the input is handled.
    pub(super) gone: bool,
}

impl Job {
    pub(super) fn new(holding: Holding, role: Role) -> Self {
        Self {
            disk: None,
            want: holding,
            writing: None,
            dirty: true,
            write_after: None,
            failed_writes: 0,
            role,
            owed_kept: BTreeMap::new(),
            owed_vote: None,
            confirmed: BTreeMap::new(),
            heard: BTreeMap::new(),
            placed: None,
            shown: false,
            ack_owed: false,
            stand_at: None,
            resend_at: None,
            resends: 0,
            above: None,
            stood: 0,
            rival: None,
            arrival: None,
            gone: false,
        }
    }

    /// As it lies on the disk at a start.
    pub(super) fn restored(holding: Holding) -> Self {
        let mut job = Self::new(holding.clone(), Role::Holder);
        job.disk = Some(holding);
        job.dirty = false;
        job
    }

    pub(super) fn id(&self) -> JobId {
        self.want.record.job
    }

    pub(super) fn record(&self) -> &Record {
        &self.want.record
    }

    pub(super) fn is_owner(&self) -> bool {
        matches!(self.role, Role::Owner(_))
    }

    /// Whether the disk has all that it should have.
    pub(super) fn is_written(&self) -> bool {
        !self.dirty && self.writing.is_none()
    }

    /// Whether nothing of it is here yet but its files are on their way.
    pub(super) fn is_arriving(&self) -> bool {
        self.disk.is_none() && self.arrival.is_some()
    }

    /// Whether the ledger has, or may have, a row of it.
    pub(super) fn has_row(&self) -> bool {
        self.disk.is_some() || self.writing.is_some()
    }

    /// Changes what the disk should have.
    pub(super) fn change(&mut self) -> &mut Holding {
        self.dirty = true;
        &mut self.want
    }

    /// Changes the record as its owner: a new state in the same term.
    pub(super) fn amend(&mut self) -> &mut Record {
        self.dirty = true;
        self.resends = 0;
        self.resend_at = None;
        let record = &mut self.want.record;
        record.version = record.version.next();
        record
    }

    /// Gives this node's word to a term.
    pub(super) fn promise(&mut self, term: Term, candidate: NodeId) {
        if term > self.want.promise.term {
            self.change().promise = Promise { term, candidate };
        }
    }

    pub(super) fn on_persisted(&mut self, ticket: u64) {
        if let Some((_, holding)) = self.writing.take_if(|(waiting, _)| *waiting == ticket) {
            self.disk = Some(*holding);
            self.failed_writes = 0;
        }
    }

    /// The disk refused. What it has stays the truth; what was not told to anybody is given up.
    pub(super) fn on_persist_failed(&mut self, env: &mut Env, ticket: u64) {
        if self.writing.take_if(|(waiting, _)| *waiting == ticket).is_none() {
            return;
        }
        self.failed_writes += 1;
        let pause = backoff_ms(env.config.resend_ms, self.failed_writes, env.config.resend_max_ms);
        for (to, _) in std::mem::take(&mut self.owed_kept) {
            let message = CustodyMessage::Declined { job: self.id(), decline: Decline::Disk };
            env.send(to, message);
        }
        match (&self.role, self.disk.clone()) {
            (Role::Accepting(_), _) => self.refuse_own_disk(env),
            (Role::Holder, None) => self.gone = true,
            (Role::Holder, Some(disk)) if !self.ack_owed => {
                let cancel = self.want.cancel;
                self.want = disk;
                self.want.cancel = cancel;
                self.dirty = false;
                self.owed_vote = None;
            }
            // What its disk has of it is a draft that others have taken over: no way back.
            (Role::Holder | Role::Candidate(_) | Role::Owner(_), _) => {
                self.dirty = true;
                self.write_after = Some(env.now.after_ms(pause));
            }
        }
    }

    /// Does what is to be done by now: writes, then says what is written, then plays its part.
    pub(super) fn step(&mut self, env: &mut Env) {
        if !self.gone {
            self.write(env);
            self.tell_owed(env);
            match self.role {
                Role::Holder => self.step_holder(env),
                Role::Candidate(_) => self.step_candidate(env),
                Role::Accepting(_) => self.step_accepting(env),
                Role::Owner(_) => self.step_owner(env),
            }
            self.write(env);
        }
        self.set_timer(env);
    }

    fn write(&mut self, env: &mut Env) {
        let may = self.write_after.is_none_or(|after| after <= env.now);
        if !self.dirty || self.writing.is_some() || !may || self.gone || self.is_arriving() {
            return;
        }
        self.dirty = false;
        self.write_after = None;
        let (ticket, holding) = (env.ticket(), Box::new(self.want.clone()));
        self.writing = Some((ticket, holding.clone()));
        env.act(CustodyAction::Persist { ticket, holding });
    }

    fn tell_owed(&mut self, env: &mut Env) {
        let Some(disk) = &self.disk else { return };
        let (job, version) = (disk.record.job, disk.record.version);
        let unsure = disk.unsure;
        self.owed_kept.retain(|to, owed| {
            if *owed > version {
                return true;
            }
            let message = if unsure {
                CustodyMessage::Declined { job, decline: Decline::Unsure }
            } else {
                CustodyMessage::Kept { job, version }
            };
            env.send(*to, message);
            false
        });
        let promised =
            |vote: &mut OwedVote| disk.promise == Promise { term: vote.term, candidate: vote.to };
        if let Some(vote) = self.owed_vote.take_if(promised) {
            let newer = disk.record.version > vote.shown;
            let newer = newer.then(|| Box::new(disk.record.clone()));
            let (term, cancel) = (vote.term, disk.cancel);
            env.send(vote.to, CustodyMessage::Vote { job, term, newer, cancel });
        }
    }

    /// Takes a state of the record that another node wrote. Its files are here.
    pub(super) fn take(&mut self, env: &mut Env, record: Record) {
        let before = self.want.record.clone();
        let overridden = before.settled && record.adoptions > before.adoptions;
        self.promise(record.version.term, record.owner());
        self.change().record = record;
        if overridden {
            let was = before.ended.clone().expect("what is settled has ended");
            self.want.overridden = Some(was.clone());
            let (job, by) = (self.id(), self.record().owner());
            self.shown = false;
            env.act(CustodyAction::Overridden { job, was, by });
        }
        // Others, who had it all, took it over before this node could acknowledge it.
        self.ack_owed |= matches!(self.role, Role::Accepting(_));
        self.step_down(env);
        if self.record().owner() != before.owner() {
            self.stand_at = None;
            self.stood = 0;
        }
    }

    /// Stops owning the job, or asking to.
    pub(super) fn step_down(&mut self, env: &mut Env) {
        self.withdraw(env);
        self.role = Role::Holder;
        self.resend_at = None;
        self.resends = 0;
    }

    /// Takes the job from the scheduler.
    pub(super) fn withdraw(&mut self, env: &mut Env) {
        if self.placed.take().is_some() {
            env.act(CustodyAction::Withdraw { job: self.id() });
        }
    }

    /// Shows a final end, once, when it is on this disk.
    pub(super) fn show(&mut self, env: &mut Env) {
        let Some(disk) = &self.disk else { return };
        let is_newest = disk.record.rank() == self.record().rank();
        if !disk.record.settled || self.shown || !is_newest {
            return;
        }
        self.shown = true;
        let ended = disk.record.ended.clone().expect("what is settled has ended");
        env.act(CustodyAction::Show { job: self.id(), ended });
    }

    /// Whether the newest state is on enough disks.
    pub(super) fn is_committed(&self, env: &Env) -> bool {
        let version = self.record().version;
        let here = self.disk.as_ref().is_some_and(|disk| disk.record.version == version);
        let has = |node: NodeId| {
            node == env.me || self.confirmed.get(&node).is_some_and(|kept| *kept >= version)
        };
        here && quorum::commits(self.record(), has)
    }

    /// Arms the pause until an unheard message is repeated.
    pub(super) fn arm_resend(&mut self, env: &Env) {
        let pause = backoff_ms(env.config.resend_ms, self.resends, env.config.resend_max_ms);
        self.resends = self.resends.saturating_add(1);
        self.resend_at = Some(env.now.after_ms(pause));
    }

    fn set_timer(&self, env: &mut Env) {
        let part = match &self.role {
            Role::Holder => None,
            Role::Candidate(candidacy) => Some(candidacy.until),
            Role::Accepting(acceptance) => Some(acceptance.next()),
            Role::Owner(ownership) => ownership.next(),
        };
        let write = self.write_after.filter(|_| self.dirty);
        let next = [self.stand_at, self.resend_at, write, part].into_iter().flatten().min();
        match next.filter(|_| !self.gone) {
            // A deadline is never now: whatever is due has been done above.
            Some(at) => {
                env.timers.set(CustodyWakeup::Job(self.id()), at.max(env.now.after_ms(1u32)));
            }
            None => env.timers.clear(&CustodyWakeup::Job(self.id())),
        }
    }
}
