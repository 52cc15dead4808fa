//! The commands and their options, as clap reads them.

mod audit;
mod bench;
mod doctor;
mod documents;
mod hub;
mod inspect;
mod install;
mod invitations;
mod jobs;
mod keys;
mod ledger;
mod lending;
mod models;
mod node;
mod pairing;
mod providers;
mod removal;
mod start;
mod usage;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

use crate::config::Places;

pub(super) use audit::AuditArguments;
pub(super) use bench::{BenchArguments, BenchFormat, CompareArguments};
pub(super) use doctor::DoctorArguments;
pub(super) use documents::{FilesArguments, PdfAction, TranslateArguments};
pub(super) use hub::{HubAction, PullArguments, PullsAction, SearchArguments, SearchSort};
pub(super) use inspect::{Cache, InspectArguments, RecommendArguments, Tongue};
pub(super) use install::{
    ConfigAction, ConfigShowArguments, ManArguments, OpenArguments, ServiceAction,
    ServiceInstallArguments, ServiceLogsArguments,
};
pub(super) use invitations::{InvitationsAction, InviteArguments};
pub(super) use jobs::{
    AskArguments, ChatArguments, JobsAction, JobsArguments, Kind, PlacementArguments, RunArguments,
    SubmitArguments, TrustArgument, WaitArguments,
};
pub(super) use keys::{KeyArguments, KeyChangeArguments, KeysAction, Scope};
pub(super) use ledger::{ExportArguments, LedgerAction};
pub(super) use lending::{DrainArguments, PauseArguments};
pub(super) use models::{
    GcArguments, ImportArguments, ImportProgram, ModelAction, ModelPlace, ModelSet, SettingArgument,
};
pub(super) use node::NodeCommand;
pub(super) use pairing::{ApproveArguments, FoundArguments, JoinArguments, Role};
pub(super) use providers::{
    PolicyArgument, ProviderArguments, ProvidersAction, RouteArguments, ShareArguments, Switch,
};
pub(super) use removal::RemoveArguments;
pub(super) use start::{DemoArguments, UpArguments};
pub(super) use usage::{By, UsageArguments};

/// The computers of one office lend each other their GPUs.
///
/// `pumasi up` starts this computer's node. All other commands talk to it.
#[derive(Debug, Parser)]
#[command(
    name = "pumasi",
    version,
    max_term_width = 100,
    after_long_help = "\
Examples:
  pumasi up --open                    start the node and open the interface
  pumasi chat                         talk to a model of the mesh
  pumasi invite                       let another computer in
  pumasi demo                         see a mesh of three nodes at work

Exit codes: 0 done; 2 usage; 65 data; 66 not found; 69 no node answers; 70 failed;
74 input or output; 75 try again later; 77 not allowed; 78 configuration; 130 interrupted"
)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// Options of every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options of every command")]
pub(super) struct Global {
    /// Where this install keeps its data
    #[arg(long, global = true, env = "PUMASI_DATA_DIR", value_name = "DIR",
          value_hint = ValueHint::DirPath)]
    pub(super) data_dir: Option<PathBuf>,
    /// The configuration file [default: config.toml in --data-dir, else in the platform's folder]
    #[arg(long, global = true, env = "PUMASI_CONFIG", value_name = "FILE",
          value_hint = ValueHint::FilePath)]
    pub(super) config: Option<PathBuf>,
    /// The node to talk to, on this computer [default: the one that runs on the data directory]
    #[arg(long, global = true, env = "PUMASI_URL", value_name = "URL")]
    pub(super) url: Option<String>,
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
    #[command(after_long_help = "\
Each option is also a key of config.toml (--mesh-port is mesh_port) and a PUMASI_… variable.

Examples:
  pumasi up
  pumasi up --name window-desk --open
  pumasi up --peer 10.0.0.7 --discovery=false
  pumasi up --data-dir /tmp/second --http 127.0.0.1:0 --mesh-port 0 --data-port 0 --join-port 0")]
    Up(Box<UpArguments>),
    /// All others talk to the running node
    #[command(flatten)]
    Node(NodeCommand),
    /// Join a mesh: show six digits that an admin types, or use an invitation
    #[command(after_long_help = "\
