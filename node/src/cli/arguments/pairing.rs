//! The arguments of `join`, `approve` and `found`, and the roles of computers.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// Roles of members, as in the roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Role {
    /// Admits, revokes, sets roles
    Admin,
    /// Runs jobs of others and submits its own
    Member,
    /// Runs jobs of others only
    WorkerOnly,
    /// Submits jobs only
    SubmitOnly,
    /// Submits batch jobs only, behind everybody else
    Guest,
}

#[derive(Debug, Args)]
pub(crate) struct JoinArguments {
    /// The line that `pumasi invite` printed, or the file that it wrote
    #[arg(value_name = "INVITATION", conflicts_with = "file", value_hint = ValueHint::FilePath)]
    pub(crate) token: Option<String>,
    /// A file that holds it; `-` for standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
    /// Show digits again, after too many wrong ones were tried
    #[arg(long, conflicts_with_all = ["token", "file"])]
    pub(crate) again: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ApproveArguments {
    /// The six digits that the new computer shows [default: list who asks]
    #[arg(value_name = "DIGITS")]
    pub(crate) digits: Option<String>,
    /// Which computer shows them, if several ask: its name, or the beginning of its id
    #[arg(long, value_name = "NODE", requires = "digits")]
    pub(crate) node: Option<String>,
    /// Where it is, if it is not found by itself: its address, with the port of its join door
    #[arg(long, value_name = "HOST[:PORT]", requires = "digits", conflicts_with = "node")]
    pub(crate) address: Option<String>,
    /// Whose it is [default: as it says, if the mesh does not know that person yet]
    #[arg(long, value_name = "NAME", requires = "digits")]
    pub(crate) person: Option<String>,
    /// What it may do
    #[arg(long, value_name = "ROLE", default_value = "member")]
    pub(crate) role: Role,
}

#[derive(Debug, Args)]
pub(crate) struct FoundArguments {
    /// The name of the mesh [default: that of this computer]
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
}
