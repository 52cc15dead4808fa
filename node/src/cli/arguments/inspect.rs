//! The arguments of `inspect`.

use clap::{Args, ValueEnum};

/// Number format of the KV cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Cache {
    /// 16-bit floats
    #[value(name = "f16")]
    F16,
    /// 8-bit blocks
    #[value(name = "q8_0")]
    Q8_0,
    /// 4-bit blocks
    #[value(name = "q4_0")]
    Q4_0,
}

/// A language of explanations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tongue {
    /// English
    En,
    /// Korean
    Ko,
}

#[derive(Debug, Args)]
pub(crate) struct RecommendArguments {
    /// Language of the reasons [default: that of the terminal]
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) language: Option<Tongue>,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// A model of the mesh, a GGUF file, or its http address
    #[arg(value_name = "MODEL|FILE|URL")]
    pub(crate) what: String,
    /// Whose file: a computer's name, or the beginning of its id [default: any]
    #[arg(long, value_name = "NODE")]
    pub(crate) node: Option<String>,
    /// Tokens of each slot, for what loading takes [default: as it would be loaded]
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) context: Option<u32>,
    /// Requests at once, for what loading takes [default: as it would be loaded]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) slots: Option<u16>,
    /// Format of the KV cache
    #[arg(long, value_name = "FORMAT")]
    pub(crate) cache: Option<Cache>,
    /// Blocks on graphics cards [default: all]
    #[arg(long, value_name = "COUNT")]
    pub(crate) gpu_layers: Option<u32>,
    /// List every kind of tensor with its types
    #[arg(long)]
    pub(crate) tensors: bool,
    /// Explain each part in plain words
    #[arg(long)]
    pub(crate) explain: bool,
    /// Language of the explanations [default: that of the terminal]
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) language: Option<Tongue>,
}
