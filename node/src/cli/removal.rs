//! `remove`: takes a computer out of the mesh. Asks which, where a name is that of several, and asks
//! before only one admin is left.

use std::io::{BufRead, IsTerminal};

use pumasi_web::api::{List, Node, RemoveRequest, Removed};

use super::arguments::RemoveArguments;
use super::client::Client;
use super::failure::{Failure, Kind};
use super::lookup::{self, short_node};
use super::output::Output;
use super::text::escape;

/// The word that says yes.
const YES: &str = "yes";

pub(super) async fn remove(
    client: &Client,
    arguments: &RemoveArguments,
    output: &Output,
) -> Result<(), Failure> {
    let known: List<Node> = client.get(&["api", "v1", "nodes"]).await?;
    let may_ask = std::io::stdin().is_terminal() && !output.is_json();
    let node = match lookup::node(&known.data, &arguments.node) {
        Err(failure) if failure.word == "ambiguous_node" && may_ask => {
            output.note(&choices(&known.data, &arguments.node));
            let chosen = answer(&mut std::io::stdin().lock())?;
            lookup::node(&known.data, &chosen)?
        }
        found => found?,
    };
    let path = ["api", "v1", "nodes", &node.id, "remove"];
    let order = |confirmed| RemoveRequest { confirmed };
    let removed: Result<Removed, Failure> = client.post(&path, &order(arguments.yes)).await;
    let removed = match removed {
        Err(failure) if failure.word == "confirmation_needed" && may_ask => {
            output.note(&format!("{}. Type {YES} to remove it.", failure.sentence));
            if answer(&mut std::io::stdin().lock())? != YES {
                return Err(Failure::new(Kind::Data, "not_confirmed", "nothing was removed"));
            }
            client.post(&path, &order(true)).await?
        }
        Err(failure) if failure.word == "confirmation_needed" => {
            let sentence = format!("{} (with --yes)", failure.sentence);
            return Err(Failure { sentence, ..failure });
        }
        removed => removed?,
    };
    if output.is_json() {
        return output.object(&removed);
    }
    output.note(&format!(
        "{} ({}) does not belong to the mesh any more; {} computers are left",
        escape(&removed.node.name),
        short_node(&removed.node.id),
        removed.members
    ));
    Ok(())
}

/// The computers of this name, one a line.
fn choices(known: &[Node], name: &str) -> String {
    let line = |node: &Node| {
        let whose = node.person.as_deref().map_or("shared".to_owned(), escape);
        format!("  {}  {} ({whose})", short_node(&node.id), escape(&node.name))
    };
    let of_name = known.iter().filter(|node| node.name == name || node.id.starts_with(name));
    let lines: Vec<String> = of_name.map(line).collect();
    format!("Which one? Type the beginning of its id.\n{}", lines.join("\n"))
}

fn answer(input: &mut impl BufRead) -> Result<String, Failure> {
    let mut line = String::new();
    let read = input.read_line(&mut line);
    read.map_err(|error| Failure::new(Kind::Io, "io", format!("no answer can be read: {error}")))?;
    Ok(line.trim().to_owned())
}
