//! `pull` and `pulls`: downloads of the node, looked at while they go on.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use pumasi_web::api::{List, Pull, PullRequest, PullState};
use reqwest::Method;
use serde_json::json;

use super::arguments::{PullArguments, PullsAction};
use super::client::Client;
use super::failure::{Failure, Kind};
use super::output::Output;
use super::table::{Align, Table};
use super::text::{bytes, escape};

const PULLS: [&str; 3] = ["api", "v1", "pulls"];
/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);

pub(super) async fn pull(
    client: &Client,
    arguments: &PullArguments,
    output: &Output,
) -> Result<(), Failure> {
    let PullArguments { model, name, update, detach } = arguments;
    let (model, name) = (model.clone(), name.clone());
    let request = PullRequest { model, name, update: *update };
    let pull: Pull = client.post_patiently(&PULLS, &request).await?;
    if *detach {
        return told(&pull, "is being downloaded", output);
    }
    tokio::select! {
        outcome = watch(client, pull.clone(), output) => outcome,
        _ = tokio::signal::ctrl_c() => {
            output.note(&format!(
                "the node goes on downloading {}: see `pumasi pulls`, or `pumasi pulls pause {}`",
                escape(&pull.model), pull.id
            ));
            Err(Failure::interrupted())
        }
    }
}

fn told(pull: &Pull, what: &str, output: &Output) -> Result<(), Failure> {
    if output.is_json() {
        return output.object(pull);
    }
    output.note(&format!("{} {what} (`pumasi pulls`)", escape(&pull.model)));
    Ok(())
}

/// Looks until it is over.
async fn watch(client: &Client, mut pull: Pull, output: &Output) -> Result<(), Failure> {
    let bar = bar(output, &pull);
    loop {
        bar.set_length(pull.total_bytes);
        bar.set_position(pull.done_bytes);
        bar.set_message(standing(&pull));
        match &pull.progress {
            PullState::Done => break,
            PullState::Failed { code, message } => {
                bar.finish_and_clear();
                return Err(Failure::new(kind(code), &escape(code), escape(message)));
            }
            PullState::Paused => {
                bar.finish_and_clear();
                let sentence =
                    format!("it was paused: go on with `pumasi pulls resume {}`", pull.id);
                return Err(Failure::new(Kind::Temporary, "pull_paused", sentence));
            }
            PullState::Queued
            | PullState::Downloading
            | PullState::Waiting { .. }
            | PullState::Checking => {}
        }
        tokio::time::sleep(LOOK).await;
        pull = find(client, &pull.id).await?;
    }
    bar.finish_and_clear();
    told(&pull, "is here and can be used", output)
}

fn kind(code: &str) -> Kind {
    match code {
        "hub_auth_needed" => Kind::NotAllowed,
        "hub_unavailable" | "hub_unreachable" | "no_room" => Kind::Temporary,
        "hub_model_not_found" | "hub_revision_not_found" | "hub_file_not_found" => Kind::NotFound,
        _ => Kind::Data,
    }
}

fn bar(output: &Output, pull: &Pull) -> ProgressBar {
    if !output.is_lively() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{wide_bar} {percent} %  {msg}");
    ProgressBar::new(pull.total_bytes).with_style(style.expect("the template is valid"))
}

fn standing(pull: &Pull) -> String {
    let done = format!("{} of {}", bytes(pull.done_bytes), bytes(pull.total_bytes));
    match &pull.progress {
        PullState::Queued => format!("{done}, waits for other downloads"),
        PullState::Downloading => match pull.left_s {
            Some(left) => format!("{done}, {}/s, {} left", bytes(pull.bytes_per_s), time(left)),
            None => done,
        },
        PullState::Waiting { retry_s } => format!("{done}, again in {retry_s} s"),
        PullState::Checking => format!("{done}, checking"),
        PullState::Paused => format!("{done}, paused"),
        PullState::Failed { .. } => format!("{done}, failed"),
        PullState::Done => done,
    }
}

fn time(seconds: u64) -> String {
    match seconds {
        3_600.. => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        60.. => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{seconds} s"),
    }
}

/// The download of this id or of this model.
async fn find(client: &Client, wanted: &str) -> Result<Pull, Failure> {
    let pulls: List<Pull> = client.get(&PULLS).await?;
    let is_it = |pull: &Pull| pull.id == wanted || pull.model == wanted;
    pulls.data.into_iter().find(is_it).ok_or_else(|| {
        let sentence = format!("there is no download {}: see `pumasi pulls`", escape(wanted));
        Failure::new(Kind::NotFound, "pull_not_found", sentence)
    })
}

pub(super) async fn pulls(
    client: &Client,
    action: Option<PullsAction>,
    output: &Output,
) -> Result<(), Failure> {
    match action {
        None | Some(PullsAction::List) => list(client, output).await,
        Some(PullsAction::Pause(pull)) => {
            change(client, &pull.pull, "pause", "is paused", output).await
        }
        Some(PullsAction::Resume(pull)) => {
            change(client, &pull.pull, "resume", "goes on", output).await
        }
        Some(PullsAction::Cancel(pull)) => {
            let pull = find(client, &pull.pull).await?;
            let path = ["api", "v1", "pulls", pull.id.as_str()];
            client.send(Method::DELETE, &path, None).await?;
            if output.is_json() {
                return output.object(&json!({ "id": pull.id, "action": "cancel" }));
            }
            output.note(&format!("{} is given up", escape(&pull.model)));
            Ok(())
        }
    }
}

async fn change(
    client: &Client,
    wanted: &str,
    verb: &str,
    what: &str,
    output: &Output,
) -> Result<(), Failure> {
    let pull = find(client, wanted).await?;
    let path = ["api", "v1", "pulls", pull.id.as_str(), verb];
    let pull: Pull = client.answer_to(Method::POST, &path).await?;
    told(&pull, what, output)
}

async fn list(client: &Client, output: &Output) -> Result<(), Failure> {
    let pulls: List<Pull> = client.get(&PULLS).await?;
    if output.is_json() {
        return output.object(&pulls);
    }
    if pulls.data.is_empty() {
        output.note("nothing is being downloaded");
        return Ok(());
    }
    let mut table =
        Table::new([("ID", Align::Left), ("MODEL", Align::Left), ("STATE", Align::Left)]);
    for pull in &pulls.data {
        let state = match &pull.progress {
            PullState::Done => "done".to_owned(),
            PullState::Failed { message, .. } => format!("failed: {}", escape(message)),
            PullState::Queued
            | PullState::Downloading
            | PullState::Waiting { .. }
            | PullState::Checking
            | PullState::Paused => standing(pull),
        };
        table.row([pull.id.clone(), escape(&pull.model), state]);
    }
    table.print(output)
}
