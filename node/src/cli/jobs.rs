//! `submit`, `watch`, `wait`, `cancel`, `get`, `jobs`: lasting jobs from the first to the last word.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use pumasi_web::api::{Event, Job, JobKind, JobState, List, Phase};
use reqwest::Method;
use serde_json::{Value, json};

use super::answer::{self, Message};
use super::arguments::{
    JobsAction, JobsArguments, Kind as WorkKind, SubmitArguments, WaitArguments,
};
use super::client::Client;
use super::events::Events;
use super::failure::{Failure, Kind};
use super::input;
use super::lookup::{self, short_job};
use super::output::Output;
use super::table::{Align, Table};
use super::text::{escape, escape_answer, milliseconds};

/// Before a stream that the node ended is opened again.
const RECONNECT: Duration = Duration::from_millis(200);

pub(super) async fn submit(
    find: impl FnOnce() -> Result<Client, Failure>,
    arguments: SubmitArguments,
    output: &Output,
) -> Result<(), Failure> {
    let model = input::model(&arguments.model)?;
    let prompt = input::prompt(arguments.prompt)?;
    let client = &find()?;
    let mut request = answer::settings(client, &arguments.ask).await?;
    request.insert("model".to_owned(), json!(model));
    let (kind, field, text) = match arguments.kind {
        WorkKind::Chat => {
            let system = arguments.ask.system.map(Message::system);
            let messages: Vec<Message> =
                system.into_iter().chain([Message::user(prompt)]).collect();
            ("chat", "messages", json!(messages))
        }
        WorkKind::Completion => ("completion", "prompt", json!(prompt)),
        WorkKind::Embedding => ("embedding", "input", json!(prompt)),
    };
    request.insert(field.to_owned(), text);
    let priority = if arguments.interactive { "interactive" } else { "batch" };
    let placement = request.entry("pumasi").or_insert_with(|| json!({}));
    if let Some(placement) = placement.as_object_mut() {
        placement.insert("priority".to_owned(), json!(priority));
    }
    let submission = json!({ "kind": kind, "request": request });
    let key = arguments.idempotency_key.as_deref();
    let job: Job = client.post_keyed(&["api", "v1", "jobs"], &submission, key).await?;
    if arguments.wait {
        let job = follow(client, job, None, output).await?;
        completed(&job)?;
        return print_result(client, &job.id, output).await;
    }
    if output.is_json() {
        return output.object(&job);
    }
    output.line(&job.id)?;
    let short = short_job(&job.id);
    output.note(&format!(
        "`pumasi watch {short}` follows it, `pumasi get {short}` prints its result"
    ));
    Ok(())
}

pub(super) async fn watch(client: &Client, job: &str, output: &Output) -> Result<(), Failure> {
    let id = lookup::job(client, job).await?;
    let job: Job = client.get(&["api", "v1", "jobs", &id]).await?;
    let job = follow(client, job, None, output).await?;
    if output.is_json() {
        output.object(&job)?;
    }
    completed(&job)
}

pub(super) async fn wait(
    client: &Client,
    arguments: WaitArguments,
    output: &Output,
) -> Result<(), Failure> {
    let deadline = arguments.timeout.map(|span| Instant::now() + span.0);
    let mut ended = Vec::new();
    for job in &arguments.jobs {
        let id = lookup::job(client, job).await?;
        let job: Job = client.get(&["api", "v1", "jobs", &id]).await?;
        ended.push(follow(client, job, deadline, output).await?);
    }
    if output.is_json() {
        output.object(&List { data: ended.clone() })?;
    }
    ended.iter().try_for_each(completed)
}

