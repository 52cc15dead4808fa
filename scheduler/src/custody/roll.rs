//! The roll call at the start of a link: two nodes compare what they keep of the same jobs, and who is
//! behind is shown the newer state. It repairs what was lost while they could not talk.

use pumasi_protocol::custody::{CustodyMessage, KeyLine, RollLine};
use pumasi_protocol::{JobId, NodeId, limits};

use super::Custody;
use super::accept::key_line;
use super::env::{CustodyWakeup, Env};
use super::job::Job;

/// How often the roll is called after a link came up, in case that a call is lost.
const ROLL_CALLS: u32 = 4;
/// Base of the pauses between them, which quadruple, in milliseconds.
const ROLL_PAUSE_MS: u32 = 1_000;

/// Whether both sides keep a job, as this one knows it, and it may not be over for both; or whether
/// the other does not know yet that it was adopted here.
fn concerns(job: &Job, node: NodeId) -> bool {
    let record = job.record();
    job.want.ousted.contains(&node)
        || !record.settled && (record.is_held_by(node) || record.owner() == node)
}

impl Custody {
    /// Tells a peer that can be reached what both should keep, and the keys in use here.
    pub(super) fn call_roll(&mut self, node: NodeId) {
        if !self.env.is_up(node) {
            return;
        }
        let calls = self.rolls.entry(node).or_default();
        *calls += 1;
        if *calls < ROLL_CALLS {
            let pause = ROLL_PAUSE_MS << (2 * *calls);
            self.env.timers.set(CustodyWakeup::Roll(node), self.env.now.after_ms(pause));
        }
        let lines = self.jobs.values().filter(|job| concerns(job, node));
        let lines: Vec<RollLine> = lines.filter_map(|job| job.roll_line(node)).collect();
        for lines in lines.chunks(limits::ROLL_LINES) {
            let message = CustodyMessage::Roll { lines: lines.to_vec(), answer: false };
            self.env.send(node, message);
        }
        let keys = self.jobs.values().filter(|job| job.is_owner() && job.record().accepted);
        let keys: Vec<KeyLine> = keys.filter_map(|job| key_line(job.record())).collect();
        for keys in keys.chunks(limits::KEY_LINES) {
            self.env.send(node, CustodyMessage::Keys(keys.to_vec()));
        }
    }

    pub(super) fn on_roll(&mut self, from: NodeId, lines: &[RollLine], answer: bool) {
        if lines.len() > limits::ROLL_LINES {
            return self.env.misbehaved(from);
        }
        let (mut wanted, mut mine) = (Vec::new(), Vec::new());
        for line in lines {
            let Some(job) = self.jobs.get_mut(&line.job) else {
                wanted.push(line.job);
                continue;
            };
            if job.on_roll_line(&mut self.env, from, *line) {
                wanted.push(line.job);
            }
            let is_unsure = self.jobs.get(&line.job).is_some_and(|job| job.want.unsure);
            if !answer || is_unsure {
                mine.extend(self.jobs.get(&line.job).and_then(|job| job.roll_line(from)));
            }
            self.step(line.job);
        }
        if !wanted.is_empty() {
            self.env.send(from, CustodyMessage::Want { jobs: wanted });
        }
        if !mine.is_empty() && !answer {
            self.env.send(from, CustodyMessage::Roll { lines: mine, answer: true });
        }
    }

    pub(super) fn on_want(&mut self, from: NodeId, wanted: &[JobId]) {
        if wanted.len() > limits::ROLL_LINES {
            return self.env.misbehaved(from);
        }
        for id in wanted {
            let Some(job) = self.jobs.get_mut(id) else { continue };
            let may = job.record().is_held_by(from) || job.want.ousted.contains(&from);
            if may {
                job.show_newer(&mut self.env, from);
            }
        }
    }
}

impl Job {
    /// Asks all that keep the job what they know of it, because this node is unsure, until they have
    /// said so.
    pub(super) fn ask_about(&mut self, env: &mut Env) {
        if !self.is_written() || self.resend_at.is_some_and(|at| at > env.now) {
            return;
        }
        self.resend_at = None;
        let mut silent = self.record().keepers();
        silent.retain(|node| env.is_up(*node) && !self.heard.contains_key(node) && *node != env.me);
        for node in &silent {
            let lines = self.roll_line(*node).into_iter().collect();
            env.send(*node, CustodyMessage::Roll { lines, answer: false });
        }
        if !silent.is_empty() {
            self.arm_resend(env);
        }
    }

    /// What another keeper has of the job. Whether it has something newer.
    fn on_roll_line(&mut self, env: &mut Env, from: NodeId, line: RollLine) -> bool {
        let Some(disk) = &self.disk else { return false };
        let (rank, version) = (disk.record.rank(), disk.record.version);
        let is_keeper = disk.record.is_held_by(from) || self.want.ousted.contains(&from);
        if !is_keeper {
            if line.rank < rank {
                self.dismiss(env, from, line.rank.version);
            }
            return false;
        }
        if line.rank.adoptions >= rank.adoptions && self.want.ousted.contains(&from) {
            self.change().ousted.retain(|node| *node != from);
        }
        if line.yours.is_some_and(|yours| yours > version) {
            self.doubt(env);
        }
        if self.want.unsure {
            self.heard.insert(from, line);
        }
        if rank > line.rank {
            self.show_newer(env, from);
        }
        line.rank > rank
    }
}
