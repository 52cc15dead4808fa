//! Loads the one model of this process: checked in Rust first, then by the library, with progress
//! and cancellation.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::{KvCacheType, LlamaContextParams, LlamaPoolingType};
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use pumasi_models::inspect::Inspection;
use pumasi_protocol::engine::ToolSyntax;
use pumasi_protocol::limits::CONTEXT_TOKENS;
use pumasi_protocol::worker::{CacheType, FlashAttention, LoadModel, LoadedModel};
use pumasi_protocol::{Capabilities, Fault};

use crate::check;
use crate::embed::Embedder;
use crate::limits::{BATCH_TOKENS, EMBED_SEQUENCES, EMBED_TOKENS, MICRO_BATCH_TOKENS, SLOTS};
use crate::machine;
use crate::model::Model;
use crate::server::{Contexts, Wires};

/// Progress while the weights are read; contexts and tables take the rest.
const WEIGHTS_PERMILLE: f32 = 950.0;

fn threads(order: &LoadModel) -> i32 {
    let threads = if order.threads == 0 { machine::physical_cores() } else { order.threads };
    i32::from(threads.min(1_024))
}

/// Checks the order and the file.
pub(crate) fn inspect(backend: &LlamaBackend, order: &LoadModel) -> Result<Inspection, Fault> {
    let context = order.context;
    let in_range = (1..=SLOTS).contains(&order.slots) && context <= CONTEXT_TOKENS;
    // llama.cpp cannot compute on packed values without it.
    let packed = order.cache != CacheType::F16 && order.flash == FlashAttention::Off;
    if !in_range || packed {
        return Err(Fault::BadRequest);
    }
    let inspection = check::inspect(Path::new(&order.path))?;
    // With a graphics card, its driver says what fits; without one, the system would kill us.
    if order.gpu_layers == Some(0) || !backend.supports_gpu_offload() {
        let available = machine::available_memory().unwrap_or(u64::MAX);
        let needed = check::fits(&inspection, order, context_of(order, &inspection), available)?;
        // Drivers reserve far more than they use.
        if !backend.supports_gpu_offload() {
            machine::bound_memory(needed);
        }
    }
    Ok(inspection)
}

/// How many layers to put on the graphics card: what was ordered, or all and then ever fewer,
/// because only its driver knows what fits. `None` is the library's default, all.
pub(crate) fn layer_choices(ordered: Option<u32>, offloads: bool, blocks: u64) -> Vec<Option<u32>> {
    if ordered.is_some() || !offloads {
        return vec![ordered];
    }
    let blocks = u32::try_from(blocks).unwrap_or(u32::MAX);
    let fewer = [3, 2, 1, 0].map(|quarters| blocks / 4 * quarters);
    std::iter::once(None).chain(fewer.map(Some)).collect()
}

/// Reads the weights.
pub(crate) fn model(
    backend: &LlamaBackend,
    order: &LoadModel,
    layers: Option<u32>,
    inspection: Inspection,
    wires: &Wires,
) -> Result<Arc<Model>, Fault> {
    let (pulse, interrupt) = (wires.pulse.clone(), Arc::clone(&wires.inbox.interrupt));
    let mut params = LlamaModelParams::default().with_progress_callback(move |done| {
        pulse.loading((done * WEIGHTS_PERMILLE) as u32);
        !interrupt.ends_load()
    });
    if let Some(layers) = layers {
        params = params.with_n_gpu_layers(layers);
    }
    let llama = LlamaModel::load_from_file(backend, &order.path, &params);
    if wires.inbox.interrupt.ends_load() {
        return Err(Fault::Cancelled);
    }
    let llama = llama.map_err(|_| Fault::ModelUnsupported)?;
    let model = Model::new(llama, inspection).map_err(|error| {
        tracing::warn!(%error, "the model's vocabulary cannot be used");
        Fault::ModelUnsupported
    })?;
    Ok(Arc::new(model))
}

/// Tokens that each slot holds.
fn context_of(order: &LoadModel, model: &Inspection) -> u32 {
    if order.context > 0 {
        return order.context;
    }
    u32::try_from(model.context_length).unwrap_or(u32::MAX).clamp(1, CONTEXT_TOKENS)
}

fn cache_type(cache: CacheType) -> KvCacheType {
    match cache {
        CacheType::F16 => KvCacheType::F16,
        CacheType::Q8 => KvCacheType::Q8_0,
        CacheType::Q4 => KvCacheType::Q4_0,
    }
}

