//! The estimate against what llama.cpp takes: its own figures for weights, cache and compute
//! buffers, over models of several shapes.

use std::path::Path;

use pumasi_engine_host::{Engine, WorkerEngine};
use pumasi_models::catalog::inspect_file;
use pumasi_models::estimate::{LoadPlan, MemoryEstimate, estimate};
use pumasi_models::gguf::TensorType;
use pumasi_models::kv_cache;
use pumasi_models::test_support::{GgufBuilder, Shape, Sizes};
use pumasi_protocol::worker::{CacheType, LoadModel};

use super::rig::{order, spec, starter};

/// What the library logged of one load, in bytes.
#[derive(Debug, Default, Clone, Copy)]
struct Logged {
    weights: f64,
    cache: f64,
    compute: f64,
}

/// Sums lines such as `CPU compute buffer size = 71.70 MiB`.
fn logged(log: &str) -> Logged {
    let mut sums = Logged::default();
    for line in log.lines() {
        let Some((before, after)) = line.split_once("buffer size =") else { continue };
        let Some(mib) = after.split_whitespace().next().and_then(|n| n.parse::<f64>().ok()) else {
            continue;
        };
        let bytes = mib * f64::from(1 << 20);
        match before.split_whitespace().last().unwrap_or_default() {
            "model" => sums.weights += bytes,
            "KV" | "RS" => sums.cache += bytes,
            "compute" => sums.compute += bytes,
            _ => {}
        }
    }
    sums
}

async fn load(path: &Path, order: &LoadModel) -> Logged {
    let mut spec = spec();
    spec.environment.insert("RUST_LOG".to_owned(), "warn,llama-cpp-2=info".to_owned());
    let engine = WorkerEngine::new(spec);
    let order = LoadModel { path: path.to_string_lossy().into_owned(), ..order.clone() };
    engine.load(order).await.expect("the model loads");
    let log = engine.diagnostics().stderr;
    engine.shutdown().await;
    logged(&log)
}

fn predicted(path: &Path, order: &LoadModel) -> MemoryEstimate {
    let (model, _) = inspect_file(path).expect("the model is sound");
    let cache = match order.cache {
        CacheType::F16 => kv_cache::CacheType::F16,
        CacheType::Q8 => kv_cache::CacheType::Q8_0,
        CacheType::Q4 => kv_cache::CacheType::Q4_0,
    };
    let plan = LoadPlan {
        context_per_slot: order.context.into(),
        slots: order.slots.into(),
        key_type: cache,
        value_type: cache,
        embeddings: order.embeddings,
        ..LoadPlan::default()
    };
    estimate(&model, &plan)
}

fn off(predicted: u64, taken: f64) -> f64 {
    (predicted as f64 - taken).abs() / taken.max(1.0)
}

fn sizes(numbers: [u32; 7]) -> Sizes {
    let [embedding, blocks, heads, heads_kv, feed_forward, vocabulary, context] = numbers;
    Sizes { embedding, blocks, heads, heads_kv, feed_forward, vocabulary, context }
}

/// Attention of all kinds that keep keys and values, tied and untied, dense and experts, sliding.
fn shapes() -> Vec<(&'static str, Shape)> {
    let grouped = sizes([512, 6, 8, 2, 1_536, 8_000, 4_096]);
    let wide = sizes([512, 4, 8, 2, 1_536, 64_000, 4_096]);
    let multi = sizes([768, 4, 12, 12, 2_048, 8_000, 4_096]);
    let dense = Shape::dense;
    let with = |architecture, head| Shape { head: Some(head), ..dense(architecture, grouped) };
    let few = Some((8, 4, 512));
    vec![
        ("llama-gqa", dense("llama", grouped)),
        ("llama-f16", Shape { weights: TensorType::F16, ..dense("llama", grouped) }),
        ("llama-untied", Shape { untied: true, ..dense("llama", wide) }),
        ("llama-mha", dense("llama", multi)),
        ("phi3-fused", dense("phi3", multi)),
        ("qwen2-biases", dense("qwen2", grouped)),
        ("qwen3", with("qwen3", 128)),
        ("gemma2-sliding", Shape { window: Some(512), ..with("gemma2", 128) }),
        ("gemma3-sliding", Shape { window: Some(512), ..with("gemma3", 256) }),
        ("mixtral", Shape { experts: Some((8, 2, 1_536)), ..dense("llama", grouped) }),
        ("qwen3moe", Shape { experts: Some((32, 8, 256)), ..with("qwen3moe", 128) }),
        (
            "gpt-oss",
            Shape { experts: few, window: Some(128), untied: true, ..dense("gpt-oss", grouped) },
        ),
    ]
}

#[tokio::test]
async fn cat_g18_the_estimate_is_what_the_engine_takes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, shape) in shapes() {
        let path = folder.path().join(format!("{name}.gguf"));
        GgufBuilder::shaped(&shape).write_sparse(&path).expect("it is written");
        for (context, slots, cache, embeddings) in [
            (1_024, 1, CacheType::F16, false),
            (4_096, 4, CacheType::F16, false),
            (2_048, 2, CacheType::Q8, false),
            (1_024, 2, CacheType::Q4, true),
        ] {
            let order = LoadModel { context, cache, embeddings, ..order(slots) };
            compare(name, &path, &order).await;
        }
    }
    compare("starter", &starter(), &LoadModel { context: 1_024, ..order(4) }).await;
}

/// All of it within 5 %; weights and cache within 1 %.
async fn compare(name: &str, path: &Path, order: &LoadModel) {
    let (taken, told) = (load(path, order).await, predicted(path, order));
    let kib = |bytes: f64| (bytes / 1_024.0).round();
    let figures = format!(
        "{name}, {} slots of {}, embeddings {}: weights {} for {}, cache {} for {}, compute {} for {} KiB",
        order.slots,
        order.context,
        order.embeddings,
        told.weights >> 10,
        kib(taken.weights),
        told.cache >> 10,
        kib(taken.cache),
        told.compute >> 10,
        kib(taken.compute),
    );
    assert!(taken.weights > 0.0 && taken.compute > 0.0, "the library said nothing: {figures}");
    assert!(off(told.weights, taken.weights) < 0.01, "{figures}");
    assert!(off(told.cache, taken.cache) < 0.01, "{figures}");
    let all = told.weights + told.cache + told.compute;
    assert!(off(all, taken.weights + taken.cache + taken.compute) < 0.05, "{figures}");
    assert!(off(told.compute, taken.compute) < 0.12, "{figures}");
}
