//! `usage`: who used how much of what, where, and what it cost by list prices.

use pumasi_web::api::{Usage, UsageBy, UsageRow};
use pumasi_web::usage::{CSV_HEAD, csv_line};

use super::arguments::{By, UsageArguments};
use super::client::Client;
use super::failure::Failure;
use super::output::Output;
use super::table::{Align, Table};

pub(super) async fn usage(
    client: &Client,
    arguments: &UsageArguments,
    output: &Output,
) -> Result<(), Failure> {
    let by: Vec<&str> = arguments.by.iter().map(|by| word(*by)).collect();
    let mut query = vec![("by", by.join(","))];
    query.extend(arguments.from.clone().map(|day| ("from", day)));
    query.extend(arguments.to.clone().map(|day| ("to", day)));
    let found: Usage = client.get_with(&["api", "v1", "usage"], &query).await?;
    if output.is_json() {
        return output.object(&found);
    }
    if arguments.csv {
        // As in the file that the interface saves; a spreadsheet knows UTF-8 by the mark.
        output.text(&format!("\u{feff}{CSV_HEAD}"))?;
        return found.rows.iter().try_for_each(|row| output.text(&csv_line(row)));
    }
    print(&found, output)
}

fn word(by: By) -> &'static str {
    let by = match by {
        By::Day => UsageBy::Day,
        By::Person => UsageBy::Person,
        By::Key => UsageBy::Key,
        By::Model => UsageBy::Model,
        By::Place => UsageBy::Place,
    };
    by.word()
}

fn print(found: &Usage, output: &Output) -> Result<(), Failure> {
    let names = found.by.iter().map(|by| (head(*by), Align::Left));
    let counts = ["REQUESTS", "FAILED", "TOKENS IN", "TOKENS OUT", "ENGINE", "COST (USD)"];
    let mut table = Table::new(names.chain(counts.map(|name| (name, Align::Right))));
    for row in &found.rows {
        let names = found.by.iter().map(|by| name(row, *by));
        table.row(names.chain(figures(row)));
    }
    let mut names = found.by.iter().map(|_| String::new());
    let first = names.next().map(|_| "all".to_owned());
    table.row(first.into_iter().chain(names).chain(figures(&found.total)));
    table.print(output)?;
    output.note(&format!("from {} to {}, by days of UTC", found.from, found.to));
    if found.total.unpriced > 0 {
        let unpriced = found.total.unpriced;
        output.note(&format!("the cost of {unpriced} requests is not known and not in it"));
    }
    Ok(())
}

fn head(by: UsageBy) -> &'static str {
    match by {
        UsageBy::Day => "DAY",
        UsageBy::Person => "PERSON",
        UsageBy::Key => "KEY",
        UsageBy::Model => "MODEL",
        UsageBy::Place => "PLACE",
    }
}

fn name(row: &UsageRow, by: UsageBy) -> String {
    let or_dash = |text: &Option<String>| {
        text.clone().filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned())
    };
    match by {
        UsageBy::Day => or_dash(&row.day),
        UsageBy::Person => or_dash(&row.person),
        UsageBy::Key => or_dash(if row.key_name.is_some() { &row.key_name } else { &row.key }),
        UsageBy::Model => or_dash(&row.model),
        UsageBy::Place => {
            or_dash(if row.place_name.is_some() { &row.place_name } else { &row.place })
        }
    }
}

fn figures(row: &UsageRow) -> [String; 6] {
    [
        row.requests.to_string(),
        row.failed.to_string(),
        row.prompt_tokens.to_string(),
        row.completion_tokens.to_string(),
        format!("{:.1} s", row.engine_s),
        row.cost_usd.map_or_else(|| "unknown".to_owned(), |cost| format!("{cost:.4}")),
    ]
}
