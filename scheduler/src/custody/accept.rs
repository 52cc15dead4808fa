//! Accepting a durable job: nothing is acknowledged before record and files are on this disk and with
//! all chosen holders (I3). Until then the record names this node alone, so that nobody takes over
//! what was never acknowledged.

use std::collections::{BTreeMap, BTreeSet};

use pumasi_protocol::custody::{
    CustodyMessage, Decline, End, Ended, KeyLine, Record, Term, Version,
};
use pumasi_protocol::{JobId, NodeId};

use super::action::{AcceptRefusal, CustodyAction};
use super::env::Env;
use super::input::{Draft, Holding, Promise};
use super::job::{Job, Role};
use super::own::Ownership;
use crate::time::Time;

/// How often the others are asked for a key before it counts as new.
const FIND_TRIES: u32 = 4;

#[derive(Debug, Clone)]
enum Stage {
    /// The others are asked whether the key is in use, `again` if an answer is lost.
    Finding { waiting: BTreeSet<NodeId>, until: Time, again: Time },
    /// Chosen nodes fetch and confirm.
    Gathering { asked: BTreeMap<NodeId, Time> },
    /// The list of holders is being written down.
    Sealing,
}

/// A job between its submission and its acknowledgement.
#[derive(Debug, Clone)]
pub(super) struct Acceptance {
    stage: Stage,
    until: Time,
    /// Nodes that are not asked again.
    tried: BTreeSet<NodeId>,
    last: Option<Decline>,
    /// A node that can be reached gave no answer in time.
    silence: bool,
}

impl Acceptance {
    /// The next deadline.
    pub(super) fn next(&self) -> Time {
        let stage = match &self.stage {
            Stage::Finding { until, again, .. } => Some(*until.min(again)),
            Stage::Gathering { asked } => asked.values().min().copied(),
            Stage::Sealing => None,
        };
        stage.map_or(self.until, |at| at.min(self.until))
    }
}

impl Acceptance {
    /// Whether a node was chosen and has not declined or run out of time.
    pub(super) fn is_asked(&self, node: NodeId) -> bool {
        matches!(&self.stage, Stage::Gathering { asked } if asked.contains_key(&node))
    }
}

fn holding(env: &Env, draft: Draft) -> Holding {
    let mut need = draft.need;
    // Hints of the moment; whoever places it later makes them anew.
    need.prefix = Vec::new();
    let version = Version { term: Term::FIRST, owner: env.me, sequence: 0 };
    let record = Record {
        job: draft.job,
        version,
        need,
        key: draft.key,
        inputs: draft.inputs,
        accepted_ms: draft.accepted_ms,
        holders: vec![env.me],
        leaving: Vec::new(),
        accepted: false,
        adoptions: 0,
        ended: None,
        settled: false,
        superseded_by: None,
    };
    Holding {
        record,
        promise: Promise { term: Term::FIRST, candidate: env.me },
        cancel: None,
        unsure: false,
        overridden: None,
        ousted: Vec::new(),
    }
}

impl Job {
    /// Begins to accept a draft; `None` if it breaks a bound.
    pub(super) fn accepting(env: &mut Env, draft: Draft) -> Option<Self> {
        let holding = holding(env, draft);
        if !holding.record.is_plausible() {
            return None;
        }
        let asked = if holding.record.key.is_some() { env.reachable() } else { Vec::new() };
        if let Some(line) = key_line(&holding.record) {
            asked.iter().for_each(|node| env.send(*node, CustodyMessage::FindKey(line)));
        }
        let stage = Stage::Finding {
            waiting: asked.into_iter().collect(),
            until: env.now.after_ms(env.config.find_ms),
            again: env.now.after_ms(env.config.find_ms / FIND_TRIES),
        };
        let until = env.now.after_ms(env.config.accept_ms);
        let acceptance =
            Acceptance { stage, until, tried: BTreeSet::new(), last: None, silence: false };
        Some(Self::new(holding, Role::Accepting(acceptance)))
    }

