//! The arguments of `pause` and `drain`.

use clap::Args;

use crate::cli::text::Span;

#[derive(Debug, Args)]
pub(crate) struct PauseArguments {
    /// For how long, as in 30m, 2h, 7d [default: until `pumasi resume`]
    #[arg(long = "for", value_name = "TIME")]
    pub(crate) span: Option<Span>,
}

#[derive(Debug, Args)]
pub(crate) struct DrainArguments {
    /// Wait until nothing runs here any more
    #[arg(long)]
    pub(crate) wait: bool,
}