fn flash_policy(flash: FlashAttention) -> llama_cpp_sys_2::llama_flash_attn_type {
    match flash {
        FlashAttention::Auto => llama_cpp_sys_2::LLAMA_FLASH_ATTN_TYPE_AUTO,
        FlashAttention::On => llama_cpp_sys_2::LLAMA_FLASH_ATTN_TYPE_ENABLED,
        FlashAttention::Off => llama_cpp_sys_2::LLAMA_FLASH_ATTN_TYPE_DISABLED,
    }
}

fn generating<'m>(
    backend: &LlamaBackend,
    model: &'m Model,
    order: &LoadModel,
    tokens: u32,
) -> Option<LlamaContext<'m>> {
    let params = LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(tokens))
        .with_n_batch(BATCH_TOKENS)
        .with_n_ubatch(MICRO_BATCH_TOKENS)
        .with_n_seq_max(u32::from(order.slots))
        .with_kv_unified(true)
        .with_type_k(cache_type(order.cache))
        .with_type_v(cache_type(order.cache))
        .with_flash_attention_policy(flash_policy(order.flash))
        .with_n_threads(threads(order))
        .with_n_threads_batch(threads(order))
        .with_no_perf(true);
    model.llama.new_context(backend, params).ok()
}

fn embedding<'m>(
    backend: &LlamaBackend,
    model: &'m Model,
    order: &LoadModel,
) -> Option<Embedder<'m>> {
    let tokens = EMBED_TOKENS.min(model.llama.n_ctx_train());
    let pooling = if model.pools { LlamaPoolingType::Unspecified } else { LlamaPoolingType::Mean };
    let params = LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(tokens))
        .with_n_batch(tokens)
        .with_n_ubatch(tokens)
        .with_n_seq_max(EMBED_SEQUENCES)
        .with_kv_unified(true)
        .with_embeddings(true)
        .with_pooling_type(pooling)
        .with_n_threads(threads(order))
        .with_n_threads_batch(threads(order))
        .with_no_perf(true);
    let context = model.llama.new_context(backend, params).ok()?;
    Some(Embedder::new(context, dimensions(&model.llama)))
}

fn dimensions(llama: &LlamaModel) -> usize {
    usize::try_from(llama.n_embd_out()).unwrap_or(0)
}

/// Makes the contexts; says what the model turned out to be.
pub(crate) fn contexts<'m>(
    backend: &LlamaBackend,
    model: &'m Model,
    order: &LoadModel,
    began: Instant,
) -> Result<(Contexts<'m>, LoadedModel), Fault> {
    let context = context_of(order, &model.inspection);
    let tokens = context.checked_mul(u32::from(order.slots)).ok_or(Fault::BadRequest)?;
    let generates = model.generates();
    let cache = if generates { check::cache_bytes(&model.inspection, order, context) } else { 0 };
    let memory = || {
        let available = machine::available_memory().unwrap_or(0);
        Fault::Memory { needed: cache, available }
    };
    let generating = if generates {
        Some(generating(backend, model, order, tokens).ok_or_else(memory)?)
    } else {
        None
    };
    let embeds = order.embeddings || !generates;
    let embedding = if embeds { embedding(backend, model, order) } else { None };
    let capabilities = Capabilities {
        generate: generating.is_some(),
        embed: embedding.is_some(),
        tools: model.template.tools() != ToolSyntax::None,
        thinking: model.template.knows_thinking(),
        vision: false,
        image: false,
    };
    let loaded = LoadedModel {
        hash: order.hash,
        context,
        slots: order.slots,
        vocabulary: u32::try_from(model.vocabulary.len()).unwrap_or(u32::MAX),
        embedding_dimensions: u32::try_from(dimensions(&model.llama)).unwrap_or(0),
        capabilities,
        weights_bytes: model.llama.size(),
        cache_bytes: cache,
        load_us: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
    };
    Ok((Contexts { generating, embedding }, loaded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graphics_card_gets_all_layers_or_as_many_as_it_takes() {
        let all = [None, Some(24), Some(16), Some(8), Some(0)];
        assert_eq!(layer_choices(None, true, 32), all);
        assert_eq!(layer_choices(Some(5), true, 32), [Some(5)]);
        assert_eq!(layer_choices(None, false, 32), [None]);
    }
}
