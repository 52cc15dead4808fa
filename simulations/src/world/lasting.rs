//! Lasting jobs and their people: handed in, placed by their owner, ended, cancelled and adopted; and
//! the checks of what people are told.

use std::collections::BTreeMap;

use pumasi_protocol::custody::{Blob, End, Ended, Record};
use pumasi_protocol::{BlobId, Epoch, JobId, JobState, NodeId, Term};
use pumasi_scheduler::{CustodyInput, Draft, Holding, Input, Part};

use crate::canary::Canary;
use crate::disk::{Change, Then};
use crate::oracle::Invariant;
use crate::scenario::{Job, Lasting};
use crate::shell::{Chat, Shell};
use crate::situations::Situation;

use super::World;
use super::events::Event;
use super::people::{job_id, need_of};

/// Between two tries to read what a job was asked, when neither disk nor holders give it.
const READ_AGAIN_US: u64 = 10_000_000;
/// How often ended jobs are looked for that go, in microseconds.
const RETAIN_US: u64 = 10_000_000;
/// How often it is looked which awaited jobs may still end, in microseconds.
const HOPES_US: u64 = 10_000_000;
/// Unix time in milliseconds at the start of a run.
const UNIX_MS: u64 = 1_700_000_000_000;

/// The file with what a job was asked.
pub(super) fn input_of(job: JobId) -> Blob {
    Blob { id: file(job, 1, 0), bytes: 5 }
}

fn file(job: JobId, kind: u8, part: u64) -> BlobId {
    let mut hash = [kind; 32];
    hash[..16].copy_from_slice(job.0.as_bytes());
    hash[16..24].copy_from_slice(&part.to_le_bytes());
    BlobId(hash)
}

