//! A slot: one sequence of the KV cache, what it holds, and the generation that it runs.

use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::token::LlamaToken;
use pumasi_protocol::worker::RequestId;

use crate::drafts::{Lookup, Odds};
use crate::generation::Generation;
use crate::limits::BATCH_TOKENS;
use crate::slots::SlotView;

/// What of a slot is in the batch.
#[derive(Debug, Clone, Copy)]
struct Part {
    tokens: usize,
    /// Place in the batch whose logits say how the answer goes on.
    row: Option<i32>,
}

/// What of a slot was computed, where that says how the answer goes on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Computed {
    /// Place in the batch of the logits behind the last id; those behind each drafted id follow.
    pub(super) row: i32,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// Ids whose keys and values are in the cache, from position 0.
    pub(super) cached: Vec<u32>,
    pub(super) job: Option<Box<Generation>>,
    /// Guesses the next ids of the answer, where they may be drafted.
    pub(super) lookup: Option<Lookup>,
    /// How often its guesses hold.
    pub(super) odds: Odds,
    /// Ids that are computed with the one that is due.
    pub(super) drafted: Vec<u32>,
    /// It takes no part in the next step.
    pub(super) stands: bool,
    used: u64,
    part: Option<Part>,
}

impl Slot {
    pub(super) fn is_busy(&self) -> bool {
        self.job.is_some()
    }

    pub(super) fn runs(&self, request: RequestId) -> bool {
        self.job.as_ref().is_some_and(|job| job.request == request)
    }

    pub(super) fn view(&self) -> SlotView<'_> {
        SlotView { cached: &self.cached, busy: self.is_busy(), used: self.used }
    }

    /// The cache holds these ids for a new request.
    pub(super) fn take(&mut self, kept: &[u32], used: u64) {
        self.cached.clear();
        self.cached.extend_from_slice(kept);
        self.used = used;
    }

    /// Begins a request; `odds` are those of others, where ids may be drafted.
    pub(super) fn begin(&mut self, generation: Box<Generation>, odds: Option<&Odds>) {
        if let Some(odds) = odds {
            let room = generation.max_tokens.saturating_sub(generation.answered());
            self.lookup = Some(Lookup::of(&generation.ids, room));
            self.odds = odds.inherited();
        }
        self.job = Some(generation);
    }

    pub(super) fn drop_draft(&mut self) {
        self.drafted.clear();
    }

    /// How many ids before the guess are alike, where there is one.
    pub(super) fn streak(&self) -> Option<usize> {
        self.lookup.as_ref()?.streak()
    }

    /// Ids that the answer may get beyond the one that is due.
    pub(super) fn draftable(&self) -> usize {
        let left = |job: &Generation| job.max_tokens.saturating_sub(job.answered() + 1);
        self.job.as_deref().map_or(0, left)
    }

    /// Drafts the next `length` ids.
    pub(super) fn draft(&mut self, length: usize) {
        if let (Some(lookup), Some(job)) = (&self.lookup, &self.job) {
            self.drafted = lookup.guess(&job.ids, length);
        }
    }

    /// Ids of its prompt that are to be computed.
    pub(super) fn prompt_left(&self) -> usize {
        Some(self.missing()).filter(|missing| *missing > 1).unwrap_or(0)
    }

    /// Ids that are not in the cache and may be computed.
    fn missing(&self) -> usize {
        let job = self.job.as_ref().filter(|_| !self.stands);
        job.map_or(0, |job| job.ids.len() - self.cached.len())
    }

    /// Whether it writes its answer, one id a step.
    pub(super) fn decodes(&self) -> bool {
        self.missing() == 1
    }

    /// Puts its next ids, at most `limit`, into the batch.
    fn fill(&mut self, batch: &mut LlamaBatch<'static>, sequence: i32, limit: usize) -> usize {
        let missing = self.missing();
        let tokens = missing.min(limit);
        let Some(job) = self.job.as_ref().filter(|_| tokens > 0) else { return 0 };
        let begin = self.cached.len();
        for (place, id) in (begin..).zip(&job.ids[begin..begin + tokens]) {
            let position = i32::try_from(place).expect("a slot's context fits 31 bits");
            let last = place + 1 == job.ids.len();
            let token = LlamaToken(id.cast_signed());
            batch.add(token, position, &[sequence], last).expect("the batch holds every chunk");
        }
        let row = (tokens == missing).then(|| batch.n_tokens() - 1);
        self.part = Some(Part { tokens, row });
        if row.is_none() {
            return tokens;
        }
        for (place, id) in (job.ids.len()..).zip(&self.drafted) {
            let position = i32::try_from(place).expect("a slot's context fits 31 bits");
            let token = LlamaToken(id.cast_signed());
            batch.add(token, position, &[sequence], true).expect("the batch holds every draft");
        }
        tokens + self.drafted.len()
    }

    /// The batch was computed: what was in it is in the cache. Gives the row of logits, if the
    /// answer goes on.
    pub(super) fn on_computed(&mut self) -> Option<Computed> {
        let Part { tokens, row } = self.part.take()?;
        let begin = self.cached.len();
        let job = self.job.as_ref()?;
        self.cached.extend_from_slice(&job.ids[begin..begin + tokens]);
        row.map(|row| Computed { row })
    }
}

/// Fills a batch: first every slot that decodes, then up to `chunk` ids of prompts, the shortest
/// rest first, so that a short question does not wait behind a long document.
pub(super) fn fill(batch: &mut LlamaBatch<'static>, slots: &mut [Slot], chunk: usize) -> usize {
    batch.clear();
    let mut tokens = 0;
    let mut prompts: Vec<(usize, i32)> = Vec::new();
    for (slot, sequence) in slots.iter_mut().zip(0..) {
        slot.part = None;
        match slot.missing() {
            0 => {}
            1 => tokens += slot.fill(batch, sequence, 1),
            missing => prompts.push((missing, sequence)),
        }
    }
    prompts.sort_unstable();
    let mut left = chunk.min(BATCH_TOKENS as usize - tokens);
    for (_, sequence) in prompts {
        let slot = &mut slots[usize::try_from(sequence).expect("sequences count slots")];
        let filled = slot.fill(batch, sequence, left);
        left -= filled;
        tokens += filled;
    }
    tokens
}
