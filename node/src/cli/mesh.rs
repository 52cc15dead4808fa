//! `status`, `peers`, `join`: the mesh as this node sees it, and its doors.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pumasi_web::api::{
    Endpoint, JoinRequest, Joined, List, MeshRole, Node, NoticeLevel, Presence, Status,
};
use serde_json::json;

use super::arguments::{Global, JoinArguments, Role};
use super::client::Client;
use super::failure::Failure;
use super::lookup::short_node;
use super::output::{Output, Style};
use super::table::{Align, Table};
use super::text::{bytes, escape, milliseconds, span};
use super::{input, invitation, lending, pairing};
use crate::{config, runtime};

pub(super) async fn status(client: &Client, output: &Output) -> Result<(), Failure> {
    let status: Status = client.get(&["api", "v1", "status"]).await?;
    if output.is_json() {
        return output.object(&status);
    }
    let mesh = status.mesh.as_ref().map_or_else(
        || "none yet: `pumasi join`, or `pumasi found` to start one".to_owned(),
        |mesh| format!("{} ({})", escape(&mesh.name), short_node(&mesh.id)),
    );
    let person = status.person.as_deref().map_or("nobody (shared)".to_owned(), escape);
    let rows = [
        ("node", format!("{} ({})", escape(&status.node.name), short_node(&status.node.id))),
        ("person", person),
        ("mesh", mesh),
        ("members", format!("{}, {} reachable", status.members, status.reachable)),
        ("jobs", format!("{} running, {} waiting", status.jobs_running, status.jobs_waiting)),
        ("lent", lending::sentence(&status.lending)),
        ("interface", client.url().to_owned()),
        ("for others", others(status.endpoint.as_deref())),
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

/// What programs of other computers need, if they are served.
pub(super) fn others(endpoint: Option<&Endpoint>) -> String {
    endpoint.map_or("not served".to_owned(), |endpoint| {
        let (address, fingerprint) = (escape(&endpoint.address), escape(&endpoint.fingerprint));
        let names = escape(&endpoint.names.join(", "));
        format!("https on {address} ({names}), by API key; certificate SHA-256 {fingerprint}")
    })
}

pub(super) fn until(unix_ms: u64) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Duration::from_millis(unix_ms).saturating_sub(now)
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
    table.print(output)
}

fn presence(node: &Node) -> &'static str {
    match node.presence {
        _ if node.cut_off.is_some() => "misbehaving",
        Presence::Here => "here",
        Presence::Online => "online",
        Presence::Suspect => "doubtful",
        Presence::Offline => "offline",
    }
}

pub(super) fn role(role: Role) -> MeshRole {
    match role {
        Role::Admin => MeshRole::Admin,
        Role::Member => MeshRole::Member,
        Role::WorkerOnly => MeshRole::WorkerOnly,
        Role::SubmitOnly => MeshRole::SubmitOnly,
        Role::Guest => MeshRole::Guest,
    }
}

pub(super) fn role_name(role: MeshRole) -> &'static str {
    match role {
        MeshRole::Admin => "admin",
        MeshRole::Member => "member",
        MeshRole::WorkerOnly => "worker-only",
        MeshRole::SubmitOnly => "submit-only",
        MeshRole::Guest => "guest",
    }
}

pub(super) async fn join(
    arguments: JoinArguments,
    global: &Global,
    output: &Output,
) -> Result<(), Failure> {
    let token = match (arguments.token, arguments.file) {
        (Some(text), _) => invitation::given(text)?,
        (None, Some(path)) if path == Path::new("-") => input::from_stdin()?,
        (None, Some(path)) => invitation::read_file(&path)?,
        (None, None) => {
            return pairing::ask_in(&Client::find(global)?, arguments.again, output).await;
        }
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