Without an invitation it shows six digits, and waits until an admin has typed them at a computer of
the mesh. They are good for one try and three minutes; then others take their place.

An invitation is also taken before the node's first start: then the next `pumasi up` joins.

Examples:
  pumasi join
  pumasi join pumasi-3kd9…
  pumasi join invitation.txt
  pumasi join --file - <invitation.txt")]
    Join(JoinArguments),
    /// Check, save or put back what this computer's node keeps, while it does not run
    #[command(after_long_help = "\
The ledger holds the jobs, the roster, invitations and settings. A running node copies its records
once a day into the folder ledger-copies of its data directory.

Examples:
  pumasi ledger check
  pumasi ledger export office.ledger
  pumasi ledger restore")]
    Ledger {
        /// What to do with it
        #[command(subcommand)]
        action: LedgerAction,
    },
    /// Explain a model: its parts, attention, quantization, and the memory that it takes
    ///
    /// Reads the header only, never the weights. A file needs no running node.
    #[command(after_long_help = "\
Examples:
  pumasi inspect starter-chat
  pumasi inspect org/Model-7B.Q4_K_M --context 8192 --cache q8_0
  pumasi inspect ./model.gguf --explain --language ko
  pumasi inspect ./model.gguf --tensors --json")]
    Inspect(InspectArguments),
    /// Look for what could be wrong, and say what to do
    ///
    /// Names the cause when computers do not see each other, and says which way around it works.
    #[command(after_long_help = "\
Examples:
  pumasi doctor
  pumasi doctor window-desk
  pumasi doctor 10.0.0.7
  pumasi doctor --json")]
    Doctor(DoctorArguments),
    /// Show a mesh of several nodes on this computer at work
    #[command(after_long_help = "\
Starts nodes with temporary folders on loopback, lets them admit each other, hands jobs to the
first and shows where each ran and why; then stops them and removes the folders.

Examples:
  pumasi demo
  pumasi demo --nodes 5 --jobs 40
  pumasi demo --json")]
    Demo(DemoArguments),
    /// Offer the mesh to an agent as MCP tools, on standard input and output
    ///
    /// For programs that start it themselves; a node must run. The same tools are served over HTTP at
    /// /mcp of the node's address.
    #[command(after_long_help = "\
Examples:
  pumasi mcp
  claude mcp add pumasi -- pumasi mcp")]
    Mcp,
    /// Run the node as a service: started when you log in, and again after a failure
    #[command(after_long_help = "\
On Linux it is a systemd user unit, on macOS a launch agent, on Windows a task at logon; only the
first was tried so far. --data-dir and --config, if given, become part of it.

Examples:
  pumasi service install
  pumasi service status
  pumasi service logs --follow
  pumasi service remove")]
    Service {
        /// What to do with it
        #[command(subcommand)]
        action: ServiceAction,
    },
    /// Show, check or change the settings of config.toml
    #[command(
        args_conflicts_with_subcommands = true,
        after_long_help = "\
A flag of `up` goes before a PUMASI_… variable, that before the file, that before the default. A
node reads them when it starts.

Examples:
  pumasi config
  pumasi config set name window-desk
  pumasi config set peers 10.0.0.7 10.0.0.8
  pumasi config unset slots
  pumasi config check"
    )]
    Config {
        /// What to do with them [default: show]
        #[command(subcommand)]
        action: Option<ConfigAction>,
    },
    /// Open the interface in a browser; starts the service first, if it is installed
    #[command(after_long_help = "Examples:\n  pumasi open\n  pumasi open --print")]
    Open(OpenArguments),
    /// Write the manual pages of all commands into a folder
    #[command(hide = true)]
    Man(ManArguments),
    /// Print a completion script for a shell
    #[command(after_long_help = "\
Examples:
  pumasi completions bash > ~/.local/share/bash-completion/completions/pumasi
  pumasi completions zsh > ~/.zfunc/_pumasi")]
    Completions {
        /// Which shell
        shell: Shell,
    },
}
