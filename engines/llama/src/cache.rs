//! The KV cache of the generating context, one sequence per slot. Cells are shared between
//! sequences after a copy, so positions are never shifted (build-notes A1): sequences are only
//! cut at their end, copied from their beginning, or cleared.

use llama_cpp_2::context::LlamaContext;

fn sequence(slot: usize) -> i32 {
    i32::try_from(slot).expect("slots are at most 64")
}

fn position(length: usize) -> u32 {
    u32::try_from(length).expect("a slot's context fits 32 bits")
}

/// Keeps the first `length` ids of a slot; returns how many are left, which is none where the
/// model's state cannot be cut.
pub(crate) fn cut(context: &mut LlamaContext<'_>, slot: usize, length: usize) -> usize {
    let from = Some(position(length));
    if length > 0 && context.kv_cache_seq_rm(sequence(slot), from, None).is_ok() {
        return length;
    }
    clear(context, slot);
    0
}

/// Empties a slot.
pub(crate) fn clear(context: &mut LlamaContext<'_>, slot: usize) {
    // Removing a whole sequence cannot fail in any kind of cache (llama.h, llama_memory_seq_rm).
    let _ = context.kv_cache_seq_rm(sequence(slot), None, None);
}

/// Makes an empty slot share the first `length` ids of another one.
pub(crate) fn share(
    context: &mut LlamaContext<'_>,
    from: usize,
    to: usize,
    length: usize,
) -> usize {
    let until = Some(position(length));
    let copied = context.kv_cache_seq_cp(sequence(from), sequence(to), Some(0), until);
    if copied.is_ok() { length } else { 0 }
}
