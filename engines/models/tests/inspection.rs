//! Inspection, cache sizes and fit against models whose figures are known.

use pumasi_models::catalog::inspect_file;
use pumasi_models::estimate::{FitError, LoadPlan, check_fit, estimate, longest_context};
use pumasi_models::gguf::{self, ContextMemory, TensorType};
use pumasi_models::inspect::{AttentionKind, Inspection, Part};
use pumasi_models::kv_cache::{CachePlan, CacheType};
use pumasi_models::test_support::{GgufBuilder, Item, Sizes};

fn inspect(file: &GgufBuilder) -> Inspection {
    let bytes = file.build();
    let gguf = gguf::read(&bytes[..], bytes.len() as u64).expect("the file is sound");
    Inspection::of(&gguf).expect("the model is sound")
}

fn plan(context_per_slot: u64, slots: u64, cache: CacheType) -> CachePlan {
    CachePlan {
        context_per_slot,
        slots,
        batch: 512,
        unified: false,
        full_windows: false,
        key_type: cache,
        value_type: cache,
    }
}

#[test]
fn a_small_llama() {
    let model = inspect(&GgufBuilder::llama(Sizes::default()));
    // By hand: 300·64 embedding; per block 2·64·64 + 2·64·32 attention, 3·64·96 feed-forward and
    // 2·64 norms; one more norm.
    let parts: Vec<_> = model.parts.iter().map(|sum| (sum.part, sum.parameters)).collect();
    let expected = [
        (Part::Embedding, 19_200),
        (Part::Attention, 24_576),
        (Part::FeedForward, 36_864),
        (Part::Norms, 320),
    ];
    assert_eq!(parts, expected);
    assert_eq!(model.parameters, 80_960);
    assert_eq!(model.weight_bytes, 80_640 / 32 * 34 + 320 * 4);
    assert!((model.bits_per_weight - 8.593).abs() < 0.001, "{}", model.bits_per_weight);
    let shares: f64 = model.parts.iter().map(|sum| sum.share).sum();
    assert!((shares - 1.0).abs() < 1e-9);
    assert_eq!(model.quantization, "Q8_0");
    assert_eq!((model.architecture.as_str(), model.memory), ("llama", ContextMemory::KeyValue));
    assert_eq!((model.context_length, model.block_count, model.vocabulary_size), (512, 2, 300));
    assert_eq!(model.attention.kind, AttentionKind::GroupedQuery);
    assert_eq!((model.attention.heads, model.attention.heads_kv), (4, 2));
    assert_eq!(model.license.as_deref(), Some("MIT"));
    let queries = model.groups.iter().find(|group| group.name == "blk.*.attn_q.weight");
    let queries = queries.expect("each block has a query projection");
    assert_eq!((queries.tensors, queries.parameters), (2, 8_192));
    assert_eq!(queries.types[0].tensor_type, TensorType::Q8_0);
    let template = model.chat_template.expect("the builder sets one");
    assert_eq!(template.bytes, 50);
    assert_eq!(template.sha256, "2f3f666573313d2b0849e1037ccb379ce3a75eb687eccf69f077257e055b93bd");
}

#[test]
fn inspections_survive_json() {
    let model = inspect(&GgufBuilder::llama(Sizes::default()));
    let text = serde_json::to_string(&model).expect("plain data");
    assert_eq!(serde_json::from_str::<Inspection>(&text).expect("our own text"), model);
}

#[test]
fn attention_kinds() {
    for (heads_kv, kind) in [
        (4, AttentionKind::MultiHead),
        (2, AttentionKind::GroupedQuery),
        (1, AttentionKind::MultiQuery),
    ] {
        let model = inspect(&GgufBuilder::llama(Sizes { heads_kv, ..Sizes::default() }));
        assert_eq!(model.attention.kind, kind);
    }
    let mut file = GgufBuilder::llama(Sizes { heads_kv: 1, ..Sizes::default() });
    file.set("llama.attention.key_length", 576);
    file.set("llama.attention.value_length", 512);
    file.set("llama.attention.key_length_mla", 192);
    file.set("llama.attention.value_length_mla", 128);
    let model = inspect(&file);
    assert_eq!(model.attention.kind, AttentionKind::MultiHeadLatent);
    // One compressed vector per block and token, and no values.
    assert_eq!(model.cache.bytes_per_token(CacheType::F16, CacheType::F16), 2 * 576 * 2);
}

/// A header with the sizes of a well-known model, and hardly any weights.
fn shaped(architecture: &str, pairs: &[(&str, u32)]) -> GgufBuilder {
    let mut file = GgufBuilder::default();
    file.set("general.architecture", architecture);
    for (key, value) in pairs {
        file.set(&format!("{architecture}.{key}"), *value);
    }
    file.set("tokenizer.ggml.model", "none");
    file.tensor("output_norm.weight", &[64], TensorType::F32);
    file
}

