//! The modelled network: delay, heavy tail, loss, duplication, and links that are cut. Each decision
//! is a hash of (seed, link, message number), so that no other message changes it.

use std::collections::{BTreeMap, BTreeSet};

use crate::chance::hash;
use crate::scenario::NetSpec;

/// The links between machines, by their indices.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    spec: NetSpec,
    seed: u64,
    sent: BTreeMap<(usize, usize), u64>,
    cut: BTreeSet<(usize, usize)>,
}

impl Wire {
    pub(crate) fn new(spec: NetSpec, seed: u64) -> Self {
        Self { spec, seed, sent: BTreeMap::new(), cut: BTreeSet::new() }
    }

    pub(crate) fn is_cut(&self, a: usize, b: usize) -> bool {
        self.cut.contains(&(a.min(b), a.max(b)))
    }

    pub(crate) fn set_cut(&mut self, a: usize, b: usize, cut: bool) {
        let link = (a.min(b), a.max(b));
        if cut {
            self.cut.insert(link)
        } else {
            self.cut.remove(&link)
        };
    }

    /// The delays in microseconds after which a datagram arrives: none, one or two.
    pub(crate) fn datagram(&mut self, from: usize, to: usize) -> Vec<u64> {
        let draw = self.next(from, to);
        let roll = |salt: u64| hash(&[draw, salt]) % 1_000;
        if roll(1) < self.spec.loss_permille {
            Vec::new()
        } else if roll(2) < self.spec.duplicate_permille {
            vec![self.delay(draw), self.delay(hash(&[draw, 3]))]
        } else {
            vec![self.delay(draw)]
        }
    }

    /// The delay in microseconds of a message on a stream, which is never lost.
    pub(crate) fn stream(&mut self, from: usize, to: usize) -> u64 {
        let draw = self.next(from, to);
        self.delay(draw)
    }

    /// The mean round-trip time as a liveness check would see it, in microseconds.
    pub(crate) fn rtt_us(&self) -> u32 {
        u32::try_from(2 * self.spec.delay_us + self.spec.jitter_us).unwrap_or(u32::MAX)
    }

    fn delay(&self, draw: u64) -> u64 {
        let even = self.spec.delay_us + hash(&[draw, 4]) % (self.spec.jitter_us + 1);
        if hash(&[draw, 5]) % 1_000 < self.spec.tail_permille { even * 50 } else { even }
    }

    fn next(&mut self, from: usize, to: usize) -> u64 {
        let number = self.sent.entry((from, to)).or_default();
        *number += 1;
        hash(&[self.seed, from as u64, to as u64, *number])
    }
}
