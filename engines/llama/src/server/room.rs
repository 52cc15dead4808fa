//! Room in the KV cache: arranging it for a request that gets a slot, and finding some when it is full.

use llama_cpp_2::context::LlamaContext;
use pumasi_protocol::Fault;

use super::slot::Slot;
use super::{Server, count};
use crate::{cache, slots};

impl Server<'_> {
    /// The cache has no room: first what idle slots keep is dropped; if there is nothing of that,
    /// the longest request ends, so that the others go on.
    pub(super) fn on_cache_full(&mut self) {
        let Some(context) = &mut self.contexts.generating else { return };
        for (at, slot) in self.slots.iter().enumerate() {
            // A batch that failed half-way may have left some of its ids.
            cache::cut(context, at, slot.cached.len());
        }
        let mut freed = false;
        for (at, slot) in self.slots.iter_mut().enumerate() {
            if !slot.is_busy() && !slot.cached.is_empty() {
                cache::clear(context, at);
                slot.cached.clear();
                freed = true;
            }
        }
        if freed {
            return;
        }
        let longest = (0..self.slots.len()).filter(|at| self.slots[*at].is_busy());
        let Some(at) = longest.max_by_key(|at| self.slots[*at].cached.len()) else { return };
        let available = context.n_ctx();
        cache::clear(context, at);
        self.slots[at].cached.clear();
        if let Some(generation) = self.slots[at].job.take() {
            let needed = count(generation.ids.len() + 1);
            self.fail(generation.request, Fault::Context { needed, available });
        }
    }
}

/// Arranges the cache for a chosen slot; gives how many ids it holds then.
pub(super) fn place(
    context: &mut LlamaContext<'_>,
    slots: &[Slot],
    choice: slots::Choice,
    rewinds: bool,
) -> usize {
    let whole = |slot: usize, length| rewinds || slots[slot].cached.len() == length;
    match choice.share {
        Some((from, length)) if whole(from, length) => {
            cache::clear(context, choice.slot);
            cache::share(context, from, choice.slot, length)
        }
        None if whole(choice.slot, choice.keep) => cache::cut(context, choice.slot, choice.keep),
        Some(_) | None => {
            cache::clear(context, choice.slot);
            0
        }
    }
}
