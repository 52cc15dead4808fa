//! From raw arguments to a command, or to help, or to a usage error whose text is safe to show.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use super::arguments::Cli;
use super::failure::Failure;
use super::limits::ARGUMENT_BYTES;
use super::text::escape;

/// Why there is no command to run.
#[derive(Debug)]
pub(super) enum Stop {
    /// Help or version was asked for.
    Help(String),
    /// The arguments make no sense.
    Usage(Failure),
}

/// Parses the process's arguments.
pub(super) fn parse(arguments: &[OsString]) -> Result<Cli, Stop> {
    let bytes: usize = arguments.iter().map(|argument| argument.len()).sum();
    if bytes > ARGUMENT_BYTES {
        return Err(Stop::Usage(Failure::usage(format!(
            "the arguments are {bytes} bytes long, at most {ARGUMENT_BYTES} are taken: give long \
             text on standard input"
        ))));
    }
    Cli::try_parse_from(arguments).map_err(|error| {
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            return Stop::Help(error.to_string());
        }
        Stop::Usage(Failure::usage(safe(&error, arguments)))
    })
}

/// The help of the program itself.
pub(super) fn long_help() -> String {
    Cli::command().render_long_help().to_string()
}

/// Clap repeats arguments, and a terminal must not obey what stands in them: the message is that
/// of the same arguments, escaped.
fn safe(error: &clap::Error, arguments: &[OsString]) -> String {
    let escaped = arguments.iter().map(|argument| escape(&argument.to_string_lossy()));
    let message = match Cli::try_parse_from(escaped) {
        Err(same) if same.kind() == error.kind() => same.to_string(),
        Err(_) | Ok(_) => error.to_string(),
    };
    let lines: Vec<String> = message.lines().map(escape).collect();
    lines.join("\n")
}
