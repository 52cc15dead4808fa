//! Arguments of the commands on the ledger of a stopped node.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

/// What to do with it.
#[derive(Debug, Subcommand)]
pub(in super::super) enum LedgerAction {
    /// Look at every record, and at every file that a job needs
    Check,
    /// Write all that can be read into one file
    Export(ExportArguments),
    /// Replace the ledger by what an export holds; the one before is moved aside
    Import {
        /// The export
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Replace the ledger by the newest daily copy; the one before is moved aside
    Restore,
}

#[derive(Debug, Args)]
pub(in super::super) struct ExportArguments {
    /// Where to write it
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in super::super) file: PathBuf,
    /// Leave out what was asked and answered: the records only
    #[arg(long)]
    pub(in super::super) without_files: bool,
}
