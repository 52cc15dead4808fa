//! Options of `usage`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct UsageArguments {
    /// What the rows are told apart by; may be repeated [default: model and place]
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub(crate) by: Vec<By>,
    /// The first day of UTC, as in 2026-03-01 [default: 30 days, today included]
    #[arg(long, value_name = "DAY")]
    pub(crate) from: Option<String>,
    /// The last day [default: today]
    #[arg(long, value_name = "DAY")]
    pub(crate) to: Option<String>,
    /// Print CSV, for a spreadsheet
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
}

/// What rows are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum By {
    /// The day of UTC
    Day,
    /// The person
    Person,
    /// The API key
    Key,
    /// The model that answered
    Model,
    /// The computer or provider that answered
    Place,
}
