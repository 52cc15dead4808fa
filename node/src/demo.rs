//! `pumasi demo`: a mesh of several real nodes on this computer, jobs handed to the first, and a live
//! table of where each ran and why. Everything is temporary and on loopback.

mod board;
mod process;
mod prompts;

use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, Instant};

use pumasi_web::api::{
    InvitationToken, InviteRequest, Job, List, Model, ModelPlace, ModelState, Node, Presence,
};
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::client::Client;
use crate::cli::failure::{Failure, Kind};
use crate::cli::mesh::redeem;
use crate::cli::output::Output;
use board::Board;
use process::DemoNode;
use prompts::{MODEL, Prompt};

/// How long the nodes may take to admit and see each other; it is about a second on an idle machine.
const MESH_PATIENCE: Duration = Duration::from_secs(60);
/// How long all jobs may take.
const JOBS_PATIENCE: Duration = Duration::from_secs(300);
/// Between two looks at the mesh or the jobs.
const LOOK: Duration = Duration::from_millis(50);

/// What to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    /// How many nodes.
    pub(crate) nodes: u8,
    /// How many jobs.
    pub(crate) jobs: u16,
}

/// One row of the final table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Row {
    job: String,
    prompt: String,
    answer: Option<String>,
    state: pumasi_web::api::JobState,
    node: Option<String>,
    why: Option<String>,
    tokens: u32,
    took_ms: Option<u64>,
}

/// What one node did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Total {
    node: String,
    jobs: u32,
    tokens: u32,
}

/// The final table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Report {
    jobs: Vec<Row>,
    nodes: Vec<Total>,
    took_ms: u64,
}

/// Shows it, and cleans up however it ends.
pub(crate) async fn command(plan: Plan, output: &Output) -> Result<(), Failure> {
    let mut nodes = Vec::new();
    let shown = tokio::select! {
        biased;
        () = told_to_stop() => Err(Failure::interrupted()),
        shown = show(plan, &mut nodes, output) => shown,
    };
    output.note("stopping the nodes");
    tokio::select! {
        biased;
        // The second time it is meant: what is left is ended as it drops.
        () = told_to_stop() => Err(Failure::interrupted()),
        () = process::stop(nodes) => shown,
    }
}

/// Ctrl-C, or whatever else asks a program to end; without handlers the system does it by itself.
#[cfg(unix)]
async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let waits = kinds.into_iter().map(|kind| {
        Box::pin(async move {
            match signal(kind) {
                Ok(mut signal) => drop(signal.recv().await),
                Err(_) => std::future::pending::<()>().await,
            }
        })
    });
    futures::future::select_all(waits).await;
}

#[cfg(not(unix))]
async fn told_to_stop() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn show(plan: Plan, nodes: &mut Vec<DemoNode>, output: &Output) -> Result<(), Failure> {
    output.note(&format!("starting {} nodes on this computer", plan.nodes));
    for index in 1..=plan.nodes {
        nodes.push(DemoNode::start(&format!("desk-{index}"))?);
    }
    let mut clients = Vec::new();
    for node in nodes.iter_mut() {
        clients.push(node.ready().await?);
    }
    let [first, others @ ..] = clients.as_slice() else { return Ok(()) };
    admit(first, others).await?;
    within(MESH_PATIENCE, "the nodes did not see each other in time", meet(&clients)).await?;
    output.note(&format!(
        "all {} admitted each other, and each sees the model on the others; {} jobs go to desk-1",
        plan.nodes, plan.jobs
    ));
    let started = Instant::now();
    let prompts = prompts::take(plan.jobs);
    let jobs = submit(first, &prompts).await?;
    let mut board = Board::new(output, &prompts);
    let follow = follow(first, &jobs, &mut board);
    within(JOBS_PATIENCE, "the jobs were not over in time", follow).await?;
    let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let names = nodes.iter().map(|node| node.name.clone());
    let report = report(first, &jobs, &prompts, names.collect(), took_ms).await?;
    board.end(&report)?;
    judge(&report)
}

/// Runs `work`, but not longer than `limit`.
async fn within<T>(
    limit: Duration,
    late: &str,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let late = |_| Err(Failure::new(Kind::Temporary, "timeout", format!("{late}: try again")));
    tokio::time::timeout(limit, work).await.unwrap_or_else(late)
}

async fn admit(first: &Client, others: &[Client]) -> Result<(), Failure> {
    let Ok(uses @ 1..) = u32::try_from(others.len()) else { return Ok(()) };
    let request = InviteRequest { uses: Some(uses), valid_s: Some(600), ..Default::default() };
    let invitation: InvitationToken = first.post(&["api", "v1", "invitations"], &request).await?;
    for other in others {
        redeem(other, invitation.token.clone()).await?;
    }
    Ok(())
}

