//! Owning a durable job: every state of the record goes to this disk first, then to the other holders;
//! the end is shown once enough of them have it (I1); lost holders are replaced.

use pumasi_protocol::custody::{CustodyMessage, Decline, End, Ended, Term, Version};
use pumasi_protocol::{JobId, NodeId};

use super::accept::key_line;
use super::action::CustodyAction;
use super::env::Env;
use super::job::{Job, Role};
use super::quorum;
use crate::limits;
use crate::time::{Time, backoff_ms};

/// A node that is to become a holder.
#[derive(Debug, Clone, Copy)]
struct Recruit {
    node: NodeId,
    until: Time,
}

/// What only the owner keeps in mind.
#[derive(Debug, Clone, Default)]
pub(super) struct Ownership {
    recruit: Option<Recruit>,
    /// Who declined, and until when it is left alone.
    declined: std::collections::BTreeMap<NodeId, Time>,
    /// To whom which state was sent last.
    sent: std::collections::BTreeMap<NodeId, Version>,
    /// When the holders are looked at again.
    look_at: Option<Time>,
    /// Who has not said yet that no other job counts under its key, how often they were asked, and
    /// when they are asked again.
    unheard: std::collections::BTreeSet<NodeId>,
    asked: u32,
    ask_at: Option<Time>,
}

/// How often who does not answer is asked for a key; a roll call asks again.
const KEY_TRIES: u32 = 8;

impl Ownership {
    /// Of a job whose key these are to hear of.
    pub(super) fn announcing(others: Vec<NodeId>) -> Self {
        Self { unheard: others.into_iter().collect(), ..Self::default() }
    }

    pub(super) fn next(&self) -> Option<Time> {
        let recruit = self.recruit.map(|recruit| recruit.until);
        [recruit, self.look_at, self.ask_at].into_iter().flatten().min()
    }
}

impl Job {
    pub(super) fn step_owner(&mut self, env: &mut Env) {
        if let Some(at_ms) = self.want.cancel {
            self.end(env, Ended { end: End::Cancelled, at_ms });
        }
        self.yield_to_rival(env);
        self.expire_recruit(env);
        if !self.is_written() {
            return;
        }
        self.place(env);
        self.announce(env);
        self.replicate(env);
        if self.is_committed(env) {
            self.on_committed(env);
        }
        self.show(env);
    }

    /// Tells everybody which job counts under its key, until all have answered.
    fn announce(&mut self, env: &mut Env) {
        let line = key_line(self.record());
        let Role::Owner(own) = &mut self.role else { return };
        if own.ask_at.is_some_and(|at| at > env.now) {
            return;
        }
        own.ask_at = None;
        let Some(line) = line.filter(|_| own.asked < KEY_TRIES) else {
            return own.unheard.clear();
        };
        own.unheard.retain(|node| env.is_up(*node));
        if !own.unheard.is_empty() {
            own.unheard.iter().for_each(|node| env.send(*node, CustodyMessage::FindKey(line)));
            let pause = backoff_ms(env.config.resend_ms, own.asked, env.config.resend_max_ms);
            own.ask_at = Some(env.now.after_ms(pause));
            own.asked += 1;
        }
    }

    /// A node said which job counts there under this one's key. One with a larger id gives way, and is
    /// asked until it has.
    pub(super) fn on_key_heard(&mut self, env: &mut Env, from: NodeId, found: Option<JobId>) {
        let (id, line) = (self.id(), key_line(self.record()));
        let Role::Owner(own) = &mut self.role else { return };
        match (found, line) {
            (Some(other), Some(line)) if other > id => {
                env.send(from, CustodyMessage::Keys(vec![line]));
            }
            (Some(_) | None, _) => drop(own.unheard.remove(&from)),
        }
    }

