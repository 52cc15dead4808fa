//! Keeping a copy of a durable job for its owner: what the owner writes is taken, older things and
//! strangers' are not, and a vote or a confirmation leaves only after the disk has it.

use pumasi_protocol::NodeId;
use pumasi_protocol::custody::{CustodyMessage, Decline, Record, RollLine, Term, Version};

use super::action::CustodyAction;
use super::arrive::Purpose;
use super::env::Env;
use super::job::{Job, OwedVote, Role};
use super::quorum;
use crate::limits;

impl Job {
    pub(super) fn step_holder(&mut self, env: &mut Env) {
        self.show(env);
        self.become_sure(env);
        if self.ack_owed && self.is_written() {
            // Its new owner had it on its disk first, and it is on this one.
            self.ack_owed = false;
            let (job, holders) = (self.id(), self.record().holders.clone());
            env.act(CustodyAction::Acknowledge { job, holders });
        }
        let record = &self.want.record;
        let owner = record.owner();
        if record.settled || !record.accepted {
            self.stand_at = None;
            self.resend_at = None;
            return;
        }
        if self.want.unsure {
            self.stand_at = None;
            return self.ask_about(env);
        }
        if owner == env.me {
            let at = env.now.after_ms(env.config.restart_ms);
            let due = *self.stand_at.get_or_insert(at) <= env.now;
            if due {
                self.stand(env, None);
            }
        } else if env.is_up(owner) {
            self.stand_at = None;
            self.pass_on_cancel(env, owner);
        } else {
            self.resend_at = None;
            self.take_over_when_due(env, owner);
        }
    }

    /// Asks to own the job once its owner has been away for long enough.
    fn take_over_when_due(&mut self, env: &mut Env, owner: NodeId) {
        let record = &self.want.record;
        let place = record.holders.iter().position(|node| *node == env.me);
        let Some(place) = place.filter(|_| quorum::outlives_owner(record)) else {
            self.stand_at = None;
            return;
        };
        let since = env.down_since(owner);
        let place = u32::try_from(place).expect("a few holders");
        let stagger = env.config.stagger_ms;
        let jitter = env.draw.below(u64::from(stagger));
        let wait = u64::from(env.config.takeover_ms) + u64::from(place * stagger) + jitter;
        let due = *self.stand_at.get_or_insert(since.after_ms(wait)) <= env.now;
        if due {
            self.stand(env, None);
        }
    }

    /// The wish to cancel goes to the owner until the record shows it.
    fn pass_on_cancel(&mut self, env: &mut Env, owner: NodeId) {
        let is_written = self.disk.as_ref().is_some_and(|disk| disk.cancel.is_some());
        let Some(at_ms) = self.want.cancel.filter(|_| is_written && self.record().ended.is_none())
        else {
            self.resend_at = None;
            return;
        };
        if self.resend_at.is_none_or(|at| at <= env.now) {
            env.send(owner, CustodyMessage::Cancel { job: self.id(), at_ms });
            self.arm_resend(env);
        }
    }

    /// A state from the node that claims to own the job in it.
    pub(super) fn on_keep(&mut self, env: &mut Env, from: NodeId, record: Box<Record>) {
        let job = self.id();
        if self.want.ousted.contains(&from) && record.rank() < self.record().rank() {
            // It was away when the job was adopted, and has not heard of it.
            return self.show_newer(env, from);
        }
        let was_voted_for =
            self.want.promise.candidate == from && self.want.promise.term == record.version.term;
        let is_known =
            self.record().is_held_by(from) || self.is_copy_of(env, &record) || was_voted_for;
        let is_behind = self.record().accepted && record.rank() < self.record().rank();
        if !is_known && is_behind && !self.is_absurd(&record) {
            // It owned the job, and was away while others took it over and replaced it.
            return self.show_newer(env, from);
        }
        if !is_known || self.is_absurd(&record) {
            // Only who owns, or was elected by, this job's keepers may write its record or end it. A
            // later owner, whom this node has not heard of, may honestly ask for a new copy.
            let is_claim = record.is_held_by(env.me) || record.ended.is_some();
            if is_known || is_claim {
                env.misbehaved(from);
            }
            return env.send(from, CustodyMessage::Declined { job, decline: Decline::Trust });
        }
        if !self.record().accepted && self.record().owner() == env.me {
            return env.misbehaved(from);
        }
        if self.is_promised_above(&record) {
            let decline = Decline::Promised(self.want.promise.term);
            return env.send(from, CustodyMessage::Declined { job, decline });
        }
        if record.rank() < self.record().rank() {
            return self.show_newer(env, from);
        }
        let is_on_its_way =
            |version: Version| self.arrival.as_ref().is_some_and(|a| a.record.version >= version);
        if is_on_its_way(record.version) {
            return;
        }
        if record.version == self.record().version && !self.is_arriving() {
            self.owed_kept.insert(from, record.version);
            return;
        }
        self.bring(env, record, from, Purpose::Keep);
    }

    /// Sends what the disk has to a keeper that is behind.
    pub(super) fn show_newer(&self, env: &mut Env, to: NodeId) {
        if let Some(disk) = &self.disk {
            env.send(to, CustodyMessage::Newer(Box::new(disk.record.clone())));
        }
    }

    /// A state from another keeper, which has it from the owner of its term.
    pub(super) fn on_newer(&mut self, env: &mut Env, from: NodeId, record: Box<Record>) {
        let is_keeper = self.record().is_held_by(from)
            || self.want.ousted.contains(&from)
            || self.is_copy_of(env, &record) && record.is_held_by(from);
        if !is_keeper || !self.record().accepted && self.record().owner() == env.me {
            return;
        }
        if self.is_absurd(&record) {
            return env.misbehaved(from);
        }
        let is_on_its_way = self.arrival.as_ref().is_some_and(|a| a.record.rank() >= record.rank());
        if record.rank() > self.record().rank() && !is_on_its_way {
            self.bring(env, record, from, Purpose::CatchUp);
        }
    }

