//! The arguments of `search`, `pull`, `pulls` and `hub`.

use clap::{Args, Subcommand, ValueEnum};

/// In which order results come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SearchSort {
    /// What is downloaded most
    Downloads,
    /// What is liked most
    Likes,
    /// What changed last
    Recent,
    /// What rises now
    Trending,
}

#[derive(Debug, Args)]
pub(crate) struct SearchArguments {
    /// Words of a name; or owner/name, to list what of it can be downloaded
    #[arg(value_name = "TEXT")]
    pub(crate) text: String,
    /// Only of this owner
    #[arg(long, value_name = "OWNER")]
    pub(crate) author: Option<String>,
    /// In which order
    #[arg(long, value_name = "ORDER", default_value = "downloads")]
    pub(crate) sort: SearchSort,
    /// How many
    #[arg(long, value_name = "COUNT", default_value_t = 20,
          value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) limit: u8,
    /// Print the card of owner/name
    #[arg(long)]
    pub(crate) card: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PullArguments {
    /// owner/name or owner/name:QUANTIZATION, as `pumasi search` shows them; hf.co/… and addresses of
    /// pages are taken, too
    #[arg(value_name = "MODEL")]
    pub(crate) model: String,
    /// What to call it here [default: as it was asked for]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Take what the hub offers now in place of what this computer has under that name
    #[arg(long)]
    pub(crate) update: bool,
    /// Do not wait: the node downloads by itself
    #[arg(long, short)]
    pub(crate) detach: bool,
}

/// What to do with downloads.
#[derive(Debug, Subcommand)]
pub(crate) enum PullsAction {
    /// List downloads
    List,
    /// Pause a download
    Pause(PullArgument),
    /// Go on with a download
    Resume(PullArgument),
    /// Give a download up and remove what came of it
    Cancel(PullArgument),
}

#[derive(Debug, Args)]
pub(crate) struct PullArgument {
    /// Its id or the model's name, as `pumasi pulls` lists them
    #[arg(value_name = "PULL")]
    pub(crate) pull: String,
}

/// What to do with the hub's token.
#[derive(Debug, Subcommand)]
pub(crate) enum HubAction {
    /// Keep a token for gated and private models; it is read from standard input
    Login,
    /// Forget the token
    Logout,
}
