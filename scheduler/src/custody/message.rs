//! What other nodes say. Only members are heard; who is neither owner nor holder of a job changes
//! nothing about it (P10).

use pumasi_protocol::custody::{CustodyMessage, Decline, KeyLine, Record, Term};
use pumasi_protocol::{JobId, NodeId, limits as wire};

use super::Custody;
use super::arrive::Purpose;
use super::job::Job;
use super::keys::tell_loser;
use crate::limits;

impl Custody {
    pub(super) fn on_message(&mut self, from: NodeId, message: CustodyMessage) {
        if !self.env.is_member(from) || from == self.env.me {
            return;
        }
        match message {
            CustodyMessage::Keep(record) => self.on_keep(from, record),
            CustodyMessage::Kept { job, version } => {
                self.with(job, |job, _| job.on_kept(from, version));
            }
            CustodyMessage::Declined { job, decline } => {
                self.with(job, |job, env| job.on_keep_declined(env, from, decline));
            }
            CustodyMessage::Newer(record) => self.on_newer(from, record),
            CustodyMessage::Drop { job, after } => {
                self.with(job, |job, env| job.on_drop(env, from, after));
            }
            CustodyMessage::Stand { term, record } => self.on_stand(from, term, record),
            CustodyMessage::Vote { job, term, newer, cancel } => {
                self.with(job, |job, env| job.on_vote(env, from, term, newer, cancel));
            }
            CustodyMessage::Cancel { job, at_ms } => self.on_cancel_by(from, job, at_ms),
            CustodyMessage::Roll { lines, answer } => self.on_roll(from, &lines, answer),
            CustodyMessage::Want { jobs } => self.on_want(from, &jobs),
            CustodyMessage::Keys(lines) => self.on_keys(from, &lines),
            CustodyMessage::FindKey(asked) => self.on_find_key(from, asked),
            CustodyMessage::FoundKey { asked, found, pending } => {
                self.with(asked.job, |job, env| {
                    job.on_found_key(env, from, asked, found, pending);
                });
            }
        }
    }

    fn on_keep(&mut self, from: NodeId, record: Box<Record>) {
        let id = record.job;
        if record.owner() != from || !record.is_plausible() {
            return self.env.misbehaved(from);
        }
        if let Some(job) = self.jobs.get(&id) {
            if record.accepted && !job.record().accepted {
                self.meet(from, &record);
            }
            return self.with(id, |job, env| job.on_keep(env, from, record));
        }
        if record.settled {
            // It was forgotten here; its owner need not wait for it.
            let message = CustodyMessage::Kept { job: id, version: record.version };
            return self.env.send(from, message);
        }
        if let Some(decline) = self.why_not_keep(from, &record) {
            return self.env.send(from, CustodyMessage::Declined { job: id, decline });
        }
        self.meet(from, &record);
        // Who is named as a holder has confirmed once, and must have lost it.
        let unsure = record.is_held_by(self.env.me) && record.keepers().len() > 1;
        self.bring_new(record, from, Purpose::Keep, unsure);
    }

    fn why_not_keep(&self, from: NodeId, record: &Record) -> Option<Decline> {
        if !self.env.may_hold(&record.need, self.env.me) || !self.may_keep_here(record) {
            return Some(Decline::Trust);
        }
        let is_live = |job: &&Job| job.record().owner() == from && !job.record().settled;
        let of_owner = || self.jobs.values().filter(is_live).count();
        let arriving = || self.jobs.values().filter(|job| job.arrival.is_some()).count();
        let is_full = self.jobs.len() >= limits::HOLDINGS
            || of_owner() >= limits::HOLDINGS_PER_OWNER
            || arriving() >= limits::ARRIVALS;
        is_full.then_some(Decline::Full)
    }

    /// Whether the job's person lets this node keep it, as this node sees itself in the roster.
    fn may_keep_here(&self, record: &Record) -> bool {
        use pumasi_protocol::Trust;
        let constraints = &record.need.constraints;
        let mine = self.env.members.get(&self.env.me).and_then(|facts| facts.person);
        let is_trusted = match constraints.trust {
            Trust::Mine => mine == Some(record.person()),
            Trust::Mesh => true,
        };
        is_trusted && !constraints.local_only && !constraints.not.contains(&self.env.me)
    }

