//! Options of `remove`.

use clap::Args;

#[derive(Debug, Args)]
pub(in crate::cli) struct RemoveArguments {
    /// Which computer: its name, or the beginning of its id
    #[arg(value_name = "NODE")]
    pub(in crate::cli) node: String,
    /// Do not ask, also if only one admin is left then
    #[arg(long)]
    pub(in crate::cli) yes: bool,
}
