//! The commands that only a running node can answer.

use clap::Subcommand;

use super::audit::AuditArguments;
use super::bench::{BenchArguments, CompareArguments};
use super::documents::{PdfAction, TranslateArguments};
use super::hub::{HubAction, PullArguments, PullsAction, SearchArguments};
use super::inspect::RecommendArguments;
use super::invitations::{InvitationsAction, InviteArguments};
use super::jobs::{
    ChatArguments, JobArgument, JobsArguments, RunArguments, SubmitArguments, WaitArguments,
};
use super::keys::KeysAction;
use super::lending::{DrainArguments, PauseArguments};
use super::models::ModelAction;
use super::pairing::{ApproveArguments, FoundArguments};
use super::providers::{ProvidersAction, RouteArguments};
use super::removal::RemoveArguments;
use super::usage::UsageArguments;

/// What only a running node can answer.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum NodeCommand {
    /// Show this computer's node and its mesh
    #[command(after_long_help = "Examples:\n  pumasi status\n  pumasi status --json")]
    Status,
    /// List the computers of the mesh
    #[command(after_long_help = "Examples:\n  pumasi peers\n  pumasi peers --json")]
    Peers,
    /// List the models of the mesh, load, unload or set one, and look after those on this disk
    #[command(
        args_conflicts_with_subcommands = true,
        after_long_help = "\
Examples:
  pumasi models
  pumasi models load starter-chat
  pumasi models unload org/Model-7B.Q4_K_M --node window-desk
  pumasi models copy org/Model-7B.Q4_K_M
  pumasi models set org/Model-7B.Q4_K_M context=16384 cache=q8_0 ttl=1h
  pumasi models import ~/Downloads/model.gguf
  pumasi models import --from ollama --dry-run
  pumasi models disk
  pumasi models gc --unused-days 90"
    )]
    Models {
        /// What to do with them [default: list]
        #[command(subcommand)]
        action: Option<ModelAction>,
    },
    /// Measure how fast models read and write, or list what was measured
    #[command(after_long_help = "\
The figures are those that a program sees, and this computer keeps the newest of them.

Examples:
  pumasi bench org/Model-7B.Q4_K_M
  pumasi bench org/Model-7B.Q4_K_M --node window-desk --context 128,4096 --parallel 1,4,8
  pumasi bench --format csv > measured.csv")]
    Bench(BenchArguments),
    /// Ask several models the same, side by side
    #[command(after_long_help = "\
Examples:
  pumasi compare starter-chat org/Model-7B.Q4_K_M 'upper: hello'
  git diff | pumasi compare --stdin org/Model-7B.Q4_K_M org/Model-14B.Q4_K_M")]
    Compare(CompareArguments),
    /// Look for models at the hub, or list what of one can be downloaded
    #[command(after_long_help = "\
Examples:
  pumasi search 'llama 3.2 instruct'
  pumasi search qwen --author bartowski --sort recent
  pumasi search bartowski/Llama-3.2-1B-Instruct-GGUF
  pumasi search bartowski/Llama-3.2-1B-Instruct-GGUF --card")]
    Search(SearchArguments),
    /// Download a model; it can be used as soon as it is there
    #[command(after_long_help = "\
Ctrl-C only stops looking: the node goes on with it, also after a restart. See `pumasi pulls`.

Examples:
  pumasi pull bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M
  pumasi pull hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF --name llama
  pumasi pull https://huggingface.co/owner/name/blob/main/file.gguf --detach")]
    Pull(PullArguments),
    /// List downloads, pause or resume one
    #[command(
        args_conflicts_with_subcommands = true,
        after_long_help = "Examples:\n  pumasi pulls\n  pumasi pulls pause 1f2e3d4c5a6b\n  \
                           pumasi pulls resume 1f2e3d4c5a6b"
    )]
    Pulls {
        /// What to do with them [default: list]
        #[command(subcommand)]
        action: Option<PullsAction>,
    },
    /// Log in to the hub, for models whose owners ask who takes them
    #[command(after_long_help = "\
Examples:
  pumasi hub login <token.txt
  pumasi hub logout")]
    Hub {
        /// What to do
        #[command(subcommand)]
        action: HubAction,
    },
    /// Talk to a model: a conversation, or one answer for a given prompt
    #[command(after_long_help = "\
Without a prompt, and on a terminal, it is a conversation. Ctrl-C stops an answer, Ctrl-D ends it.

Examples:
  pumasi chat
  pumasi chat 'upper: hello'
  git diff | pumasi chat --model org/Model-7B.Q4_K_M --system 'Review this patch.'")]
    Chat(ChatArguments),
    /// Recommend well-known models for this computer and the mesh, and say why
    #[command(after_long_help = "\
What fits is reckoned from each model's shape and the memory that is free now; how fast it would be,
from what this computer was measured to do.

Examples:
  pumasi recommend
  pumasi recommend --json")]
    Recommend(RecommendArguments),
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
    /// Read documents: their text, pages and pictures, summaries, answers, data
    #[command(
        visible_alias = "doc",
        after_long_help = "\
PDF, DOCX, PPTX, XLSX, HTML, Markdown, TXT, CSV, JSON and subtitles. Any computer of the mesh does the
work; a file that cannot be read fails by itself.

Examples:
  pumasi pdf extract report.pdf
  pumasi pdf extract papers --out texts
  pumasi pdf ask contract.pdf -q 'When does it end?'
  pumasi pdf summarise *.pdf --words 100
  pumasi pdf translate slides.pptx --to Korean --out done"
    )]
    Pdf {
        /// What to do with them
        #[command(subcommand)]
        action: PdfAction,
    },
    /// Put documents into another language, their form kept
    #[command(after_long_help = "Examples:\n  pumasi translate letter.docx --to Korean --out done")]
    Translate(TranslateArguments),
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
  pumasi providers share openai --with everyone --tokens-a-day 200000
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
