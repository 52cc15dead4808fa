//! What can happen in a run, and the queue of it in time.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::rc::Rc;

use pumasi_protocol::custody::CustodyMessage;
use pumasi_protocol::roster::SignedEntry;
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{
    AdvertDelta, AttemptId, BlobId, Control, Fault, JobId, ModelName, NodeAdvert, NodeId, Term,
};
use pumasi_scheduler::{CustodyInput, Input, Time};

use crate::disk::{Change, Then};
use crate::oracle::Task;
use crate::shell::WorkAtHand;

use super::World;

/// Datagrams that wait for a frozen machine; further ones are lost.
const BACKLOG: usize = 2_000;

/// What will happen.
#[derive(Debug, Clone)]
pub(super) enum Event {
    Operation(usize),
    Fault(usize),
    FaultOver(usize),
    Timer { node: usize },
    Gossip { node: usize, boot: u64 },
    Advert { to: usize, advert: Box<NodeAdvert> },
    Delta { to: usize, delta: AdvertDelta },
    Entries { to: usize, entries: Rc<Vec<SignedEntry>> },
    Control { from: usize, as_node: NodeId, to: usize, control: Control },
    SendFailed { from: usize, boot: u64, to: NodeId, attempt: AttemptId },
    StreamOpen { from: usize, as_node: NodeId, to: usize, attempt: AttemptId, work: WorkAtHand },
    StreamCancel { from: usize, to: usize, attempt: AttemptId },
    Heard { to: usize, attempt: AttemptId, event: AttemptEvent },
    OwnerLost { node: usize, boot: u64, attempt: AttemptId },
    ExecutorLost { node: usize, boot: u64, attempt: AttemptId },
    See { node: usize, peer: usize },
    Local { node: usize, boot: u64 },
    Loaded { node: usize, model: ModelName, generation: u64 },
    LoadFailed { node: usize, model: ModelName, generation: u64, fault: Fault },
    Unloaded { node: usize, model: ModelName, generation: u64 },
    Tick { node: usize, boot: u64, attempt: AttemptId, number: u64 },
    Silence { node: usize, boot: u64, attempt: AttemptId },
    Standing { from: usize, to: usize, attempt: AttemptId, heard: Time },
    StandingTold { node: usize, boot: u64, attempt: AttemptId, heard: Time, lives: bool },
    ClientGone { node: usize, boot: u64, job: JobId },
    ClientCancels { node: usize, boot: u64, job: JobId },
    Mischief { node: usize, boot: u64 },
    IntruderLeft { from: NodeId, to: usize, attempt: AttemptId },
    Custody { from: usize, as_node: NodeId, to: usize, message: Box<CustodyMessage> },
    CustodyTold { node: usize, boot: u64, input: Box<CustodyInput> },
    Synced { node: usize, boot: u64, number: u64 },
    Fetch { node: usize, boot: u64, job: JobId, blob: BlobId, from: Vec<NodeId> },
    Question { node: usize, boot: u64, job: JobId, term: Term },
    WriteAgain { node: usize, boot: u64, blob: BlobId, then: Then },
    Retain { node: usize, boot: u64 },
    Hopes,
    BreakIfAway { node: usize, peer: usize, since: Time },
    GivenUp { node: usize, since: Time },
    SlotFree { job: Task, at: Time },
    RevokedKnown { machine: usize, at: Time },
    Calm,
    Snapshot,
    Converged,
    DeadKnown,
}

impl Event {
    /// The machine on which it happens.
    fn place(&self) -> Option<usize> {
        match self {
            Self::Gossip { node, .. }
            | Self::SendFailed { from: node, .. }
            | Self::OwnerLost { node, .. }
            | Self::ExecutorLost { node, .. }
            | Self::See { node, .. }
            | Self::Local { node, .. }
            | Self::Loaded { node, .. }
            | Self::LoadFailed { node, .. }
            | Self::Unloaded { node, .. }
            | Self::Tick { node, .. }
            | Self::Silence { node, .. }
            | Self::StandingTold { node, .. }
            | Self::Standing { to: node, .. }
            | Self::ClientGone { node, .. }
            | Self::ClientCancels { node, .. }
            | Self::Mischief { node, .. }
            | Self::CustodyTold { node, .. }
            | Self::Synced { node, .. }
            | Self::Fetch { node, .. }
            | Self::Question { node, .. }
            | Self::WriteAgain { node, .. }
            | Self::Retain { node, .. }
            | Self::Custody { to: node, .. }
            | Self::Advert { to: node, .. }
            | Self::Delta { to: node, .. }
            | Self::Entries { to: node, .. }
            | Self::Control { to: node, .. }
            | Self::StreamOpen { to: node, .. }
            | Self::StreamCancel { to: node, .. }
            | Self::IntruderLeft { to: node, .. }
            | Self::Heard { to: node, .. } => Some(*node),
            Self::Operation(_)
            | Self::Fault(_)
            | Self::FaultOver(_)
            | Self::Timer { .. }
            | Self::BreakIfAway { .. }
            | Self::GivenUp { .. }
            | Self::SlotFree { .. }
            | Self::RevokedKnown { .. }
            | Self::Hopes
            | Self::Calm
            | Self::Snapshot
            | Self::Converged
            | Self::DeadKnown => None,
        }
    }

    /// Whether the network brings it, without a connection that would repeat it.
    fn is_datagram(&self) -> bool {
        matches!(
            self,
            Self::Advert { .. } | Self::Delta { .. } | Self::Control { .. } | Self::Custody { .. }
        )
    }
}

