//! Options of `audit`.

use clap::Args;

use crate::cli::text::Span;

#[derive(Debug, Args)]
pub(crate) struct AuditArguments {
    /// How far back, as in 12h, 30d [default: all that is kept]
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Span>,
    /// Only what this person did, or what was done to what is theirs
    #[arg(long, value_name = "NAME")]
    pub(crate) person: Option<String>,
    /// At most this many, the newest [default: 50 in a table, else all]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pub(crate) limit: Option<u32>,
    /// Print CSV, for a spreadsheet
    #[arg(long, conflicts_with_all = ["jsonl", "json"])]
    pub(crate) csv: bool,
    /// Print JSON Lines, one entry a line
    #[arg(long, conflicts_with = "json")]
    pub(crate) jsonl: bool,
}
