//! The commands and their options, as clap reads them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::{Places, Settings};

/// Pumasi: the computers of one office lend each other their GPUs.
#[derive(Debug, Parser)]
#[command(name = "pumasi", version, propagate_version = true, max_term_width = 100)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// Options of every command.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Global {
    /// Where this install keeps its data
    #[arg(long, global = true, env = "PUMASI_DATA_DIR", value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// The configuration file [default: config.toml in --data-dir, else in the platform's folder]
    #[arg(long, global = true, env = "PUMASI_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Print one JSON object on standard output, also for errors
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Print results only
    #[arg(long, short, global = true)]
    pub(super) quiet: bool,
}

impl Global {
    pub(super) fn places(&self) -> Places {
        Places { config: self.config.clone(), data_dir: self.data_dir.clone() }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run this computer's node
    Up(UpArguments),
}

#[derive(Debug, Args)]
pub(super) struct UpArguments {
    #[command(flatten)]
    pub(super) settings: Settings,
    /// Open the interface in a browser once the node is up
    #[arg(long)]
    pub(super) open: bool,
}
