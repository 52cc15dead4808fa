//! The arguments of what concerns this install itself: `service`, `config`, `open`.

use clap::{Args, Subcommand};

/// What to do with the service.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ServiceAction {
    /// Start the node now, and from now on whenever you log in
    Install(ServiceInstallArguments),
    /// Stop the node, and do not start it by itself any more; its data stays
    Remove,
    /// Say whether the node is installed as a service, and whether it runs
    Status,
    /// Show what the node logged
    Logs(ServiceLogsArguments),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ServiceInstallArguments {
    /// Start it with the computer, before anybody logs in (Linux; may need an administrator)
    #[arg(long)]
    pub(in crate::cli) at_boot: bool,
    /// Print what would be written and run, and do neither
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ServiceLogsArguments {
    /// How many lines
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 50)]
    pub(in crate::cli) lines: u32,
    /// Go on with what is logged from now on, until Ctrl-C
    #[arg(long, short)]
    pub(in crate::cli) follow: bool,
}

/// What to do with the settings.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ConfigAction {
    /// List all settings, and where each was said
    Show(ConfigShowArguments),
    /// Say whether a node could start with the file and the environment as they are
    Check,
    /// Write a setting into the file
    Set(ConfigSetArguments),
    /// Take a setting out of the file
    Unset(ConfigUnsetArguments),
    /// Print where the file is
    Path,
}

#[derive(Debug, Default, Args)]
pub(in crate::cli) struct ConfigShowArguments {
    /// Only those that were said somewhere
    #[arg(long)]
    pub(in crate::cli) said: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ConfigSetArguments {
    /// Which setting
    #[arg(value_name = "KEY")]
    pub(in crate::cli) key: String,
    /// What it shall be; several make a list
    #[arg(value_name = "VALUE", required = true, allow_hyphen_values = true)]
    pub(in crate::cli) values: Vec<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ConfigUnsetArguments {
    /// Which setting
    #[arg(value_name = "KEY")]
    pub(in crate::cli) key: String,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OpenArguments {
    /// Print the address and open nothing
    #[arg(long)]
    pub(in crate::cli) print: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ManArguments {
    /// The folder to write them to
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub(in crate::cli) folder: std::path::PathBuf,
}
