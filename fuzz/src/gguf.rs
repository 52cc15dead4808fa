//! Headers of model files, and what is calculated from them. The file is said to be longer than the
//! bytes at hand, as a ranged download of a header is; the first byte says by how much.

use pumasi_models::estimate::{self, LoadPlan};
use pumasi_models::gguf::{self, Tensor};
use pumasi_models::inspect::Inspection;
use pumasi_models::test_support::{GgufBuilder, Sizes};

/// See the module.
///
/// # Panics
/// When what is let through cannot be a model.
pub fn run(data: &[u8]) {
    let Some((more, header)) = data.split_first() else { return };
    let file_bytes = header.len() as u64 + (1u64 << (more % 44)) - 1;
    let Ok(model) = gguf::read(header, file_bytes) else { return };
    let inside = |tensor: &Tensor| {
        let end = tensor.offset.checked_add(tensor.bytes);
        end.and_then(|end| end.checked_add(model.data_offset)).is_some_and(|e| e <= file_bytes)
    };
    assert!(model.tensors.iter().all(inside), "a tensor lies outside of the file");
    let Ok(inspection) = Inspection::of(&model) else { return };
    assert!(inspection.block_count > 0 && inspection.embedding_length > 0);
    assert!(inspection.bits_per_weight.is_finite());
    serde_json::to_vec(&inspection).expect("an inspection is data");
    for slots in [1, 64] {
        let plan = LoadPlan { slots, context_per_slot: 1 << 20, ..LoadPlan::default() };
        let memory = estimate::estimate(&inspection, &plan);
        assert!(memory.total() >= memory.weights, "a sum is not smaller than its parts");
    }
}

/// Whole models, and the beginning of one.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let tiny =
        Sizes { vocabulary: 8, blocks: 1, embedding: 32, feed_forward: 32, ..Sizes::default() };
    let whole = |sizes| {
        let mut bytes = vec![0];
        bytes.extend(GgufBuilder::llama(sizes).build());
        bytes
    };
    let model = whole(tiny);
    let header = [&[20], &model[1..model.len().min(1_500)]].concat();
    vec![header, model]
}
