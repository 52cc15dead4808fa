//! `join` without an invitation, `approve`, `found`: coming into a mesh by six digits.

use std::time::Duration;

use pumasi_web::api::{
    ApproveRequest, Approved, AskInRequest, Doorstep, FoundRequest, Joined, Newcomer, Pairing,
    Status,
};
use serde_json::json;

use super::arguments::{ApproveArguments, FoundArguments};
use super::client::Client;
use super::failure::{Failure, Kind};
use super::input;
use super::lookup::short_node;
use super::mesh::role;
use super::output::{Output, Style};
use super::table::{Align, Table};
use super::text::{escape, span};

/// How often a newcomer looks whether it was let in.
const LOOK_EVERY: Duration = Duration::from_millis(500);

const PAIRING: [&str; 3] = ["api", "v1", "pairing"];

/// Shows the digits until somebody typed them.
pub(super) async fn ask_in(client: &Client, again: bool, output: &Output) -> Result<(), Failure> {
    let mut own = look(client, again).await?.own;
    if own.is_none() {
        let sentence = "this computer belongs to a mesh already";
        return Err(Failure::new(Kind::Data, "already_member", sentence));
    }
    if output.is_json() {
        return output.object(&json!({ "joined": false, "asking": own }));
    }
    let mut shown = None;
    while let Some(doorstep) = own {
        if let Some(digits) = digits_to_show(&doorstep)?
            && shown.as_deref() != Some(digits)
        {
            show(&doorstep, shown.is_some(), output)?;
            shown = Some(digits.to_owned());
        }
        tokio::time::sleep(LOOK_EVERY).await;
        own = look(client, false).await?.own;
    }
    let status: Status = client.get(&["api", "v1", "status"]).await?;
    let name = status.mesh.map_or_else(String::new, |mesh| escape(&mesh.name));
    output.note(&format!("joined the mesh {name} with {} members", status.members));
    Ok(())
}

/// A person looks, or still waits.
async fn look(client: &Client, again: bool) -> Result<Pairing, Failure> {
    client.post(&PAIRING, &AskInRequest { again }).await
}

fn digits_to_show(doorstep: &Doorstep) -> Result<Option<&str>, Failure> {
    match doorstep {
        Doorstep::Open { digits, .. } => Ok(Some(digits)),
        // It opens with the next look.
        Doorstep::Closed => Ok(None),
        Doorstep::Shut => Err(Failure::new(
            Kind::Temporary,
            "door_shut",
            "wrong digits were tried here too often, perhaps by somebody who guesses: run \
             `pumasi join --again`, or join with an invitation (`pumasi invite` at the other computer)",
        )),
    }
}

fn show(doorstep: &Doorstep, before: bool, output: &Output) -> Result<(), Failure> {
    let Doorstep::Open { digits, left_s, wrong } = doorstep else { return Ok(()) };
    match (before, wrong) {
        (false, _) => output.note(
            "At a computer of the mesh, an admin opens Computers and types these digits, or runs \
             `pumasi approve` with them. Ctrl-C stops waiting.",
        ),
        (true, 0) => output.note("their time was over; now they are:"),
        (true, wrong) => output.note(&format!(
            "{wrong} wrong tries so far; each takes the digits with it, and now they are:"
        )),
    }
    let (first, last) = digits.split_at(digits.len() / 2);
    let left = span(Duration::from_secs((*left_s).into()));
    output
        .line(&format!("{}   (for {left})", output.style(Style::Bold, &format!("{first} {last}"))))
}

pub(super) async fn approve(
    find: impl FnOnce() -> Result<Client, Failure>,
    arguments: ApproveArguments,
    output: &Output,
) -> Result<(), Failure> {
    let Some(digits) = arguments.digits else {
        return list(&find()?, output).await;
    };
    if digits.parse::<pumasi_protocol::pairing::Digits>().is_err() {
        return Err(Failure::usage("expected the six digits that the new computer shows"));
    }
    let person = arguments.person.as_deref().map(input::name).transpose()?;
    let request = ApproveRequest {
        digits,
        node: arguments.node,
        address: arguments.address,
        person: person.map(String::from),
        role: Some(role(arguments.role)),
    };
    let approved: Approved = find()?.post(&["api", "v1", "pairing", "approve"], &request).await?;
    if output.is_json() {
        return output.object(&approved);
    }
    let whose = approved.person.as_deref().map_or_else(
        || "a shared computer".to_owned(),
        |person| format!("a computer of {}", escape(person)),
    );
    let name = escape(&approved.node.name);
    output.note(&format!("{name} ({}) is a member now, as {whose}", short_node(&approved.node.id)));
    Ok(())
}

/// Who asks.
async fn list(client: &Client, output: &Output) -> Result<(), Failure> {
    let pairing: Pairing = client.get(&PAIRING).await?;
    if output.is_json() {
        return output.object(&pairing);
    }
    if pairing.asking.is_empty() {
        output.note(
            "no computer of this network asks to join: run `pumasi join` there, or open its page; \
             elsewhere, `pumasi approve DIGITS --address` finds it",
        );
        return Ok(());
    }
    let mut table = Table::new([
        ("NAME", Align::Left),
        ("ID", Align::Left),
        ("VERSION", Align::Left),
        ("ADDRESS", Align::Left),
    ]);
    for Newcomer { node, version, addresses, .. } in &pairing.asking {
        let address = addresses.first().map_or("-", String::as_str);
        table.row([node.name.as_str(), short_node(&node.id), version, address]);
    }
    table.print(output)?;
    output.note("let one in with the six digits that it shows: `pumasi approve DIGITS`");
    Ok(())
}

pub(super) async fn found(
    find: impl FnOnce() -> Result<Client, Failure>,
    arguments: &FoundArguments,
    output: &Output,
) -> Result<(), Failure> {
    let name = arguments.name.as_deref().map(input::name).transpose()?;
    let request = FoundRequest { name: name.map(String::from) };
    let joined: Joined = find()?.post(&["api", "v1", "mesh"], &request).await?;
    if output.is_json() {
        return output.object(&joined);
    }
    output.note(&format!(
        "the mesh {} begins with this computer: on others run `pumasi join`, and here \
         `pumasi approve` with the digits that they show",
        escape(&joined.mesh.name)
    ));
    Ok(())
}