/// Reports each change of a job until it is over, and gives its last state.
pub(super) async fn follow(
    client: &Client,
    mut job: Job,
    deadline: Option<Instant>,
    output: &Output,
) -> Result<Job, Failure> {
    let mut report = Report::new(output);
    report.show(&job);
    while !job.state.is_terminal() {
        let path = ["api", "v1", "jobs", job.id.as_str(), "events"];
        let mut events = Events::new(client.stream(Method::GET, &path, None).await?);
        while !job.state.is_terminal() {
            let event = before(deadline, events.next_json::<Event>()).await?;
            let Some(event) = event else {
                tokio::time::sleep(RECONNECT).await;
                break;
            };
            if let Event::Job { job: next } = event {
                job = *next;
                report.show(&job);
            }
        }
    }
    report.end();
    Ok(job)
}

async fn before<T>(
    deadline: Option<Instant>,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let Some(deadline) = deadline else { return work.await };
    tokio::time::timeout_at(deadline.into(), work).await.unwrap_or_else(|_| {
        let sentence = "the job is not over yet: wait longer, or look with `pumasi watch`";
        Err(Failure::new(Kind::Temporary, "timeout", sentence))
    })
}

/// A job's changes for a person: a bar where it can move, else a line for each.
struct Report<'a> {
    output: &'a Output,
    bar: Option<ProgressBar>,
    said: String,
}

impl<'a> Report<'a> {
    fn new(output: &'a Output) -> Self {
        let bar = output.is_lively().then(|| {
            let bar = ProgressBar::new_spinner();
            let style = ProgressStyle::with_template("{spinner} {wide_msg}");
            bar.set_style(style.expect("the template is valid"));
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self { output, bar, said: String::new() }
    }

    fn show(&mut self, job: &Job) {
        let line = state_line(job);
        if line == self.said {
            return;
        }
        match &self.bar {
            Some(bar) => bar.set_message(line.clone()),
            None => self.output.note(&line),
        }
        self.said = line;
    }

    fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
            self.output.note(&self.said);
        }
    }
}

fn state_line(job: &Job) -> String {
    let node = job.node.as_ref().map_or("a computer".to_owned(), |node| escape(&node.name));
    let mut line = format!("{} ", short_job(&job.id));
    line.push_str(&match job.state {
        JobState::Waiting => "waits for a computer".to_owned(),
        JobState::Bound => format!("goes to {node}"),
        JobState::Running => format!("runs on {node}"),
        JobState::Completed => format!("completed on {node}"),
        JobState::Failed => match &job.error {
            Some(error) => format!("failed: {}", escape(&error.message)),
            None => "failed".to_owned(),
        },
        JobState::Cancelled => "was cancelled".to_owned(),
    });
    if let Some(progress) = job.progress.filter(|_| !job.state.is_terminal()) {
        let step = progress.step;
        line.push_str(&match progress.phase {
            Phase::Queued => ", queued".to_owned(),
            Phase::Load => format!(", loading {} %", step / 10),
            Phase::Prefill => format!(", reading token {step}"),
            Phase::Decode if job.kind == JobKind::Document => format!(", {step} done"),
            Phase::Decode => format!(", wrote {step} tokens"),
            Phase::Paused => ", paused for the person at that computer".to_owned(),
        });
    }
    line
}

/// Fails unless the job completed.
pub(super) fn completed(job: &Job) -> Result<(), Failure> {
    let short = short_job(&job.id);
    match (job.state, &job.error) {
        (JobState::Failed, Some(error)) => {
            let sentence = format!("job {short} failed: {}", escape(&error.message));
            Err(Failure::new(Kind::Software, &escape(&error.code), sentence))
        }
        (JobState::Failed, None) => {
            Err(Failure::new(Kind::Software, "failed", format!("job {short} failed")))
        }
        (JobState::Cancelled, _) => {
            Err(Failure::new(Kind::Software, "cancelled", format!("job {short} was cancelled")))
        }
        (JobState::Waiting | JobState::Bound | JobState::Running | JobState::Completed, _) => {
            Ok(())
        }
    }
}

