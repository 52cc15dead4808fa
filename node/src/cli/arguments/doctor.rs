//! Options of `doctor`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    /// Only what keeps this computer away: its name, the beginning of its id, or an address
    #[arg(value_name = "NODE_OR_ADDRESS")]
    pub(crate) peer: Option<String>,
}
