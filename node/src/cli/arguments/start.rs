//! Options of what starts nodes.

use clap::Args;

use crate::config::Settings;

#[derive(Debug, Args)]
pub(in crate::cli) struct UpArguments {
    #[command(flatten)]
    pub(in crate::cli) settings: Settings,
    /// Show the interface in a browser once the node is up, where there is a display
    #[arg(long)]
    pub(in crate::cli) open: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DemoArguments {
    /// How many nodes to start
    #[arg(long, value_name = "COUNT", default_value_t = 3,
          value_parser = clap::value_parser!(u8).range(1..=9))]
    pub(in crate::cli) nodes: u8,
    /// How many jobs to hand in
    #[arg(long, value_name = "COUNT", default_value_t = 12,
          value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(in crate::cli) jobs: u16,
}
