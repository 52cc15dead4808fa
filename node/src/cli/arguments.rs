//! The commands and their options, as clap reads them.

mod audit;
mod doctor;
mod invitations;
mod jobs;
mod keys;
mod ledger;
mod lending;
mod models;
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
pub(super) use doctor::DoctorArguments;
pub(super) use invitations::{InvitationsAction, InviteArguments};
pub(super) use jobs::{
    AskArguments, ChatArguments, JobArgument, JobsAction, JobsArguments, Kind, PlacementArguments,
    RunArguments, SubmitArguments, TrustArgument, WaitArguments,
};
pub(super) use keys::{KeyArguments, KeyChangeArguments, KeysAction, Scope};
pub(super) use ledger::{ExportArguments, LedgerAction};
pub(super) use lending::{DrainArguments, PauseArguments};
pub(super) use models::{ModelAction, ModelPlace};
pub(super) use pairing::{ApproveArguments, FoundArguments, JoinArguments, Role};
pub(super) use providers::{
    PolicyArgument, ProviderArguments, ProvidersAction, RouteArguments, Switch,
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

/// What only a running node can answer.
#[derive(Debug, Subcommand)]
pub(super) enum NodeCommand {
    /// Show this computer's node and its mesh
    #[command(after_long_help = "Examples:\n  pumasi status\n  pumasi status --json")]
    Status,
    /// List the computers of the mesh
    #[command(after_long_help = "Examples:\n  pumasi peers\n  pumasi peers --json")]
    Peers,
    /// List the models of the mesh, load or unload one
    #[command(
        args_conflicts_with_subcommands = true,
        after_long_help = "\
Examples:
  pumasi models
  pumasi models load starter-chat
  pumasi models unload org/Model-7B.Q4_K_M --node window-desk"
    )]
    Models {
        /// What to do with them [default: list]
        #[command(subcommand)]
        action: Option<ModelAction>,
    },
    /// Talk to a model: a conversation, or one answer for a given prompt
    #[command(after_long_help = "\
Without a prompt, and on a terminal, it is a conversation. Ctrl-C stops an answer, Ctrl-D ends it.

Examples:
  pumasi chat
  pumasi chat 'upper: hello'
  git diff | pumasi chat --model org/Model-7B.Q4_K_M --system 'Review this patch.'")]
    Chat(ChatArguments),
    /// Ask one model one thing
    #[command(after_long_help = "\
Examples:
  pumasi run starter-chat 'repeat: hello'
  pumasi run starter-chat 'count: pumasi' --only window-desk
  pumasi run starter-chat -- '-5 is a number'
  cat notes.txt | pumasi run starter-chat --json")]
    Run(RunArguments),
    /// Hand in a job that goes on when you leave
    #[command(after_long_help = "\
Examples:
  pumasi submit starter-chat 'upper: hello'
  pumasi submit starter-chat 'reverse: hello' --wait
  pumasi watch $(pumasi submit starter-chat 'upper: hello')")]
    Submit(SubmitArguments),
    /// Follow a job until it ends
    #[command(after_long_help = "Examples:\n  pumasi watch 1f2e3d4c")]
    Watch(JobArgument),
    /// Wait until jobs have ended
    #[command(after_long_help = "\
Exits with 0 when all completed, 70 when one did not.

Examples:
  pumasi wait 1f2e3d4c 5a6b7c8d
  pumasi wait --timeout 5m 1f2e3d4c")]
    Wait(WaitArguments),
    /// Cancel a job
    #[command(after_long_help = "Examples:\n  pumasi cancel 1f2e3d4c")]
    Cancel(JobArgument),
    /// Take over a job whose computer is lost
    #[command(after_long_help = "\
A lasting job is kept by three computers, and goes on by itself when one of them is lost. In a mesh
of two it waits for its computer, unless somebody adopts it. Should that computer come back with
another end of the job, the adopted one counts.

Examples:
  pumasi adopt 1f2e3d4c")]
    Adopt(JobArgument),
    /// Print the result of a job
    #[command(after_long_help = "Examples:\n  pumasi get 1f2e3d4c\n  pumasi get 1f2e3d4c --json")]
    Get(JobArgument),
    /// List jobs, or forget some that are over
    #[command(
        args_conflicts_with_subcommands = true,
        after_long_help = "Examples:\n  pumasi jobs\n  pumasi jobs --live\n  pumasi jobs rm 1f2e3d4c"
    )]
    Jobs(JobsArguments),
    /// Explain why a job is where it is
    #[command(after_long_help = "\
Shows each candidate, its predicted time term by term, and the reason of each refusal.

Examples:
  pumasi why 1f2e3d4c")]
    Why(JobArgument),
    /// Take no new jobs of others
    ///
    /// What runs here for others finishes, and jobs of this computer go on. It outlives restarts.
    #[command(after_long_help = "\