    pub(super) fn step_accepting(&mut self, env: &mut Env) {
        let is_committed = self.is_committed(env);
        let line = key_line(self.record());
        let Role::Accepting(acceptance) = &mut self.role else { return };
        let is_over = acceptance.until <= env.now;
        match &mut acceptance.stage {
            Stage::Finding { waiting, until, again } => {
                waiting.retain(|node| env.is_up(*node));
                if waiting.is_empty() || *until <= env.now {
                    acceptance.stage = Stage::Gathering { asked: BTreeMap::new() };
                    self.gather(env, is_over);
                } else if let Some(line) = line.filter(|_| *again <= env.now) {
                    *again = env.now.after_ms(env.config.find_ms / FIND_TRIES);
                    waiting.iter().for_each(|node| env.send(*node, CustodyMessage::FindKey(line)));
                }
            }
            Stage::Gathering { .. } => self.gather(env, is_over),
            Stage::Sealing if is_committed => self.acknowledge(env),
            Stage::Sealing if is_over => self.give_up_sealing(env),
            Stage::Sealing => self.replicate(env),
        }
    }

    /// Asks until as many as wanted have confirmed, or nobody is left to ask.
    fn gather(&mut self, env: &mut Env, is_over: bool) {
        let version = self.want.record.version;
        let Role::Accepting(acceptance) = &mut self.role else { return };
        let Stage::Gathering { asked } = &mut acceptance.stage else { return };
        let confirmed = &self.confirmed;
        let has = |node: &NodeId| confirmed.get(node).is_some_and(|kept| *kept >= version);
        acceptance.silence |=
            asked.iter().any(|(node, until)| !has(node) && env.is_up(*node) && *until <= env.now);
        asked.retain(|node, until| has(node) || env.is_up(*node) && *until > env.now);
        let missing = (env.wanted() - 1).saturating_sub(asked.len());
        if missing > 0 && !is_over {
            let without: Vec<NodeId> = acceptance.tried.iter().copied().collect();
            let need = &self.want.record.need;
            for node in env.candidates(need, &without).into_iter().take(missing) {
                acceptance.tried.insert(node);
                asked.insert(node, env.now.after_ms(env.config.keep_ms));
                env.send(node, CustodyMessage::Keep(Box::new(self.want.record.clone())));
            }
        }
        let unheard: Vec<NodeId> = asked.keys().copied().filter(|node| !has(node)).collect();
        let all = unheard.is_empty();
        let holders: Vec<NodeId> = asked.keys().copied().filter(&has).collect();
        // Alone only if nobody else can keep it: who is there and silent is no such reason.
        let is_alone = holders.is_empty();
        let silence = acceptance.silence || !all;
        let last = acceptance.last.clone();
        match all || is_over {
            true if is_alone && silence => self.refuse(env, AcceptRefusal::NoHolder(last)),
            true => self.seal(env, &holders),
            false => self.ask_again(env, &unheard),
        }
    }

    /// A lost request or confirmation does not cost a chosen node its turn.
    fn ask_again(&mut self, env: &mut Env, unheard: &[NodeId]) {
        if self.resend_at.is_some_and(|at| at <= env.now) {
            for node in unheard {
                env.send(*node, CustodyMessage::Keep(Box::new(self.want.record.clone())));
            }
        } else if self.resend_at.is_some() {
            return;
        }
        self.arm_resend(env);
    }

    fn seal(&mut self, env: &mut Env, holders: &[NodeId]) {
        let Role::Accepting(acceptance) = &mut self.role else { return };
        acceptance.stage = Stage::Sealing;
        // Also a list that was closed for want of time needs its turn on the disks.
        acceptance.until = acceptance.until.max(env.now.after_ms(env.config.keep_ms));
        let late: Vec<NodeId> =
            acceptance.tried.iter().filter(|node| !holders.contains(node)).copied().collect();
        // The draft's state: who is asked again later, with a later one, must not drop that.
        let after = Some(self.record().version);
        let record = self.amend();
        record.holders.extend(holders);
        record.accepted = true;
        let job = record.job;
        late.into_iter().for_each(|node| env.send(node, CustodyMessage::Drop { job, after }));
    }

