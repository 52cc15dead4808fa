//! Idempotency keys: the same person and key mean the same job (I16). Two nodes that could not see
//! each other may each have accepted one; when they meet, the smaller id counts.

use std::collections::{BTreeMap, BTreeSet};

use pumasi_protocol::custody::{CustodyMessage, End, Ended, KeyHash, KeyLine, Record};
use pumasi_protocol::{JobId, NodeId, PersonId};

use super::accept::key_line;
use super::action::CustodyAction;
use super::env::Env;
use super::job::{Job, Role};

/// The jobs kept here under each key; more than one only until they have met.
#[derive(Debug, Clone, Default)]
pub(super) struct Keys(BTreeMap<(PersonId, KeyHash), BTreeSet<JobId>>);

impl Keys {
    /// All jobs under a key, the smallest id first.
    pub(super) fn find(&self, person: PersonId, key: KeyHash) -> Vec<JobId> {
        self.0.get(&(person, key)).into_iter().flatten().copied().collect()
    }

    pub(super) fn note(&mut self, record: &Record) {
        if let Some(line) = key_line(record) {
            self.0.entry((line.person, line.key)).or_default().insert(line.job);
        }
    }

    pub(super) fn forget(&mut self, record: &Record) {
        let Some(key) = record.key else { return };
        let key = (record.person(), key);
        if let Some(jobs) = self.0.get_mut(&key) {
            jobs.remove(&record.job);
            if jobs.is_empty() {
                self.0.remove(&key);
            }
        }
    }
}

impl Job {
    /// Another job has the same person and key and a smaller id. Only its owner acts, once it is one.
    pub(super) fn meet_rival(&mut self, by: JobId) {
        if by < self.id() && self.record().superseded_by.is_none() {
            self.rival = Some(self.rival.map_or(by, |rival| rival.min(by)));
        }
    }

    /// Makes way for a rival.
    pub(super) fn yield_to_rival(&mut self, env: &mut Env) {
        let Some(by) = self.rival.take() else { return };
        if self.record().superseded_by.is_some() {
            return;
        }
        let job = self.id();
        if self.record().ended.is_some() {
            self.amend().superseded_by = Some(by);
            env.act(CustodyAction::Superseded { job, by });
        } else {
            let at_ms = self.record().accepted_ms;
            self.end(env, Ended { end: End::Superseded(by), at_ms });
            self.want.record.superseded_by = Some(by);
        }
    }

    /// An answer or a hint about this job's key.
    pub(super) fn on_found_key(
        &mut self,
        env: &mut Env,
        from: NodeId,
        asked: KeyLine,
        found: Option<JobId>,
        pending: bool,
    ) {
        if key_line(self.record()) != Some(asked) {
            return;
        }
        match (&self.role, found) {
            (Role::Accepting(_), found) if !self.record().accepted => {
                self.on_draft_key(env, from, found, pending);
            }
            (Role::Owner(_), found) => {
                self.on_key_heard(env, from, found.filter(|_| !pending));
                found.filter(|_| !pending).into_iter().for_each(|by| self.meet_rival(by));
            }
            (_, Some(by)) if !pending => self.meet_rival(by),
            (Role::Accepting(_) | Role::Holder | Role::Candidate(_), _) => {}
        }
    }
}

/// Tells the owner of the losing one of two jobs with one key.
pub(super) fn tell_loser(env: &mut Env, loser: &Record, winner: JobId, pending: bool) {
    if let Some(asked) = key_line(loser)
        && env.is_up(loser.owner())
    {
        let message = CustodyMessage::FoundKey { asked, found: Some(winner), pending };
        env.send(loser.owner(), message);
    }
}