struct Queued {
    at: Time,
    order: u64,
    event: Event,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Queued {}

impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Queued {
    /// The heap gives the greatest first, and the earliest is wanted.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

/// What will happen, by time; what is for the same moment stays in order.
#[derive(Default)]
pub(super) struct Events {
    heap: BinaryHeap<Queued>,
    order: u64,
}

impl Events {
    pub(super) fn push(&mut self, at: Time, event: Event) {
        self.order += 1;
        self.heap.push(Queued { at, order: self.order, event });
    }

    /// The next event, if it is not later than `end`.
    pub(super) fn pop_until(&mut self, end: Time) -> Option<(Time, Event)> {
        self.heap.peek().filter(|queued| queued.at <= end)?;
        self.heap.pop().map(|queued| (queued.at, queued.event))
    }
}

impl World<'_> {
    pub(super) fn on_event(&mut self, event: Event) {
        match event.place().filter(|node| self.shells[*node].is_alive()) {
            Some(node) if self.shells[node].sleeps > 0 && event.is_datagram() => {}
            Some(node) if !self.shells[node].is_awake() => self.put_off(node, event),
            Some(_) | None => self.happen(event),
        }
    }

    fn put_off(&mut self, node: usize, event: Event) {
        if self.backlogs[node].len() < BACKLOG || !event.is_datagram() {
            self.backlogs[node].push_back(event);
        }
    }

    /// A machine goes on: what waited for it happens now, in order.
    pub(super) fn catch_up(&mut self, node: usize) {
        for event in std::mem::take(&mut self.backlogs[node]) {
            self.later(0, event);
        }
        self.arm(node);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Operation(index) => self.operate(index),
            Event::Fault(index) => self.disturb(index),
            Event::FaultOver(index) => self.restore(index),
            Event::Timer { node } => self.time_out(node),
            Event::Gossip { node, boot } => self.gossip(node, boot),
            Event::Advert { to, advert } => self.on_advert(to, advert),
            Event::Delta { to, delta } => self.on_delta(to, delta),
            Event::Entries { to, entries } => self.on_entries(to, &entries),
            Event::Control { from, as_node, to, control } => {
                self.on_control(from, as_node, to, control);
            }
            Event::SendFailed { from, boot, to, attempt } => {
                if self.shells[from].boots == boot {
                    self.input(from, Input::SendFailed { to, attempt });
                }
            }
            Event::StreamOpen { from, as_node, to, attempt, work } => {
                self.on_stream_open(from, as_node, to, attempt, work);
            }
            Event::StreamCancel { from, to, attempt } => self.on_stream_cancel(from, to, attempt),
            Event::Heard { to, attempt, event } => self.on_heard(to, attempt, event),
            Event::OwnerLost { node, boot, attempt } => self.on_owner_lost(node, boot, attempt),
            Event::ExecutorLost { node, boot, attempt } => {
                self.on_executor_lost(node, boot, attempt);
            }
            Event::See { node, peer } => self.see(node, peer),
            Event::Local { node, boot } => {
                if self.shells[node].boots == boot {
                    self.tell_local(node);
                }
            }
            Event::Loaded { node, model, generation } => self.on_loaded(node, model, generation),
            Event::LoadFailed { node, model, generation, fault } => {
                self.on_load_failed(node, model, generation, fault);
            }
            Event::Unloaded { node, model, generation } => {
                self.on_unloaded(node, model, generation);
            }
            Event::Tick { node, boot, attempt, number } => {
                self.on_tick(node, boot, attempt, number)
            }
            Event::Silence { node, boot, attempt } => self.on_silence(node, boot, attempt),
            Event::Standing { from, to, attempt, heard } => {
                self.on_standing(from, to, attempt, heard);
            }
            Event::StandingTold { node, boot, attempt, heard, lives } => {
                self.on_standing_told(node, boot, attempt, heard, lives);
            }
            Event::ClientGone { node, boot, job } => self.on_client_gone(node, boot, job),
            Event::ClientCancels { node, boot, job } => self.on_client_cancels(node, boot, job),
            Event::Mischief { node, boot } => self.make_mischief(node, boot),
            Event::IntruderLeft { from, to, attempt } => self.on_intruder_left(from, to, attempt),
            Event::Custody { from, as_node, to, message } => {
                self.on_custody(from, as_node, to, *message);
            }
            Event::CustodyTold { node, boot, input } => {
                if self.shells[node].boots == boot {
                    self.tell_custody(node, *input);
                }
            }
            Event::Synced { node, boot, number } => self.on_synced(node, boot, number),
            Event::Fetch { node, boot, job, blob, from } => {
                self.on_fetch(node, boot, job, blob, &from);
            }
            Event::Question { node, boot, job, term } => self.on_question(node, boot, job, term),
            Event::WriteAgain { node, boot, blob, then } => {
                if self.shells[node].boots == boot {
                    self.write(node, Change::File { blob, then });
                }
            }
            Event::Retain { node, boot } => self.retain(node, boot),
            Event::Hopes => self.look_for_hopeless(),
            Event::BreakIfAway { node, peer, since } => self.break_if_away(node, peer, since),
            Event::GivenUp { node, since } => self.check_given_up(node, since),
            Event::SlotFree { job, at } => self.check_slot_free(job, at),
            Event::RevokedKnown { machine, at } => self.check_revoked_known(machine, at),
            Event::Calm => {
                self.wire.calm = true;
                self.oracle.on_calm();
            }
            Event::Snapshot => self.take_snapshot(),
            Event::Converged => self.check_converged(),
            Event::DeadKnown => self.check_dead_known(),
        }
    }
}
