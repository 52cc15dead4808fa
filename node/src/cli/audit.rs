//! `audit`: who let in or removed whom, who made keys and invitations, who ran what where.

use std::time::{SystemTime, UNIX_EPOCH};

use pumasi_web::api::{AuditAct, AuditEntry, List};
use pumasi_web::audit::{CSV_HEAD, csv_line, json_line, time};
use pumasi_web::limits::AUDIT_LISTED;

use super::arguments::AuditArguments;
use super::client::Client;
use super::failure::Failure;
use super::lookup::short_node;
use super::output::Output;
use super::table::{Align, Table};

/// Entries in a table, where nothing else is asked for.
const SHOWN: u32 = 50;
/// Columns of a time to the minute: `2026-03-01T12:34`.
const MINUTES: usize = 16;

pub(super) async fn audit(
    client: &Client,
    arguments: &AuditArguments,
    output: &Output,
) -> Result<(), Failure> {
    let is_table = !arguments.csv && !arguments.jsonl && !output.is_json();
    let usual = if is_table { SHOWN } else { u32::try_from(AUDIT_LISTED).unwrap_or(u32::MAX) };
    let mut query = vec![("limit", arguments.limit.unwrap_or(usual).to_string())];
    if let Some(since) = arguments.since {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        query.push(("since_ms", now.saturating_sub(since.0).as_millis().to_string()));
    }
    query.extend(arguments.person.clone().map(|person| ("person", person)));
    let found: List<AuditEntry> = client.get_with(&["api", "v1", "audit"], &query).await?;
    let entries = &found.data;
    if output.is_json() {
        return output.object(&found);
    }
    if arguments.csv {
        // As in the file that the interface saves; a spreadsheet knows UTF-8 by the mark.
        output.text(&format!("\u{feff}{CSV_HEAD}"))?;
        return entries.iter().try_for_each(|entry| output.text(&csv_line(entry)));
    }
    if arguments.jsonl {
        return entries.iter().try_for_each(|entry| output.line(&json_line(entry)));
    }
    print(entries, output)
}

fn print(entries: &[AuditEntry], output: &Output) -> Result<(), Failure> {
    let mut table = Table::new([
        ("TIME (UTC)", Align::Left),
        ("PERSON", Align::Left),
        ("AT", Align::Left),
        ("WHAT", Align::Left),
    ]);
    // The newest at the end, where a terminal stands.
    for entry in entries.iter().rev() {
        let by = entry.key.as_ref().map(|key| format!(" (key {key})")).unwrap_or_default();
        let person = entry.person.as_deref().unwrap_or("-");
        let at = time(entry.at_ms);
        table.row([
            at.get(..MINUTES).unwrap_or(&at).replace('T', " "),
            format!("{person}{by}"),
            entry.node.name.clone(),
            sentence(entry),
        ]);
    }
    table.print(output)
}

/// What was done, in some words.
fn sentence(entry: &AuditEntry) -> String {
    let about = entry.about.clone().unwrap_or_default();
    let whose = about.person.as_ref().map(|person| format!(" of {person}")).unwrap_or_default();
    let grants = about.grants.join(", ");
    let computer = format!("{} ({}){whose}", about.name, short_node(&about.id));
    let said = match entry.act {
        AuditAct::Founded => format!("began the mesh {}", about.name),
        AuditAct::Admitted => format!("let in {computer} as {grants}"),
        AuditAct::RolesSet => format!("made {computer} {grants}"),
        AuditAct::Removed => format!("removed {computer}"),
        AuditAct::Invited => format!("invited {} computers{whose} as {grants}", about.name),
        AuditAct::Withdrawn => format!("withdrew the invitation {}", about.id),
        AuditAct::KeyMade => format!("made the key {} {}{whose}: {grants}", about.id, about.name),
        AuditAct::KeyChanged => {
            format!("changed the key {} {}{whose}: {grants}", about.id, about.name)
        }
        AuditAct::KeyRevoked => format!("revoked the key {} {}{whose}", about.id, about.name),
        AuditAct::LendingSet => format!("set lending to {}", about.name),
        AuditAct::Started => format!("the node began, version {}", about.name),
        AuditAct::Asked | AuditAct::Ran => job(entry),
    };
    if entry.stands { said } else { format!("{said} [counts for nothing]") }
}

fn job(entry: &AuditEntry) -> String {
    let Some(job) = &entry.job else { return String::new() };
    let node = job.ran_on.as_ref().map(|node| node.name.as_str());
    let place = node.or(job.provider.as_deref()).unwrap_or("nowhere");
    let from =
        if entry.act == AuditAct::Ran { format!(" for {}", job.owner.name) } else { String::new() };
    let tokens = format!("{} + {} tokens", job.prompt_tokens, job.completion_tokens);
    let why = job.error.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
    format!("{}{from} on {place}: {tokens}, {}{why}", job.model, job.outcome.word())
}