    /// Gives it to the scheduler, once in a term.
    fn place(&mut self, env: &mut Env) {
        let record = &self.want.record;
        if self.placed.is_some() || record.ended.is_some() || !record.accepted {
            return;
        }
        let term = record.version.term;
        self.placed = Some(term);
        env.act(CustodyAction::Place {
            job: record.job,
            term,
            need: Box::new(record.need.clone()),
            floor: term.floor(),
        });
    }

    /// Sends the newest state to whoever has not confirmed it.
    pub(super) fn replicate(&mut self, env: &mut Env) {
        if !self.is_written() {
            self.resend_at = None;
            return;
        }
        let version = self.record().version;
        let due = self.resend_at.is_some_and(|at| at <= env.now);
        let mut lacking = self.record().keepers();
        if let Role::Owner(ownership) = &self.role {
            lacking.extend(ownership.recruit.map(|recruit| recruit.node));
        }
        let has = |node: &NodeId| self.confirmed.get(node).is_some_and(|kept| *kept >= version);
        lacking.retain(|node| *node != env.me && !has(node));
        if lacking.is_empty() {
            self.resend_at = None;
            return;
        }
        let record = self.want.record.clone();
        let mut sent_any = false;
        lacking.retain(|node| env.is_up(*node));
        for node in lacking {
            let is_new = match &mut self.role {
                Role::Owner(own) => own.sent.insert(node, version) != Some(version),
                Role::Accepting(_) => self.resend_at.is_none(),
                Role::Holder | Role::Candidate(_) => false,
            };
            if is_new || due {
                sent_any = true;
                env.send(node, CustodyMessage::Keep(Box::new(record.clone())));
            }
        }
        if sent_any {
            self.arm_resend(env);
        } else if due {
            // Nobody can be reached; who comes back is sent it at once.
            self.resend_at = None;
        }
    }

    /// The next thing to write, when all that was written is safe.
    fn on_committed(&mut self, env: &mut Env) {
        let record = &self.want.record;
        if record.ended.is_some() && !record.settled {
            self.amend().settled = true;
        } else if !record.leaving.is_empty() {
            let job = record.job;
            let holders = record.holders.clone();
            let left = record.leaving.iter().filter(|node| !holders.contains(node));
            let left: Vec<NodeId> = left.copied().collect();
            // The state that still names them, so that a later invitation is not undone.
            let after = Some(record.version);
            self.amend().leaving.clear();
            left.into_iter().for_each(|node| env.send(node, CustodyMessage::Drop { job, after }));
        } else if !record.settled {
            self.keep_holders(env);
        }
    }

    /// Replaces a lost holder, or adds one that was lacking: first it gets everything, then it counts.
    fn keep_holders(&mut self, env: &mut Env) {
        let version = self.record().version;
        let lost = self.lost_holder(env);
        let Role::Owner(own) = &mut self.role else { return };
        if let Some(Recruit { node, .. }) = own.recruit {
            if self.confirmed.get(&node).is_some_and(|kept| *kept >= version) {
                own.recruit = None;
                self.change_holders(env, node, lost.ok());
            }
            return;
        }
        let record = &self.want.record;
        let short = record.holders.len() < env.wanted();
        let due = match lost {
            Ok(_) => true,
            Err(at) => {
                own.look_at = at;
                short
            }
        };
        if !due {
            return;
        }
        own.declined.retain(|_, until| *until > env.now);
        let without = record.holders.iter().chain(own.declined.keys()).copied();
        let without: Vec<NodeId> = without.collect();
        match env.candidates(&record.need, &without).first() {
            Some(node) => {
                let until = env.now.after_ms(env.config.keep_ms);
                own.recruit = Some(Recruit { node: *node, until });
                self.replicate(env);
            }
            None if !own.declined.is_empty() => {
                let again = own.declined.values().min().copied();
                own.look_at = [own.look_at, again].into_iter().flatten().min();
            }
            None => {}
        }
    }

