//! A modelled engine: slots that slow each other down. Work is counted in microseconds that it would
//! take alone.

use super::machine::slowdown;

/// One job in a slot.
#[derive(Debug, Clone)]
struct Slot<K> {
    key: K,
    left_us: f64,
    since_us: u64,
}

/// Everything that runs on one machine.
#[derive(Debug, Clone)]
pub(super) struct Engine<K> {
    running: Vec<Slot<K>>,
    at_us: u64,
    /// Changes with each start and end: an end foretold for an older one is void.
    pub(super) generation: u64,
}

impl<K: Copy + PartialEq> Engine<K> {
    pub(super) fn new() -> Self {
        Self { running: Vec::new(), at_us: 0, generation: 0 }
    }

    pub(super) fn busy(&self) -> usize {
        self.running.len()
    }

    fn advance(&mut self, now_us: u64) {
        let passed = now_us.saturating_sub(self.at_us) as f64 / slowdown(self.running.len());
        for slot in &mut self.running {
            slot.left_us -= passed;
        }
        self.at_us = now_us;
    }

    pub(super) fn start(&mut self, now_us: u64, key: K, alone_us: f64) {
        self.advance(now_us);
        self.running.push(Slot { key, left_us: alone_us.max(1.0), since_us: now_us });
        self.generation += 1;
    }

    /// When the next one ends if nothing else happens.
    pub(super) fn next_end_us(&self) -> Option<u64> {
        let left = self.running.iter().map(|slot| slot.left_us).min_by(f64::total_cmp)?;
        Some(self.at_us + (left.max(0.0) * slowdown(self.running.len())).ceil() as u64)
    }

    /// Takes what has ended, with the time that it was in its slot.
    pub(super) fn take_ended(&mut self, now_us: u64) -> Vec<(K, u64)> {
        self.advance(now_us);
        let mut ended = Vec::new();
        self.running.retain(|slot| {
            let done = slot.left_us < 1.0;
            if done {
                ended.push((slot.key, now_us - slot.since_us));
            }
            !done
        });
        self.generation += 1;
        ended
    }

    /// Takes one out before its end; the share of its slot's time that it had.
    pub(super) fn cancel(&mut self, now_us: u64, key: K) -> Option<u64> {
        self.advance(now_us);
        let index = self.running.iter().position(|slot| slot.key == key)?;
        self.generation += 1;
        Some(now_us - self.running.swap_remove(index).since_us)
    }
}