#[test]
fn cache_of_llama_3_8b() {
    let model = inspect(&shaped(
        "llama",
        &[
            ("context_length", 8_192),
            ("embedding_length", 4_096),
            ("block_count", 32),
            ("feed_forward_length", 14_336),
            ("attention.head_count", 32),
            ("attention.head_count_kv", 8),
        ],
    ));
    // 32 blocks, 8 heads of 128, keys and values, 2 bytes: 128 KiB a token, 1 GiB for 8,192.
    assert_eq!(model.cache.bytes_per_token(CacheType::F16, CacheType::F16), 128 << 10);
    assert_eq!(model.cache.bytes(&plan(8_192, 1, CacheType::F16)), 1 << 30);
    assert_eq!(model.cache.bytes(&plan(8_192, 4, CacheType::F16)), 4 << 30);
    assert_eq!(model.cache.bytes(&plan(8_192, 1, CacheType::Q8_0)), (1 << 30) / 32 * 17);
    assert_eq!(model.cache.bytes(&plan(8_192, 1, CacheType::Q4_0)), (1 << 30) / 32 * 9);
    // Cells come in 256s.
    let padded = model.cache.bytes(&plan(1, 1, CacheType::F16));
    assert_eq!(padded, 256 * (128 << 10));
}

#[test]
fn cache_of_sliding_blocks() {
    let model = inspect(&shaped(
        "gemma3",
        &[
            ("context_length", 131_072),
            ("embedding_length", 2_560),
            ("block_count", 34),
            ("attention.head_count", 8),
            ("attention.head_count_kv", 4),
            ("attention.key_length", 256),
            ("attention.value_length", 256),
            ("attention.sliding_window", 1_024),
        ],
    ));
    // Every sixth block sees everything: 5 of 34.
    assert_eq!((model.attention.sliding_blocks, model.attention.blocks), (29, 34));
    let row = 4 * 256 * 2 * 2;
    let expected = 5 * 32_768 * row + 29 * 1_536 * row;
    assert_eq!(model.cache.bytes(&plan(32_768, 1, CacheType::F16)), expected);
}

#[test]
fn a_window_that_the_engine_ignores() {
    let model = inspect(&shaped(
        "llama",
        &[
            ("context_length", 32_768),
            ("embedding_length", 4_096),
            ("block_count", 2),
            ("attention.head_count", 32),
            ("attention.sliding_window", 4_096),
        ],
    ));
    assert_eq!((model.attention.sliding_blocks, model.attention.sliding_window), (0, None));
}

#[test]
fn a_hybrid_model() {
    let mut file = shaped(
        "granitehybrid",
        &[
            ("context_length", 4_096),
            ("embedding_length", 64),
            ("block_count", 4),
            ("attention.head_count", 4),
            ("ssm.conv_kernel", 4),
            ("ssm.inner_size", 128),
            ("ssm.state_size", 16),
            ("ssm.group_count", 1),
            ("ssm.time_step_rank", 8),
        ],
    );
    file.set("granitehybrid.attention.head_count_kv", Item::U32s(vec![0, 0, 2, 0]));
    file.tensor("blk.2.attn_k.weight", &[64, 32], TensorType::F32);
    for block in [0, 1, 3] {
        file.tensor(&format!("blk.{block}.ssm_in.weight"), &[64, 8], TensorType::F32);
    }
    let model = inspect(&file);
    assert_eq!(model.memory, ContextMemory::Hybrid);
    assert_eq!((model.attention.blocks, model.attention.recurrent_blocks), (1, 3));
    let state = 3 * (3 * (128 + 2 * 16) + 16 * 128) * 4;
    assert_eq!(model.cache.bytes(&plan(256, 1, CacheType::F16)), 256 * 2 * 16 * 2 * 2 + state);
}

#[test]
fn a_recurrent_model() {
    let model = inspect(&shaped(
        "mamba",
        &[
            ("context_length", 1_048_576),
            ("embedding_length", 768),
            ("block_count", 24),
            ("attention.head_count", 0),
            ("ssm.conv_kernel", 4),
            ("ssm.inner_size", 1_536),
            ("ssm.state_size", 16),
            ("ssm.time_step_rank", 48),
        ],
    ));
    assert_eq!(model.attention.kind, AttentionKind::None);
    let state = 24 * (3 * 1_536 + 16 * 1_536) * 4;
    // The context costs nothing, however long it is.
    assert_eq!(model.cache.bytes(&plan(256, 1, CacheType::F16)), state);
    assert_eq!(model.cache.bytes(&plan(1 << 20, 1, CacheType::F16)), state);
}

/// Sizes of the models that were loaded by llama.cpp to get the figures below: embedding, blocks,
/// heads, key-value heads, feed-forward.
const BILLION: [u32; 5] = [2_048, 16, 32, 8, 8_192];
const SMALL: [u32; 5] = [576, 30, 9, 3, 1_536];
const STARTER: [u32; 5] = [128, 4, 4, 4, 384];