/// Waits until each node has loaded the model, reaches all others, and knows the model loaded on all
/// of them.
async fn meet(clients: &[Client]) -> Result<(), Failure> {
    for client in clients {
        client.send(Method::POST, &["api", "v1", "models", MODEL, "load"], Some(json!({}))).await?;
    }
    for client in clients {
        while !sees_all(client, clients.len()).await? {
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(())
}

async fn sees_all(client: &Client, count: usize) -> Result<bool, Failure> {
    let nodes: List<Node> = client.get(&["api", "v1", "nodes"]).await?;
    let reached = |node: &&Node| match node.presence {
        Presence::Here | Presence::Online => true,
        Presence::Suspect | Presence::Offline => false,
    };
    let models: List<Model> = client.get(&["api", "v1", "models"]).await?;
    let places = models.data.iter().find(|model| model.name == MODEL);
    let is_loaded = |place: &&ModelPlace| match place.state {
        ModelState::Loaded { .. } => true,
        ModelState::Held | ModelState::Loading { .. } | ModelState::Unusable => false,
    };
    let loaded = places.map_or(0, |model| model.places.iter().filter(is_loaded).count());
    Ok(nodes.data.iter().filter(reached).count() == count && loaded == count)
}

async fn submit(client: &Client, prompts: &[Prompt]) -> Result<Vec<String>, Failure> {
    let requests = prompts.iter().map(|prompt| async move {
        let message = json!({ "role": "user", "content": prompt.text });
        let request = json!({
            "model": MODEL, "messages": [message], "temperature": 0, "max_tokens": prompt.tokens,
        });
        let body = json!({ "kind": "chat", "request": request });
        let job: Job = client.post(&["api", "v1", "jobs"], &body).await?;
        Ok(job.id)
    });
    futures::future::try_join_all(requests).await
}

async fn follow(client: &Client, jobs: &[String], board: &mut Board<'_>) -> Result<(), Failure> {
    loop {
        let known = known(client, jobs.len()).await?;
        let ours: Vec<Option<&Job>> = jobs.iter().map(|id| known.get(id)).collect();
        board.show(&ours)?;
        if ours.iter().all(|job| job.is_some_and(|job| job.state.is_terminal())) {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn known(client: &Client, count: usize) -> Result<BTreeMap<String, Job>, Failure> {
    let query = [("limit", count.to_string())];
    let jobs: List<Job> = client.get_with(&["api", "v1", "jobs"], &query).await?;
    Ok(jobs.data.into_iter().map(|job| (job.id.clone(), job)).collect())
}

async fn report(
    client: &Client,
    jobs: &[String],
    prompts: &[Prompt],
    names: Vec<String>,
    took_ms: u64,
) -> Result<Report, Failure> {
    let known = known(client, jobs.len()).await?;
    let mut rows = Vec::new();
    for (id, prompt) in jobs.iter().zip(prompts) {
        let Some(job) = known.get(id) else { continue };
        let answer = match job.error {
            None => Some(client.get::<Value>(&["api", "v1", "jobs", id, "result"]).await?),
            Some(_) => None,
        };
        let answer = answer.as_ref().and_then(|answer| {
            answer["choices"][0]["message"]["content"].as_str().map(ToOwned::to_owned)
        });
        rows.push(row(job, prompt, answer));
    }
    let total = |node: String| {
        let its = || rows.iter().filter(|row| row.node.as_ref() == Some(&node));
        let jobs = u32::try_from(its().count()).unwrap_or(u32::MAX);
        let tokens = its().map(|row| row.tokens).sum();
        Total { node, jobs, tokens }
    };
    let nodes = names.into_iter().map(total).collect();
    Ok(Report { jobs: rows, nodes, took_ms })
}

fn row(job: &Job, prompt: &Prompt, answer: Option<String>) -> Row {
    Row {
        job: job.id.clone(),
        prompt: prompt.text.clone(),
        answer,
        state: job.state,
        node: job.node.as_ref().map(|node| node.name.clone()),
        why: job.why.clone(),
        tokens: job.usage.map_or(0, |usage| usage.completion_tokens),
        took_ms: job.ended_ms.map(|ended| ended.saturating_sub(job.accepted_ms)),
    }
}

/// A demo that failed must not look like one that worked.
fn judge(report: &Report) -> Result<(), Failure> {
    let completed = |row: &&Row| row.state == pumasi_web::api::JobState::Completed;
    let done = report.jobs.iter().filter(completed).count();
    if done == report.jobs.len() {
        return Ok(());
    }
    let sentence =
        format!("{} of {} jobs did not complete", report.jobs.len() - done, report.jobs.len());
    Err(Failure::new(Kind::Software, "demo", sentence))
}
