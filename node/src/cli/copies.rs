//! `models copy`: copies a model of the mesh to a computer, and shows where the bytes come from.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use pumasi_web::api::{Copy, CopySource, CopyStage, CopyState, List, Model, Status};
use reqwest::Method;
use serde_json::json;

use super::arguments::ModelPlace;
use super::client::Client;
use super::failure::{Failure, Kind};
use super::output::Output;
use super::text::{bytes, escape};
use super::{input, lookup};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);
/// How long another computer may take until the model is seen there (guess: a day's copy).
const ELSEWHERE: Duration = Duration::from_hours(24);

pub(super) async fn copy(
    find: impl FnOnce() -> Result<Client, Failure>,
    place: &ModelPlace,
    output: &Output,
) -> Result<(), Failure> {
    let model = input::model(&place.model)?;
    let client = find()?;
    let node = lookup::nodes(&client, place.node.as_slice()).await?.pop();
    let path = ["api", "v1", "models", model.as_str(), "copy"];
    client.send(Method::POST, &path, Some(json!({ "node": node }))).await?;
    let status: Status = client.get(&["api", "v1", "status"]).await?;
    let here = node.as_ref().is_none_or(|node| *node == status.node.id);
    let node = node.unwrap_or(status.node.id);
    let copy = match here {
        true => follow(&client, model.as_str(), &node, output).await?,
        false => wait(&client, model.as_str(), &node).await.map(|()| None)?,
    };
    if output.is_json() {
        return output.object(&json!({ "model": model, "node": node, "copy": copy }));
    }
    let place = place.node.as_deref().map_or("this computer".to_owned(), escape);
    for source in copy.iter().flat_map(|copy| &copy.sources) {
        output.note(&told(source));
    }
    output.note(&format!("{model} is on {place}"));
    Ok(())
}

/// Until it is here; none: it was here already.
async fn follow(
    client: &Client,
    model: &str,
    node: &str,
    output: &Output,
) -> Result<Option<Copy>, Failure> {
    let bar = bar(output);
    loop {
        let copies: List<Copy> = client.get(&["api", "v1", "copies"]).await?;
        let copy = copies.data.into_iter().rev().find(|copy| copy.model == model);
        let Some(copy) = copy else {
            bar.finish_and_clear();
            return is_there(client, model, node).await?.then_some(None).ok_or_else(|| lost(model));
        };
        match &copy.state {
            CopyState::Running => show(&bar, &copy),
            CopyState::Done => {
                bar.finish_and_clear();
                return Ok(Some(copy));
            }
            CopyState::Failed { error } => {
                bar.finish_and_clear();
                let sentence = format!("{model} could not be copied: {}", escape(error));
                return Err(Failure::new(Kind::Temporary, "copy_failed", sentence));
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn lost(model: &str) -> Failure {
    let sentence = format!("{model} is not copied any more: try again");
    Failure::new(Kind::Temporary, "copy_failed", sentence)
}

fn show(bar: &ProgressBar, copy: &Copy) {
    bar.set_length(copy.size_bytes.unwrap_or(0));
    bar.set_position(copy.held_bytes);
    let sources: Vec<String> = copy.sources.iter().map(told).collect();
    bar.set_message(sources.join("\n"));
}

/// What a source gave, on a line.
fn told(source: &CopySource) -> String {
    let state = match source.stage {
        CopyStage::Connecting => ", connecting",
        CopyStage::Preparing => ", reads its file once",
        CopyStage::Sending => "",
        CopyStage::Resting => ", gone for now",
        CopyStage::Dropped => ", sent something else and is not asked again",
    };
    let speed = match source.bytes_per_s {
        0 => String::new(),
        speed => format!(" at {}/s", bytes(speed)),
    };
    format!("  {} from {}{speed}{state}", bytes(source.bytes), escape(&source.node.name))
}

fn bar(output: &Output) -> ProgressBar {
    if !output.is_lively() {
        return ProgressBar::hidden();
    }
    let style = "{wide_bar} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec}\n{msg}";
    let style = ProgressStyle::with_template(style);
    ProgressBar::new(0).with_style(style.expect("the template is valid"))
}

async fn is_there(client: &Client, model: &str, node: &str) -> Result<bool, Failure> {
    let models: List<Model> = client.get(&["api", "v1", "models"]).await?;
    let known = models.data.into_iter().find(|known| known.name == model);
    Ok(known.is_some_and(|known| known.places.iter().any(|place| place.node.id == node)))
}

/// Until another computer says that it holds the model.
async fn wait(client: &Client, model: &str, node: &str) -> Result<(), Failure> {
    let end = Instant::now() + ELSEWHERE;
    while !is_there(client, model, node).await? {
        if Instant::now() > end {
            return Err(lost(model));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
