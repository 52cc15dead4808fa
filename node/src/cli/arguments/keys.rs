//! The arguments of `keys`.

use clap::{Args, Subcommand};

use crate::cli::text::Span;

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysAction {
    /// List all API keys
    List,
    /// Make an API key; its secret is shown this once
    Create(KeyArguments),
    /// Change what an API key may do
    Change(KeyChangeArguments),
    /// Revoke an API key at once and for ever
    Revoke {
        /// Its id, the beginning of it, or its name
        #[arg(value_name = "KEY")]
        key: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct KeyArguments {
    /// What to call it, as in `office-bot`
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The person whose jobs it hands in [default: the person of this computer; of a shared one, a
    /// person of the key's name]
    #[arg(long, value_name = "NAME")]
    pub(crate) person: Option<String>,
    /// What it opens; may be repeated [default: inference]
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',')]
    pub(crate) scopes: Vec<Scope>,
    /// How long it is valid, as in 12h or 30d [default: until it is revoked]
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<Span>,
    /// Requests in a minute [default: any number]
    #[arg(long, value_name = "COUNT")]
    pub(crate) rpm: Option<u32>,
    /// Tokens in a minute, prompts included [default: any number]
    #[arg(long, value_name = "COUNT")]
    pub(crate) tpm: Option<u64>,
    /// Tokens in a day of UTC, prompts included [default: any number]
    #[arg(long, value_name = "COUNT")]
    pub(crate) tokens_per_day: Option<u64>,
    /// Tokens in all, prompts included [default: any number]
    #[arg(long, value_name = "COUNT")]
    pub(crate) tokens: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct KeyChangeArguments {
    /// Its id, the beginning of it, or its name
    #[arg(value_name = "KEY")]
    pub(crate) key: String,
    /// What to call it
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// What it opens; may be repeated
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',')]
    pub(crate) scopes: Vec<Scope>,
    /// How long it is valid from now, as in 12h or 30d
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<Span>,
    /// Requests in a minute; 0: any number
    #[arg(long, value_name = "COUNT")]
    pub(crate) rpm: Option<u32>,
    /// Tokens in a minute, prompts included; 0: any number
    #[arg(long, value_name = "COUNT")]
    pub(crate) tpm: Option<u64>,
    /// Tokens in a day of UTC, prompts included; 0: any number
    #[arg(long, value_name = "COUNT")]
    pub(crate) tokens_per_day: Option<u64>,
    /// Tokens in all, prompts included; 0: any number
    #[arg(long, value_name = "COUNT")]
    pub(crate) tokens: Option<u64>,
}

/// What a key opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scope {
    /// The OpenAI endpoints
    Inference,
    /// Lasting jobs of its person
    Jobs,
    /// Seeing this computer, the mesh and its models
    View,
    /// Loading and unloading models
    Models,
    /// Pausing, draining and resuming this computer; its doctor
    Operate,
}