    /// A chosen node that does not confirm in time is left alone for a while.
    fn expire_recruit(&mut self, env: &Env) {
        let Role::Owner(own) = &mut self.role else { return };
        own.look_at = None;
        let is_over = |recruit: &mut Recruit| recruit.until <= env.now || !env.is_up(recruit.node);
        if let Some(Recruit { node, .. }) = own.recruit.take_if(is_over) {
            own.declined.insert(node, env.now.after_ms(env.config.replace_ms));
        }
    }

    /// A holder that has been away for too long; else when the next one will have been.
    fn lost_holder(&self, env: &Env) -> Result<NodeId, Option<Time>> {
        let away = self.record().holders.iter().filter(|node| !env.is_up(**node));
        let due = away.map(|node| {
            let since = if env.is_member(*node) { env.down_since(*node) } else { Time::START };
            (since.after_ms(env.config.replace_ms), *node)
        });
        match due.min() {
            Some((at, node)) if at <= env.now || !env.is_member(node) => Ok(node),
            Some((at, _)) => Err(Some(at)),
            None => Err(None),
        }
    }

    fn change_holders(&mut self, env: &mut Env, new: NodeId, lost: Option<NodeId>) {
        let short = self.record().holders.len() < env.wanted();
        if lost.is_none() && !short {
            // Who was lost is back. The copy at the other goes with age.
            return;
        }
        let record = self.amend();
        if quorum::has_majority(&record.holders) {
            record.leaving.clone_from(&record.holders);
        }
        record.holders.retain(|node| lost != Some(*node));
        record.holders.push(new);
    }

    /// Ends it, unless it has ended.
    pub(super) fn end(&mut self, env: &mut Env, ended: Ended) {
        if self.record().ended.is_some() {
            return;
        }
        self.amend().ended = Some(ended);
        self.withdraw(env);
    }

    /// The scheduler's work on it, placed in `term`, has ended.
    pub(super) fn on_work_ended(&mut self, env: &mut Env, term: Term, ended: Ended) {
        if self.placed != Some(term) || self.record().ended.is_some() {
            return;
        }
        match &mut self.role {
            Role::Owner(_) => {
                self.placed = None;
                self.end(env, ended);
            }
            // It may still be the owner in a later term, and then this is its end.
            Role::Candidate(candidacy) => {
                self.placed = None;
                candidacy.ended = Some(ended);
            }
            Role::Holder | Role::Accepting(_) => {}
        }
    }

    pub(super) fn on_kept(&mut self, from: NodeId, version: Version) {
        let is_expected = self.record().is_held_by(from)
            || match &self.role {
                Role::Accepting(acceptance) => acceptance.is_asked(from),
                Role::Owner(own) => own.recruit.is_some_and(|recruit| recruit.node == from),
                Role::Holder | Role::Candidate(_) => false,
            };
        if is_expected && version <= self.record().version {
            let confirmed = self.confirmed.entry(from).or_insert(version);
            *confirmed = version.max(*confirmed);
        }
    }

    pub(super) fn on_keep_declined(&mut self, env: &mut Env, from: NodeId, decline: Decline) {
        let pause = env.now.after_ms(env.config.replace_ms);
        let own_term = self.record().version.term;
        match &mut self.role {
            Role::Accepting(_) => self.on_draft_declined(from, decline),
            Role::Owner(own) => {
                if own.recruit.is_some_and(|recruit| recruit.node == from) {
                    own.recruit = None;
                    own.declined.insert(from, pause);
                }
                if let Decline::Promised(term) = decline
                    && term > own_term
                    && term.0 <= own_term.0.saturating_add(limits::TERM_STEP)
                    && self.record().is_held_by(from)
                {
                    self.stand(env, Some(term));
                }
            }
            Role::Candidate(_) => self.on_vote_declined(from, decline),
            Role::Holder => {}
        }
    }

    /// A peer can be reached again: whatever it lacks is sent at once, whatever is awaited asked again.
    pub(super) fn on_peer_up(&mut self, node: NodeId) {
        if self.want.unsure {
            self.resend_at = None;
        }
        if let Role::Owner(own) = &mut self.role {
            own.sent.remove(&node);
        }
    }
}