    fn acknowledge(&mut self, env: &mut Env) {
        let (job, holders) = (self.id(), self.record().holders.clone());
        let keyed = key_line(self.record()).is_some();
        // Whoever came within reach since the key was asked for hears of it now.
        let others = if keyed { env.reachable() } else { Vec::new() };
        self.role = Role::Owner(Ownership::announcing(others));
        env.act(CustodyAction::Acknowledge { job, holders });
        self.step_owner(env);
    }

    /// The list of holders may be with some of them already: the job cannot vanish, so it ends.
    fn give_up_sealing(&mut self, env: &mut Env) {
        let job = self.id();
        env.act(CustodyAction::Refuse { job, refusal: AcceptRefusal::NoHolder(None) });
        self.role = Role::Owner(Ownership::default());
        let at_ms = self.record().accepted_ms;
        self.amend().ended = Some(Ended { end: End::Cancelled, at_ms });
    }

    /// Ends the acceptance without the job. Only before the list of holders was written.
    fn refuse(&mut self, env: &mut Env, refusal: AcceptRefusal) {
        let job = self.id();
        self.drop_draft(env);
        env.act(CustodyAction::Refuse { job, refusal });
    }

    fn drop_draft(&mut self, env: &mut Env) {
        let (job, after) = (self.id(), Some(self.record().version));
        let Role::Accepting(acceptance) = &self.role else { return };
        for node in &acceptance.tried {
            env.send(*node, CustodyMessage::Drop { job, after });
        }
        self.gone = true;
    }

    fn is_sealing(&self) -> bool {
        matches!(&self.role, Role::Accepting(Acceptance { stage: Stage::Sealing, .. }))
    }

    pub(super) fn refuse_own_disk(&mut self, env: &mut Env) {
        if self.is_sealing() {
            // Not sent to anybody yet: the disk comes first.
            let job = self.id();
            let Role::Accepting(acceptance) = &self.role else { return };
            let after = Some(self.record().version);
            for node in &acceptance.tried {
                env.send(*node, CustodyMessage::Drop { job, after });
            }
            self.gone = true;
            env.act(CustodyAction::Refuse { job, refusal: AcceptRefusal::OwnDisk });
        } else {
            self.refuse(env, AcceptRefusal::OwnDisk);
        }
    }

    /// A chosen node does not take it.
    pub(super) fn on_draft_declined(&mut self, from: NodeId, decline: Decline) {
        let Role::Accepting(acceptance) = &mut self.role else { return };
        if let Stage::Gathering { asked } = &mut acceptance.stage
            && asked.remove(&from).is_some()
        {
            acceptance.last = Some(decline);
        }
    }

    /// An answer about the key of a draft. While the list of holders is not written, another job with
    /// the same key makes this one needless.
    pub(super) fn on_draft_key(
        &mut self,
        env: &mut Env,
        from: NodeId,
        found: Option<JobId>,
        pending: bool,
    ) {
        if self.is_sealing() || !matches!(self.role, Role::Accepting(_)) {
            return;
        }
        let job = self.id();
        match found {
            Some(existing) if existing != job && !pending => {
                self.drop_draft(env);
                env.act(CustodyAction::Same { job, existing });
            }
            Some(existing) if existing < job => self.refuse(env, AcceptRefusal::SameKeyPending),
            Some(_) | None => {
                let Role::Accepting(acceptance) = &mut self.role else { return };
                if let Stage::Finding { waiting, .. } = &mut acceptance.stage {
                    waiting.remove(&from);
                }
            }
        }
    }

    /// Somebody cancels it before it was acknowledged.
    pub(super) fn cancel_draft(&mut self, env: &mut Env, at_ms: u64) {
        if self.is_sealing() {
            self.want.cancel = Some(at_ms);
        } else {
            self.refuse(env, AcceptRefusal::Cancelled);
        }
    }
}

/// The key of a record that counts under it.
pub(super) fn key_line(record: &Record) -> Option<KeyLine> {
    let key = record.key.filter(|_| record.superseded_by.is_none())?;
    Some(KeyLine { person: record.person(), key, job: record.job })
}
