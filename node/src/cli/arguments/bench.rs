//! The arguments of `bench` and `compare`.

use clap::{Args, ValueEnum};

use super::AskArguments;

/// How measurements are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum BenchFormat {
    /// For people
    #[default]
    Table,
    /// For spreadsheets
    Csv,
    /// For programs
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArguments {
    /// Which models; without one, what was measured before
    #[arg(value_name = "MODEL")]
    pub(crate) models: Vec<String>,
    /// On which computer: its name, or the beginning of its id [default: this one]
    #[arg(long, value_name = "NODE")]
    pub(crate) node: Option<String>,
    /// Tokens of the prompt, about
    #[arg(long, value_name = "TOKENS", value_delimiter = ',', default_value = "128,512",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) context: Vec<u32>,
    /// Answers at once
    #[arg(long, value_name = "COUNT", value_delimiter = ',', default_value = "1,4",
          value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) parallel: Vec<u16>,
    /// Tokens of an answer
    #[arg(long, value_name = "TOKENS", default_value_t = 64,
          value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub(crate) tokens: u32,
    /// How it is written
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(crate) format: BenchFormat,
}

#[derive(Debug, Args)]
pub(in super::super) struct CompareArguments {
    /// Two models or more, and then the prompt
    #[arg(value_name = "MODEL… PROMPT", num_args = 2.., required = true)]
    pub(in super::super) words: Vec<String>,
    /// All words are models; the prompt comes by standard input
    #[arg(long)]
    pub(in super::super) stdin: bool,
    #[command(flatten)]
    pub(in super::super) ask: AskArguments,
}
