//! The modelled network: delay, heavy tail, loss, duplication, and links that are cut in one or both
//! directions. Each decision is a hash of (seed, link, message number), so that no other message
//! changes it.

use std::collections::BTreeMap;

use crate::chance::hash;
use crate::scenario::NetSpec;

type Link = (usize, usize);

/// The links between machines, by their indices.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    spec: NetSpec,
    seed: u64,
    /// Nothing is lost, doubled or late any more.
    pub(crate) calm: bool,
    sent: BTreeMap<Link, u64>,
    /// How many faults cut a direction.
    cut: BTreeMap<Link, u32>,
    slow: BTreeMap<Link, Vec<u64>>,
    lossy: BTreeMap<Link, Vec<u64>>,
}

impl Wire {
    pub(crate) fn new(spec: NetSpec, seed: u64) -> Self {
        Self {
            spec,
            seed,
            calm: false,
            sent: BTreeMap::new(),
            cut: BTreeMap::new(),
            slow: BTreeMap::new(),
            lossy: BTreeMap::new(),
        }
    }

    /// Whether what `from` sends does not reach `to`.
    pub(crate) fn is_cut(&self, from: usize, to: usize) -> bool {
        !self.cut.is_empty() && self.cut.contains_key(&(from, to))
    }

    /// Whether a connection between them cannot live: it needs both directions.
    pub(crate) fn is_apart(&self, a: usize, b: usize) -> bool {
        self.is_cut(a, b) || self.is_cut(b, a)
    }

    /// Cuts one direction once more, or once less.
    pub(crate) fn set_cut(&mut self, from: usize, to: usize, cut: bool) {
        let count = self.cut.entry((from, to)).or_default();
        *count = if cut { *count + 1 } else { count.saturating_sub(1) };
        if *count == 0 {
            self.cut.remove(&(from, to));
        }
    }

    pub(crate) fn set_slow(&mut self, a: usize, b: usize, times: u64, on: bool) {
        set(&mut self.slow, (a, b), times, on);
        set(&mut self.slow, (b, a), times, on);
    }

    pub(crate) fn set_lossy(&mut self, a: usize, b: usize, permille: u64, on: bool) {
        set(&mut self.lossy, (a, b), permille, on);
        set(&mut self.lossy, (b, a), permille, on);
    }

    /// Whether everything on this link takes longer than usual.
    pub(crate) fn is_slow(&self, a: usize, b: usize) -> bool {
        self.slow.contains_key(&(a, b))
    }

    /// The delays in microseconds after which a datagram arrives: none, one or two.
    pub(crate) fn datagram(&mut self, from: usize, to: usize) -> Vec<u64> {
        let draw = self.next(from, to);
        let first = self.delay(draw, (from, to));
        if self.calm {
            return vec![first];
        }
        let roll = |salt: u64| hash(&[draw, salt]) % 1_000;
        let further = self.lossy.get(&(from, to)).into_iter().flatten().max().copied();
        if roll(1) < self.spec.loss_permille.max(further.unwrap_or(0)) {
            Vec::new()
        } else if roll(2) < self.spec.duplicate_permille {
            vec![first, self.delay(hash(&[draw, 3]), (from, to))]
        } else {
            vec![first]
        }
    }

    /// The delay in microseconds of a message on a stream, which is never lost.
    pub(crate) fn stream(&mut self, from: usize, to: usize) -> u64 {
        let draw = self.next(from, to);
        self.delay(draw, (from, to))
    }

    /// The mean round-trip time as a liveness check would see it, in microseconds.
    pub(crate) fn rtt_us(&self) -> u32 {
        u32::try_from(2 * self.spec.delay_us + self.spec.jitter_us).unwrap_or(u32::MAX)
    }

    fn delay(&self, draw: u64, link: Link) -> u64 {
        let even = self.spec.delay_us + hash(&[draw, 4]) % (self.spec.jitter_us + 1);
        let late = !self.calm && hash(&[draw, 5]) % 1_000 < self.spec.tail_permille;
        let times = self.slow.get(&link).into_iter().flatten().max().copied().unwrap_or(1);
        if late { even * 50 * times } else { even * times }
    }

    fn next(&mut self, from: usize, to: usize) -> u64 {
        let number = self.sent.entry((from, to)).or_default();
        *number += 1;
        hash(&[self.seed, from as u64, to as u64, *number])
    }
}

fn set(map: &mut BTreeMap<Link, Vec<u64>>, link: Link, value: u64, on: bool) {
    let values = map.entry(link).or_default();
    if on {
        values.push(value);
    } else if let Some(place) = values.iter().position(|v| *v == value) {
        values.remove(place);
    }
    if values.is_empty() {
        map.remove(&link);
    }
}
