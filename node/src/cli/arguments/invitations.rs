//! The arguments of `invite` and `invitations`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::Role;
use crate::cli::text::Span;

#[derive(Debug, Args)]
pub(crate) struct InviteArguments {
    /// How many computers may use it
    #[arg(long, value_name = "COUNT", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=128))]
    pub(crate) count: u32,
    /// How long it is valid, as in 30m, 24h, 7d
    #[arg(long, value_name = "TIME", default_value = "24h")]
    pub(crate) expires: Span,
    /// The person that the new computers will belong to [default: nobody, shared computers]
    #[arg(long, value_name = "NAME")]
    pub(crate) person: Option<String>,
    /// What they may do
    #[arg(long, value_name = "ROLE", default_value = "member")]
    pub(crate) role: Role,
    /// Write it into this new file, and do not print it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
    /// Show it as a QR code, too
    #[arg(long)]
    pub(crate) qr: bool,
}

/// What to do with open invitations.
#[derive(Debug, Subcommand)]
pub(crate) enum InvitationsAction {
    /// List the open invitations of this computer
    List,
    /// Withdraw one: it lets nobody in any more
    Withdraw {
        /// Its id, or the beginning of it
        #[arg(value_name = "INVITATION")]
        invitation: String,
    },
}
