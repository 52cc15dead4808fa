//! The arguments of `providers` and `route`.

use clap::{Args, Subcommand};

/// What to do with providers.
#[derive(Debug, Subcommand)]
pub(crate) enum ProvidersAction {
    /// List the providers that are set up or found, with their models
    List {
        /// Every model of each, not only how many there are
        #[arg(long)]
        models: bool,
    },
    /// List the kinds of providers that can be set up
    Kinds,
    /// Set a provider up, or change it; its key is read from standard input
    Add(ProviderArguments),
    /// Ask a provider what it has, now
    Check {
        /// Its id
        #[arg(value_name = "PROVIDER")]
        provider: String,
    },
    /// Say who else in the mesh may ask a provider through this computer, and how much
    Share(ShareArguments),
    /// Remove a provider, and its key
    Remove {
        /// Its id
        #[arg(value_name = "PROVIDER")]
        provider: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ShareArguments {
    /// Its id
    #[arg(value_name = "PROVIDER")]
    pub(crate) provider: String,
    /// With whom: everyone, nobody, or the name of a person; may be repeated, or several with commas
    #[arg(long, value_name = "WHOM", value_delimiter = ',')]
    pub(crate) with: Vec<String>,
    /// Requests that all others together may put in a minute; 0 for any number
    #[arg(long, value_name = "REQUESTS")]
    pub(crate) requests_a_minute: Option<u32>,
    /// Tokens of prompts and answers that all others together may use on one day (UTC); 0 for any
    /// number
    #[arg(long, value_name = "TOKENS")]
    pub(crate) tokens_a_day: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct ProviderArguments {
    /// Its kind, as `pumasi providers kinds` lists them
    #[arg(value_name = "KIND")]
    pub(crate) kind: String,
    /// What to call it here: its models are asked for as ID/MODEL [default: its kind]
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Its address, where the kind has none or another one is meant
    #[arg(long, value_name = "URL")]
    pub(crate) base: Option<String>,
    /// Use only this model of it; may be repeated [default: all that it lists]
    #[arg(long = "model", value_name = "MODEL")]
    pub(crate) models: Vec<String>,
    /// By contract it keeps nothing that it is sent, and learns nothing from it; requests that deny
    /// data collection may go there
    #[arg(long, value_name = "SWITCH")]
    pub(crate) keeps_nothing: Option<Switch>,
    /// Read no key: it needs none, or has one already
    #[arg(long)]
    pub(crate) no_key: bool,
}

/// When providers are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum PolicyArgument {
    /// The mesh, and a provider where that fails
    MeshFirst,
    /// A provider, and the mesh where that fails
    CloudFirst,
    /// The mesh, unless it is full
    CloudWhenFull,
    /// No provider outside the office, ever
    NeverCloud,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Switch {
    /// Yes
    On,
    /// No
    Off,
}

#[derive(Debug, Args)]
pub(crate) struct RouteArguments {
    /// Say what would fail if every provider outside the office were down; changes nothing
    #[arg(long)]
    pub(crate) report: bool,
    /// When a model that both have is asked of a provider
    #[arg(long, value_name = "POLICY")]
    pub(crate) policy: Option<PolicyArgument>,
    /// Act as if every provider outside the office were down
    #[arg(long, value_name = "SWITCH")]
    pub(crate) rehearsal: Option<Switch>,
    /// A model of the mesh that stands in where a provider fails; may be repeated, '' for none
    #[arg(long = "stand-in", value_name = "MODEL")]
    pub(crate) stand_in: Vec<String>,
    /// A name and the models that it stands for, in order; may be repeated; NAME= removes it
    #[arg(long = "alias", value_name = "NAME=MODEL,MODEL")]
    pub(crate) aliases: Vec<String>,
    /// Find and use model servers of this computer by themselves
    #[arg(long, value_name = "SWITCH")]
    pub(crate) find_local: Option<Switch>,
    /// Wait from which on the mesh counts as full, in milliseconds
    #[arg(long, value_name = "MS")]
    pub(crate) full_after_ms: Option<u64>,
    /// Times that a request may be put once more to providers that failed
    #[arg(long, value_name = "TIMES")]
    pub(crate) retries: Option<u32>,
    /// Share of a provider's requests that may be, in percent
    #[arg(long, value_name = "PERCENT")]
    pub(crate) retry_percent: Option<u32>,
    /// And so many a minute besides
    #[arg(long, value_name = "TIMES")]
    pub(crate) retry_burst: Option<u32>,
    /// How long a request waits for a provider that is busy or loads, all in all, in milliseconds
    #[arg(long, value_name = "MS")]
    pub(crate) wait_ms: Option<u64>,
    /// Ask a second provider where the first byte of a stream is that late; 0 for never
    #[arg(long, value_name = "MS")]
    pub(crate) hedge_after_ms: Option<u64>,
    /// Also where a provider outside the office is one of the two, which may cost twice
    #[arg(long, value_name = "SWITCH")]
    pub(crate) hedge_paid: Option<Switch>,
}
