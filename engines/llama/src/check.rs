//! Validates a model file in Rust before any C++ sees it (design §7), and says whether it fits.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use pumasi_models::estimate::{FitError, LoadPlan, check_fit, estimate};
use pumasi_models::gguf::{self, GgufError};
use pumasi_models::inspect::Inspection;
use pumasi_models::kv_cache::CacheType as Cached;
use pumasi_protocol::Fault;
use pumasi_protocol::worker::{CacheType, FlashAttention, LoadModel};

use crate::limits::MICRO_BATCH_TOKENS;

fn fault(error: &GgufError) -> Fault {
    match error {
        GgufError::NotGguf { .. }
        | GgufError::UnsupportedVersion { .. }
        | GgufError::BigEndian
        | GgufError::UnsupportedArchitecture { .. }
        | GgufError::UnsupportedTokenizer { .. }
        | GgufError::Split { .. }
        | GgufError::NotAModel { .. } => Fault::ModelUnsupported,
        GgufError::Read { .. }
        | GgufError::TooLarge { .. }
        | GgufError::Truncated { .. }
        | GgufError::InvalidKey { .. }
        | GgufError::DuplicateKey { .. }
        | GgufError::InvalidText { .. }
        | GgufError::InvalidFlag { .. }
        | GgufError::UnknownValueType { .. }
        | GgufError::NestedArray { .. }
        | GgufError::InvalidAlignment { .. }
        | GgufError::Tensor { .. }
        | GgufError::NoTensors
        | GgufError::MissingKey { .. }
        | GgufError::WrongType { .. }
        | GgufError::OutOfRange { .. }
        | GgufError::PerLayerLength { .. }
        | GgufError::NotDivisible { .. }
        | GgufError::Vocabulary(_) => Fault::ModelDamaged,
    }
}

/// Refuses what is no model that the library can safely open; describes what is.
pub(crate) fn inspect(path: &Path) -> Result<Inspection, Fault> {
    let file = File::open(path).map_err(|_| Fault::ModelDamaged)?;
    let metadata = file.metadata().map_err(|_| Fault::ModelDamaged)?;
    if !metadata.is_file() {
        return Err(Fault::ModelDamaged);
    }
    let header = gguf::read(BufReader::new(file), metadata.len());
    header.and_then(|header| Inspection::of(&header)).map_err(|error| {
        tracing::warn!(%error, "a model file is refused");
        fault(&error)
    })
}

fn cached(cache: CacheType) -> Cached {
    match cache {
        CacheType::F16 => Cached::F16,
        CacheType::Q8 => Cached::Q8_0,
        CacheType::Q4 => Cached::Q4_0,
    }
}

fn plan(order: &LoadModel, context: u32) -> LoadPlan {
    let (key_type, value_type) = (cached(order.cache), cached(order.cache));
    LoadPlan {
        context_per_slot: u64::from(context),
        slots: u64::from(order.slots),
        batch: u64::from(MICRO_BATCH_TOKENS),
        outputs: u64::from(MICRO_BATCH_TOKENS),
        unified: true,
        // So that every prefix can be reused.
        full_windows: true,
        key_type,
        value_type,
        flash_attention: order.flash != FlashAttention::Off,
        embeddings: order.embeddings,
    }
}

/// Bytes of the KV cache.
pub(crate) fn cache_bytes(model: &Inspection, order: &LoadModel, context: u32) -> u64 {
    model.cache.bytes(&plan(order, context).cache())
}

/// How many bytes the model needs; refuses what needs more than `available`.
pub(crate) fn fits(
    model: &Inspection,
    order: &LoadModel,
    context: u32,
    available: u64,
) -> Result<u64, Fault> {
    let needs = estimate(model, &plan(order, context));
    check_fit(&needs, available).map_err(|error| match error {
        FitError::InsufficientMemory { needed, available } => Fault::Memory { needed, available },
    })?;
    Ok(needs.total())
}