impl World<'_> {
    fn unix_ms(&self) -> u64 {
        UNIX_MS + self.now.0 / 1_000
    }

    /// A person hands a lasting job in: what it asks is written down first.
    pub(super) fn hand_in(&mut self, node: usize, job: &Job, lasting: Lasting) {
        self.counts.lasting += 1;
        let id = job_id(job.number);
        let key = lasting.key.filter(|_| self.canary != Some(Canary::KeyForgotten));
        if let Some(key) = lasting.key {
            self.oracle.lasting.keys.insert(id, (job.person, key));
        }
        let draft = Draft {
            job: id,
            need: need_of(job),
            key: key.map(|key| [key; 32]),
            inputs: vec![input_of(id)],
            accepted_ms: self.unix_ms(),
        };
        let then = Then::Accept(Box::new(draft));
        self.write(node, Change::File { blob: input_of(id).id, then });
    }

    /// I3: all that keep it have it on their disks.
    pub(super) fn acknowledge(&mut self, node: usize, job: JobId, holders: &[NodeId]) {
        self.counts.acknowledged += 1;
        self.saw(match holders.len() {
            0 | 1 => Situation::KeptByOne,
            2 => Situation::KeptByTwo,
            _ => Situation::KeptByThree,
        });
        self.oracle.lasting.on_acknowledged(job);
        self.hopes = None;
        let lacks = |id: &NodeId| {
            let Some(holder) = self.by_id.get(id) else { return true };
            let disk = &self.shells[*holder].disk;
            let row = disk.row(job);
            !row.is_some_and(|row| row.record.inputs.iter().all(|blob| disk.had(blob)))
        };
        // Who slept meanwhile may have been succeeded by a holder, and that one may have replaced others.
        let mut rows = self.shells.iter().filter_map(|shell| shell.disk.row(job));
        let is_succeeded = rows.any(|row| row.record.version.term > Term::FIRST);
        let excused = is_succeeded || self.oracle.lasting.is_restored(job);
        let lacking = holders.iter().copied().find(|id| lacks(id));
        if let Some(holder) = lacking.filter(|_| !excused) {
            let what = format!("node {node} acknowledged {job:?} before {holder:?} had it");
            self.violate(Invariant::AckDurable, what);
        }
    }

    /// This node owns a job: it reads what was asked, and gives it to its scheduler.
    pub(super) fn place_lasting(&mut self, node: usize, job: JobId, term: Term, floor: Epoch) {
        let id = self.shells[node].id;
        if let Some(other) = self.oracle.lasting.on_owner(job, term, id) {
            let what = format!("{id:?} and {other:?} both own {job:?} in {term:?}");
            self.violate(Invariant::Fencing, what);
        }
        let Some(keeping) = self.shells[node].keeping.as_mut() else { return };
        keeping.placing.insert(job, (term, floor));
        let boot = self.shells[node].boots;
        self.later(0, Event::Question { node, boot, job, term });
    }

    pub(super) fn on_question(&mut self, node: usize, boot: u64, job: JobId, term: Term) {
        let Some(keeping) = self.shells[node].keeping.as_ref() else { return };
        let placing = keeping.placing.get(&job).copied();
        let Some((_, floor)) =
            placing.filter(|(of, _)| *of == term && self.shells[node].boots == boot)
        else {
            return;
        };
        let blob = input_of(job).id;
        if !self.shells[node].disk.has(blob) {
            let keepers = keeping.custody.job(job).map(|view| view.record.keepers());
            if !self.can_bring(node, job, blob, &keepers.unwrap_or_default()) {
                return self.later(READ_AGAIN_US, Event::Question { node, boot, job, term });
            }
            self.saw(Situation::QuestionFetched);
        }
        self.start_lasting(node, job, term, floor);
    }

    fn start_lasting(&mut self, node: usize, job: JobId, term: Term, floor: Epoch) {
        let Some(given) = self.oracle.job(job).cloned() else { return };
        let before = self.task(node, job);
        let again = self.shells[node].keeping.as_mut().is_some_and(|keeping| {
            keeping.placing.remove(&job);
            keeping.placed.insert(job, (term, true)).is_some()
        });
        if again && !self.oracle.has_ended(before) {
            let what = format!("node {node} begins {job:?} in {term:?}, and {before:?} goes on");
            return self.violate(Invariant::Fencing, what);
        }
        if term > Term::FIRST {
            self.saw(if self.owners.get(&given.number) == Some(&node) {
                Situation::OwnerWentOn
            } else {
                Situation::OwnerChanged
            });
        } else {
            self.owners.insert(given.number, node);
        }
        let longest_ms = self.longest_ms(&given);
        self.oracle.on_submit(self.now, (job, term), node, &given, longest_ms);
        self.shells[node].chats.insert(job, Chat::default());
        let need = Box::new(need_of(&given));
        self.input(node, Input::Submit { job, need, floor });
    }

    /// A job came to a new state at its owner's scheduler; if it lasts, its end is written down, and
    /// then told.
    pub(super) fn on_work_state(&mut self, node: usize, job: JobId, state: &JobState) {
        let Some(keeping) = self.shells[node].keeping.as_mut() else { return };
        let Some((term, wanted)) = keeping.placed.get_mut(&job) else { return };
        let term = *term;
        if !state.is_terminal() || !std::mem::take(wanted) {
            return;
        }
        let at_ms = self.unix_ms();
        let end = match state {
            JobState::Completed(executor) => {
                let part = u64::from(term.0) << 32 | node as u64;
                let result = Blob { id: file(job, 2, part), bytes: 3 };
                End::Completed { result, node: *executor }
            }
            JobState::Failed(fault) => End::Failed(fault.clone()),
            // Who cancelled it, tells custody.
            JobState::Cancelled | JobState::Waiting | JobState::Bound(_) | JobState::Running(_) => {
                return;
            }
        };
        let ended = Ended { end, at_ms };
        if self.canary == Some(Canary::EndShownEarly) {
            self.check_end(node, job, &ended);
        }
        match ended.end.result() {
            Some(result) => {
                let then = Then::Ended { job, term, ended: Box::new(ended) };
                self.write(node, Change::File { blob: result.id, then });
            }
            None => self.tell_custody_soon(node, CustodyInput::Ended { job, term, ended }),
        }
    }

    pub(super) fn show(&mut self, node: usize, job: JobId, ended: &Ended) {
        self.counts.shown += 1;
        if ended.end == End::Cancelled {
            self.saw(Situation::LastingCancelled);
        }
        if matches!(ended.end, End::Superseded(_)) {
            self.saw(Situation::Superseded);
        }
        self.check_end(node, job, ended);
    }

    /// I1: nobody sees two ends of a job.
    pub(super) fn check_end(&mut self, node: usize, job: JobId, ended: &Ended) {
        // Who was away, or had a full disk, for longer than jobs are kept, may end again what nobody
        // else remembers.
        let kept_since = self.scenario.keep_ms.map_or(0, |ms| self.unix_ms().saturating_sub(ms));
        let is_kept = |first: &Ended| first.at_ms >= kept_since;
        if let Some(first) = self.oracle.lasting.on_end(job, ended).filter(is_kept) {
            let what = format!("node {node} shows {job:?} as {ended:?}, and {first:?} was shown");
            self.violate(Invariant::TerminalOnce, what);
        }
    }

    /// Somebody cancels at a machine: it, or one that keeps the job, tells its custody.
    pub(super) fn cancel_lasting(&mut self, node: usize, job: JobId) {
        let keeps = |n: &usize| {
            let keeping = self.shells[*n].keeping.as_ref();
            let reached = *n == node || !self.wire.is_apart(node, *n);
            let kept = keeping.is_some_and(|keeping| keeping.custody.job(job).is_some());
            self.shells[*n].is_awake() && reached && kept
        };
        let asked = std::iter::once(node).chain(0..self.shells.len()).find(keeps);
        if let Some(at) = asked.filter(|_| self.shells[node].is_awake()) {
            let at_ms = self.unix_ms();
            self.tell_custody(at, CustodyInput::Cancel { job, at_ms });
        }
    }

    pub(super) fn adopt(&mut self, node: usize, job: JobId) {
        // Two people who adopt one job at two machines at once may both own it.
        if self.shells[node].is_awake() && self.adopting.insert(job) {
            self.tell_custody(node, CustodyInput::Adopt { job });
        }
    }

    pub(super) fn retain(&mut self, node: usize, boot: u64) {
        let Some(keep_ms) = self.scenario.keep_ms else { return };
        if self.shells[node].boots == boot {
            let since_ms = self.unix_ms().saturating_sub(keep_ms);
            self.tell_custody(node, CustodyInput::Retain { since_ms });
            self.later(RETAIN_US, Event::Retain { node, boot });
        }
    }

    /// Whether jobs are awaited that may still end.
    pub(super) fn has_hopes(&self) -> bool {
        self.oracle.lasting.has_awaited() && self.hopes.is_none_or(|count| count > 0)
    }

    pub(super) fn look_for_hopeless(&mut self) {
        let awaited = self.oracle.lasting.awaited();
        self.hopes = Some(awaited.filter(|job| self.must_end(*job)).count());
        self.later(HOPES_US, Event::Hopes);
    }

    /// Whether a job must end although machines are lost: whatever state of its record anybody has,
    /// enough of those that keep it are there, and its files can be read.
    fn must_end(&self, job: JobId) -> bool {
        let lasting = &self.oracle.lasting;
        if lasting.is_adopted(job) || lasting.is_broken(job) {
            return false;
        }
        let mut rows = self.shells.iter().filter_map(|shell| shell.disk.row(job)).peekable();
        let read = |blob: &Blob| self.shells.iter().any(|s| s.is_awake() && s.disk.has(blob.id));
        let is_gone = rows.peek().is_none();
        let decides =
            |row: &Holding| self.is_decidable(&row.record) && row.record.blobs().iter().all(read);
        is_gone || rows.all(decides)
    }

    /// Whether enough of its keepers are there and may decide. Who is not sure of its own copy may only
    /// once it has heard all others.
    fn is_decidable(&self, record: &Record) -> bool {
        let shell = |id: &NodeId| self.by_id.get(id).map(|n| &self.shells[*n]);
        let awake = |id: &NodeId| shell(id).is_some_and(Shell::is_awake);
        let all = record.keepers().iter().all(awake);
        let sure = |id: &NodeId| {
            shell(id).and_then(|s| s.disk.row(record.job)).is_some_and(|row| !row.unsure)
        };
        let there = |id: &NodeId| awake(id) && (all || sure(id));
        let sets = [&record.holders, &record.leaving];
        sets.into_iter().filter(|set| !set.is_empty()).all(|set| match set.len() {
            0..=2 => there(&record.owner()),
            count => set.iter().filter(|id| there(id)).count() > count / 2,
        })
    }

    /// I2: what was acknowledged has ended.
    pub(super) fn check_lasting(&mut self) {
        let lost = self.oracle.lasting.awaited().find(|job| self.must_end(*job));
        if let Some(job) = lost {
            self.violate(Invariant::Lost, format!("{job:?} was acknowledged and never ended"));
        }
    }

    /// I16: of all jobs with one key, one counts.
    pub(super) fn check_keys(&mut self) {
        let mut counting: BTreeMap<(u8, u8), JobId> = BTreeMap::new();
        let mut twice = None;
        for (job, key) in &self.oracle.lasting.keys {
            if self.counts_for_its_key(*job)
                && let Some(other) = counting.insert(*key, *job)
            {
                twice = Some((*job, other));
            }
        }
        if let Some((job, other)) = twice {
            let what = format!("{job:?} and {other:?} have one key, and both count");
            self.violate(Invariant::Idempotency, what);
        }
    }

    /// Whether an acknowledged job is owned by a machine that is there, and gives way to no other.
    fn counts_for_its_key(&self, job: JobId) -> bool {
        let lasting = &self.oracle.lasting;
        let owned = self.shells.iter().filter(|shell| shell.is_awake()).any(|shell| {
            let view = shell.keeping.as_ref().and_then(|keeping| keeping.custody.job(job));
            view.is_some_and(|view| {
                let superseded = matches!(
                    view.record.ended.as_ref().map(|ended| &ended.end),
                    Some(End::Superseded(_))
                );
                view.part == Part::Owner && view.record.superseded_by.is_none() && !superseded
            })
        });
        owned && lasting.is_acked(job) && !lasting.is_broken(job) && !lasting.is_adopted(job)
    }
}
