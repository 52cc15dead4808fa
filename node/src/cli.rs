//! The command line: parses, finds the running node, calls its API, prints. It knows the API's JSON
//! types and nothing of how a mesh works; only `up` and `demo` start something.

mod arguments;
mod failure;
mod output;
mod parse;
mod text;
mod up;

use std::ffi::OsString;
use std::process::ExitCode;

use arguments::{Cli, Command};
use failure::Failure;
use output::Output;

/// Runs the program with the process's arguments and gives its exit code.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let mut output = Output::for_arguments(&arguments);
    let outcome = match parse::parse(&arguments) {
        Ok(cli) => execute(cli, &mut output),
        Err(parse::Stop::Help(text)) => output.text(&text),
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

fn execute(cli: Cli, output: &mut Output) -> Result<(), Failure> {
    let Some(command) = cli.command else {
        return output.text(&parse::long_help());
    };
    match command {
        Command::Up(arguments) => up::run(arguments, &cli.global, output),
    }
}