/// What llama.cpp logs as KV and compute buffers on a CPU, in KiB, for a batch of 512 and as many
/// outputs as slots.
#[test]
fn buffers_that_llama_cpp_reserves() {
    type Case = ([u32; 5], u64, u64, bool, bool, CacheType, u64, u64);
    let f16 = CacheType::F16;
    let cases: [Case; 12] = [
        (BILLION, 2_048, 1, false, true, f16, 65_536, 71_698),
        (BILLION, 8_192, 1, false, true, f16, 262_144, 77_842),
        (BILLION, 8_192, 1, false, false, f16, 262_144, 567_310),
        (BILLION, 2_048, 4, false, true, CacheType::Q8_0, 139_264, 71_730),
        (BILLION, 256, 1, false, true, f16, 8_192, 34_953),
        (BILLION, 1_000, 3, false, false, f16, 98_304, 94_406),
        (BILLION, 2_048, 4, true, true, f16, 262_144, 77_842),
        (SMALL, 2_048, 1, false, true, f16, 46_080, 17_042),
        (SMALL, 2_048, 4, false, false, f16, 184_320, 48_654),
        (SMALL, 2_048, 4, true, false, f16, 184_320, 171_534),
        (SMALL, 8_192, 8, false, true, CacheType::Q4_0, 414_720, 23_218),
        (STARTER, 1_024, 4, false, true, f16, 8_192, 4_626),
    ];
    for (sizes, context_per_slot, slots, unified, flash_attention, cache, kv_kib, compute_kib) in
        cases
    {
        let [embedding, blocks, heads, heads_kv, feed_forward] = sizes;
        let model = inspect(&shaped(
            "llama",
            &[
                ("context_length", 8_192),
                ("embedding_length", embedding),
                ("block_count", blocks),
                ("feed_forward_length", feed_forward),
                ("attention.head_count", heads),
                ("attention.head_count_kv", heads_kv),
            ],
        ));
        let plan = LoadPlan {
            context_per_slot,
            slots,
            batch: 512,
            outputs: slots,
            unified,
            full_windows: false,
            key_type: cache,
            value_type: cache,
            flash_attention,
            embeddings: false,
        };
        let memory = estimate(&model, &plan);
        assert_eq!(memory.cache, kv_kib << 10, "{plan:?}");
        let off = memory.compute.abs_diff(compute_kib << 10) as f64 / (compute_kib << 10) as f64;
        assert!(
            off < if flash_attention { 0.01 } else { 0.02 },
            "{} for {compute_kib} KiB: {plan:?}",
            memory.compute
        );
    }
}

#[test]
fn cat_g18_a_model_that_does_not_fit() {
    let model = inspect(&shaped(
        "llama",
        &[
            ("context_length", 8_192),
            ("embedding_length", 4_096),
            ("block_count", 32),
            ("feed_forward_length", 14_336),
            ("attention.head_count", 32),
            ("attention.head_count_kv", 8),
        ],
    ));
    let wide = LoadPlan { context_per_slot: 8_192, slots: 4, ..LoadPlan::default() };
    let needed = estimate(&model, &wide).total();
    assert_eq!(check_fit(&estimate(&model, &wide), needed), Ok(()));
    let available = 2 << 30;
    let refused = check_fit(&estimate(&model, &wide), available).expect_err("4 GiB of cache");
    assert_eq!(refused, FitError::InsufficientMemory { needed, available });
    assert_eq!(refused.code(), "insufficient_memory");
    let sentence = refused.to_string();
    assert!(sentence.contains("2.0 GiB is free") && sentence.contains("needs 4."), "{sentence}");
    let longest = longest_context(&model, &wide, available).expect("a shorter one fits");
    let shorter = LoadPlan { context_per_slot: longest, ..wide };
    assert_eq!(check_fit(&estimate(&model, &shorter), available), Ok(()));
    let one_more = LoadPlan { context_per_slot: longest + 1, ..wide };
    assert!(check_fit(&estimate(&model, &one_more), available).is_err());
    assert_eq!(longest_context(&model, &wide, 1 << 20), None);
    // Absurd plans are refused as well, not computed wrongly.
    let absurd = LoadPlan { context_per_slot: u64::MAX >> 1, slots: u64::MAX, ..wide };
    assert!(check_fit(&estimate(&model, &absurd), u64::MAX - 1).is_err());
}

/// The model that is part of every installation.
#[test]
fn the_starter_model() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../llama/starter/starter-chat.gguf");
    let (model, identity) = inspect_file(path.as_ref()).expect("the starter model is sound");
    assert_eq!(model.architecture, "llama");
    assert_eq!(model.quantization, "Q8_0");
    assert_eq!(model.tokenizer, "gpt2");
    assert!(identity.bytes < 2_000_000, "{} bytes", identity.bytes);
    assert!(model.parameters < 1_800_000, "{} parameters", model.parameters);
    let template = model.chat_template.expect("it has a chat template");
    assert!(template.text.is_some_and(|text| text.contains("<|im_start|>")));
    let weights: u64 = model.parts.iter().map(|sum| sum.bytes).sum();
    assert_eq!(weights, model.weight_bytes);
}
