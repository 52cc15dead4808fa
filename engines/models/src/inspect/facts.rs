//! What a header does not tell: which family an architecture belongs to, how it knows the order of
//! tokens, what its feed-forward layers bend with, how it keeps numbers in range.
//!
//! Source: `llama_model_rope_type` in llama-model.cpp, and the graph of each architecture in
//! models/NAME.cpp of llama.cpp, as packed in llama-cpp-sys-2 0.1.161. What several models of one
//! architecture do differently is left open.

use serde::{Deserialize, Serialize};

/// How a model knows in which order tokens come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Positions {
    /// Queries and keys are turned by an angle that grows with the position (RoPE).
    Rotary,
    /// Far tokens weigh less, by a fixed slope (ALiBi).
    Alibi,
    /// Each position has a learned vector.
    Learned,
    /// Distances have a learned weight.
    Relative,
    /// The order follows from the recurrence alone.
    None,
}

/// The curve inside a feed-forward layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// Sigmoid-weighted linear unit.
    Silu,
    /// Gaussian error linear unit.
    Gelu,
    /// Negative numbers become 0.
    Relu,
    /// The same, squared.
    ReluSquared,
    /// SiLU within bounds, as gpt-oss has it.
    ClampedSilu,
}

/// What keeps numbers in range between layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// Divides by the root mean square.
    RootMeanSquare,
    /// Also subtracts the mean.
    Layer,
}

/// What is known of an architecture. `None`: it differs between models, or is none of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The family, as people call it; `None` where the architecture's name says it all.
    pub family: Option<&'static str>,
    /// Positions.
    pub positions: Option<Positions>,
    /// Activation.
    pub activation: Option<Activation>,
    /// Norm.
    pub norm: Option<Norm>,
    /// The file of llama.cpp that computes it.
    pub source: &'static str,
}

/// What is known of `architecture`; `None` if llama.cpp does not know it.
pub fn facts(architecture: &str) -> Option<Facts> {
    let at = TABLE.binary_search_by(|row| row.0.cmp(architecture)).ok()?;
    let (_, family, positions, activation, norm, source) = TABLE[at];
    let family = Some(family).filter(|family| !family.is_empty());
    Some(Facts { family, positions, activation, norm, source })
}

