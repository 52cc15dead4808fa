//! `status`, `peers`, `models`, `invite`, `join`: the mesh as this node sees it, and its doors.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pumasi_web::api::{
    Admission, Capability, InvitationToken, InviteRequest, JoinRequest, Joined, List, MeshRole,
    Model, ModelState, Node, NoticeLevel, PlaceRequest, Presence, Status,
};
use serde_json::json;

use super::arguments::{Global, InviteArguments, JoinArguments, ModelAction, ModelPlace, Role};
use super::client::Client;
use super::failure::Failure;
use super::lookup::{self, short_node};
use super::output::{Output, Style};
use super::table::{Align, Table};
use super::text::{bytes, escape, milliseconds, span};
use super::{input, invitation};
use crate::{config, runtime};

pub(super) async fn status(client: &Client, output: &Output) -> Result<(), Failure> {
    let status: Status = client.get(&["api", "v1", "status"]).await?;
    if output.is_json() {
        return output.object(&status);
    }
    let mesh = status.mesh.as_ref().map_or_else(
        || "none yet: `pumasi join TOKEN`, or `pumasi invite` for others".to_owned(),
        |mesh| format!("{} ({})", escape(&mesh.name), short_node(&mesh.id)),
    );
    let person = status.person.as_deref().map_or("nobody (shared)".to_owned(), escape);
    let rows = [
        ("node", format!("{} ({})", escape(&status.node.name), short_node(&status.node.id))),
        ("person", person),
        ("mesh", mesh),
        ("members", format!("{}, {} reachable", status.members, status.reachable)),
        ("jobs", format!("{} running, {} waiting", status.jobs_running, status.jobs_waiting)),
        ("takes jobs", admission(status.admission).to_owned()),
        ("interface", client.url().to_owned()),
        ("version", escape(&status.version)),
        ("up for", span(since(status.started_ms))),
    ];
    for (name, value) in rows {
        output.line(&format!("{} {value}", output.style(Style::Dim, &format!("{name:<11}"))))?;
    }
    for notice in &status.notices {
        let level = match notice.level {
            NoticeLevel::Note => "note",
            NoticeLevel::Warning => "warning",
            NoticeLevel::Trouble => "trouble",
        };
        output.line(&format!("{level}: {}", escape(&notice.message)))?;
    }
    Ok(())
}

fn admission(admission: Admission) -> &'static str {
    match admission {
        Admission::Accepting => "yes",
        Admission::OwnerBusy => "not now, its owner is busy",
        Admission::Paused => "paused",
        Admission::Draining => "finishing, then stopping",
    }
}

fn since(unix_ms: u64) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(Duration::from_millis(unix_ms))
}

pub(super) async fn peers(client: &Client, output: &Output) -> Result<(), Failure> {
    let nodes: List<Node> = client.get(&["api", "v1", "nodes"]).await?;
    if output.is_json() {
        return output.object(&nodes);
    }
    let mut table = Table::new([
        ("NAME", Align::Left),
        ("ID", Align::Left),
        ("PERSON", Align::Left),
        ("STATE", Align::Left),
        ("RTT", Align::Right),
        ("MODELS", Align::Right),
        ("QUEUE", Align::Right),
        ("MEMORY FREE", Align::Right),
        ("DEVICES", Align::Left),
    ]);
    for node in &nodes.data {
        let devices: Vec<&str> = node.devices.iter().map(|device| device.name.as_str()).collect();
        table.row([
            node.name.as_str(),
            short_node(&node.id),
            node.person.as_deref().unwrap_or("-"),
            presence(node),
            &node.round_trip_ms.map_or("-".to_owned(), milliseconds),
            &node.models.len().to_string(),
            &(node.queue.interactive + node.queue.batch).to_string(),
            &bytes(node.memory_free_bytes),
            &devices.join(", "),
        ]);
    }
    print(&table, output)
}

fn presence(node: &Node) -> &'static str {
    match node.presence {
        Presence::Here => "here",
        Presence::Online => "online",
        Presence::Suspect => "doubtful",
        Presence::Offline => "offline",
    }
}

fn print(table: &Table, output: &Output) -> Result<(), Failure> {
    table.lines(output).iter().try_for_each(|line| output.line(line))
}

pub(super) async fn models(
    find: impl FnOnce() -> Result<Client, Failure>,
    action: Option<ModelAction>,
    output: &Output,
) -> Result<(), Failure> {
    match action {
        None | Some(ModelAction::List) => list_models(&find()?, output).await,
        Some(ModelAction::Load(place)) => place_model(find, &place, "load", output).await,
        Some(ModelAction::Unload(place)) => place_model(find, &place, "unload", output).await,
    }
}

