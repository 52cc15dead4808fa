//! Connections that break, in both directions or in one, and who notices when.

use pumasi_protocol::{AttemptId, Fault};
use pumasi_scheduler::Outcome;

use crate::situations::Situation;

use super::World;
use super::away::LIVENESS_US;
use super::events::Event;

impl World<'_> {
    pub(super) fn break_streams(&mut self, a: usize, b: usize) {
        let between = self
            .streams
            .iter()
            .filter(|(_, s)| (s.owner, s.executor) == (a, b) || (s.owner, s.executor) == (b, a));
        let between: Vec<_> = between.map(|(at, s)| (*at, s.owner, s.executor)).collect();
        for (attempt, owner, executor) in between {
            self.break_stream(owner, executor, attempt);
        }
    }

    /// What is on its way in a stream is lost; both ends notice after a while.
    pub(super) fn break_stream(&mut self, owner: usize, executor: usize, attempt: AttemptId) {
        self.counts.broken += 1;
        if self.shells[executor].told.contains_key(&attempt) {
            self.saw(Situation::StreamBroke);
        }
        if let Some(stream) = self.streams.get_mut(&attempt) {
            (stream.deaf_owner, stream.deaf_executor) = (true, true);
        }
        self.notice(owner, executor, attempt, 0);
    }

    fn notice(&mut self, owner: usize, executor: usize, attempt: AttemptId, after: u64) {
        let first = after + self.draw(&[1]) % 1_000_000 + 1_000;
        let second = after + self.draw(&[2]) % 1_000_000 + 1_000;
        let boot = self.shells[owner].boots;
        self.later(first, Event::ExecutorLost { node: owner, boot, attempt });
        let boot = self.shells[executor].boots;
        self.later(second, Event::OwnerLost { node: executor, boot, attempt });
    }

    /// One direction of the streams between two machines is lost; it takes both longer to notice.
    pub(super) fn break_one_way(&mut self, from: usize, to: usize) {
        let ends = |s: &super::Stream| (s.owner, s.executor);
        let between =
            self.streams.iter().filter(|(_, s)| ends(s) == (from, to) || ends(s) == (to, from));
        let between: Vec<_> = between.map(|(at, s)| (*at, s.owner, s.executor)).collect();
        for (attempt, owner, executor) in between {
            self.saw(Situation::OneWay);
            if let Some(stream) = self.streams.get_mut(&attempt) {
                stream.deaf_owner |= owner == to;
                stream.deaf_executor |= executor == to;
            }
            self.notice(owner, executor, attempt, LIVENESS_US);
        }
    }

    pub(super) fn on_executor_lost(&mut self, node: usize, boot: u64, attempt: AttemptId) {
        if self.shells[node].boots == boot {
            self.end_pump(node, attempt, Outcome::Failed(Fault::Connection), false);
        }
    }

    pub(super) fn on_owner_lost(&mut self, node: usize, boot: u64, attempt: AttemptId) {
        let had_work = self.shells[node].at_hand.contains_key(&attempt);
        if self.shells[node].boots == boot && had_work {
            self.end(node, attempt, Some(Fault::Connection), None);
            self.shells[node].at_hand.remove(&attempt);
            self.tidy(attempt);
        }
    }
}