Examples:
  pumasi pause
  pumasi pause --for 2h
  pumasi resume")]
    Pause(PauseArguments),
    /// Take jobs again, after `pause` or `drain`
    #[command(after_long_help = "Examples:\n  pumasi resume")]
    Resume,
    /// Take no new jobs at all, and hand back those that wait
    ///
    /// What runs here finishes; jobs of this computer run elsewhere. It outlives restarts: take it
    /// back with `pumasi resume`.
    #[command(after_long_help = "\
Examples:
  pumasi drain
  pumasi drain --wait && sudo poweroff")]
    Drain(DrainArguments),
    /// List API keys, make, change or revoke one
    #[command(
        args_conflicts_with_subcommands = true,
        after_long_help = "\
A key lets a program in from another computer (`pumasi up --http-public 0.0.0.0:7866`), and tells
whose jobs are whose on this one. Letting computers in and making keys is never opened by one.

Examples:
  pumasi keys
  pumasi keys create office-bot --expires 30d --rpm 60 --tokens-per-day 200000
  pumasi keys create ci --person kim --scope inference,jobs
  pumasi keys revoke office-bot"
    )]
    Keys {
        /// What to do with them [default: list]
        #[command(subcommand)]
        action: Option<KeysAction>,
    },
    /// List providers of models elsewhere, set one up, try or remove one
    #[command(
        args_conflicts_with_subcommands = true,
        after_long_help = "\
A provider is a cloud (OpenAI, Anthropic, Gemini, …) or a model server near by (Ollama, LM Studio,
vLLM, llama-server). Its models are asked for as ID/MODEL, in any dialect. Text that goes to a cloud
leaves the office.

Examples:
  pumasi providers
  pumasi providers kinds
  pumasi providers add openai < key.txt
  pumasi providers add openai-compatible --id lab --base http://10.0.0.7:8000/v1 --no-key
  pumasi providers check openai"
    )]
    Providers {
        /// What to do with them [default: list]
        #[command(subcommand)]
        action: Option<ProvidersAction>,
    },
    /// Show or change when providers are asked, and who stands in for them
    #[command(after_long_help = "\
Examples:
  pumasi route
  pumasi route --policy cloud-first --stand-in starter-chat
  pumasi route --alias fast=groq/llama-3.1-8b-instant,starter-chat
  pumasi route --rehearsal on       see what the office does without its clouds")]
    Route(RouteArguments),
    /// Make an invitation for another computer
    #[command(after_long_help = "\
Examples:
  pumasi invite
  pumasi invite --count 5 --expires 8h --file for-the-lab.txt
  pumasi invite --qr
  pumasi invite --person kim --role worker-only")]
    Invite(InviteArguments),
    /// List the open invitations of this computer, or withdraw one
    #[command(
        args_conflicts_with_subcommands = true,
        after_long_help = "Examples:\n  pumasi invitations\n  pumasi invitations withdraw 3f9a"
    )]
    Invitations {
        /// What to do with them [default: list]
        #[command(subcommand)]
        action: Option<InvitationsAction>,
    },
    /// Let in the computer that shows these six digits, or list those that ask
    #[command(after_long_help = "\
Only admins may. What a computer says of itself before it is let in is not verified; the digits are.

Examples:
  pumasi approve
  pumasi approve 482913
  pumasi approve 482913 --node window-desk --person kim
  pumasi approve 482913 --address 10.0.0.7")]
    Approve(ApproveArguments),
    /// Remove a computer from the mesh, for good
    ///
    /// Its work goes on elsewhere, and it can only come back with a new identity.
    #[command(after_long_help = "\
Only admins may, and none removes itself. To leave only one admin has to be confirmed.

Examples:
  pumasi remove window-desk
  pumasi remove 3f9a --yes")]
    Remove(RemoveArguments),
    /// Show who let in or removed whom, who made keys, and who ran what where
    ///
    /// Sizes, times and names; never what was asked or answered. Admins see all that their computer
    /// knows, others what concerns their person.
    #[command(after_long_help = "\
Examples:
  pumasi audit
  pumasi audit --since 30d --person kim
  pumasi audit --csv > audit.csv")]
    Audit(AuditArguments),
    /// Show who used how much of what, where, and what it cost by list prices
    #[command(after_long_help = "\
Examples:
  pumasi usage
  pumasi usage --by person,model --from 2026-03-01 --to 2026-03-31
  pumasi usage --by day,place --csv > usage.csv")]
    Usage(UsageArguments),
    /// Start a mesh with this computer as its first
    #[command(after_long_help = "Examples:\n  pumasi found\n  pumasi found 'third floor'")]
    Found(FoundArguments),
}