pub(super) async fn cancel(client: &Client, job: &str, output: &Output) -> Result<(), Failure> {
    let id = lookup::job(client, job).await?;
    client.send(Method::POST, &["api", "v1", "jobs", &id, "cancel"], None).await?;
    if output.is_json() {
        return output.object(&json!({ "job": id, "cancelled": true }));
    }
    output.note(&format!("{} is cancelled", short_job(&id)));
    Ok(())
}

pub(super) async fn adopt(client: &Client, job: &str, output: &Output) -> Result<(), Failure> {
    let id = lookup::job(client, job).await?;
    let path = ["api", "v1", "jobs", id.as_str(), "adopt"];
    let job: Job = client.post(&path, &json!({})).await?;
    if output.is_json() {
        return output.object(&job);
    }
    output.note(&format!("{} goes on at {}", short_job(&id), escape(&job.owner.name)));
    Ok(())
}

pub(super) async fn get(client: &Client, job: &str, output: &Output) -> Result<(), Failure> {
    let id = lookup::job(client, job).await?;
    print_result(client, &id, output).await
}

async fn print_result(client: &Client, id: &str, output: &Output) -> Result<(), Failure> {
    let result: Value = client.get(&["api", "v1", "jobs", id, "result"]).await?;
    if output.is_json() {
        return output.object(&result);
    }
    let text = answer_text(&result);
    if output.is_terminal() { output.line(&escape_answer(&text)) } else { output.line(&text) }
}

/// The text of a reply of `/v1/chat/completions` or `/v1/completions`; other replies as JSON.
fn answer_text(result: &Value) -> String {
    let choice = &result["choices"][0];
    let text = choice["message"]["content"].as_str().or_else(|| choice["text"].as_str());
    text.map_or_else(|| result.to_string(), ToOwned::to_owned)
}

pub(super) async fn jobs(
    client: &Client,
    arguments: &JobsArguments,
    output: &Output,
) -> Result<(), Failure> {
    match &arguments.action {
        Some(JobsAction::Rm(jobs)) => remove(client, &jobs.jobs, output).await,
        None => list(client, arguments, output).await,
    }
}

async fn remove(client: &Client, jobs: &[String], output: &Output) -> Result<(), Failure> {
    let mut removed = Vec::new();
    for job in jobs {
        let id = lookup::job(client, job).await?;
        client.send(Method::DELETE, &["api", "v1", "jobs", &id], None).await?;
        output.note(&format!("{} is forgotten", short_job(&id)));
        removed.push(id);
    }
    if output.is_json() { output.object(&json!({ "removed": removed })) } else { Ok(()) }
}

async fn list(client: &Client, arguments: &JobsArguments, output: &Output) -> Result<(), Failure> {
    let query = [("live", arguments.live.to_string()), ("limit", arguments.limit.to_string())];
    let jobs: List<Job> = client.get_with(&["api", "v1", "jobs"], &query).await?;
    if output.is_json() {
        return output.object(&jobs);
    }
    let mut table = Table::new([
        ("JOB", Align::Left),
        ("KIND", Align::Left),
        ("MODEL", Align::Left),
        ("STATE", Align::Left),
        ("NODE", Align::Left),
        ("TOKENS", Align::Right),
        ("TOOK", Align::Right),
        ("PERSON", Align::Left),
    ]);
    for job in &jobs.data {
        table.row(row(job));
    }
    table.print(output)
}

fn row(job: &Job) -> [String; 8] {
    let dash = || "-".to_owned();
    let took = job.ended_ms.map(|ended| ended.saturating_sub(job.accepted_ms) as f64);
    [
        short_job(&job.id).to_owned(),
        word(&job.kind),
        job.model.clone(),
        word(&job.state),
        job.node.as_ref().map_or_else(dash, |node| node.name.clone()),
        job.usage.map_or_else(dash, |usage| usage.completion_tokens.to_string()),
        took.map_or_else(dash, milliseconds),
        job.person.clone().unwrap_or_else(dash),
    ]
}

/// An enum's word, as the API spells it.
fn word(value: &impl serde::Serialize) -> String {
    json!(value).as_str().unwrap_or_default().to_owned()
}