type Row =
    (&'static str, &'static str, Option<Positions>, Option<Activation>, Option<Norm>, &'static str);

const ROTARY: Option<Positions> = Some(Positions::Rotary);
const ALIBI: Option<Positions> = Some(Positions::Alibi);
const LEARNED: Option<Positions> = Some(Positions::Learned);
const RELATIVE: Option<Positions> = Some(Positions::Relative);
const NONE: Option<Positions> = Some(Positions::None);
const ANY: Option<Positions> = None;
const SILU: Option<Activation> = Some(Activation::Silu);
const GELU: Option<Activation> = Some(Activation::Gelu);
const RELU: Option<Activation> = Some(Activation::Relu);
const RELU2: Option<Activation> = Some(Activation::ReluSquared);
const CLAMP: Option<Activation> = Some(Activation::ClampedSilu);
const OWN: Option<Activation> = None;
const RMS: Option<Norm> = Some(Norm::RootMeanSquare);
const LAYER: Option<Norm> = Some(Norm::Layer);
const MIXED: Option<Norm> = None;

/// In the order of the names, for the search.
const TABLE: &[Row] = &[
    ("afmoe", "AFM (experts)", ROTARY, SILU, RMS, "afmoe"),
    ("apertus", "Apertus", ROTARY, OWN, RMS, "apertus"),
    ("arcee", "Arcee", ROTARY, RELU2, RMS, "arcee"),
    ("arctic", "Arctic", ROTARY, SILU, RMS, "arctic"),
    ("arwkv7", "", NONE, SILU, RMS, "arwkv7"),
    ("baichuan", "Baichuan", ANY, SILU, RMS, "baichuan"),
    ("bailingmoe", "Ling", ROTARY, SILU, RMS, "bailingmoe"),
    ("bailingmoe2", "Ling 2", ROTARY, SILU, RMS, "bailingmoe2"),
    ("bailingmoe3", "", ROTARY, SILU, RMS, "bailingmoe3"),
    ("bert", "BERT", LEARNED, GELU, LAYER, "bert"),
    ("bitnet", "BitNet", ROTARY, SILU, RMS, "bitnet"),
    ("bloom", "BLOOM", ALIBI, GELU, LAYER, "bloom"),
    ("chameleon", "Chameleon", ROTARY, SILU, MIXED, "chameleon"),
    ("chatglm", "ChatGLM", ROTARY, SILU, RMS, "chatglm"),
    ("clef", "", ROTARY, SILU, MIXED, "clef"),
    ("codeshell", "CodeShell", ROTARY, GELU, LAYER, "codeshell"),
    ("cogvlm", "CogVLM", ROTARY, SILU, RMS, "cogvlm"),
    ("cohere2", "Command R7B and A (Cohere 2)", ROTARY, SILU, LAYER, "cohere2"),
    ("cohere2moe", "Cohere 2 (experts)", ROTARY, SILU, MIXED, "cohere2moe"),
    ("command-r", "Command R", ROTARY, SILU, LAYER, "command-r"),
    ("dbrx", "DBRX", ROTARY, SILU, LAYER, "dbrx"),
    ("deci", "Llama Nemotron (DeciLM)", ROTARY, SILU, RMS, "deci"),
    ("deepseek", "DeepSeek", ROTARY, SILU, RMS, "deepseek"),
    ("deepseek2", "DeepSeek V2, V3 and R1", ROTARY, SILU, RMS, "deepseek2"),
    ("deepseek2-ocr", "", ROTARY, SILU, RMS, "deepseek2"),
    ("deepseek32", "DeepSeek V3.2", ROTARY, SILU, MIXED, "deepseek32"),
    ("deepseek4", "DeepSeek V4", ROTARY, SILU, RMS, "deepseek4"),
    ("dots1", "dots.llm1", ROTARY, SILU, RMS, "dots1"),
    ("dots3note", "", ROTARY, SILU, MIXED, "dots3note"),
    ("dream", "Dream", ROTARY, SILU, RMS, "dream"),
    ("ernie4_5", "ERNIE 4.5", ROTARY, SILU, RMS, "ernie4-5"),
    ("ernie4_5-moe", "ERNIE 4.5 (experts)", ROTARY, SILU, RMS, "ernie4-5-moe"),
    ("eurobert", "EuroBERT", ROTARY, SILU, RMS, "eurobert"),
    ("exaone", "EXAONE", ROTARY, SILU, RMS, "exaone"),
    ("exaone-moe", "EXAONE (experts)", ROTARY, SILU, RMS, "exaone-moe"),
    ("exaone4", "EXAONE 4", ROTARY, SILU, RMS, "exaone4"),
    ("falcon", "Falcon", ROTARY, GELU, LAYER, "falcon"),
    ("falcon-h1", "Falcon H1", ROTARY, SILU, RMS, "falcon-h1"),
    ("gemma", "Gemma", ROTARY, GELU, RMS, "gemma"),
    ("gemma-embedding", "EmbeddingGemma", ROTARY, GELU, RMS, "gemma-embedding"),
    ("gemma2", "Gemma 2", ROTARY, GELU, RMS, "gemma2"),
    ("gemma3", "Gemma 3", ROTARY, GELU, RMS, "gemma3"),
    ("gemma3n", "Gemma 3n", ROTARY, OWN, RMS, "gemma3n"),
    ("gemma4", "Gemma 4", ROTARY, GELU, RMS, "gemma4"),
    ("glm-dsa", "", ROTARY, SILU, MIXED, "glm-dsa"),
    ("glm4", "GLM-4", ROTARY, SILU, RMS, "glm4"),
    ("glm4moe", "GLM-4 (experts)", ROTARY, SILU, RMS, "glm4-moe"),
    ("glm5-next", "", NONE, SILU, MIXED, "glm5-next"),
    ("gpt-oss", "gpt-oss", ROTARY, CLAMP, RMS, "openai-moe"),
    ("gpt2", "GPT-2", LEARNED, GELU, LAYER, "gpt2"),
    ("gptneox", "GPT-NeoX", ROTARY, GELU, LAYER, "gptneox"),
    ("granite", "Granite", ROTARY, SILU, RMS, "granite"),
    ("granite_swa", "", ROTARY, SILU, RMS, "granite-swa"),
    ("granitehybrid", "Granite (hybrid)", ROTARY, SILU, RMS, "granite-hybrid"),
    ("granitemoe", "Granite (experts)", ROTARY, SILU, RMS, "granite"),
    ("graniteswitch", "", ROTARY, OWN, RMS, "granite-switch"),
    ("grok", "Grok", ROTARY, GELU, RMS, "grok"),
    ("grovemoe", "GroveMoE", ROTARY, SILU, RMS, "grovemoe"),
    ("hrm_text", "", ROTARY, SILU, RMS, "hrm-text"),
    ("hunyuan-dense", "Hunyuan", ROTARY, SILU, RMS, "hunyuan-vl"),
    ("hunyuan-moe", "Hunyuan (experts)", ROTARY, SILU, RMS, "hunyuan-moe"),
    ("hunyuan_vl", "", ROTARY, SILU, RMS, "hunyuan-vl"),
    ("hy_v3", "", ROTARY, SILU, RMS, "hy-v3"),
    ("hy_v4", "", ROTARY, SILU, MIXED, "hy-v4"),
    ("internlm2", "InternLM 2", ROTARY, SILU, RMS, "internlm2"),
    ("jais", "Jais", ALIBI, SILU, LAYER, "jais"),
    ("jais2", "", ROTARY, RELU2, LAYER, "jais2"),
    ("jamba", "Jamba", NONE, SILU, RMS, "jamba"),
    ("jina-bert-v2", "Jina BERT v2", NONE, GELU, LAYER, "bert"),
    ("jina-bert-v3", "Jina BERT v3", ROTARY, GELU, LAYER, "bert"),
    ("kimi-k3", "Kimi K3", NONE, OWN, RMS, "kimi-k3"),
    ("kimi-linear", "Kimi Linear", NONE, SILU, RMS, "kimi-linear"),
    ("laguna", "", ROTARY, SILU, RMS, "laguna"),
    ("lfm2", "LFM 2", ROTARY, SILU, RMS, "lfm2"),
    ("lfm2moe", "LFM 2 (experts)", ROTARY, SILU, RMS, "lfm2"),
    ("llada", "LLaDA", ROTARY, SILU, RMS, "llada"),
    ("llada-moe", "LLaDA (experts)", ROTARY, SILU, RMS, "llada-moe"),
    ("llama", "Llama", ROTARY, SILU, RMS, "llama"),
    ("llama-embed", "Llama (embeddings)", ROTARY, SILU, RMS, "llama"),
    ("llama4", "Llama 4", ROTARY, SILU, RMS, "llama4"),
    ("maincoder", "", ROTARY, SILU, RMS, "maincoder"),
    ("mamba", "Mamba", NONE, OWN, RMS, "mamba-base"),
    ("mamba2", "Mamba 2", NONE, OWN, RMS, "mamba-base"),
    ("maple", "", ROTARY, SILU, RMS, "maple"),
    ("mellum", "", ROTARY, SILU, RMS, "mellum"),
    ("mimo2", "MiMo 2", ROTARY, SILU, RMS, "mimo2"),
    ("minicpm", "MiniCPM", ROTARY, SILU, RMS, "granite"),
    ("minicpm3", "MiniCPM 3", ROTARY, SILU, RMS, "minicpm3"),
    ("minimax-01", "MiniMax-01", ROTARY, SILU, RMS, "minimax-01"),
    ("minimax-m2", "MiniMax M2", ROTARY, SILU, RMS, "minimax-m2"),
    ("minimax-m3", "MiniMax M3", ROTARY, CLAMP, RMS, "minimax-m3"),
    ("mistral3", "Mistral 3", ROTARY, SILU, RMS, "mistral3"),
    ("mistral4", "Mistral 4", ROTARY, SILU, RMS, "deepseek2"),
    ("modern-bert", "ModernBERT", ROTARY, GELU, LAYER, "modern-bert"),
    ("mpt", "MPT", ALIBI, GELU, LAYER, "mpt"),
    ("muse-glimmer", "", ROTARY, SILU, RMS, "muse-glimmer"),
    ("nanbeige", "", ROTARY, SILU, RMS, "nanbeige"),
    ("nemotron", "Nemotron", ROTARY, RELU2, LAYER, "nemotron"),
    ("nemotron_h", "Nemotron-H", NONE, RELU2, RMS, "nemotron-h"),
    ("nemotron_h_moe", "Nemotron-H (experts)", NONE, RELU2, MIXED, "nemotron-h-moe"),
    ("neo-bert", "NeoBERT", ROTARY, SILU, RMS, "neo-bert"),
    ("nomic-bert", "Nomic BERT", ROTARY, SILU, LAYER, "bert"),
    ("nomic-bert-moe", "Nomic BERT (experts)", ROTARY, GELU, LAYER, "bert"),
    ("olmo", "OLMo", ROTARY, SILU, LAYER, "olmo"),
    ("olmo2", "OLMo 2", ROTARY, SILU, RMS, "olmo2"),
    ("olmoe", "OLMoE", ROTARY, SILU, RMS, "olmoe"),
    ("openelm", "OpenELM", ROTARY, SILU, RMS, "openelm"),
    ("orion", "Orion", ROTARY, SILU, LAYER, "orion"),
    ("paddleocr", "PaddleOCR", ROTARY, SILU, RMS, "paddleocr"),
    ("pangu-embedded", "Pangu", ROTARY, SILU, RMS, "pangu-embed"),
    ("phi2", "Phi-2", ROTARY, GELU, LAYER, "phi2"),
    ("phi3", "Phi-3 and Phi-4", ROTARY, SILU, RMS, "phi3"),
    ("phimoe", "Phi-3.5 (experts)", ROTARY, SILU, RMS, "phi3"),
    ("plamo", "PLaMo", ROTARY, SILU, RMS, "plamo"),
    ("plamo2", "PLaMo 2", ROTARY, SILU, RMS, "plamo2"),
    ("plamo3", "PLaMo 3", ROTARY, SILU, RMS, "plamo3"),
    ("plm", "PLM", ROTARY, RELU2, RMS, "plm"),
    ("qwen", "Qwen", ROTARY, SILU, RMS, "qwen"),
    ("qwen2", "Qwen 2", ROTARY, SILU, RMS, "qwen2"),
    ("qwen2moe", "Qwen 2 (experts)", ROTARY, SILU, RMS, "qwen2moe"),
    ("qwen2vl", "Qwen 2 VL", ROTARY, SILU, RMS, "qwen2vl"),
    ("qwen3", "Qwen 3", ROTARY, SILU, RMS, "qwen3"),
    ("qwen35", "Qwen 3.5", ROTARY, SILU, RMS, "qwen35"),
    ("qwen35moe", "Qwen 3.5 (experts)", ROTARY, SILU, RMS, "qwen35moe"),
    ("qwen3moe", "Qwen 3 (experts)", ROTARY, SILU, RMS, "qwen3moe"),
    ("qwen3next", "Qwen 3 Next", ROTARY, SILU, RMS, "qwen3next"),
    ("qwen3vl", "Qwen 3 VL", ROTARY, SILU, RMS, "qwen3vl"),
    ("qwen3vlmoe", "Qwen 3 VL (experts)", ROTARY, SILU, RMS, "qwen3vlmoe"),
    ("qwen4exp", "", ROTARY, SILU, RMS, "qwen4exp"),
    ("refact", "Refact", ALIBI, SILU, RMS, "refact"),
    ("rnd1", "", ROTARY, SILU, RMS, "rnd1"),
    ("rwkv6", "RWKV 6", NONE, OWN, LAYER, "rwkv6"),
    ("rwkv6qwen2", "", NONE, SILU, RMS, "rwkv6qwen2"),
    ("rwkv7", "RWKV 7", NONE, OWN, LAYER, "rwkv7"),
    ("seed_oss", "Seed-OSS", ROTARY, SILU, RMS, "seed-oss"),
    ("smallthinker", "SmallThinker", ROTARY, RELU, RMS, "smallthinker"),
    ("smollm3", "SmolLM 3", ROTARY, SILU, RMS, "smollm3"),
    ("spark2_5", "", ROTARY, GELU, RMS, "spark2-5"),
    ("stablelm", "StableLM", ROTARY, SILU, LAYER, "stablelm"),
    ("starcoder", "StarCoder", LEARNED, GELU, LAYER, "starcoder"),
    ("starcoder2", "StarCoder 2", ROTARY, GELU, LAYER, "starcoder2"),
    ("step35", "Step 3.5", ROTARY, SILU, RMS, "step35"),
    ("t5", "T5", RELATIVE, OWN, RMS, "t5"),
    ("t5encoder", "T5 encoder", RELATIVE, OWN, RMS, "t5"),
    ("talkie", "Talkie", ROTARY, SILU, RMS, "talkie"),
    ("xverse", "XVERSE", ROTARY, SILU, RMS, "xverse"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gguf::Architecture;

    #[test]
    fn the_table_is_in_order_and_covers_what_the_engine_runs() {
        assert!(TABLE.windows(2).all(|pair| pair[0].0 < pair[1].0));
        // `gptj` is a name without a graph in llama.cpp.
        let missing: Vec<_> =
            Architecture::all().filter(|name| facts(name).is_none() && *name != "gptj").collect();
        assert_eq!(missing, Vec::<&str>::new());
    }

    #[test]
    fn families_by_the_graphs_of_the_engine() {
        let qwen = facts("qwen3").expect("it is known");
        assert_eq!((qwen.family, qwen.positions), (Some("Qwen 3"), Some(Positions::Rotary)));
        assert_eq!(
            (qwen.activation, qwen.norm),
            (Some(Activation::Silu), Some(Norm::RootMeanSquare))
        );
        assert_eq!(facts("gpt-oss").and_then(|f| f.activation), Some(Activation::ClampedSilu));
        assert_eq!(facts("mamba").and_then(|f| f.positions), Some(Positions::None));
        assert_eq!(facts("no-such-model"), None);
    }
}