    /// Whether what is here was copied before this node became a holder in this later state: it does
    /// not name all holders yet.
    fn is_copy_of(&self, env: &Env, record: &Record) -> bool {
        !self.record().is_held_by(env.me) && record.is_held_by(env.me)
    }

    /// Whether no keeper of the job can have shown it: what never changes in a record is known to its
    /// keepers only, and terms rise step by step.
    pub(super) fn is_absurd(&self, record: &Record) -> bool {
        let known = self.want.promise.term.max(self.record().version.term);
        !record.is_plausible()
            || record.version.term.0 > known.0.saturating_add(limits::TERM_STEP)
            || record.job != self.id()
            || record.need != self.record().need
            || record.inputs != self.record().inputs
            || record.key != self.record().key
            || record.accepted_ms != self.record().accepted_ms
    }

    /// Another keeper asks to own the job.
    pub(super) fn on_stand(&mut self, env: &mut Env, from: NodeId, term: Term, record: &Record) {
        let job = self.id();
        if self.is_absurd(record) || !record.is_held_by(from) {
            return env.misbehaved(from);
        }
        // A later state may name a holder that this node has not heard of.
        let is_keeper = self.record().is_held_by(from) || record.is_held_by(env.me);
        if !is_keeper && self.record().rank() <= record.rank() {
            return env.misbehaved(from);
        }
        let Some(disk) = &self.disk else { return };
        if disk.record.rank() > record.rank() && !disk.record.is_held_by(from) {
            return self.dismiss(env, from, record.version);
        }
        if disk.record.settled {
            return self.show_newer(env, from);
        }
        match self.why_not(env, from, term) {
            Some(decline) => {
                if matches!(self.role, Role::Owner(_)) {
                    self.on_peer_up(from);
                }
                env.send(from, CustodyMessage::Declined { job, decline });
            }
            None => {
                self.promise(term, from);
                self.owed_vote = Some(OwedVote { to: from, term, shown: record.version });
                if matches!(self.role, Role::Candidate(_)) {
                    self.lose(env);
                }
            }
        }
    }

    /// Tells a node that keeps an older state that it is no holder any more. Who takes itself for the
    /// owner heeds nothing but what the later owner wrote.
    pub(super) fn dismiss(&self, env: &mut Env, node: NodeId, shown: Version) {
        if shown.owner == node {
            return self.show_newer(env, node);
        }
        // The owner's word counts for the state that was shown; another's only for older ones.
        let is_owner = self.record().owner() == env.me;
        let after = Some(if is_owner { shown } else { shown.next() });
        env.send(node, CustodyMessage::Drop { job: self.id(), after });
    }

    fn why_not(&self, env: &Env, from: NodeId, term: Term) -> Option<Decline> {
        let promise = self.want.promise;
        let owner = self.record().owner();
        let is_led = match &self.role {
            Role::Owner(_) | Role::Accepting(_) => true,
            Role::Holder | Role::Candidate(_) => {
                owner != from && owner != env.me && env.is_up(owner)
            }
        };
        let is_too_far = term.0 > promise.term.0.saturating_add(limits::TERM_STEP);
        let is_again = promise.term == term && promise.candidate == from;
        if is_led {
            Some(Decline::OwnerAlive)
        } else if self.want.unsure {
            Some(Decline::Unsure)
        } else if is_too_far || term < promise.term || term == promise.term && !is_again {
            Some(Decline::Promised(promise.term))
        } else {
            None
        }
    }

    /// Someone who keeps the job, or owns it, says that this node is not to keep it.
    pub(super) fn on_drop(&mut self, env: &Env, from: NodeId, after: Option<Version>) {
        let record = &self.want.record;
        if !record.is_held_by(from) || record.owner() == env.me {
            return;
        }
        let is_owner = record.owner() == from;
        self.gone |= match after {
            Some(after) => after > record.version || after == record.version && is_owner,
            None => is_owner && !record.accepted,
        };
    }

    /// This node's ledger turned out to be an older copy.
    pub(super) fn doubt(&mut self, env: &mut Env) {
        if self.want.unsure || self.record().settled || self.record().keepers().len() < 2 {
            return;
        }
        self.change().unsure = true;
        self.heard.clear();
        self.step_down(env);
    }

    /// Every other keeper has told what it knows: nothing that was promised here can be forgotten.
    fn become_sure(&mut self, env: &Env) {
        if !self.want.unsure || !self.is_written() {
            return;
        }
        let mut others = self.record().keepers();
        others.retain(|node| *node != env.me);
        let rank = self.record().rank();
        let told = |node: &NodeId| self.heard.get(node).is_some_and(|line| line.rank <= rank);
        if others.iter().all(told) {
            let promised = self.heard.values().map(|line| line.promised).max();
            if let Some(term) = promised {
                self.promise(term, env.me);
            }
            self.change().unsure = false;
            self.heard.clear();
            self.resend_at = None;
            self.resends = 0;
        }
    }

    /// What this node's disk has of the job, for a roll call with `node`.
    pub(super) fn roll_line(&self, node: NodeId) -> Option<RollLine> {
        let disk = self.disk.as_ref()?;
        Some(RollLine {
            job: disk.record.job,
            rank: disk.record.rank(),
            promised: disk.promise.term,
            yours: self.confirmed.get(&node).copied(),
        })
    }
}
