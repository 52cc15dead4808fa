//! The shell of custody, as a node has it: performs what it asks, and tells it what came of it. What
//! lasts is on the disk before anything is said about it.

use pumasi_protocol::custody::CustodyMessage;
use pumasi_protocol::{BlobId, JobId, NodeId, Term};
use pumasi_scheduler::{AcceptRefusal, CustodyAction, CustodyInput, Holding, Input, Promise};

use crate::canary::Canary;
use crate::disk::{Change, Then};
use crate::oracle::Invariant;
use crate::situations::Situation;

use super::World;
use super::events::Event;

/// Time until a file is read or asked for, in microseconds.
const READ_US: u64 = 1_000;

impl World<'_> {
    pub(super) fn tell_custody(&mut self, node: usize, input: CustodyInput) {
        let now = self.now;
        if self.shells[node].keeping.is_none() {
            return;
        }
        self.digest.add(now, node, 7, &input);
        self.note(|| format!("{node} < {input:?}"));
        let shell = &mut self.shells[node];
        let Some(keeping) = shell.keeping.as_mut() else { return };
        keeping.custody.handle(shell.clock.at(now), input);
        self.perform(node, false);
    }

    /// The same in a moment, as what a task of a node says comes to it.
    pub(super) fn tell_custody_soon(&mut self, node: usize, input: CustodyInput) {
        let boot = self.shells[node].boots;
        self.later(0, Event::CustodyTold { node, boot, input: Box::new(input) });
    }

    pub(super) fn perform_custody(&mut self, node: usize, action: CustodyAction) {
        match action {
            CustodyAction::Send { to, message } => self.send_custody(node, to, *message),
            CustodyAction::Persist { ticket, holding } => self.persist(node, ticket, *holding),
            CustodyAction::Erase { job } => {
                if let Some(keeping) = self.shells[node].keeping.as_mut() {
                    keeping.offered.remove(&job);
                }
                self.write(node, Change::Remove { job });
            }
            CustodyAction::Fetch { job, blob, from } => self.fetch(node, job, blob.id, from),
            CustodyAction::Acknowledge { job, holders } => self.acknowledge(node, job, &holders),
            CustodyAction::Refuse { job, refusal } => self.on_refused(node, job, &refusal),
            CustodyAction::Same { job, .. } => {
                self.saw(Situation::SameKey);
                self.shells[node].disk.give_up(super::lasting::input_of(job).id);
            }
            CustodyAction::Place { job, term, floor, .. } => {
                self.place_lasting(node, job, term, floor)
            }
            CustodyAction::Withdraw { job } => self.withdraw(node, job),
            CustodyAction::Show { job, ended } => self.show(node, job, &ended),
            CustodyAction::Superseded { .. } => self.saw(Situation::Superseded),
            // Rare here; the scenarios of custody itself show it.
            CustodyAction::Overridden { .. } => {}
            CustodyAction::Adopted { job } => {
                self.saw(Situation::Adopted);
                self.oracle.lasting.on_adopted(job);
            }
            CustodyAction::NotAdopted { job, .. } => {
                self.saw(Situation::NotAdopted);
                self.adopting.remove(&job);
            }
            // After an adoption, holders of before and after it may not know each other.
            CustodyAction::Misbehaved { .. } if !self.adopting.is_empty() => {}
            CustodyAction::Misbehaved { node: liar } => {
                let what = format!("node {node} says that {liar:?} lies, and nobody does here");
                self.violate(Invariant::Blamed, what);
            }
        }
    }

    fn send_custody(&mut self, from: usize, to: NodeId, message: CustodyMessage) {
        let Some(peer) = self.by_id.get(&to).copied() else { return };
        self.counts.custody_messages += 1;
        if let CustodyMessage::Vote { job, term, .. } = &message {
            self.check_vote(from, to, *job, *term);
        }
        if let CustodyMessage::Keep(record) = &message
            && let Some(keeping) = self.shells[from].keeping.as_mut()
        {
            keeping.offered.entry(record.job).or_default().insert(to);
        }
        if self.shells[peer].is_alive() && !self.wire.is_apart(from, peer) {
            let as_node = self.shells[from].id;
            for delay in self.wire.datagram(from, peer) {
                let message = Box::new(message.clone());
                self.later(delay, Event::Custody { from, as_node, to: peer, message });
            }
        }
    }

    /// I4: who gives its word to a candidate has that on its disk, or could give it again to another.
    fn check_vote(&mut self, node: usize, candidate: NodeId, job: JobId, term: Term) {
        let row = self.shells[node].disk.row(job);
        if row.is_none_or(|row| row.promise != Promise { term, candidate }) {
            let what =
                format!("node {node} votes for {candidate:?} on {job:?} in {term:?} from memory");
            self.violate(Invariant::AckDurable, what);
        }
    }

    pub(super) fn on_custody(
        &mut self,
        from: usize,
        as_node: NodeId,
        to: usize,
        message: CustodyMessage,
    ) {
        if self.wire.is_cut(from, to) || !self.shells[to].is_alive() {
            return;
        }
        let message = match self.canary {
            Some(Canary::TermForgotten) => self.with_own_version(to, message),
            Some(_) | None => message,
        };
        let message = Box::new(message);
        self.tell_custody(to, CustodyInput::Message { from: as_node, message });
    }

    /// Canary: who declined because of a higher term counts as having confirmed.
    fn with_own_version(&self, to: usize, message: CustodyMessage) -> CustodyMessage {
        let CustodyMessage::Declined { job, .. } = message else { return message };
        let keeping = self.shells[to].keeping.as_ref();
        let version = keeping.and_then(|k| k.custody.job(job)).map(|view| view.record.version);
        version.map_or(message, |version| CustodyMessage::Kept { job, version })
    }

    fn persist(&mut self, node: usize, ticket: u64, mut holding: Holding) {
        let job = holding.record.job;
        if self.canary == Some(Canary::VoteForgotten) {
            let on_disk = self.shells[node].disk.row(job).map(|row| row.promise);
            holding.promise = on_disk.unwrap_or(holding.promise);
        }
        self.write(node, Change::Put { ticket, holding: Box::new(holding) });
        if self.canary == Some(Canary::AckBeforeSync) {
            self.tell_custody_soon(node, CustodyInput::Persisted { job, ticket });
        }
    }

    /// Whether a machine lets another read a job's files.
    fn is_keeper(&self, node: usize, reader: NodeId, job: JobId) -> bool {
        let Some(keeping) = self.shells[node].keeping.as_ref() else { return false };
        let offered = keeping.offered.get(&job).is_some_and(|nodes| nodes.contains(&reader));
        offered || keeping.custody.job(job).is_some_and(|view| view.record.is_held_by(reader))
    }

    /// Whether one of these machines can give a file to this one at this moment.
    pub(super) fn can_bring(&self, node: usize, job: JobId, blob: BlobId, from: &[NodeId]) -> bool {
        let reader = self.shells[node].id;
        let gives = |other: usize| {
            let shell = &self.shells[other];
            let reached = shell.is_awake() && !self.wire.is_apart(node, other);
            other != node && reached && shell.disk.has(blob) && self.is_keeper(other, reader, job)
        };
        from.iter().filter_map(|id| self.by_id.get(id)).any(|other| gives(*other))
    }

    fn fetch(&mut self, node: usize, job: JobId, blob: BlobId, from: Vec<NodeId>) {
        let first = from.iter().find_map(|id| self.by_id.get(id)).copied();
        let trip = match first.filter(|other| *other != node) {
            Some(other) => self.wire.stream(node, other) + self.wire.stream(other, node),
            None => 0,
        };
        let boot = self.shells[node].boots;
        self.later(READ_US + trip, Event::Fetch { node, boot, job, blob, from });
    }

    pub(super) fn on_fetch(
        &mut self,
        node: usize,
        boot: u64,
        job: JobId,
        blob: BlobId,
        from: &[NodeId],
    ) {
        if self.shells[node].boots != boot {
            return;
        }
        if self.shells[node].disk.find(blob) {
            self.tell_custody(node, CustodyInput::Fetched { blob });
        } else if self.can_bring(node, job, blob, from) {
            self.write(node, Change::File { blob, then: Then::Fetched });
        } else {
            self.saw(Situation::FetchFailed);
            self.tell_custody(node, CustodyInput::FetchFailed { blob });
        }
    }

    fn withdraw(&mut self, node: usize, job: JobId) {
        let Some(keeping) = self.shells[node].keeping.as_mut() else { return };
        keeping.placing.remove(&job);
        if let Some((_, wanted)) = keeping.placed.get_mut(&job) {
            *wanted = false;
        }
        self.input(node, Input::Cancel { job });
    }

    fn on_refused(&mut self, node: usize, job: JobId, refusal: &AcceptRefusal) {
        self.shells[node].disk.give_up(super::lasting::input_of(job).id);
        self.saw(match refusal {
            AcceptRefusal::OwnDisk => Situation::RefusedDisk,
            AcceptRefusal::NoHolder(_) => Situation::RefusedNoHolder,
            AcceptRefusal::SameKeyPending => Situation::SameKeyPending,
            AcceptRefusal::Cancelled => Situation::CancelDraft,
            AcceptRefusal::Full | AcceptRefusal::BadRequest => {
                let what = format!("node {node} refused {job:?} with {refusal:?}");
                return self.violate(Invariant::Overlooked, what);
            }
        });
    }
}
