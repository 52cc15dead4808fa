//! Which architectures the engine knows, and what kind of memory each needs for its context.
//!
//! Source: `LLM_ARCH_NAMES`, `llm_arch_is_recurrent`, `llm_arch_is_hybrid` in llama-arch.cpp and
//! `llama_model::create_memory` in llama-model.cpp, as packed in llama-cpp-sys-2 0.1.161.

use serde::{Deserialize, Serialize};

use crate::limits::ARCHITECTURE_BYTES_MAX;

use super::error::{Companion, Excerpt, GgufError};
use super::metadata::Metadata;
use super::value::{Value, ValueType};

/// How a model remembers its context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContextMemory {
    /// A key and a value per token in every block.
    KeyValue,
    /// Some blocks keep keys and values, others a state of fixed size.
    Hybrid,
    /// A state of fixed size.
    Recurrent,
    /// Nothing is kept between calls.
    None,
}

/// An architecture that the engine can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Architecture {
    /// Its name in the file, which also begins its metadata keys.
    pub name: &'static str,
    /// How it remembers its context.
    pub memory: ContextMemory,
}

/// Architectures whose context lives in a key-value cache.
const KEY_VALUE: &[&str] = &[
    "afmoe",
    "apertus",
    "arcee",
    "arctic",
    "baichuan",
    "bailingmoe",
    "bailingmoe2",
    "bitnet",
    "bloom",
    "chameleon",
    "chatglm",
    "codeshell",
    "cogvlm",
    "cohere2",
    "cohere2moe",
    "command-r",
    "dbrx",
    "deci",
    "deepseek",
    "deepseek2",
    "deepseek2-ocr",
    "deepseek32",
    "dots1",
    "dots3note",
    "ernie4_5",
    "ernie4_5-moe",
    "exaone",
    "exaone-moe",
    "exaone4",
    "falcon",
    "gemma",
    "gemma2",
    "gemma3",
    "gemma3n",
    "gemma4",
    "glm-dsa",
    "glm4",
    "glm4moe",
    "gpt-oss",
    "gpt2",
    "gptj",
    "gptneox",
    "granite",
    "granite_swa",
    "granitemoe",
    "graniteswitch",
    "grok",
    "grovemoe",
    "hrm_text",
    "hunyuan-dense",
    "hunyuan-moe",
    "hunyuan_vl",
    "hy_v3",
    "hy_v4",
    "internlm2",
    "jais",
    "jais2",
    "laguna",
    "llama",
    "llama-embed",
    "llama4",
    "maincoder",
    "maple",
    "mellum",
    "mimo2",
    "minicpm",
    "minicpm3",
    "minimax-m2",
    "minimax-m3",
    "mistral3",
    "mistral4",
    "mpt",
    "muse-glimmer",
    "nanbeige",
    "nemotron",
    "olmo",
    "olmo2",
    "olmoe",
    "openelm",
    "orion",
    "paddleocr",
    "pangu-embedded",
    "phi2",
    "phi3",
    "phimoe",
    "plamo",
    "plamo3",
    "plm",
    "qwen",
    "qwen2",
    "qwen2moe",
    "qwen2vl",
    "qwen3",
    "qwen3moe",
    "qwen3vl",
    "qwen3vlmoe",
    "refact",
    "seed_oss",
    "smallthinker",
    "smollm3",
    "spark2_5",
    "stablelm",
    "starcoder",
    "starcoder2",
    "step35",
    "t5",
    "t5encoder",
    "talkie",
    "xverse",
];

/// Architectures that mix attention blocks with recurrent ones.
const HYBRID: &[&str] = &[
    "bailingmoe3",
    "deepseek4",
    "falcon-h1",
    "glm5-next",
    "granitehybrid",
    "jamba",
    "kimi-k3",
    "kimi-linear",
    "lfm2",
    "lfm2moe",
    "minimax-01",
    "nemotron_h",
    "nemotron_h_moe",
    "plamo2",
    "qwen35",
    "qwen35moe",
    "qwen3next",
    "qwen4exp",
];

/// Architectures without attention: a state of fixed size.
const RECURRENT: &[&str] = &["arwkv7", "mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7"];

/// Architectures that see the whole input at once and keep nothing: encoders and text
/// diffusion.
const STATELESS: &[&str] = &[
    "bert",
    "clef",
    "dream",
    "eurobert",
    "gemma-embedding",
    "jina-bert-v2",
    "jina-bert-v3",
    "llada",
    "llada-moe",
    "modern-bert",
    "neo-bert",
    "nomic-bert",
    "nomic-bert-moe",
    "rnd1",
];

/// Files that llama.cpp knows but that are no model to talk to.
const COMPANIONS: &[(&str, Companion)] = &[
    ("clip", Companion::Projector),
    ("dflash", Companion::DraftHead),
    ("eagle3", Companion::DraftHead),
    ("gemma4-assistant", Companion::DraftHead),
    ("pockettts", Companion::Speech),
    ("qwen3tts", Companion::Speech),
    ("wavtokenizer-dec", Companion::Speech),
];

/// Finds the architecture that the metadata name.
pub(super) fn of(metadata: &Metadata) -> Result<Architecture, GgufError> {
    let key = "general.architecture";
    let name = match metadata.find(key) {
        Some(Value::Text(name)) if !name.is_empty() => name,
        Some(Value::Text(_)) | None => {
            return Err(GgufError::MissingKey { key: Excerpt::of(key) });
        }
        Some(Value::LongText { bytes }) => return Err(too_long(*bytes)),
        Some(other @ (Value::Number(..) | Value::Array(_))) => {
            let (expected, found) = (ValueType::Text, other.value_type());
            return Err(GgufError::WrongType { key: Excerpt::of(key), expected, found });
        }
    };
    if name.len() > ARCHITECTURE_BYTES_MAX {
        return Err(too_long(name.len() as u64));
    }
    if metadata.text("general.type") == Some("adapter") {
        return Err(GgufError::NotAModel { companion: Companion::Adapter });
    }
    if let Some(&(_, companion)) = COMPANIONS.iter().find(|(known, _)| known == name) {
        return Err(GgufError::NotAModel { companion });
    }
    known(name).ok_or_else(|| GgufError::UnsupportedArchitecture { name: Excerpt::of(name) })
}

impl Architecture {
    /// Stands for an architecture that the engine does not know, to describe such a file as far as
    /// its metadata go.
    pub(crate) const UNKNOWN: Architecture =
        Architecture { name: "unknown", memory: ContextMemory::KeyValue };

    /// The names of all that the engine runs.
    pub fn all() -> impl Iterator<Item = &'static str> {
        [KEY_VALUE, HYBRID, RECURRENT, STATELESS].into_iter().flatten().copied()
    }
}

fn too_long(bytes: u64) -> GgufError {
    let (what, limit) = (super::Counted::StringBytes, ARCHITECTURE_BYTES_MAX as u64);
    GgufError::TooLarge { what, found: bytes, limit }
}

fn known(name: &str) -> Option<Architecture> {
    let kinds = [
        (KEY_VALUE, ContextMemory::KeyValue),
        (HYBRID, ContextMemory::Hybrid),
        (RECURRENT, ContextMemory::Recurrent),
        (STATELESS, ContextMemory::None),
    ];
    kinds.into_iter().find_map(|(names, memory)| {
        let name = names.iter().find(|known| **known == name)?;
        Some(Architecture { name, memory })
    })
}
