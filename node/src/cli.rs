//! The command line: parses, finds the running node, calls its API, prints. It knows the API's JSON
//! types and nothing of how a mesh works; only `up` and `demo` start something.

mod answer;
mod arguments;
mod audit;
mod bench;
mod browser;
mod chat;
pub(crate) mod client;
mod compare;
mod copies;
mod doctor;
mod documents;
mod events;
pub(crate) mod failure;
mod hub;
mod input;
mod inspect;
mod invitation;
mod inviting;
mod jobs;
mod keys;
mod ledger;
mod lending;
mod limits;
mod logging;
pub(crate) mod lookup;
mod manual;
mod mcp;
pub(crate) mod mesh;
mod model_settings;
mod models;
mod open;
mod outage;
pub(crate) mod output;
mod pairing;
mod parse;
mod providers;
mod pulls;
mod removal;
mod service;
mod settings;
mod sharing;
mod stored;
pub(crate) mod table;
pub(crate) mod text;
mod up;
mod usage;
mod why;

use std::ffi::OsString;
use std::process::ExitCode;

use arguments::{Cli, Command, Global, NodeCommand};
use client::Client;
use failure::{Failure, Kind};
use output::Output;

use crate::demo;

/// Runs the program with the process's arguments and gives its exit code.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let output = Output::for_arguments(&arguments);
    let outcome = match parse::parse(&arguments) {
        Ok(cli) => execute(cli, &output),
        Err(parse::Stop::Help(text)) => help(&text, &output),
        Err(parse::Stop::Usage(failure)) => Err(failure),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(failure.code())
        }
    }
}

fn help(text: &str, output: &Output) -> Result<(), Failure> {
    if output.is_json() {
        return output.object(&serde_json::json!({ "help": text }));
    }
    output.text(text)
}

fn execute(cli: Cli, output: &Output) -> Result<(), Failure> {
    let global = &cli.global;
    let Some(command) = cli.command else {
        return help(&parse::long_help(), output);
    };
    match command {
        Command::Up(arguments) => up::run(*arguments, global, output),
        Command::Completions { shell } => completions(shell, output),
        Command::Ledger { action } => ledger::ledger(&action, global, output),
        Command::Doctor(arguments) => wait_for(doctor::doctor(&arguments, global, output)),
        Command::Inspect(arguments) => wait_for(inspect::inspect(arguments, global, output)),
        Command::Demo(arguments) => {
            let plan = demo::Plan { nodes: arguments.nodes, jobs: arguments.jobs };
            wait_for(demo::command(plan, output))
        }
        Command::Service { action } => service::service(&action, global, output),
        Command::Config { action } => settings::config(action, global, output),
        Command::Open(arguments) => wait_for(open::open(&arguments, global, output)),
        Command::Man(arguments) => manual::write(&arguments.folder, output),
        Command::Mcp => wait_for(mcp::mcp(global)),
        Command::Join(arguments) => wait_for(mesh::join(arguments, global, output)),
        Command::Node(command) => wait_for(ask(command, global, output)),
    }
}

/// What cannot be asked is told before a node is looked for.
async fn ask(command: NodeCommand, global: &Global, output: &Output) -> Result<(), Failure> {
    let find = || Client::find(global);
    match command {
        NodeCommand::Status => mesh::status(&find()?, output).await,
        NodeCommand::Peers => mesh::peers(&find()?, output).await,
        NodeCommand::Models { action } => models::models(find, action, output).await,
        NodeCommand::Recommend(arguments) => inspect::recommend(&find()?, &arguments, output).await,
        NodeCommand::Bench(arguments) => bench::bench(find, &arguments, output).await,
        NodeCommand::Compare(arguments) => compare::compare(find, arguments, output).await,
        NodeCommand::Search(arguments) => hub::search(&find()?, &arguments, output).await,
        NodeCommand::Pull(arguments) => pulls::pull(&find()?, &arguments, output).await,
        NodeCommand::Pulls { action } => pulls::pulls(&find()?, action, output).await,
        NodeCommand::Hub { action } => hub::hub(find, &action, output).await,
        NodeCommand::Chat(arguments) => chat::chat(find, arguments, output).await,
        NodeCommand::Run(arguments) => chat::run(find, arguments, output).await,
        NodeCommand::Submit(arguments) => jobs::submit(find, arguments, output).await,
        NodeCommand::Pdf { action } => documents::pdf(find, action, output).await,
        NodeCommand::Translate(arguments) => documents::translate(find, arguments, output).await,
        NodeCommand::Watch(job) => jobs::watch(&find()?, &job.job, output).await,
        NodeCommand::Wait(arguments) => jobs::wait(&find()?, arguments, output).await,
        NodeCommand::Cancel(job) => jobs::cancel(&find()?, &job.job, output).await,
        NodeCommand::Adopt(job) => jobs::adopt(&find()?, &job.job, output).await,
        NodeCommand::Get(job) => jobs::get(&find()?, &job.job, output).await,
        NodeCommand::Jobs(arguments) => jobs::jobs(&find()?, &arguments, output).await,
        NodeCommand::Why(job) => why::why(&find()?, &job.job, output).await,
        NodeCommand::Pause(arguments) => lending::pause(find, &arguments, output).await,
        NodeCommand::Resume => lending::resume(&find()?, output).await,
        NodeCommand::Drain(arguments) => lending::drain(&find()?, &arguments, output).await,
        NodeCommand::Keys { action } => keys::keys(find, action, output).await,
        NodeCommand::Providers { action } => providers::providers(find, action, output).await,
        NodeCommand::Route(arguments) => providers::route(find, arguments, output).await,
        NodeCommand::Invite(arguments) => inviting::invite(find, &arguments, output).await,
        NodeCommand::Invitations { action } => inviting::invitations(find, action, output).await,
        NodeCommand::Approve(arguments) => pairing::approve(find, arguments, output).await,
        NodeCommand::Remove(arguments) => removal::remove(&find()?, &arguments, output).await,
        NodeCommand::Audit(arguments) => audit::audit(&find()?, &arguments, output).await,
        NodeCommand::Usage(arguments) => usage::usage(&find()?, &arguments, output).await,
        NodeCommand::Found(arguments) => pairing::found(find, &arguments, output).await,
    }
}

/// Runs a command that waits for others. Commands that treat Ctrl-C themselves look at it first.
fn wait_for(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        Failure::new(Kind::Software, "runtime", format!("this program cannot wait: {error}"))
    })?;
    let outcome = runtime.block_on(work);
    // A thread that still reads the terminal must not keep the program.
    runtime.shutdown_background();
    outcome
}

fn completions(shell: clap_complete::Shell, output: &Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(
        shell,
        &mut <Cli as clap::CommandFactory>::command(),
        "pumasi",
        &mut script,
    );
    let script = String::from_utf8_lossy(&script);
    if output.is_json() {
        return output.object(&serde_json::json!({ "shell": shell.to_string(), "script": script }));
    }
    output.text(&script)
}
