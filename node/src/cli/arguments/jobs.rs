//! Arguments of the commands that run, hand in and look at jobs.

use clap::{Args, Subcommand, ValueEnum};

use super::super::text::Span;

/// Where a job may run.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Where it may run")]
pub(in super::super) struct PlacementArguments {
    /// Only on this computer: its name, or the beginning of its id; may be repeated
    #[arg(long, value_name = "NODE")]
    pub(in super::super) only: Vec<String>,
    /// Not on this computer; may be repeated
    #[arg(long, value_name = "NODE")]
    pub(in super::super) not: Vec<String>,
    /// Only on the computer that takes it in
    #[arg(long)]
    pub(in super::super) local_only: bool,
    /// Whose computers may see it: a computer that runs a prompt can read it
    #[arg(long, value_name = "WHOSE", default_value = "mesh")]
    pub(in super::super) trust: TrustArgument,
}

/// Whose computers may see a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(in super::super) enum TrustArgument {
    /// Only those of the job's person
    Mine,
    /// All of the mesh
    #[default]
    Mesh,
}

/// How to answer.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "How to answer")]
pub(in super::super) struct AskArguments {
    /// Instructions before the conversation
    #[arg(long, value_name = "TEXT")]
    pub(in super::super) system: Option<String>,
    /// Most tokens of an answer
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub(in super::super) max_tokens: Option<u32>,
    /// Randomness, 0 to 2; 0 always takes the likeliest token
    #[arg(long, value_name = "NUMBER")]
    pub(in super::super) temperature: Option<f32>,
    /// The same seed gives the same answer from the same model
    #[arg(long, value_name = "NUMBER")]
    pub(in super::super) seed: Option<u32>,
    #[command(flatten)]
    pub(in super::super) placement: PlacementArguments,
}

#[derive(Debug, Args)]
pub(in super::super) struct ChatArguments {
    /// What to say; without it a conversation begins, or standard input is read
    #[arg(value_name = "PROMPT")]
    pub(in super::super) prompt: Option<String>,
    /// Which model [default: the best of the mesh that is ready]
    #[arg(long, short, value_name = "MODEL", allow_hyphen_values = true)]
    pub(in super::super) model: Option<String>,
    #[command(flatten)]
    pub(in super::super) ask: AskArguments,
}

#[derive(Debug, Args)]
pub(in super::super) struct RunArguments {
    /// Which model
    #[arg(value_name = "MODEL")]
    pub(in super::super) model: String,
    /// What to say [default: standard input]
    #[arg(value_name = "PROMPT")]
    pub(in super::super) prompt: Option<String>,
    #[command(flatten)]
    pub(in super::super) ask: AskArguments,
}

/// Sorts of work that can be handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in super::super) enum Kind {
    /// A chat turn
    Chat,
    /// Continuation of raw text
    Completion,
    /// The embedding of a text
    Embedding,
}

#[derive(Debug, Args)]
pub(in super::super) struct SubmitArguments {
    /// Which model
    #[arg(value_name = "MODEL")]
    pub(in super::super) model: String,
    /// The prompt or text [default: standard input]
    #[arg(value_name = "PROMPT")]
    pub(in super::super) prompt: Option<String>,
    /// What sort of work it is
    #[arg(long, value_name = "KIND", default_value = "chat")]
    pub(in super::super) kind: Kind,
    /// Put it before batch work: somebody waits
    #[arg(long)]
    pub(in super::super) interactive: bool,
    /// Wait for the result and print it
    #[arg(long)]
    pub(in super::super) wait: bool,
    /// Your own word for this request: the same request with the same word is the same job
    #[arg(long, value_name = "KEY")]
    pub(in super::super) idempotency_key: Option<String>,
    #[command(flatten)]
    pub(in super::super) ask: AskArguments,
}

#[derive(Debug, Args)]
pub(in super::super) struct JobArgument {
    /// The job's id, or its last digits
    #[arg(value_name = "JOB")]
    pub(in super::super) job: String,
}

#[derive(Debug, Args)]
pub(in super::super) struct WaitArguments {
    /// The jobs' ids, or their last digits
    #[arg(value_name = "JOB", required = true)]
    pub(in super::super) jobs: Vec<String>,
    /// Give up after this long, as in 30s, 5m [default: never]
    #[arg(long, value_name = "TIME")]
    pub(in super::super) timeout: Option<Span>,
}

/// What to do with jobs.
#[derive(Debug, Subcommand)]
pub(in super::super) enum JobsAction {
    /// Forget jobs that are over, with what was asked and answered
    Rm(ForgottenJobs),
}

#[derive(Debug, Args)]
pub(in super::super) struct ForgottenJobs {
    /// The jobs' ids, or their last digits
    #[arg(value_name = "JOB", required = true)]
    pub(in super::super) jobs: Vec<String>,
}

#[derive(Debug, Args)]
pub(in super::super) struct JobsArguments {
    /// What to do with them [default: list]
    #[command(subcommand)]
    pub(in super::super) action: Option<JobsAction>,
    /// Only those that are not over
    #[arg(long)]
    pub(in super::super) live: bool,
    /// At most this many, newest first
    #[arg(long, value_name = "COUNT", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(in super::super) limit: u32,
}
