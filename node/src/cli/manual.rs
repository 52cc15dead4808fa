//! Manual pages, from the same definition as the help.

use std::path::Path;

use clap::CommandFactory;

use super::arguments::Cli;
use super::failure::{Failure, Kind};
use super::output::Output;
use super::text::escape;

/// Writes one page for each command.
pub(super) fn write(folder: &Path, output: &Output) -> Result<(), Failure> {
    let written = std::fs::create_dir_all(folder).and_then(|()| {
        clap_mangen::generate_to(Cli::command().disable_help_subcommand(true), folder)
    });
    written.map_err(|error| {
        let folder = escape(&folder.to_string_lossy());
        Failure::new(Kind::Io, "unwritable", format!("{folder} cannot be written ({error})"))
    })?;
    output.note(&format!("the manual pages are in {}", escape(&folder.to_string_lossy())));
    Ok(())
}
