//! Asking to own a job: the other holders give their word to a higher term, and tell what they keep;
//! the newest of that is what the new owner goes on from.

use std::collections::BTreeSet;

use pumasi_protocol::NodeId;
use pumasi_protocol::custody::{CustodyMessage, Decline, Ended, Record, Term, Version};

use super::action::{AdoptRefusal, CustodyAction};
use super::arrive::Purpose;
use super::env::Env;
use super::input::Promise;
use super::job::{Job, Role};
use super::own::Ownership;
use super::quorum;
use crate::limits;
use crate::time::{Time, backoff_ms};

/// A node's asking to own a job in one term.
#[derive(Debug, Clone)]
pub(super) struct Candidacy {
    term: Term,
    pub(super) until: Time,
    votes: BTreeSet<NodeId>,
    /// The newest record that a voter showed, if newer than the own.
    picked: Option<(NodeId, Box<Record>)>,
    cancel: Option<u64>,
    /// The highest term that somebody gave another its word for.
    above: Option<Term>,
    /// The end of work that this node had placed as the owner of an earlier term.
    pub(super) ended: Option<Ended>,
}

impl Job {
    /// Asks to own the job, in a term above all that are known here and `above`.
    pub(super) fn stand(&mut self, env: &mut Env, above: Option<Term>) {
        let mine = Promise { candidate: env.me, ..self.want.promise };
        let is_open = self.want.promise == mine
            && mine.term > self.record().version.term
            && above.or(self.above).is_none_or(|above| above < mine.term);
        let highest = self.want.promise.term.max(self.record().version.term);
        let highest = highest.max(above.or(self.above).unwrap_or(Term::FIRST));
        let term = if is_open { Some(mine.term) } else { highest.raised(1) };
        self.stand_at = None;
        self.resend_at = None;
        self.resends = 0;
        // Past the last term it stays where it is: visibly waiting, to be cancelled by its owner.
        let Some(term) = term else { return };
        let ended = match &mut self.role {
            Role::Candidate(candidacy) => candidacy.ended.take(),
            Role::Holder | Role::Accepting(_) | Role::Owner(_) => None,
        };
        self.promise(term, env.me);
        self.role = Role::Candidate(Candidacy {
            term,
            until: env.now.after_ms(env.config.vote_ms),
            votes: BTreeSet::new(),
            picked: None,
            cancel: None,
            above: None,
            ended,
        });
        self.step_candidate(env);
    }

    pub(super) fn step_candidate(&mut self, env: &mut Env) {
        let Role::Candidate(candidacy) = &mut self.role else { return };
        let is_owning = self.arrival.as_ref().is_some_and(|a| a.purpose == Purpose::Own);
        if is_owning {
            candidacy.until = env.now.after_ms(env.config.vote_ms);
            return;
        }
        let word = Promise { term: candidacy.term, candidate: env.me };
        if self.disk.as_ref().is_none_or(|disk| disk.promise != word) {
            candidacy.until = candidacy.until.max(env.now.after_ms(env.config.resend_ms));
            return;
        }
        candidacy.votes.insert(env.me);
        let picked = candidacy.picked.as_ref().map(|(_, record)| record);
        let newest = picked.map_or(&self.want.record, |record| record);
        if quorum::elects(newest, |node| candidacy.votes.contains(&node)) {
            return self.win(env);
        }
        if candidacy.until <= env.now {
            return self.lose_or_insist(env);
        }
        if self.resend_at.is_none_or(|at| at <= env.now) {
            self.ask_for_votes(env);
        }
    }

    fn ask_for_votes(&mut self, env: &mut Env) {
        let Role::Candidate(candidacy) = &self.role else { return };
        let picked = candidacy.picked.as_ref().map(|(_, record)| record.keepers());
        let keepers: BTreeSet<NodeId> =
            self.record().keepers().into_iter().chain(picked.unwrap_or_default()).collect();
        let unheard = keepers.into_iter().filter(|node| !candidacy.votes.contains(node));
        let term = candidacy.term;
        for node in unheard.filter(|node| env.is_up(*node)).collect::<Vec<_>>() {
            let record = Box::new(self.want.record.clone());
            env.send(node, CustodyMessage::Stand { term, record });
        }
        self.arm_resend(env);
    }

    pub(super) fn on_vote(
        &mut self,
        env: &mut Env,
        from: NodeId,
        term: Term,
        newer: Option<Box<Record>>,
        cancel: Option<u64>,
    ) {
        let is_keeper = self.is_asked(from);
        if !is_keeper {
            return;
        }
        if newer.as_ref().is_some_and(|record| self.is_absurd(record)) {
            return env.misbehaved(from);
        }
        let mine = self.want.record.rank();
        let Role::Candidate(candidacy) = &mut self.role else { return };
        if candidacy.term != term {
            return;
        }
        let picked = candidacy.picked.as_ref().map_or(mine, |(_, record)| record.rank().max(mine));
        if let Some(record) = newer
            && record.rank() > picked
        {
            candidacy.picked = Some((from, record));
        }
        candidacy.votes.insert(from);
        candidacy.cancel = candidacy.cancel.or(cancel);
    }