async fn list_models(client: &Client, output: &Output) -> Result<(), Failure> {
    let models: List<Model> = client.get(&["api", "v1", "models"]).await?;
    if output.is_json() {
        return output.object(&models);
    }
    if models.data.is_empty() {
        output.note("no computer of the mesh holds a model: put GGUF files into a --model-dir");
        return Ok(());
    }
    let mut table = Table::new([
        ("MODEL", Align::Left),
        ("SIZE", Align::Right),
        ("CONTEXT", Align::Right),
        ("CAN", Align::Left),
        ("WHERE", Align::Left),
    ]);
    for model in &models.data {
        let can: Vec<&str> = model.capabilities.iter().map(|c| capability(*c)).collect();
        let places = model.places.iter();
        let places: Vec<String> =
            places.map(|place| format!("{} ({})", place.node.name, state(place.state))).collect();
        table.row([
            model.name.as_str(),
            &bytes(model.size_bytes),
            &model.context_tokens.to_string(),
            &can.join(" "),
            &places.join(", "),
        ]);
    }
    print(&table, output)
}

fn capability(capability: Capability) -> &'static str {
    match capability {
        Capability::Generate => "chat",
        Capability::Embed => "embed",
        Capability::Tools => "tools",
        Capability::Thinking => "think",
        Capability::Vision => "see",
        Capability::Image => "draw",
    }
}

fn state(state: ModelState) -> String {
    match state {
        ModelState::Held => "on disk".to_owned(),
        ModelState::Loading { permille } => format!("loading {} %", permille / 10),
        ModelState::Loaded { slots, busy } => format!("loaded, {busy}/{slots} busy"),
        ModelState::Unusable => "unusable".to_owned(),
    }
}

async fn place_model(
    find: impl FnOnce() -> Result<Client, Failure>,
    place: &ModelPlace,
    verb: &str,
    output: &Output,
) -> Result<(), Failure> {
    let model = input::model(&place.model)?;
    let client = find()?;
    let node = lookup::nodes(&client, place.node.as_slice()).await?.pop();
    let body = PlaceRequest { node };
    let path = ["api", "v1", "models", model.as_str(), verb];
    client.send(reqwest::Method::POST, &path, Some(json!(body))).await?;
    if output.is_json() {
        return output.object(&json!({ "model": model, "node": body.node, "action": verb }));
    }
    let place = place.node.as_deref().map_or("this computer".to_owned(), escape);
    output
        .note(&format!("{place} is asked to {verb} {model}: `pumasi models` shows how far it is"));
    Ok(())
}

pub(super) async fn invite(
    find: impl FnOnce() -> Result<Client, Failure>,
    arguments: &InviteArguments,
    output: &Output,
) -> Result<(), Failure> {
    let person = arguments.person.as_deref().map(input::name).transpose()?;
    let valid_s = u32::try_from(arguments.expires.0.as_secs());
    let request = InviteRequest {
        person: person.map(String::from),
        role: Some(role(arguments.role)),
        uses: Some(arguments.count),
        valid_s: Some(valid_s.map_err(|_| Failure::usage("--expires is too long"))?),
    };
    let made: InvitationToken = find()?.post(&["api", "v1", "invitations"], &request).await?;
    if output.is_json() {
        return output.object(&made);
    }
    let computers = if arguments.count == 1 { "one computer" } else { "each computer" };
    output.note(&format!(
        "On {computers} that may join, within {}, run `pumasi join` with this line. Whoever has it can join:",
        span(arguments.expires.0)
    ));
    output.line(&escape(&made.token))
}

fn role(role: Role) -> MeshRole {
    match role {
        Role::Admin => MeshRole::Admin,
        Role::Member => MeshRole::Member,
        Role::WorkerOnly => MeshRole::WorkerOnly,
        Role::SubmitOnly => MeshRole::SubmitOnly,
        Role::Guest => MeshRole::Guest,
    }
}

pub(super) async fn join(
    arguments: JoinArguments,
    global: &Global,
    output: &Output,
) -> Result<(), Failure> {
    let token = match (arguments.token, arguments.file) {
        (Some(token), _) => token,
        (None, Some(path)) if path == Path::new("-") => input::from_stdin()?,
        (None, Some(path)) => invitation::read_file(&path)?,
        (None, None) => return Err(Failure::usage("the invitation is missing")),
    };
    let token = invitation::check(&token)?;
    let data_dir = config::data_dir(&global.places())?;
    if global.url.is_none() && runtime::read(&data_dir)?.is_none() {
        invitation::keep(&data_dir, &token)?;
        if output.is_json() {
            return output.object(&json!({ "joined": false, "kept": true }));
        }
        output.note("no node runs here yet: the next `pumasi up` uses this invitation");
        return Ok(());
    }
    let joined = redeem(&Client::find(global)?, token).await?;
    if output.is_json() {
        return output.object(&joined);
    }
    output.note(&welcome(&joined));
    Ok(())
}

/// Asks the running node to join.
pub(crate) async fn redeem(client: &Client, token: String) -> Result<Joined, Failure> {
    client.post(&["api", "v1", "join"], &JoinRequest { token }).await
}

pub(super) fn welcome(joined: &Joined) -> String {
    format!("joined the mesh {} with {} members", escape(&joined.mesh.name), joined.members)
}