    pub(super) fn bring_new(
        &mut self,
        record: Box<Record>,
        from: NodeId,
        purpose: Purpose,
        unsure: bool,
    ) {
        let id = record.job;
        self.keys.note(&record);
        let job = Job::arriving(&mut self.env, record, from, purpose, unsure);
        self.jobs.insert(id, job);
        self.step(id);
    }

    fn on_newer(&mut self, from: NodeId, record: Box<Record>) {
        let (id, me) = (record.job, self.env.me);
        if self.jobs.contains_key(&id) {
            return self.with(id, |job, env| job.on_newer(env, from, record));
        }
        if !record.is_plausible() {
            return self.env.misbehaved(from);
        }
        if !record.is_held_by(from) && record.owner() != me {
            return;
        }
        let version = record.version;
        if !record.accepted && record.owner() == me {
            // A draft that was given up here.
            let message = CustodyMessage::Drop { job: id, after: Some(version) };
            self.env.send(from, message);
        } else if record.accepted_ms < self.since_ms && !self.doubtful {
            let message = CustodyMessage::Drop { job: id, after: Some(version.next()) };
            self.env.send(from, message);
        } else if record.is_held_by(me)
            && !record.settled
            && record.accepted
            && self.jobs.len() < limits::HOLDINGS
        {
            let unsure = record.keepers().len() > 1;
            self.bring_new(record, from, Purpose::CatchUp, unsure);
        }
    }

    fn on_stand(&mut self, from: NodeId, term: Term, record: Box<Record>) {
        let id = record.job;
        if self.jobs.contains_key(&id) {
            return self.with(id, |job, env| job.on_stand(env, from, term, &record));
        }
        // Whoever is asked should keep the job; if it does not, its ledger is an older copy.
        self.on_newer(from, record);
        let decline = Decline::Unsure;
        self.env.send(from, CustodyMessage::Declined { job: id, decline });
    }

    fn on_cancel_by(&mut self, from: NodeId, id: JobId, at_ms: u64) {
        let is_keeper = self.jobs.get(&id).is_some_and(|job| job.record().is_held_by(from));
        if is_keeper {
            self.on_cancel(id, at_ms);
        }
    }

    /// A record came whose key other jobs here may have.
    fn meet(&mut self, from: NodeId, record: &Record) {
        self.keys.note(record);
        let Some(asked) = super::accept::key_line(record) else { return };
        for other in self.keys.find(asked.person, asked.key) {
            let Some(job) = self.jobs.get(&other).filter(|_| other != record.job) else { continue };
            if job.record().superseded_by.is_some() {
                continue;
            }
            let pending = !job.record().accepted;
            if record.job < other {
                let loser = job.record().clone();
                tell_loser(&mut self.env, &loser, record.job, !record.accepted);
                if record.accepted {
                    self.with(other, |job, _| job.meet_rival(record.job));
                }
            } else {
                let message = CustodyMessage::FoundKey { asked, found: Some(other), pending };
                self.env.send(from, message);
            }
        }
    }

    fn on_find_key(&mut self, from: NodeId, asked: KeyLine) {
        let found = self.counted(asked.person, asked.key).filter(|job| *job != asked.job);
        let job = found.and_then(|id| self.jobs.get(&id));
        let pending = job.is_some_and(|job| !job.record().accepted);
        if let Some(id) = found.filter(|found| pending && *found > asked.job) {
            // Of two drafts with one key, the smaller id goes on.
            self.with(id, |job, env| job.on_draft_key(env, from, Some(asked.job), true));
        }
        self.env.send(from, CustodyMessage::FoundKey { asked, found, pending });
    }

    fn on_keys(&mut self, from: NodeId, lines: &[KeyLine]) {
        if lines.len() > wire::KEY_LINES {
            return self.env.misbehaved(from);
        }
        for line in lines {
            for mine in self.keys.find(line.person, line.key) {
                self.meet_line(from, *line, mine);
            }
        }
    }

    /// Another node owns a job under the key of one that is kept here.
    fn meet_line(&mut self, from: NodeId, line: KeyLine, mine: JobId) {
        let is_live = |job: &&Job| job.record().accepted && job.record().superseded_by.is_none();
        let Some(job) = self.jobs.get(&mine).filter(is_live) else { return };
        if mine < line.job {
            let message =
                CustodyMessage::FoundKey { asked: line, found: Some(mine), pending: false };
            self.env.send(from, message);
        } else if mine > line.job {
            let loser = job.record().clone();
            self.with(mine, |job, _| job.meet_rival(line.job));
            tell_loser(&mut self.env, &loser, line.job, false);
        }
    }
}