    /// Whether a node keeps the job, as far as this candidate knows.
    fn is_asked(&self, node: NodeId) -> bool {
        let picked = match &self.role {
            Role::Candidate(candidacy) => candidacy.picked.as_ref(),
            Role::Holder | Role::Accepting(_) | Role::Owner(_) => None,
        };
        self.record().is_held_by(node) || picked.is_some_and(|(_, r)| r.is_held_by(node))
    }

    pub(super) fn on_vote_declined(&mut self, from: NodeId, decline: Decline) {
        let is_keeper = self.is_asked(from);
        let Role::Candidate(candidacy) = &mut self.role else { return };
        if let Decline::Promised(term) = decline
            && is_keeper
            && term.0 <= candidacy.term.0.saturating_add(limits::TERM_STEP)
        {
            candidacy.above = candidacy.above.max(Some(term));
        }
    }

    /// Enough gave their word: whatever is lacking of the newest record comes first.
    fn win(&mut self, env: &mut Env) {
        let Role::Candidate(candidacy) = &mut self.role else { return };
        match candidacy.picked.take() {
            Some((from, record)) => self.bring(env, record, from, Purpose::Own),
            None => self.own(env, self.want.record.clone()),
        }
    }

    /// Owns the job from here on, in the term that was won.
    pub(super) fn own(&mut self, env: &mut Env, newest: Record) {
        let Role::Candidate(candidacy) = &mut self.role else { return };
        let (term, cancel, ended) = (candidacy.term, candidacy.cancel, candidacy.ended.take());
        if newest.settled || !newest.holders.contains(&env.me) {
            // It is over, or this node was replaced meanwhile.
            return self.take(env, newest);
        }
        if newest.owner() != env.me {
            self.withdraw(env);
        }
        let version = Version { term, owner: env.me, sequence: 0 };
        let holding = self.change();
        holding.record = Record { version, ..newest };
        holding.cancel = holding.cancel.or(cancel);
        if holding.record.ended.is_none() {
            holding.record.ended = ended;
        }
        self.role = Role::Owner(Ownership::default());
        self.resend_at = None;
        self.resends = 0;
        self.stood = 0;
        if self.record().ended.is_some() {
            self.withdraw(env);
        }
    }

    /// The owner itself asks on, above whatever others promised; another holder makes room for now.
    fn lose_or_insist(&mut self, env: &mut Env) {
        let Role::Candidate(candidacy) = &self.role else { return };
        let above = candidacy.above;
        if self.record().owner() == env.me {
            self.stand(env, above);
        } else {
            self.lose(env);
        }
    }

    /// Stops asking for now.
    pub(super) fn lose(&mut self, env: &mut Env) {
        let Role::Candidate(candidacy) = &self.role else { return };
        let above = candidacy.above;
        self.withdraw(env);
        self.role = Role::Holder;
        self.resend_at = None;
        self.stood = self.stood.saturating_add(1);
        let pause = backoff_ms(env.config.stagger_ms, self.stood, env.config.takeover_ms);
        let jitter = env.draw.below(u64::from(pause).max(1));
        self.stand_at = Some(env.now.after_ms(u64::from(pause) + jitter));
        self.above = self.above.max(above);
    }

    /// A person takes it over without its other holders.
    pub(super) fn adopt(&mut self, env: &mut Env) -> Result<(), AdoptRefusal> {
        let owner = self.record().owner();
        let term = self.want.promise.term.max(self.record().version.term);
        let term = term.raised(limits::ADOPTION_TERMS).ok_or(AdoptRefusal::Terms);
        if self.record().settled {
            return Err(AdoptRefusal::Ended);
        }
        if self.disk.is_none() {
            return Err(AdoptRefusal::NotHeld);
        }
        match self.role {
            Role::Owner(_) | Role::Accepting(_) => return Err(AdoptRefusal::Owned),
            Role::Holder | Role::Candidate(_) if owner != env.me && env.is_up(owner) => {
                return Err(AdoptRefusal::OwnerAlive);
            }
            Role::Holder | Role::Candidate(_) => {}
        }
        let term = term?;
        let ousted = self.record().keepers().into_iter().filter(|node| *node != env.me);
        let ousted: Vec<NodeId> = ousted.chain(self.want.ousted.iter().copied()).collect();
        self.withdraw(env);
        self.promise(term, env.me);
        let holding = self.change();
        holding.unsure = false;
        holding.ousted = ousted.into_iter().take(limits::OUSTED).collect();
        let record = &mut holding.record;
        record.version = Version { term, owner: env.me, sequence: 0 };
        record.holders = vec![env.me];
        record.leaving.clear();
        record.accepted = true;
        record.adoptions = record.adoptions.saturating_add(1);
        self.role = Role::Owner(Ownership::default());
        self.arrival = None;
        self.stand_at = None;
        self.resend_at = None;
        env.act(CustodyAction::Adopted { job: self.id() });
        Ok(())
    }
}
