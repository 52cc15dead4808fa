//! The machines of a case, and how long a job takes on one.

/// What a model is, at speed 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) prefill_per_s: f64,
    pub(crate) decode_per_s: f64,
    /// Loading it at speed 1.
    pub(crate) load_ms: f64,
    /// Memory, in units of which machines have a few.
    pub(crate) memory: u64,
    /// An image model: one at a time.
    pub(crate) image: bool,
}

/// A machine.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) speed: f64,
    pub(crate) slots: usize,
    pub(crate) memory: u64,
    /// Models whose files it has; the first ones that fit are loaded at the beginning.
    pub(crate) held: Vec<usize>,
}

/// By how much `busy` slots slow each other down: what the scheduler's configuration assumes was
/// measured, so the modelled engines do the same.
pub(crate) fn slowdown(busy: usize) -> f64 {
    1.0 + 0.5 * (busy.max(1) - 1) as f64
}

impl Machine {
    /// Slots of one of its models.
    pub(crate) fn slots_of(&self, kind: &Kind) -> usize {
        if kind.image { 1 } else { self.slots }
    }

    /// Speed with all slots busy, in units of one slot at speed 1.
    pub(crate) fn capacity(&self) -> f64 {
        self.speed * self.slots as f64 / slowdown(self.slots)
    }

    pub(crate) fn load_us(&self, kind: &Kind) -> u64 {
        // Disks differ less than processors.
        (kind.load_ms * 1_000.0 / self.speed.sqrt()).ceil() as u64
    }

    /// What is loaded at the beginning.
    pub(crate) fn loaded(&self, kinds: &[Kind]) -> Vec<usize> {
        let mut left = self.memory;
        let fits = |model: &&usize| {
            let memory = kinds[**model].memory;
            let fits = memory <= left;
            left -= if fits { memory } else { 0 };
            fits
        };
        self.held.iter().filter(fits).copied().collect()
    }
}
